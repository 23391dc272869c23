"""What the page of a text is made from: models, what each made of the text, how they differ."""

from collections.abc import Sequence
from dataclasses import dataclass

from likely.apps._comparison import Apart, Stretch
from likely.apps._reading import Reading


@dataclass(frozen=True, eq=False)
class Seen:
    """A model and what it made of the text.

    Args:
        label: what the page calls the model.
        kind: what kind of model it is.
        parameters: how many numbers it has.
        tokens_are: what its tokens are, in words.
        reading: the text as it sees it.
    """

    label: str
    kind: str
    parameters: int
    tokens_are: str
    reading: Reading


@dataclass(frozen=True)
class Compared:
    """Two models on the same text.

    Args:
        cut: the stretches of each document at whose ends both models end a token.
        apart: the difference and its interval.
    """

    cut: Sequence[Sequence[Stretch]]
    apart: Apart

    @property
    def every(self) -> list[Stretch]:
        """The stretches of all documents, in order."""
        return [stretch for document in self.cut for stretch in document]
