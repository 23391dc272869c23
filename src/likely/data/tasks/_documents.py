"""What tasks share about documents: questions with answers as a corpus, and symbols."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from likely.data.corpus import Corpus, Document

Row = tuple[str, str, Mapping[str, Any]]
"""Prompt, answer, and everything else that is known."""

TRAIN, HELD_OUT = "train", "held_out"
_PLAIN = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
MOST_SYMBOLS = 20_000


def corpus(task: str, part: str, rows: Iterable[Row]) -> Corpus:
    """Documents whose text is the prompt and the answer behind it."""
    documents = tuple(
        Document(
            f"{part}/{number}", prompt + answer, task, {"prompt": prompt, "answer": answer, **known}
        )
        for number, (prompt, answer, known) in enumerate(rows)
    )
    return Corpus(f"{task}/{part}", documents)


def commonest(held_out: Corpus) -> float:
    """What the best answer that does not read the prompt scores on these documents."""
    answers = Counter(document.metadata["answer"] for document in held_out)
    return max(answers.values()) / len(held_out)


def with_trained(held_out: Corpus, train: Corpus) -> Corpus:
    """Held-out documents that say, as `trained`, whether their text occurs in training too."""
    seen = {document.text for document in train}
    return Corpus(
        held_out.name,
        tuple(
            Document(d.id, d.text, d.domain, {**d.metadata, "trained": d.text in seen})
            for d in held_out
        ),
    )


def symbols(count: int) -> str:
    """Different characters: digits and letters, then Chinese ones, no brackets or signs."""
    return _PLAIN[:count] + "".join(map(chr, range(0x4E00, 0x4E00 + max(0, count - len(_PLAIN)))))
