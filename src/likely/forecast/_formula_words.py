"""Formulas as people write them, made into Python's words with a placeholder for each column."""

import re
from collections.abc import Mapping
from typing import Any

from likely.core.errors import BadInput, did_you_mean
from likely.forecast._numbers import SCALES

FUNCTIONS = ("log", "ln", "log2", "log10", "exp", "sqrt", "abs", "min", "max", "size_in")
_WORDS = {"and", "or", "not", "in", "true", "false"}
_SIGNS = {"=": "==", "<>": "!=", "^": "**", "&&": "and", "||": "or", "&": "and", "|": "or"}
_TOKEN = re.compile(
    r"""\s*(?:(?P<number>(?:\d[\d_]*\.?\d*|\.\d+)(?:[eE][-+]?\d+)?(?P<scale>[kKmMbBtT])?(?![\w.]))
    |(?P<column>`[^`]*`)|(?P<double>"[^"]*")|(?P<text>'[^']*')
    |(?P<word>[^\W\d][\w.]*)
    |(?P<sign>\*\*|<=|>=|==|!=|<>|&&|\|\||[-+*/%<>=(),^&|\[\]]))""",
    re.VERBOSE,
)
EXAMPLE = "for example 1e6 * model_m, log(ppl), or params < 1e9 and hparams == 'base'"

Values = Mapping[str, Any]


def python(text: str, columns: Values) -> tuple[str, dict[str, str]]:
    """The formula with `_0`, `_1` … for columns, and which they are."""
    parts: list[str] = []
    names: dict[str, str] = {}
    place, end = 0, len(text.rstrip())
    while place < end:
        token = _TOKEN.match(text, place)
        if token is None:
            raise BadInput(
                f"{text!r} cannot be read from {text[place:].strip()[:20]!r} on; names of columns "
                f"with other signs than letters stand in backticks; {EXAMPLE}."
            )
        place, kind, word = token.end(), token.lastgroup, token[0].strip()
        name = None
        if token["number"]:
            scale = token["scale"]
            parts.append(f"({word[:-1]}*{SCALES[scale.lower()]})" if scale else word)
        elif kind == "sign":
            parts.append(_SIGNS.get(word, word))
        elif kind == "text" or (kind == "double" and word[1:-1] not in columns):
            parts.append(repr(word[1:-1]))
        elif kind in ("column", "double"):
            name = word[1:-1]
        elif word.lower() in _WORDS and word not in columns:
            parts.append(word.title() if word.lower() in ("true", "false") else word.lower())
        elif word in FUNCTIONS and text[place:].lstrip().startswith("("):
            parts.append(word)
        else:
            name = _longest(text, token.start("word"), word, columns)
            place = token.start("word") + len(name)
        if name is not None:
            if name not in columns:
                raise unknown(name, columns, text)
            names[f"_{len(names)}"] = name
            parts.append(f"_{len(names) - 1}")
    return " ".join(parts), names


def _longest(text: str, start: int, word: str, columns: Values) -> str:
    """The column that is named at a place: the word, or a name with signs in it that begins so."""
    if word in columns:
        return word
    fits = [
        name
        for name in columns
        if name.startswith(word)
        and text.startswith(name, start)
        and not re.match(r"\w", text[start + len(name) :])
    ]
    return max(fits, key=len, default=word)


def unknown(name: str, columns: Values, text: str = "") -> BadInput:
    """The error for a column that is not there.

    Args:
        name: what was written.
        columns: what there is.
        text: the formula that it stands in.

    Returns:
        The error.
    """
    where = f" (in {text!r})" if text and text != name else ""
    shown = list(columns)[:12]
    more = f" and {len(columns) - 12} more" if len(columns) > 12 else ""
    return BadInput(
        f"There is no column {name!r}{where}.{did_you_mean(name, columns)} "
        f"There are: {', '.join(shown)}{more}."
    )
