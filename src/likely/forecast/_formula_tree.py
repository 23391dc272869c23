"""Values of formulas: the few kinds of nodes that are evaluated; every other one is refused."""

import ast
import operator
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from likely.core.errors import BadInput
from likely.forecast._formula_words import Values
from likely.forecast._numbers import is_missing, numbers, size_in

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
    "size_in": lambda texts: np.array([size_in(text) for text in np.ravel(texts)]),
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


class Evaluator:
    """Values of a tree's nodes."""

    def __init__(self, text: str, values: Values, names: Mapping[str, str]) -> None:
        self.text, self.values, self.names = text, values, names

    def of(self, node: ast.AST) -> Any:  # noqa: PLR0911 (one line for each kind of node)
        if isinstance(node, ast.Constant) and isinstance(node.value, int | float | str):
            return node.value if isinstance(node.value, bool | str) else np.float64(node.value)
        if isinstance(node, ast.Name) and node.id in self.values:
            column = self.values[node.id]
            return column if isinstance(column, np.ndarray) else np.asarray(column, object)
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
            value = self.of if node.func.id == "size_in" else self._number
            return self._call(node.func.id, [value(one) for one in node.args])
        if isinstance(node, ast.Compare):
            sides = [node.left, *node.comparators]
            found = [self._compare(op, sides[k], sides[k + 1]) for k, op in enumerate(node.ops)]
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
                    f"{held(value)}, and a number is needed there."
                )
            return found
        if isinstance(value, str):
            raise BadInput(f"{self.text!r}: a number is needed in place of {value!r}.")
        return value

    def _compare(self, op: ast.cmpop, left: ast.expr, right: ast.expr) -> Any:
        if isinstance(op, ast.In | ast.NotIn):
            if not isinstance(right, ast.Tuple | ast.List):
                right = ast.Tuple([right], ast.Load())
            if not right.elts:
                raise SyntaxError
            # What is missing is in no list, and not in none either.
            if isinstance(op, ast.In):
                each = [self._compare(ast.Eq(), left, one) for one in right.elts]
                return np.logical_or.reduce(each)
            return np.logical_and.reduce(
                [self._compare(ast.NotEq(), left, one) for one in right.elts]
            )
        if type(op) in _ORDER:
            return _ORDER[type(op)](self._number(left), self._number(right))
        if not isinstance(op, ast.Eq | ast.NotEq):
            raise SyntaxError
        same, there = self._same(left, right)
        return there & (same if isinstance(op, ast.Eq) else ~same)

    def _same(self, left: ast.expr, right: ast.expr) -> tuple[Any, Any]:
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

        own: ast.AST = Own().visit(ast.parse(ast.unparse(node), mode="eval").body)
        return own


def _each(question: Callable[[Any], bool], values: Any) -> Any:
    return np.reshape([question(one) for one in values.ravel()], values.shape).astype(np.bool_)


def held(values: Any) -> str:
    """What a column holds, for the end of a sentence."""
    column = np.asarray(values)
    if column.dtype == object:
        kinds = sorted({str(one) for one in column})
        return f"holds {', '.join(map(repr, kinds[:6]))}{' …' if len(kinds) > 6 else ''}"
    finite = column[np.isfinite(column)]
    if not len(finite):
        return "is empty"
    return f"lies between {finite.min():.6g} and {finite.max():.6g}"
