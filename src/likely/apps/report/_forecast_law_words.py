"""What the docstring of a law says: its formula, what its coefficients mean, whose it is."""

import re
from inspect import getdoc

from likely.apps.report._forecast_ink import Picture, inline, own_look, sheet
from likely.forecast.law import Law

_INK, _SIZE = "#33312d", 14


def meanings(law: Law) -> dict[str, str]:
    """What every column and coefficient is.

    Args:
        law: a law; one without such a docstring has none.

    Returns:
        Name → meaning, without a full stop.
    """
    found: dict[str, str] = {}
    last = ""
    for line in _section(law, "Args").splitlines():
        start = re.match(r"(\w+): (.*)", line)
        if start:
            last = start[1]
            found[last] = start[2].strip()
        elif last and line.strip():
            found[last] += f" {line.strip()}"
    return {name: said.rstrip(".") for name, said in found.items()}


def references(law: Law) -> list[str]:
    """The papers behind a law.

    Args:
        law: a law.

    Returns:
        One sentence a paper.
    """
    text = " ".join(_section(law, "References").split())
    return [one.strip() for one in text.split("; ") if one.strip()]


def formula(law: Law) -> str:
    """A law as its docstring writes it.

    Args:
        law: a law.

    Returns:
        LaTeX on one line; nothing where there is none.
    """
    found = re.search(r"\$\$(.*?)\$\$", getdoc(law.entry) or "", re.DOTALL)
    return " ".join(found[1].split()) if found else ""


def drawn_formula(law: Law) -> str:
    """A law as a picture of its formula.

    Args:
        law: a law.

    Returns:
        SVG in the colour of the text around it; nothing where matplotlib cannot set it.
    """
    from matplotlib.font_manager import FontProperties
    from matplotlib.mathtext import MathTextParser

    text = formula(law)
    if not text:
        return ""
    with own_look():
        try:
            letters = FontProperties(size=_SIZE)
            wide, high, *_ = MathTextParser("path").parse(f"${text}$", dpi=72, prop=letters)
        except ValueError:  # LaTeX that matplotlib does not know.
            return ""
        figure = sheet(wide=wide / 72 + 0.1, high=high / 72 + 0.15)
        figure.text(
            0.5,
            0.5,
            f"${text}$",
            ha="center",
            va="center",
            fontsize=_SIZE,
            color=_INK,
            parse_math=True,
        )
    picture = Picture("formula", "", "", figure)
    made = inline(picture, letters=False, ground="none").replace(_INK, "currentColor")
    width = f"{72 * figure.get_figwidth():.0f}px"
    return made.replace("<svg ", f'<svg style="max-width: {width}" ', 1)


def _section(law: Law, name: str) -> str:
    """The text of a section of the docstring, one indentation less."""
    text = getdoc(law.entry) or ""
    found = re.search(rf"^{name}:\n((?:[ \t]+.*\n?|\n)*)", text, re.MULTILINE)
    return re.sub(r"^ {4}", "", found[1], flags=re.MULTILINE) if found else ""
