"""A data set of the library `datasets`, in memory, as a corpus."""

import itertools
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from likely.core.errors import BadInput
from likely.core.settings import checked
from likely.data._hugging_face import rows
from likely.data._reading import Limit, OnError, Reading
from likely.data.corpus import Corpus
from likely.data.files import corpus_of


def from_dataset(
    dataset: Any,
    *,
    field: str = "text",
    domain: str | None = None,
    name: str = "dataset",
    on_error: OnError = "raise",
    limit: Limit = None,
) -> Corpus:
    """Documents of a `Dataset` or `IterableDataset`, one a row; of a `DatasetDict` choose a split.

    Ids, domains and metadata are found as `likely.data.files.read` finds them.

    Args:
        dataset: the data set.
        field: the column that holds the text.
        domain: domain of every document; None for `text` or what a row says.
        name: what reports call it, and what ids of rows without one begin with.
        on_error: `raise` stops at the first problem; `skip` lists rows in `Corpus.skipped`.
        limit: rows to read at most; None for all.

    Returns:
        The corpus.

    Raises:
        BadInput: no data set, several splits, no such column, a row without text, no text at all.
        BadSetting: an `on_error` or `limit` that is none.

    Example:
        >>> from datasets import Dataset
        >>> corpus = from_dataset(Dataset.from_dict({"text": ["one", "two"], "year": [1, 2]}))
        >>> [(d.id, d.text, d.metadata["year"]) for d in corpus]
        [('dataset:1', 'one', 1), ('dataset:2', 'two', 2)]
    """
    checked(from_dataset, locals())
    if not isinstance(dataset, Mapping) and not hasattr(dataset, "with_format"):
        raise BadInput(
            f"from_dataset takes a Dataset or IterableDataset of the library `datasets`, and this "
            f"is of type {type(dataset).__name__}; read files with likely.data.files.read."
        )
    reading = Reading(field, on_error)
    found = (d for d in rows(dataset, name, name, reading) if d.text.strip())
    documents = [
        document if domain is None else replace(document, domain=domain)
        for document in itertools.islice(found, limit)
    ]
    return corpus_of(name, documents, reading, name)
