"""What a model gives to answers behind their prompts: read once, and summed up."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log

import numpy as np
import torch
from numpy.typing import NDArray

from likely.core.batch import Batch
from likely.data.examples import Examples
from likely.models._judge import evaluating
from likely.models.reader import Reader
from likely.train.exam import Asked


@dataclass(frozen=True, eq=False)
class Answers:
    """What a model gives to the sides of examples.

    Args:
        examples: what was read.
        nats: of every side's answer.
        hits: tokens of it that no other one beat.
        scored: tokens of it.
    """

    examples: Examples
    nats: NDArray[np.float64]
    hits: NDArray[np.float64]
    scored: NDArray[np.float64]

    def likelihood(self, column: int = 0) -> dict[str, float]:
        """Sums over answers, divided once.

        Args:
            column: of pairs, 0 for the chosen answers and 1 for the rejected ones.

        Returns:
            nats_per_token, bits_per_byte, perplexity, accuracy.
        """
        sides = self.examples.units[:, column]
        nats, scored = self.nats[sides].sum(), self.scored[sides].sum()
        spelled = max(self.examples.byte_lengths[sides].sum(), 1)
        return {
            "nats_per_token": float(nats / scored),
            "bits_per_byte": float(nats / log(2) / spelled),
            "perplexity": float(np.exp(nats / scored)),
            "accuracy": float(self.hits[sides].sum() / scored),
        }

    @property
    def preferred(self) -> NDArray[np.float64]:
        """For each pair 1 where the chosen answer is likelier than the rejected one, else 0."""
        chosen, rejected = self.nats[self.examples.pairs].T
        won: NDArray[np.bool_] = chosen < rejected
        return won.astype(np.float64)


def read_answers(reader: Reader, examples: Examples, rows: int) -> Answers:
    """Read every answer behind its prompt.

    Args:
        reader: the model.
        examples: what it reads.
        rows: sides that are read at once.

    Returns:
        What the model gives to each side.
    """
    sides = len(examples.names)
    nats, hits, scored = np.zeros(sides), np.zeros(sides), np.zeros(sides)
    with evaluating(reader):
        for first in range(0, sides, rows):
            places = range(first, min(first + rows, sides))
            batch = side_by_side(examples, places).to(reader.device)
            stats = reader.read(batch, ("log_prob", "rank"))
            counts = batch.weight.view(len(places), -1) > 0
            log_prob = stats["log_prob"].double().view_as(counts) * counts
            at = slice(first, first + len(places))
            nats[at] = -log_prob.sum(1).cpu().numpy()
            hits[at] = ((stats["rank"].view_as(counts) == 0) & counts).sum(1).cpu().numpy()
            scored[at] = counts.sum(1).cpu().numpy()
    return Answers(examples, nats, hits, scored)


def look(reader: Reader, examples: Examples, rows: int) -> dict[str, float]:
    """What a model gives to answers, each behind its prompt.

    Args:
        reader: the model.
        examples: of pairs, the chosen answers count.
        rows: sides that are read at once.

    Returns:
        nats_per_token, bits_per_byte, perplexity, accuracy; of pairs, also how often the chosen
        answer is likelier than the rejected one (`preferred`).
    """
    found = read_answers(reader, examples, rows)
    preferred = {"preferred": float(found.preferred.mean())} if examples.is_pairs else {}
    return {**found.likelihood(), **preferred}


def side_by_side(examples: Examples, places: Sequence[int]) -> Batch:
    """Some sides as rows, padded to the longest of them.

    Args:
        examples: where they are.
        places: numbers of sides.

    Returns:
        One segment a row.
    """
    spans = [slice(*examples.offsets[place : place + 2]) for place in places]
    longest = max(span.stop - span.start for span in spans)
    ids, target = np.zeros((2, len(spans), longest), np.int64)
    weight = np.zeros((len(spans), longest), np.float32)
    inside = np.zeros((len(spans), longest), np.bool_)
    for row, span in enumerate(spans):
        size = span.stop - span.start
        target[row, :size] = examples.ids[span]
        ids[row, 0], ids[row, 1:size] = examples.vocabulary.bos, examples.ids[span][:-1]
        weight[row, :size], inside[row, :size] = examples.weight[span], True
    segment = np.where(inside, np.arange(len(spans))[:, None], -1)
    position = np.where(inside, np.arange(longest), 0)
    columns = {
        "ids": ids,
        "target": target,
        "segment": segment,
        "position": position,
        "weight": weight,
        "document": segment,
    }
    flat = {name: torch.from_numpy(column.reshape(-1)) for name, column in columns.items()}
    return Batch(**flat, rows=len(spans))  # type: ignore[arg-type]


def asked_in(examples: Examples, count: int) -> Asked:
    """The first prompts with their answers, of pairs the chosen ones, as texts.

    A prompt that the vocabulary would cut otherwise when it stands alone is left out.

    Args:
        examples: what to take from.
        count: how many at most.

    Returns:
        Prompts and answers.
    """
    vocabulary = examples.vocabulary
    prompts: list[str] = []
    wanted: list[str] = []
    for side in examples.units[:, 0].tolist():
        span = slice(*examples.offsets[side : side + 2])
        ids, begin = examples.ids[span].tolist(), int((examples.weight[span] > 0).argmax())
        prompt = vocabulary.decode(ids[:begin])
        if len(prompts) < count and vocabulary.encode(prompt).tolist() == ids[:begin]:
            prompts.append(prompt)
            wanted.append(vocabulary.decode(ids[begin:]))
    return Asked(tuple(prompts), tuple(wanted))
