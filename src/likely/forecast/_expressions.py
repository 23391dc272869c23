"""Small formulas over columns: `1e6 * model_m`, `log(ppl)`, `params < 1e9 and set == 'base'`.

Nothing is executed: Python's parser gives a tree, of which the few kinds of nodes below are
evaluated on arrays, and every other one is refused.
"""

import ast
from typing import Any

import numpy as np
from jaxtyping import Shaped

from likely.core.errors import BadInput
from likely.forecast._formula_tree import Evaluator, held
from likely.forecast._formula_words import EXAMPLE, FUNCTIONS, Values, python


def evaluate(text: str, columns: Values) -> Any:
    """What a formula gives on columns.

    Args:
        text: the formula; names with other signs than letters stand in backticks.
        columns: name → `[R]`.

    Returns:
        `[R]`, or one value where no column is named.

    Raises:
        BadInput: it cannot be read, or names a column that is not there.

    Example:
        >>> evaluate("2 * a + 1", {"a": np.array([1.0, 2.0])})
        array([3., 5.])
        >>> evaluate("a = 1 or `b c` in ('x', 'y')", {"a": np.zeros(2), "b c": ["x", "z"]})
        array([ True, False])
    """
    source, names = python(text, columns)
    try:
        tree = ast.parse(source, mode="eval").body
        with np.errstate(all="ignore"):
            return Evaluator(text, {k: columns[name] for k, name in names.items()}, names).of(tree)
    except (SyntaxError, RecursionError, MemoryError) as problem:
        raise BadInput(
            f"{text[:80]!r} is no formula: write columns, numbers, + - * / **, comparisons, "
            f"and/or/not and {', '.join(FUNCTIONS)}; {EXAMPLE}."
        ) from problem


def chosen(text: str, columns: Values, count: int) -> Shaped[np.ndarray, "R"]:
    """Where a condition holds; a missing value fulfils no comparison.

    Args:
        text: the condition.
        columns: name → `[R]`.
        count: R.

    Returns:
        True or False, `[R]`.

    Raises:
        BadInput: it is no condition, or no row fulfils it.
    """
    found = np.asarray(evaluate(text, columns))
    if found.dtype != np.bool_:
        raise BadInput(f"{text!r} is no condition that is true or false; {EXAMPLE}.")
    found = np.broadcast_to(found, (count,))
    if count and not found.any():
        _, names = python(text, columns)
        holds = "; ".join(f"{name} {held(columns[name])}" for name in dict.fromkeys(names.values()))
        raise BadInput(f"No row fulfils {text!r}: {holds}.")
    return found
