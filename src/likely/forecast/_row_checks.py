"""What makes a row of no use, by line, and what is odd about a whole column."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Shaped

from likely.forecast._numbers import lines, missing, numbers

_ABOVE_ZERO = ("step", "tokens", "loss", "flops", "batch_tokens", "unique_tokens")
_SMALLEST = {"params": 1.0, "params_no_embed": 1.0, "learning_rate": 0.0}
_COUNTS = ("params", "params_no_embed", "unique_tokens", "tokens", "flops")
_KNOWING_NOTHING = 12.5
"""Nats per token of equal chances among 270,000 words: no whole column of losses lies above."""

Columns = Mapping[str, Shaped[np.ndarray, "R"]]
Bad = dict[str, list[str]]


def unusable(
    columns: Columns, needs: Sequence[str], rows: Sequence[str], text: Sequence[str] = ()
) -> tuple[Bool[np.ndarray, "R"], Bad]:
    """Rows in which something that is needed is missing or absurd.

    Args:
        columns: name → `[R]`.
        needs: names that must hold usable numbers.
        rows: where each row stands.
        text: needed columns that hold text, not numbers.

    Returns:
        Which they are, and reason → places.
    """
    wrong = np.zeros(len(rows), np.bool_)
    reasons: Bad = {}
    for name in needs:
        held = columns[name]
        values = numbers(held) if name not in text else np.ones(len(rows))
        gone = missing(held)
        kinds = {
            f"{name} is missing": gone,
            f"{name} is no number": np.isnan(values) & ~gone,
            f"{name} is infinite": np.isinf(values),
        }
        kinds |= {
            said: where & np.isfinite(values) for said, where in _absurd(name, values).items()
        }
        for said, where in kinds.items():
            # A row is told of once, by what is wrong with it first.
            for k in np.flatnonzero(where & ~wrong).tolist():
                shown = "" if "missing" in said else f" ({held[k]})"
                reasons.setdefault(said, []).append(f"{rows[k]}{shown}")
            wrong |= where
    return wrong, reasons


def _absurd(name: str, values: Float[np.ndarray, "R"]) -> dict[str, Any]:
    if name in _ABOVE_ZERO:
        return {f"{name} is not above 0": values <= 0}
    if name in _SMALLEST:
        return {f"{name} is below {_SMALLEST[name]:g}": values < _SMALLEST[name]}
    return {}


def told(reasons: Bad) -> list[str]:
    """One sentence a reason.

    Args:
        reasons: reason → places.

    Returns:
        Sentences for the notes.
    """
    return [
        f"{len(where):,} row{'s' * (len(where) != 1)} left out, {reason}: {lines(where)}."
        for reason, where in reasons.items()
    ]


@dataclass(frozen=True)
class Scale:
    """What is strange about a whole column.

    Args:
        sentence: for a note or an error.
        must_change: whether no table can be so.
    """

    sentence: str
    must_change: bool = True


def scale_problem(name: str, values: Float[np.ndarray, "R"], source: str) -> Scale | None:
    """What is strange about a column as a whole: logarithms, millions, a perplexity.

    Args:
        name: of the column.
        values: its numbers.
        source: the column of the file.

    Returns:
        The problem, or None.
    """
    held = values[np.isfinite(values) & (values > 0)]
    if not len(held):
        return None
    low, high = float(held.min()), float(held.max())
    of = source if re.fullmatch(r"[^\W\d]\w*", source) else f"`{source}`"
    lies = f"{name} ({source!r}) lies between {low:.4g} and {high:.4g}"
    if name in _COUNTS and high < 30:
        return Scale(
            f'{lies}: are these logarithms? Write --map "{name}=10**{of}" (exp({of}) for natural '
            f'ones); for millions or billions "{name}=1e6*{of}" or "{name}=1e9*{of}"; for plain '
            f'counts "{name}=1*{of}".'
        )
    if name in _COUNTS and high < 1e4:
        said = f'{lies} and is read as a plain count; for millions: --map "{name}=1e6*{of}".'
        return Scale(said, must_change=False)
    if name == "loss" and low > _KNOWING_NOTHING:
        return Scale(
            f"{lies}, more than a model loses that knows nothing: is it a perplexity? Write --map "
            f'"loss=log({of})"; for percentages or sums divide it; to take it so, "loss=1*{of}".'
        )
    return None
