"""What `likely measure` reads, and how it measures it."""

from pathlib import Path
from typing import Any, Literal

import torch
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from likely.apps._console import messages
from likely.core.errors import BadSetting
from likely.data._reading import OnError
from likely.data.embedded import embedded
from likely.data.example_files import read_examples
from likely.data.examples import Examples, encode_examples
from likely.data.files import read
from likely.data.sidecar import Manifest
from likely.data.tokens import Tokens, encode
from likely.data.within import split_any
from likely.models.annotate import annotate
from likely.models.load import positions_at
from likely.models.reader import Reader

LENGTH = 1024
"""Tokens of a prompt with its answer, where neither the model nor the user says how many."""


def placed(reader: Reader, device: str | None) -> Reader:
    """A model where it is read.

    Args:
        reader: the model.
        device: `cpu`, or None for the best there is.

    Returns:
        The same model, moved.

    Raises:
        BadSetting: another device.
    """
    if device not in (None, "cpu"):
        problem = f"device={device!r} should be 'cpu', or left out for the best."
        raise BadSetting("likely measure", [problem])
    best = torch.accelerator.current_accelerator() if torch.accelerator.is_available() else None
    if device is None and best is not None:
        for part in reader.parts:
            if isinstance(part, torch.nn.Module):
                part.to(best)
    return reader


def text_of(
    paths: tuple[str, ...], reader: Reader, part: Literal["all", "train"], field: str, skip: OnError
) -> tuple[Tokens, tuple[str, ...]]:
    """A text in a model's tokens.

    Args:
        paths: what to read, or `embedded`.
        reader: the model.
        part: all of it, or what a run would learn from.
        field: the field or column that holds the text.
        skip: what is done about what cannot be read.

    Returns:
        The text, and what was passed over.
    """
    own = paths == ("embedded",)
    corpus = embedded() if own else read(paths, field=field, on_error=skip)
    chosen = split_any(corpus).train if part == "train" else corpus
    return encode(chosen, reader.vocabulary), corpus.skipped


def examples_of(
    paths: tuple[str, ...], reader: Reader, model: Path, length: int | None, skip: OnError
) -> tuple[Examples, tuple[str, ...]]:
    """Examples in a model's tokens.

    Args:
        paths: what to read.
        reader: the model.
        model: where it lies.
        length: tokens of a side at most; None for what `likely train` would take.
        skip: what is done about what cannot be read.

    Returns:
        The examples, and what was passed over or shortened.
    """
    found, skipped = read_examples(paths, on_error=skip)
    length = min(positions_at(model) or LENGTH, LENGTH) if length is None else length
    made = encode_examples(found, reader.vocabulary, length=length)
    if made.shortened:
        messages().print(f"Cut {len(made.shortened):,} prompts on their left: {made.shortened[0]}")
    return made, (*skipped, *made.left_out)


def measured(
    reader: Reader,
    text: Tokens | Examples,
    out: Path,
    want: tuple[str, ...],
    length: int | None,
    given: dict[str, Any],
) -> Manifest:
    """Write the sidecar, with a bar on standard error.

    Args:
        reader: the model.
        text: what it reads.
        out: folder of the sidecar.
        want: statistics.
        length: positions of a window; None for the model's own.
        given: other settings of `annotate`.

    Returns:
        The manifest.
    """
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeRemainingColumn(), console=messages(), transient=True) as bar:
        task = bar.add_task("tokens", total=len(text.ids))

        def told(count: int) -> None:
            bar.advance(task, count)

        return annotate(reader, text, out, want=want, length=length, progress=told, **given)
