"""Planted passages: text that was read a known number of times is asked for, word for word."""

from dataclasses import replace
from typing import Annotated, Literal

import numpy as np
from annotated_types import Ge

from likely.core.errors import BadSetting
from likely.core.settings import checked
from likely.data._docstrings import docstrings
from likely.data.corpus import Corpus, Document
from likely.data.plant import WORD, Planted, plant
from likely.data.sample import drawn
from likely.data.task import Task, exact

Count = Annotated[int, Ge(1)]
_SYLLABLES = tuple(a + b for a in "bdfgklmnprstvz" for b in "aeiou")
_WORDS = 500


def planted_passages(
    *,
    documents: Count = 64,
    held_out: Count = 16,
    repeats: tuple[Annotated[int, Ge(0)], ...] = (0, 1, 4, 16),
    length: Annotated[int, Ge(16)] = 96,
    background: Literal["words", "docstrings"] = "words",
    size: Count = 1024,
    seed: Annotated[int, Ge(0)] = 0,
) -> Task:
    r"""Passages of shuffled words among other text; each is asked to go on after its first half.

    What is asked for has been read: `repeats` in the metadata says how many documents of the
    training text it is, and 0 marks controls that no model saw. Words follow each other at random,
    so that without memory an answer is guessed with a probability of at most

    $$ p_{\max}^{\,w} $$

    where p is the share of the commonest word and w the number of whole words in the answer.

    Args:
        documents: how many of other text; the copies of passages come on top of them.
        held_out: passages that are asked for, dealt over `repeats` in turn.
        repeats: how many documents of the training text a passage is; 0 for controls.
        length: bytes a passage; the second half is asked for.
        background: `words` invents words and draws them by Zipf's law; `docstrings` takes stretches
            of docstrings of the standard library, none of them from the part that
            `likely.data.split.split` holds out.
        size: bytes of a document of other text, about.
        seed: of everything drawn.

    Returns:
        The task; metadata: `repeats`, `prompt`, `answer`. `known` holds `chance`, the largest
        probability to guess one of the answers.

    Raises:
        BadSetting: a setting outside its range, or no `repeats`.
        BadInput: more docstrings are wanted than there are.

    Example:
        >>> task = planted_passages(documents=2, held_out=2, repeats=(0, 3), length=24)
        >>> [(d.id, d.metadata["repeats"]) for d in task.held_out]
        [('passage/0', 0), ('passage/1', 3)]
        >>> [d.id for d in task.train][2:]
        ['planted/1#1', 'planted/1#2', 'planted/1#3']

    References:
        Carlini et al., The Secret Sharer, 2019, §4 (text that is planted to be asked for).
        arXiv:1802.08232; Hans et al., Be like a Goldfish, Don't Memorize!, 2024, §4.
        arXiv:2406.10209.
    """
    checked(planted_passages, locals())
    if not repeats:
        raise BadSetting(
            "planted_passages", ["repeats=() should name at least one number of copies."]
        )
    rng = np.random.default_rng(seed)
    if background == "words":
        other = _words(documents, size, rng)
    else:
        other = drawn(docstrings().train, documents, size, rng)
    each = -(-held_out // len(repeats))
    planted_in, passages = plant(other, passages=each, repeats=repeats, length=length, seed=seed)
    asked = _dealt(len(passages), each)[:held_out]
    chosen = {f"planted/{number}" for number in asked}
    train = tuple(
        _known(d, d.text, d.metadata["repeats"]) if d.domain == "planted" else d
        for d in planted_in
        if d.domain != "planted" or d.id.split("#")[0] in chosen
    )
    questions = tuple(_question(i, passages[number]) for i, number in enumerate(asked))
    return Task(
        "planted_passages",
        Corpus("planted passages/train", train),
        Corpus("planted passages/asked", questions),
        known={"chance": _chance(other, questions)},
        judge=exact,
    )


def _dealt(count: int, each: int) -> list[int]:
    """Numbers of passages, one of every number of repeats in turn."""
    return [number for first in range(each) for number in range(first, count, each)]


def _question(number: int, passage: Planted) -> Document:
    document = Document(f"passage/{number}", passage.text, "planted")
    return _known(document, passage.text, passage.repeats)


def _known(document: Document, text: str, repeats: int) -> Document:
    middle = len(text) // 2
    asked = {"repeats": repeats, "prompt": text[:middle], "answer": text[middle:]}
    return replace(document, metadata=asked)


def _words(documents: int, size: int, rng: np.random.Generator) -> Corpus:
    """Documents of invented words, each drawn by itself."""
    many = rng.integers(2, 5, size=_WORDS)
    words = ["".join(rng.choice(_SYLLABLES, size=count)) for count in many]
    share = 1 / np.arange(1, _WORDS + 1)
    texts = []
    for _ in range(documents):
        chosen = rng.choice(_WORDS, size=size // 4, p=share / share.sum())
        texts.append(" ".join(words[place] for place in chosen)[:size])
    return Corpus(
        "invented words", tuple(Document(f"words/{i}", text) for i, text in enumerate(texts))
    )


def _chance(other: Corpus, questions: tuple[Document, ...]) -> float:
    """The share of the commonest word to the power of the fewest whole words in an answer."""
    words = [word for document in other for word in WORD.findall(document.text)]
    commonest = max(np.unique(words, return_counts=True)[1]) / len(words)
    # The first and the last word of an answer may be cut, and their ends can be guessed.
    fewest = min(len(str(q.metadata["answer"]).split()) for q in questions) - 2
    return float(commonest ** max(fewest, 0))
