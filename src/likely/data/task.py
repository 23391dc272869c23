"""A task: text to learn from, text that was held out, and an exact judge of answers."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from likely.core.errors import ShapeError, Unsupported
from likely.data.corpus import Corpus, Document

Judge = Callable[[Document, str], float]


def exact(document: Document, answer: str) -> float:
    """1 where an answer is the one that is wanted, but for blanks around it.

    Args:
        document: with the wanted answer in its metadata.
        answer: what was written.

    Returns:
        1 or 0.

    Example:
        >>> exact(Document("a", "1+1=2", metadata={"prompt": "1+1=", "answer": "2"}), " 2")
        1.0
    """
    return float(answer.strip() == str(document.metadata["answer"]).strip())


@dataclass(frozen=True, eq=False)
class Task:
    """Text to learn from, text that was held out, and how answers are judged.

    Where a task asks something, the metadata of each document holds `prompt`, with which its text
    begins, and `answer`, what follows it. Everything else that is known of a document (the
    hidden state of a source, where a mistake was planted) stands there too.

    Args:
        name: of the generator.
        train: text to learn from.
        held_out: text to be judged on.
        known: what theory says, by name: `chance`, `entropy_rate` (nats a symbol) …
        judge: from a held-out document and an answer to 0 … 1; None where nothing is asked, and
            the text itself is what is measured.

    Example:
        >>> asked = Document("a", "1+1=2", metadata={"prompt": "1+1=", "answer": "2"})
        >>> task = Task("sums", Corpus("train", ()), Corpus("held out", (asked,)), judge=exact)
        >>> task.prompts, task.score(["2"])
        (('1+1=',), array([1.]))
    """

    name: str
    train: Corpus
    held_out: Corpus
    known: Mapping[str, float] = field(default_factory=dict)
    judge: Judge | None = None

    @property
    def prompts(self) -> tuple[str, ...]:
        """What is asked, a held-out document each."""
        return tuple(str(d.metadata["prompt"]) for d in self._asked())

    @property
    def answers(self) -> tuple[str, ...]:
        """What is wanted, a held-out document each."""
        return tuple(str(d.metadata["answer"]) for d in self._asked())

    def score(self, answers: Sequence[str]) -> NDArray[np.float64]:
        """Judge what was written for the held-out documents.

        Args:
            answers: one a document, in their order.

        Returns:
            0 … 1 each, `[M]`.

        Raises:
            Unsupported: the task asks nothing.
            ShapeError: another number of answers than of documents.
        """
        documents, judge = self._asked(), self.judge
        assert judge is not None
        if len(answers) != len(documents):
            raise ShapeError(
                f"Task {self.name!r}: {len(answers)} answers were given for {len(documents)} "
                "held-out documents; give one each, in their order."
            )
        pairs = zip(documents, answers, strict=True)
        return np.array([judge(document, answer) for document, answer in pairs], np.float64)

    def _asked(self) -> tuple[Document, ...]:
        if self.judge is None:
            raise Unsupported(
                f"The task {self.name!r} asks nothing that could be answered: measure the "
                "likelihood of its held-out text."
            )
        return self.held_out.documents
