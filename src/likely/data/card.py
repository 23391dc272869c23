"""What a corpus is made of, and how much of its held-out text the training text gives away."""

from dataclasses import asdict, dataclass
from typing import Annotated

import numpy as np
from annotated_types import Ge
from numpy.typing import NDArray

from likely.core.settings import checked
from likely.data._windows import document_windows
from likely.data.corpus import Corpus
from likely.data.split import PARTS, Split

Match = Annotated[int, Ge(8)]


@dataclass(frozen=True)
class DomainCard:
    """One domain of a split corpus.

    Args:
        domain: its name.
        documents: documents in each part.
        bytes: UTF-8 bytes in each part.
        leak: share of its held-out bytes that stand inside a repeat of training text.
    """

    domain: str
    documents: dict[str, int]
    bytes: dict[str, int]
    leak: float


@dataclass(frozen=True)
class DataCard:
    """A split corpus in numbers.

    Args:
        name: the corpus.
        domains: one entry a domain, sorted.
        total: the same over all domains.
        clusters: how many duplicate clusters there are.
        largest_cluster: documents in the largest one.
        match: how many bytes make a repeat.
    """

    name: str
    domains: tuple[DomainCard, ...]
    total: DomainCard
    clusters: int
    largest_cluster: int
    match: int

    def to_dict(self) -> dict[str, object]:
        """Plain JSON values."""
        return {"format": 1, **asdict(self), "domains": [asdict(domain) for domain in self.domains]}

    def rows(self) -> list[tuple[str, ...]]:
        """A table: one header, one row a domain, one row for all together."""
        header = ("domain", "documents", "bytes", *(f"{part} bytes" for part in PARTS), "leak")
        return [header, *(_row(domain) for domain in (*self.domains, self.total))]


def data_card(split: Split, *, match: Match = 64) -> DataCard:
    """Documents and bytes of every domain and part, and the leak.

    The leak is the share of held-out bytes inside an exact repeat, at least `match` bytes long,
    of text in one training document. It is exact: every window of `match` bytes of the one is
    looked up in all of the other, through 64-bit hashes; a false match has odds below one in a
    million for ten million bytes.

    Args:
        split: train, validation and held-out text.
        match: bytes that make a repeat.

    Returns:
        The card.

    Raises:
        BadSetting: `match` below 8.
    """
    checked(data_card, locals())
    covered = repeated_bytes(split.train, split.held_out, match=match)
    inside: dict[str, int] = {}
    for document, count in zip(split.held_out, covered.tolist(), strict=True):
        inside[document.domain] = inside.get(document.domain, 0) + count
    names = sorted({name for part in split.parts.values() for name in part.domains})
    domains = tuple(_domain(split, name, inside.get(name, 0)) for name in names)
    members: dict[str, int] = {}
    for cluster in split.clusters.values():
        members[cluster] = members.get(cluster, 0) + 1
    return DataCard(
        name=split.train.name.removesuffix("/train"),
        domains=domains,
        total=_domain(split, None, sum(inside.values())),
        clusters=len(members),
        largest_cluster=max(members.values(), default=0),
        match=match,
    )


def repeated_bytes(known: Corpus, text: Corpus, *, match: Match = 64) -> NDArray[np.int64]:
    """How many bytes of each document stand inside an exact repeat of known text.

    Args:
        known: the text that may be repeated.
        text: the text to look through.
        match: bytes that make a repeat.

    Returns:
        `[M]`, one number a document of `text`.

    Raises:
        BadSetting: `match` below 8.
    """
    checked(repeated_bytes, locals())
    windows = [hashes for hashes, _ in document_windows(known.documents, match)]
    table = np.sort(np.concatenate(windows)) if windows else np.zeros(0, np.uint64)
    covered = np.zeros(len(text), np.int64)
    for place, document in enumerate(text):
        for hashes, _ in document_windows((document,), match):
            if len(hashes) and len(table):
                covered[place] = _union(_isin(hashes, table), match)
    return covered


def _isin(hashes: NDArray[np.uint64], table: NDArray[np.uint64]) -> NDArray[np.bool_]:
    order = np.argsort(hashes)
    place = np.searchsorted(table, hashes[order])
    found = np.zeros(len(hashes), np.bool_)
    found[order] = table[np.minimum(place, len(table) - 1)] == hashes[order]
    return found


def _union(starts: NDArray[np.bool_], width: int) -> int:
    """Bytes covered by windows that start at the marked places."""
    edge = np.zeros(len(starts) + width, np.int64)
    edge[: len(starts)] += starts
    edge[width:] -= starts
    return int(np.count_nonzero(np.cumsum(edge)))


def _domain(split: Split, name: str | None, inside: int) -> DomainCard:
    parts = {
        part: corpus if name is None else corpus.where(name) for part, corpus in split.parts.items()
    }
    held_out = parts["held_out"].bytes
    return DomainCard(
        domain="all" if name is None else name,
        documents={part: len(corpus) for part, corpus in parts.items()},
        bytes={part: corpus.bytes for part, corpus in parts.items()},
        leak=inside / held_out if held_out else 0.0,
    )


def _row(card: DomainCard) -> tuple[str, ...]:
    sizes = (f"{card.bytes[part]:,}" for part in PARTS)
    total = (f"{sum(card.documents.values()):,}", f"{sum(card.bytes.values()):,}")
    return (card.domain, *total, *sizes, f"{card.leak:.2%}")
