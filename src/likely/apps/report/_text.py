"""Text coloured by how much each character surprised a model."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

EDGES = (0.5, 1.0, 2.0, 3.0, 4.5, 6.0, 8.0)
"""Bits at which the colour changes."""


def coloured_text(characters: Sequence[Sequence[Any]]) -> Markup:
    """One element a character, its colour by its bits, its alternatives on hover.

    Args:
        characters: each with its bits and the likeliest tokens in its place with probabilities:
            `("e", 0.4, (("e", 0.76), ("a", 0.11)))`.

    Returns:
        HTML, to stand in an element that keeps white space.
    """
    return Markup("").join(_character(*one) for one in characters)


def _character(character: str, bits: float, alternatives: Sequence[Sequence[Any]]) -> Markup:
    likely = "   ".join(f"{_shown(str(a))} {float(p):.0%}" for a, p in alternatives)
    said = f"{_shown(character)}  {bits:.2f} bits\ninstead: {likely}"
    text = "⏎\n" if character == "\n" else character
    faint = " nl" if character == "\n" else ""
    return Markup('<i class="s{}{}" data-t="{}">{}</i>').format(
        bisect_right(EDGES, bits), faint, said, text
    )


def _shown(character: str) -> str:
    """A character or token as it can be read in a line of text."""
    names = {" ": "␣", "\n": "⏎", "\t": "⇥", "\r": "␍", "": "⟨end⟩"}
    return names.get(character, character if character.isprintable() else repr(character)[1:-1])


def legend() -> list[Mapping[str, Any]]:
    """What each colour means, from unsurprising on."""
    ends = ["0", *(f"{edge:g}" for edge in EDGES)]
    return [
        {"level": i, "label": f"{end}–{ends[i + 1]}" if i + 1 < len(ends) else f"{end} +"}
        for i, end in enumerate(ends)
    ]
