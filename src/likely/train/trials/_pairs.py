"""Pairs of answers as batches, with what the reference says of them, and training on them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from likely.core.batch import Batch
from likely.models._judge import evaluating
from likely.models.reader import Reader

REFERENCE = "reference_log_prob"
Ids = Sequence[Sequence[int]]


@dataclass(frozen=True)
class Pairs:
    """Prompts with two answers each, as ids.

    Args:
        prompts: what is asked, BOS first.
        chosen: the preferred answers, EOS last.
        rejected: the others, EOS last.
    """

    prompts: Ids
    chosen: Ids
    rejected: Ids

    def __len__(self) -> int:
        return len(self.prompts)

    def batch(self) -> Batch:
        """Chosen answers in the upper half of the rows, rejected ones in the lower.

        Returns:
            One segment a row, padded at its end; answers alone count.
        """
        both = completed([*self.prompts, *self.prompts], [*self.chosen, *self.rejected])
        half = torch.arange(len(self))
        return replace(both, pair=torch.stack([half, half + len(self)], dim=1))


def completed(prompts: Ids, answers: Ids) -> Batch:
    """Rows that read a prompt and an answer, and are scored on the answer.

    Args:
        prompts: what is asked.
        answers: what follows.

    Returns:
        One segment a row; what lies beyond its answer is read as 0 and does not count.

    Example:
        >>> batch = completed([[1, 2], [3]], [[4], [5, 6]])
        >>> batch.ids.view(2, -1).tolist(), batch.weight.view(2, -1).tolist()
        ([[1, 2], [3, 5]], [[0.0, 1.0], [1.0, 1.0]])
    """
    rows = [[*p, *a] for p, a in zip(prompts, answers, strict=True)]
    longest = max(map(len, rows))
    ids = torch.tensor([[*row, *[0] * (longest - len(row))] for row in rows])
    place = torch.arange(1, longest)
    begin = torch.tensor([len(prompt) for prompt in prompts])[:, None]
    end = torch.tensor([len(row) for row in rows])[:, None]
    batch = Batch.of(ids[:, :-1], ids[:, 1:])
    return replace(batch, weight=((place >= begin) & (place < end)).float().flatten())


class Drawn:
    """Batches of pairs in an order drawn anew each time that all were read.

    Args:
        pairs: all there are.
        reference: says how likely they were before; read once.
        count: pairs a batch.
        seed: of the order.
    """

    def __init__(self, pairs: Pairs, reference: Reader, *, count: int, seed: int) -> None:
        self.whole, self.count, self.seed = pairs.batch(), count, seed
        self.known = log_prob(reference, self.whole).view(2, len(pairs), -1)

    def __call__(self, step: int) -> Batch:
        """The batch of a step.

        Args:
            step: which, from 0.

        Returns:
            Pairs with the column `reference_log_prob`.
        """
        pairs = self.known.shape[1]
        epoch, place = divmod(step * self.count, pairs - pairs % self.count)
        order = np.random.default_rng([self.seed, epoch]).permutation(pairs)
        chosen = torch.from_numpy(order[place : place + self.count])

        def part(value: Tensor) -> Tensor:
            return value.view(2, pairs, -1)[:, chosen].flatten(0, 1)

        batch = Batch.of(part(self.whole.ids), part(self.whole.target))
        half = torch.arange(self.count)
        return replace(
            batch,
            weight=part(self.whole.weight).flatten(),
            pair=torch.stack([half, half + self.count], dim=1),
            columns={REFERENCE: part(self.known).flatten()},
        )


def log_prob(reader: Reader, batch: Batch) -> Float[Tensor, "N"]:
    """Log p of every token that counts, 0 elsewhere, without gradient.

    Args:
        reader: any model.
        batch: what to read.

    Returns:
        One number a position.
    """
    with evaluating(reader):
        return reader.read(batch, ("log_prob",))["log_prob"]


def answer_log_probs(reader: Reader, pairs: Pairs) -> NDArray[np.float64]:
    """Log p of whole answers.

    Args:
        reader: any model.
        pairs: what to read.

    Returns:
        Chosen ones and rejected ones, `[2, P]`, nats.
    """
    per_token = log_prob(reader, pairs.batch()).view(2, len(pairs), -1)
    return per_token.double().sum(-1).numpy()
