"""Small formulas over columns: `1e6 * model_m`, `log(ppl)`, `params < 1e9 and set == 'base'`.

Nothing is executed: Python's parser gives a tree, of which the few kinds of nodes below are
evaluated on arrays, and every other one is refused.
"""

import ast
import operator
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from jaxtyping import Shaped

from likely.core.errors import BadInput
from likely.forecast._formula_words import EXAMPLE, Values, python
from likely.forecast._numbers import is_missing, numbers

_FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "log": np.log,
    "ln": np.log,
    "log2": np.log2,
    "log10": np.log10,
    "exp": np.exp,
    "sqrt": np.sqrt,
    "abs": np.abs,
    "min": np.minimum,
    "max": np.maximum,
}
_ARITHMETIC: Mapping[type, Callable[..., Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
}
_ORDER: Mapping[type, Callable[..., Any]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
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
            return _Evaluator(text, {k: columns[name] for k, name in names.items()}, names).of(tree)
    except (SyntaxError, RecursionError, MemoryError) as problem:
        raise BadInput(
            f"{text!r} is no formula: write columns, numbers, + - * / **, comparisons, and/or/not "
            f"and {', '.join(_FUNCTIONS)}; {EXAMPLE}."
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
        held = "; ".join(f"{name} {_held(columns[name])}" for name in dict.fromkeys(names.values()))
        raise BadInput(f"No row fulfils {text!r}: {held}.")
    return found


def _held(values: Any) -> str:
    held = np.asarray(values)
    if held.dtype == object:
        kinds = sorted({str(one) for one in held})
        return f"holds {', '.join(map(repr, kinds[:6]))}{' …' if len(kinds) > 6 else ''}"
    finite = held[np.isfinite(held)]
    if not len(finite):
        return "is empty"
    return f"lies between {finite.min():.6g} and {finite.max():.6g}"


class _Evaluator:
    """Values of a tree's nodes."""

    def __init__(self, text: str, values: Values, names: Mapping[str, str]) -> None:
        self.text, self.values, self.names = text, values, names

    def of(self, node: ast.AST) -> Any:
        if isinstance(node, ast.Constant) and isinstance(node.value, int | float | str):
            return node.value if isinstance(node.value, bool | str) else np.float64(node.value)
        if isinstance(node, ast.Name) and node.id in self.values:
            held = self.values[node.id]
            return held if isinstance(held, np.ndarray) else np.asarray(held, object)
        if isinstance(node, ast.BoolOp):
            join = np.logical_and if isinstance(node.op, ast.And) else np.logical_or
            return join.reduce([self._truth(one) for one in node.values])
        if isinstance(node, ast.UnaryOp):
            if isinstance(node.op, ast.Not):
                return np.logical_not(self._truth(node.operand))
            if isinstance(node.op, ast.USub | ast.UAdd):
                value = self._number(node.operand)
                return -value if isinstance(node.op, ast.USub) else value
        if isinstance(node, ast.BinOp) and type(node.op) in _ARITHMETIC:
            return _ARITHMETIC[type(node.op)](self._number(node.left), self._number(node.right))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and not node.keywords:
            return self._call(node.func.id, [self._number(one) for one in node.args])
        if isinstance(node, ast.Compare):
            sides = [node.left, *node.comparators]
            found = [
                self._compare(op, sides[k], sides[k + 1]) for k, op in enumerate(node.ops)
            ]
            return np.logical_and.reduce(found)
        raise SyntaxError

    def _call(self, name: str, values: list[Any]) -> Any:
        wanted = 2 if name in ("min", "max") else 1
        if name not in _FUNCTIONS or len(values) != wanted:
            raise SyntaxError
        return _FUNCTIONS[name](*values)

    def _truth(self, node: ast.AST) -> Any:
        value = self.of(node)
        if np.asarray(value).dtype != np.bool_:
            raise BadInput(
                f"{self.text!r}: {ast.unparse(self._named(node))} is neither true nor false; "
                "write a comparison on both sides of and, or, not."
            )
        return value

    def _number(self, node: ast.AST) -> Any:
        value = self.of(node)
        if isinstance(value, np.ndarray) and value.dtype == object:
            found = numbers(value)
            if len(found) and np.isnan(found).all():
                raise BadInput(
                    f"{self.text!r}: the column {ast.unparse(self._named(node))} "
                    f"{_held(value)}, and a number is needed there."
                )
            return found
        if isinstance(value, str):
            raise BadInput(f"{self.text!r}: a number is needed in place of {value!r}.")
        return value

    def _compare(self, op: ast.cmpop, left: ast.AST, right: ast.AST) -> Any:
        if isinstance(op, ast.In | ast.NotIn):
            if not isinstance(right, ast.Tuple | ast.List):
                right = ast.Tuple([right], ast.Load())
            each = [self._compare(ast.Eq(), left, one) for one in right.elts]
            if not each:
                raise SyntaxError
            found = np.logical_or.reduce(each)
            return ~found if isinstance(op, ast.NotIn) else found
        if type(op) in _ORDER:
            return _ORDER[type(op)](self._number(left), self._number(right))
        if not isinstance(op, ast.Eq | ast.NotEq):
            raise SyntaxError
        same, there = self._same(left, right)
        return there & (same if isinstance(op, ast.Eq) else ~same)

    def _same(self, left: ast.AST, right: ast.AST) -> tuple[Any, Any]:
        """Whether two sides are equal, and whether both are there."""
        one, other = self.of(left), self.of(right)
        if isinstance(one, str | bool):
            one, other, left = other, one, right
        text = [np.asarray(side).dtype == object or isinstance(side, str) for side in (one, other)]
        if isinstance(other, bool) or all(text):
            one, other = (np.asarray(side, object) for side in (one, other))
            there = ~_each(is_missing, one) & ~_each(is_missing, other)
            if other.ndim == 0 and isinstance(other.item(), bool):
                wanted = {str(other).casefold(), str(float(other))}
                return _each(lambda cell: str(cell).casefold() in wanted, one), there
            return np.asarray(one == other, np.bool_), there
        if isinstance(other, str) and np.asarray(one).dtype != object:
            raise BadInput(
                f"{self.text!r}: {ast.unparse(self._named(left))} holds numbers, and {other!r} is "
                "text: write the number without quotation marks."
            )
        first, second = self._number(left), self._number(right) if not text[1] else numbers(other)
        return np.equal(first, second), ~(np.isnan(first) | np.isnan(second))

    def _named(self, node: ast.AST) -> ast.AST:
        """The same node with the columns' own names."""
        names = self.names

        class Own(ast.NodeTransformer):
            def visit_Name(self, one: ast.Name) -> ast.AST:
                return ast.Name(names.get(one.id, one.id))

        return Own().visit(ast.parse(ast.unparse(node), mode="eval").body)


def _each(question: Callable[[Any], bool], values: Any) -> Any:
    return np.reshape([question(one) for one in values.ravel()], values.shape).astype(np.bool_)
