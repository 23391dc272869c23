"""Code edit: a function, one change to it in words, and the function after that."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from annotated_types import Ge, Le

from likely.core.errors import BadSetting
from likely.core.settings import checked
from likely.data.task import Task, exact
from likely.data.tasks._documents import HELD_OUT, TRAIN, Row, corpus
from likely.data.tasks._draw import Count, Seed, apart, distinct
from likely.data.tasks._words import word, words_of

Edit = Literal["rename", "insert", "delete"]


def code_edit(
    *,
    documents: Count = 1000,
    held_out: Count = 200,
    lines: Annotated[int, Ge(2), Le(1000)] = 6,
    edits: tuple[Edit, ...] = ("rename", "insert", "delete"),
    seed: Seed = 0,
) -> Task:
    """A Python function, a rename, insertion or deletion in words, and what comes out.

    Nearly all of the answer is copied from the prompt, and where it departs is known: a workload
    for decoding that copies. One line sets a name that nothing reads; a deletion takes that one
    away, so that the code stays valid. No two functions have the same name.

    Args:
        documents: edits to train on.
        held_out: edits to be judged on.
        lines: assignments of a function.
        edits: which kinds occur, evenly.
        seed: of what is drawn.

    Returns:
        The task. Metadata: `before`, `edit`, `instruction`, and `new`, where in the answer stands
        what the edit wrote (begin and end of each stretch). Known: `copied`, the share of the
        characters of held-out answers that are not new.

    Raises:
        BadSetting: settings outside their bounds, no edits, or more documents than names.

    Example:
        >>> task = code_edit(documents=1, held_out=1, lines=2, edits=("rename",))
        >>> print(task.held_out.documents[0].text)
        def hajaxi(facu, powa):
            zeso = powa * 2
            fini = facu * 56
            return fini
        # rename facu to ridu
        def hajaxi(ridu, powa):
            zeso = powa * 2
            fini = ridu * 56
            return fini

    References:
        Saxena, Prompt Lookup Decoding, 2023; Guo et al., CodeEditorBench: Evaluating Code Editing
        Capability of Large Language Models, 2024. arXiv:2404.03543.
    """
    checked(code_edit, locals())
    if not edits:
        raise BadSetting(
            "code_edit", ["edits=() should hold at least one of 'rename', 'insert', 'delete'."]
        )
    rng, kinds = np.random.default_rng(seed), tuple(dict.fromkeys(edits))
    parts = apart("code_edit", words_of(3), documents, held_out, rng)

    def rows(numbers: Iterable[int]) -> Iterator[Row]:
        for number in numbers:
            code = _code(word(number, 3), lines, rng)
            edit = kinds[int(rng.integers(len(kinds)))]
            instruction, after, new = _EDITS[edit](code, rng)
            about = {"before": code.text, "edit": edit, "instruction": instruction, "new": new}
            yield f"{code.text}\n# {instruction}\n", after, about

    train, held = (
        corpus("code_edit", part, rows(numbers))
        for part, numbers in zip((TRAIN, HELD_OUT), parts, strict=True)
    )
    total = sum(len(document.metadata["answer"]) for document in held)
    fresh = sum(end - begin for document in held for begin, end in document.metadata["new"])
    return Task("code_edit", train, held, {"copied": 1 - fresh / total}, exact)


@dataclass(frozen=True)
class _Code:
    """A function in lines; `spare` is the line that sets what nothing reads."""

    lines: tuple[str, ...]
    names: tuple[str, ...]
    unused: str
    spare: int

    @property
    def text(self) -> str:
        return "\n".join(self.lines)


Made = tuple[str, str, tuple[tuple[int, int], ...]]


def _code(name: str, count: int, rng: np.random.Generator) -> _Code:
    drawn = [word(number) for number in distinct(words_of(2), count + 3, rng)]
    names, unused = drawn[:-1], drawn[-1]
    spare = int(rng.integers(count))
    readable, made = names[:2], []
    for place, target in enumerate(names[2:]):
        made.append(f"    {target} = {_sum(readable, rng)}")
        if place != spare:
            readable = [*readable, target]
    lines = (f"def {name}({', '.join(names[:2])}):", *made, f"    return {readable[-1]}")
    return _Code(lines, tuple(names), unused, 1 + spare)


def _sum(names: list[str], rng: np.random.Generator) -> str:
    first = names[int(rng.integers(len(names)))]
    sign = "+-*"[int(rng.integers(3))]
    return f"{first} {sign} {int(rng.integers(2, 100))}"


def _rename(code: _Code, rng: np.random.Generator) -> Made:
    old, new = code.names[int(rng.integers(len(code.names)))], code.unused
    after = re.sub(rf"\b{old}\b", new, code.text)
    spans = tuple(found.span() for found in re.finditer(rf"\b{new}\b", after))
    return f"rename {old} to {new}", after, spans


def _insert(code: _Code, rng: np.random.Generator) -> Made:
    place = 1 + int(rng.integers(len(code.names) - 2))
    line = f"{code.unused} = {_sum(list(code.names[:2]), rng)}"
    written = [*code.lines[: place + 1], f"    {line}", *code.lines[place + 1 :]]
    begin = len("\n".join(written[: place + 1])) + 1
    target = code.names[1 + place]
    said = f"insert {line} after the line that sets {target}"
    return said, "\n".join(written), ((begin, begin + len(line) + 5),)


def _delete(code: _Code, rng: np.random.Generator) -> Made:
    del rng  # which line is known
    left = (*code.lines[: code.spare], *code.lines[code.spare + 1 :])
    return f"delete the line that sets {code.names[1 + code.spare]}", "\n".join(left), ()


_EDITS = {"rename": _rename, "insert": _insert, "delete": _delete}
