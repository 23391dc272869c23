"""Questions with answers of one length: read in batches, answered greedily or at random."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from likely.core.batch import Batch
from likely.core.vocabulary import Vocabulary
from likely.data._answers import answered
from likely.data.corpus import Corpus
from likely.data.tasks.arithmetic import arithmetic
from likely.models._judge import evaluating
from likely.models.reader import Reader

_AT_ONCE = 4096
"""Answers that are written side by side at most."""


@dataclass(frozen=True, eq=False)
class Questions:
    """Prompts behind BOS, all of one length, and what is wanted, likewise.

    Args:
        prompt: tokens read, `[S, T]`.
        answer: tokens that are wanted, `[S, A]`.
    """

    prompt: Int[Tensor, "S T"]
    answer: Int[Tensor, "S A"]

    def __len__(self) -> int:
        return len(self.prompt)

    def __getitem__(self, places: np.ndarray | slice) -> "Questions":
        """Some of them.

        Args:
            places: which.

        Returns:
            Those.
        """
        return Questions(self.prompt[places], self.answer[places])

    @property
    def batch(self) -> Batch:
        """All of them, a row each; the answers alone count."""
        return answered(self.prompt, self.answer)


def questions(corpus: Corpus, vocabulary: Vocabulary, *, end: bool = False) -> Questions:
    """The questions of a task whose prompts and answers have one length each.

    Args:
        corpus: documents with `prompt` and `answer`.
        vocabulary: what cuts them.
        end: whether answers end with the token that ends a document.

    Returns:
        The questions, in the order of the documents.
    """

    def ids(name: str) -> Int[Tensor, "S T"]:
        texts = [str(document.metadata[name]) for document in corpus]
        return torch.from_numpy(np.stack(vocabulary.encode_many(texts)))

    prompt, answer = ids("prompt"), ids("answer")
    begin, stop = (torch.full((len(prompt), 1), i) for i in (vocabulary.bos, vocabulary.eos))
    return Questions(
        torch.cat([begin, prompt], dim=1), torch.cat([answer, stop], dim=1) if end else answer
    )


@lru_cache(maxsize=1)
def calculations(
    seed: int, problems: int, held_out: int, operation: Literal["+", "-", "*"], digits: int
) -> tuple[Questions, Questions]:
    """Calculations of two numbers, padded with zeros, as bytes; arms of one seed share them.

    Args:
        seed: of the problems.
        problems: to train on.
        held_out: to be judged on.
        operation: of the calculations.
        digits: of their numbers.

    Returns:
        Those to train on, and those held out.
    """
    task = arithmetic(
        documents=problems,
        held_out=held_out,
        operations=(operation,),
        digits=digits,
        padded=True,
        seed=seed,
    )
    vocabulary = Vocabulary.of_bytes()
    return questions(task.train, vocabulary), questions(task.held_out, vocabulary)


def passes(asked: Questions, rows: int, seed: int) -> Callable[[int], Batch]:
    """Batches that go through all questions again and again, in another order each time.

    Args:
        asked: the questions.
        rows: of a batch.
        seed: of the orders.

    Returns:
        From the number of a step to its batch.
    """

    def batch(step: int) -> Batch:
        places = np.arange(step * rows, (step + 1) * rows)
        chosen = np.empty(rows, np.int64)
        for epoch in np.unique(places // len(asked)):
            order = np.random.default_rng((seed, int(epoch))).permutation(len(asked))
            inside = places // len(asked) == epoch
            chosen[inside] = order[places[inside] % len(asked)]
        return asked[chosen].batch

    return batch


def write(
    reader: Reader,
    prompt: Int[Tensor, "S T"],
    length: int,
    rng: torch.Generator | None = None,
    never: int | None = None,
) -> Int[Tensor, "S A"]:
    """Answer each prompt with as many tokens.

    Args:
        reader: the model.
        prompt: what is read.
        length: tokens of an answer.
        rng: what tokens are drawn by from the model's own probabilities; None for the likeliest.
        never: a token that is not written.

    Returns:
        The answers.
    """
    with evaluating(reader):
        parts = [
            _write(reader, prompt[first : first + _AT_ONCE], length, rng, never)
            for first in range(0, len(prompt), _AT_ONCE)
        ]
    return torch.cat(parts)


def _write(
    reader: Reader,
    prompt: Int[Tensor, "S T"],
    length: int,
    rng: torch.Generator | None,
    never: int | None,
) -> Int[Tensor, "S A"]:
    state, tokens, written = reader.start(len(prompt)), prompt, []
    for _ in range(length):
        logits, state = reader.step(state, tokens)
        if never is not None:
            logits[:, never] = -torch.inf
        if rng is None:
            tokens = logits.argmax(-1, keepdim=True)
        else:
            tokens = torch.multinomial(logits.float().softmax(-1), 1, generator=rng)
        written.append(tokens)
    return torch.cat(written, dim=1)


def answer_log_prob(reader: Reader, asked: Questions) -> Float[Tensor, "S"]:
    """Log p of each whole answer.

    Args:
        reader: the model.
        asked: questions with the answers that are judged.

    Returns:
        Nats.
    """
    found = []
    with evaluating(reader):
        for first in range(0, len(asked), _AT_ONCE):
            batch = asked[slice(first, first + _AT_ONCE)].batch
            log_prob = reader.read(batch, ("log_prob",))["log_prob"] * batch.weight
            found.append(log_prob.view(batch.rows, -1).sum(dim=1))
    return torch.cat(found)
