"""Arithmetic: sums, differences and products, written digit by digit."""

from collections.abc import Iterable, Iterator
from typing import Annotated, Literal

import numpy as np
from annotated_types import Ge, Le

from likely.core.errors import BadSetting
from likely.core.settings import checked
from likely.data.task import Task, exact
from likely.data.tasks._carries import longest_chain, pair, ways
from likely.data.tasks._documents import HELD_OUT, TRAIN, Row, commonest, corpus
from likely.data.tasks._draw import Count, Seed, apart

Operation = Literal["+", "-", "*"]
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


def arithmetic(
    *,
    documents: Count = 1000,
    held_out: Count = 200,
    operations: tuple[Operation, ...] = ("+",),
    digits: Annotated[int, Ge(1), Le(40)] = 3,
    base: Annotated[int, Ge(2), Le(36)] = 10,
    reverse: bool = False,
    padded: bool = False,
    carries: Annotated[int, Ge(0)] | None = None,
    seed: Seed = 0,
) -> Task:
    """Sums, differences and products of whole numbers, one calculation a document.

    Numbers are drawn evenly from 0 to base^digits − 1, and no calculation occurs twice. What is
    held out is not trained on, nor is it with its two numbers exchanged where that gives the same
    result.

    Args:
        documents: calculations to train on.
        held_out: calculations to be judged on.
        operations: which ones occur, evenly.
        digits: the most digits a number has.
        base: of the numbers, with letters for digits from ten on.
        reverse: whether answers are written from the lowest digit on.
        padded: whether zeros fill all numbers to the width of the largest possible one.
        carries: only sums whose longest chain of carries is this long; None for all. Needs sums
            alone.
        seed: of what is drawn.

    Returns:
        The task. Metadata: `a`, `b`, `operation`, `value`, and for sums `carries`, the longest
        chain. Known: `problems` there are; `chance`, what the best single answer scores on the
        held-out part; without `carries` also `chance_of_all`, the same over all problems, where
        the operation is read.

    Raises:
        BadSetting: settings outside their bounds, no operations, `carries` with other operations
            or longer than `digits`, or more documents than there are calculations.

    Example:
        >>> task = arithmetic(documents=2, held_out=1, seed=3)
        >>> [document.text for document in task.train], task.prompts, task.answers
        (['85+650=735', '179+442=621'], ('811+504=',), ('1315',))

    References:
        Lee et al., Teaching Arithmetic to Small Transformers, 2023. arXiv:2307.03381; Nogueira et
        al., Investigating the Limitations of Transformers with Simple Arithmetic Tasks, 2021.
        arXiv:2102.13019.
    """
    checked(arithmetic, locals())
    found = tuple(dict.fromkeys(operations))
    _possible(found, digits, carries)
    limit = base**digits
    size = limit**2 if carries is None else ways(base, carries, digits)

    def problem(number: int) -> tuple[Operation, int, int]:
        which, inner = divmod(number, size)
        if carries is not None:
            return (found[which], *pair(inner, base, carries, digits))
        return (found[which], *divmod(inner, limit))

    def key(number: int) -> tuple[Operation, int, int]:
        operation, a, b = problem(number)
        return (operation, a, b) if operation == "-" else (operation, min(a, b), max(a, b))

    rng, space = np.random.default_rng(seed), size * len(found)
    twins = 1 if found == ("-",) else 2
    parts = apart("arithmetic", space, documents, held_out, rng, key, twins)

    def rows(numbers: Iterable[int]) -> Iterator[Row]:
        width = digits if padded else 0
        for operation, a, b in map(problem, numbers):
            value = _result(operation, a, b)
            wide = {"+": digits + 1, "-": digits, "*": 2 * digits}[operation] if padded else 0
            answer = _written(value, base, wide)
            known = {"a": a, "b": b, "operation": operation, "value": value}
            if operation == "+":
                known["carries"] = longest_chain(a, b, base)
            prompt = f"{_written(a, base, width)}{operation}{_written(b, base, width)}="
            yield prompt, answer[::-1] if reverse else answer, known

    train, held = (
        corpus("arithmetic", p, rows(n)) for p, n in zip((TRAIN, HELD_OUT), parts, strict=True)
    )
    known = {"problems": float(space), "chance": commonest(held)}
    if carries is None:
        known["chance_of_all"] = float(np.mean([_best(o, limit) for o in found]))
    return Task("arithmetic", train, held, known, exact)


def _possible(operations: tuple[Operation, ...], digits: int, carries: int | None) -> None:
    problems = [] if operations else ["operations=() should hold at least one of '+', '-', '*'."]
    if carries is not None and operations != ("+",):
        problems.append(f"carries={carries} should be None where operations are not sums alone.")
    if carries is not None and carries > digits:
        problems.append(f"carries={carries} should be at most digits={digits}.")
    if problems:
        raise BadSetting("arithmetic", problems)


def _result(operation: Operation, a: int, b: int) -> int:
    return {"+": a + b, "-": a - b, "*": a * b}[operation]


def _best(operation: Operation, limit: int) -> float:
    """The share of the commonest result: all nines of sums, nothing of differences and products."""
    return (2 * limit - 1) / limit**2 if operation == "*" else 1 / limit


def _written(value: int, base: int, width: int) -> str:
    rest, out = abs(value), ""
    while rest or not out:
        rest, digit = divmod(rest, base)
        out = _DIGITS[digit] + out
    return ("-" if value < 0 else "") + out.rjust(width, "0")
