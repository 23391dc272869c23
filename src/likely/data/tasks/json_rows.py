"""JSON rows: a table, and the same as a list of objects."""

import json
import math
from collections.abc import Iterable, Iterator
from typing import Annotated, Any

import numpy as np
from annotated_types import Ge, Le

from likely.core.settings import checked
from likely.data.corpus import Document
from likely.data.task import Task
from likely.data.tasks._documents import HELD_OUT, TRAIN, Row, corpus
from likely.data.tasks._draw import Count, Seed, apart, digits_of, distinct
from likely.data.tasks._words import word, words_of

_NUMBERS = 1000


def json_rows(
    *,
    documents: Count = 1000,
    held_out: Count = 200,
    rows: Annotated[int, Ge(1), Le(1000)] = 4,
    columns: Annotated[int, Ge(1), Le(100)] = 3,
    seed: Seed = 0,
) -> Task:
    """A table with commas, and behind it its rows as JSON objects.

    Every row of the answer repeats the names of the columns, quotes and brackets, and every cell
    stands in the prompt: a workload for decoding in which most of the text is foreseeable. Columns
    hold words and numbers in turn. No two tables have the same cells.

    Args:
        documents: tables to train on.
        held_out: tables to be judged on.
        rows: of a table.
        columns: of a table.
        seed: of names and cells.

    Returns:
        The task; the judge parses the answer and compares what it says, whatever blanks and order
        of keys, but not a number with its text. Metadata: `table`, a list of objects. Known:
        `structure`, the share of the characters of held-out answers that are no cell; `entropy`,
        nats of the cells of a table.

    Raises:
        BadSetting: settings outside their bounds, or more documents than there are tables.

    Example:
        >>> task = json_rows(documents=1, held_out=1, rows=2, columns=2)
        >>> print(task.held_out.documents[0].text)
        beva,kuru
        jisi,873
        wuna,636
        <BLANKLINE>
        [
        {"beva": "jisi", "kuru": 873},
        {"beva": "wuna", "kuru": 636}
        ]
        >>> task.score([json.dumps(json.loads(task.answers[0]), indent=2)])
        array([1.])

    References:
        Geng et al., JSONSchemaBench: A Rigorous Benchmark of Structured Outputs for Language
        Models, 2025. arXiv:2501.10868.
    """
    checked(json_rows, locals())
    rng = np.random.default_rng(seed)
    one_row = [_NUMBERS if place % 2 else words_of(2) for place in range(columns)]
    radices = one_row * rows
    parts = apart("json_rows", math.prod(radices), documents, held_out, rng)

    def made(numbers: Iterable[int]) -> Iterator[Row]:
        for number in numbers:
            names = [word(one) for one in distinct(words_of(2), columns, rng)]
            cells = _cells(digits_of(number, radices), columns)
            table = [dict(zip(names, row, strict=True)) for row in cells]
            lines = [",".join(names), *(",".join(map(str, row)) for row in cells)]
            answer = "[\n" + ",\n".join(map(json.dumps, table)) + "\n]"
            yield "\n".join(lines) + "\n\n", answer, {"table": table}

    train, held = (
        corpus("json_rows", part, made(numbers))
        for part, numbers in zip((TRAIN, HELD_OUT), parts, strict=True)
    )
    total = sum(len(document.metadata["answer"]) for document in held)
    values = sum(_width(document.metadata["table"]) for document in held)
    known = {"structure": 1 - values / total, "entropy": rows * math.fsum(map(math.log, one_row))}
    return Task("json_rows", train, held, known, _same)


def _cells(digits: list[int], columns: int) -> list[list[str | int]]:
    """Words and numbers in turn, row by row."""
    found: list[str | int] = [
        digit if place % columns % 2 else word(digit) for place, digit in enumerate(digits)
    ]
    return [found[begin : begin + columns] for begin in range(0, len(found), columns)]


def _width(table: list[dict[str, Any]]) -> int:
    return sum(len(str(value)) for row in table for value in row.values())


def _same(document: Document, answer: str) -> float:
    try:
        said = json.loads(answer)
    except (ValueError, RecursionError):
        return 0.0
    # As text, because 1, 1.0 and true are equal in Python.
    wanted = json.dumps(document.metadata["table"], sort_keys=True)
    return float(json.dumps(said, sort_keys=True) == wanted)
