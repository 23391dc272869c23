"""Examples from files: JSONL or Parquet with the columns that TRL gives them."""

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from likely.core.errors import BadInput
from likely.core.settings import checked
from likely.data import _jsonl, _tables
from likely.data._bytes import Place, opened
from likely.data._conventions import example_of
from likely.data._hugging_face import ADDRESS
from likely.data._places import places
from likely.data._reading import Limit, OnError, Reading
from likely.data._suffixes import LINES, TABLES
from likely.data.example import Example


def read_examples(
    paths: Path | str | Sequence[Path | str],
    *,
    on_error: OnError = "raise",
    limit: Limit = None,
) -> tuple[tuple[Example, ...], tuple[str, ...]]:
    """Read prompts with answers, pairs of answers, labelled answers and conversations.

    `.jsonl` and `.ndjson` hold one example a line, `.parquet`, `.arrow` and `.feather` one a row;
    packed files, folders, patterns and addresses are read as `likely.data.files.read` does. What a
    line is, its columns say: `prompt` and `completion` (with `label` where it is wanted or not);
    `chosen` and `rejected`, with `prompt` or with what both begin with; `messages`; `prompt`,
    `completions` and `labels` (steps); `segments` or `texts` and `scores`; `text`. Prompts and
    answers are text, or lists of turns with `role` and `content`.

    Args:
        paths: what to read, one or several.
        on_error: `raise` stops at the first problem; `skip` passes over files and lines that
            cannot be read, and lists them.
        limit: examples to read at most; None for all.

    Returns:
        The examples, and what was passed over, each with the reason.

    Raises:
        BadInput: a path that does not exist, no such columns, a column that holds something else
            than it should, no example at all.
        BadSetting: an `on_error` or `limit` that is none.
        Unsupported: a format whose library is not installed.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> line = '{"prompt": "The sky is", "chosen": " blue.", "rejected": " green."}'
        >>> with TemporaryDirectory() as folder:
        ...     written = (Path(folder) / "sky.jsonl").write_text(line)
        ...     examples, skipped = read_examples(folder)
        >>> examples[0].id, examples[0].answers
        ('sky.jsonl:1', (' blue.', ' green.'))

    References:
        TRL, Dataset formats and types, https://huggingface.co/docs/trl/dataset_formats.
    """
    checked(read_examples, locals())
    given = [str(path) for path in ([paths] if isinstance(paths, Path | str) else paths)]
    if not given:
        raise BadInput("No path was given to read examples from: name a file or a folder.")
    reading = Reading(on_error=on_error)
    found = tuple(itertools.islice(_examples(given, reading), limit))
    if not found:
        first = f" The first that was skipped: {reading.skipped[0]}" if reading.skipped else ""
        raise BadInput(
            f"{', '.join(given)}: there is no example in it; give JSONL or Parquet with one a "
            f"line.{first}"
        )
    return found, tuple(reading.skipped)


def examples_of(
    rows: Iterable[Mapping[str, Any]], *, name: str = "row", on_error: OnError = "raise"
) -> tuple[tuple[Example, ...], tuple[str, ...]]:
    """Examples from what is in memory: dictionaries, or a data set of the library `datasets`.

    Args:
        rows: values by column, as in `read_examples`.
        name: what rows are called in messages and ids.
        on_error: `raise` stops at the first problem; `skip` lists rows that are passed over.

    Returns:
        The examples, and what was passed over, each with the reason.

    Raises:
        BadInput: as for `read_examples`.
        BadSetting: an `on_error` that is none.

    Example:
        >>> examples_of([{"prompt": "2 + 2 =", "completion": " 5", "label": False}])[0][0].label
        0
    """
    checked(examples_of, locals())
    reading = Reading(on_error=on_error)
    entries = ((f"{name} {number}", number, row) for number, row in enumerate(rows, start=1))
    return tuple(_taken(entries, name, reading)), tuple(reading.skipped)


def _examples(given: Sequence[str], reading: Reading) -> Iterator[Example]:
    for root in given:
        if root.startswith(ADDRESS):
            raise BadInput(
                f"{root}: examples are read from files; load this data set with the library "
                "`datasets` and give its rows to examples_of."
            )
        for place in places(root, len(given) > 1, reading):
            try:
                yield from _of_file(place, reading)
            except BadInput as problem:
                reading.refuse(problem)


def _of_file(place: Place, reading: Reading) -> Iterator[Example]:
    if place.suffix not in LINES and place.suffix not in TABLES:
        problem = BadInput(
            f"{place.path}: this is neither JSONL nor Parquet, which is where examples are read "
            "from; give a file with one example a line, and name it .jsonl."
        )
        if place.named:
            raise problem
        reading.skipped.append(str(problem))
        return
    with opened(place) as file:
        entries = _jsonl.objects if place.suffix in LINES else _tables.entries
        yield from _taken(entries(file, place, reading), place.name, reading)


def _taken(
    entries: Iterable[tuple[str, int, Mapping[str, Any]]], name: str, reading: Reading
) -> Iterator[Example]:
    for where, number, entry in entries:
        try:
            example = example_of(entry, where, f"{name}:{number}")
        except BadInput as problem:
            reading.refuse(problem)
            continue
        yield example
