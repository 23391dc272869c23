"""Texts that a command was given: files and whatever else can be read, or the embedded corpus."""

from typing import Literal

from likely.apps._console import tell_skipped
from likely.data._reading import OnError
from likely.data.corpus import Corpus
from likely.data.embedded import embedded
from likely.data.files import read
from likely.data.split import split


def given_texts(
    paths: tuple[str, ...],
    field: str = "text",
    on_error: OnError = "raise",
    *,
    part: Literal["validation", "held_out"] = "held_out",
) -> Corpus:
    """Read what a command was given, and say what was passed over.

    Args:
        paths: what to read; `embedded` alone is a part of the corpus that comes with Python.
        field: the field or column that holds the text.
        on_error: skip what cannot be read, or raise.
        part: which part of the embedded corpus.

    Returns:
        The corpus.
    """
    if paths == ("embedded",):
        return split(embedded()).parts[part]
    corpus = read(paths, field=field, on_error=on_error)
    tell_skipped(corpus.skipped, len(corpus))
    return corpus
