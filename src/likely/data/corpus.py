"""Documents and the corpus they make."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from likely.core.errors import BadInput


@dataclass(frozen=True)
class Document:
    """One text, and what is known about it.

    Args:
        id: a name no other document of its corpus has.
        text: the text, as read.
        domain: the kind of text it is; results are reported per domain.
        metadata: everything else that came with it.

    Example:
        >>> Document("a", "naïve").bytes
        6
    """

    id: str
    text: str = field(repr=False)
    domain: str = "text"
    metadata: Mapping[str, Any] = field(default_factory=dict, hash=False)

    @property
    def data(self) -> bytes:
        """The text as UTF-8."""
        return self.text.encode("utf-8")

    @property
    def bytes(self) -> int:
        """How many bytes of UTF-8 the text takes."""
        return len(self.text) if self.text.isascii() else len(self.data)


@dataclass(frozen=True)
class Corpus:
    """Documents in a fixed order.

    Args:
        name: what reports call it.
        documents: the documents; their ids differ.
        skipped: files, lines and rows that were passed over while reading, each with the reason.

    Raises:
        BadInput: two documents have the same id.

    Example:
        >>> corpus = Corpus("two", (Document("a", "x = 1", "code"), Document("b", "hi")))
        >>> len(corpus), corpus.bytes, corpus.domains
        (2, 7, ('code', 'text'))
        >>> [document.id for document in corpus.where("text")]
        ['b']
    """

    name: str
    documents: tuple[Document, ...] = field(repr=False)
    skipped: tuple[str, ...] = field(default=(), repr=False)

    def __post_init__(self) -> None:
        if len({document.id for document in self.documents}) < len(self.documents):
            twice, times = Counter(d.id for d in self.documents).most_common(1)[0]
            raise BadInput(
                f"The corpus {self.name!r} has {times} documents with the id {twice!r}; give every "
                "document an id of its own."
            )

    def __len__(self) -> int:
        return len(self.documents)

    def __iter__(self) -> Iterator[Document]:
        return iter(self.documents)

    @property
    def bytes(self) -> int:
        """UTF-8 bytes of all documents together."""
        return sum(document.bytes for document in self.documents)

    @property
    def domains(self) -> tuple[str, ...]:
        """The domains that occur, sorted."""
        return tuple(sorted({document.domain for document in self.documents}))

    def where(self, domain: str) -> "Corpus":
        """The documents of one domain.

        Args:
            domain: which one.

        Returns:
            A corpus, empty where no document has this domain.
        """
        return Corpus(
            f"{self.name}/{domain}", tuple(d for d in self.documents if d.domain == domain)
        )
