"""Answers that a model writes, each with the log-probability that the model itself gives it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from numpy.typing import NDArray
from torch import Tensor

from likely.models._judge import evaluating
from likely.models.reader import Reader

ROWS = 64
"""Answers that are written side by side at most: their states are all in memory."""


@dataclass(frozen=True)
class Answer:
    """What a model wrote after a prompt.

    Args:
        ids: its tokens, without the one that ends it.
        log_prob: Σ log p of its tokens under the model, in nats; the end too, where it ended.
        ended: whether the model ended it, or it was cut.
    """

    ids: tuple[int, ...]
    log_prob: float
    ended: bool

    @property
    def tokens(self) -> int:
        """Tokens that were drawn, the end too."""
        return len(self.ids) + self.ended


@dataclass(frozen=True)
class Draws:
    """The answers to one prompt.

    Args:
        prompt: its tokens, without BOS.
        answers: in the order in which they were drawn.
    """

    prompt: tuple[int, ...]
    answers: tuple[Answer, ...]

    @property
    def best(self) -> Answer:
        """The likeliest answer among those that ended, else among those that were cut.

        A cut answer is a beginning, which is always likelier than what it could have become, so it
        never beats one that ended.
        """
        return max(self.answers, key=lambda answer: (answer.ended, answer.log_prob))

    @property
    def tokens(self) -> int:
        """Tokens that the model read or wrote: BOS and prompt once an answer, and the answers."""
        read = len(self.answers) * (1 + len(self.prompt))
        return read + sum(answer.tokens for answer in self.answers)


def chunks(prompts: Sequence[Sequence[int]], count: int) -> Iterator[list[int]]:
    """Places of prompts of equal length whose answers are written side by side.

    Args:
        prompts: their tokens.
        count: answers of each.

    Yields:
        At least one place, and as many as make `ROWS` answers.
    """
    by_length: dict[int, list[int]] = {}
    for place, prompt in enumerate(prompts):
        by_length.setdefault(len(prompt), []).append(place)
    size = max(ROWS // count, 1)
    for places in by_length.values():
        yield from (places[first : first + size] for first in range(0, len(places), size))


def answers(
    reader: Reader,
    prompts: Sequence[Sequence[int]],
    rngs: Sequence[np.random.Generator],
    *,
    count: int,
    max_new_tokens: int,
) -> list[Draws]:
    """Draw from the model itself: temperature 1, nothing cut off.

    Every prompt has numbers of its own, so that its answers do not depend on which others are
    written beside them.

    Args:
        reader: any model.
        prompts: of one length each call, such as those of `chunks`.
        rngs: one a prompt.
        count: answers of each.
        max_new_tokens: where an answer that did not end is cut.

    Returns:
        One `Draws` a prompt.
    """
    chance = np.stack([rng.random((count, max_new_tokens)) for rng in rngs])
    rows = [[reader.vocabulary.bos, *prompt] for prompt in prompts for _ in range(count)]
    given = torch.tensor(rows, device=reader.device)
    flat = chance.reshape(-1, max_new_tokens)
    with evaluating(reader):
        parts = [
            _write(reader, given[first : first + ROWS], flat[first : first + ROWS])
            for first in range(0, len(rows), ROWS)
        ]
    written = [answer for part in parts for answer in part]
    return [
        Draws(tuple(prompt), tuple(written[place * count : (place + 1) * count]))
        for place, prompt in enumerate(prompts)
    ]


def _write(reader: Reader, given: Int[Tensor, "S T"], chance: NDArray[np.float64]) -> list[Answer]:
    """One answer a row; a row that has ended is read on and not looked at."""
    eos, count = reader.vocabulary.eos, len(given)
    numbers = torch.from_numpy(chance).to(given.device)
    state, tokens = reader.start(count), given
    ids: list[list[int]] = [[] for _ in range(count)]
    total, running = [0.0] * count, [True] * count
    for place in range(chance.shape[1]):
        logits, state = reader.step(state, tokens)
        found, log_prob = drawn(logits, numbers[:, place])
        tokens = found[:, None]
        for row, (token, value) in enumerate(zip(found.tolist(), log_prob.tolist(), strict=True)):
            if running[row]:
                total[row] += value
                running[row] = token != eos
                ids[row] += [token] if token != eos else []
        if not any(running):
            break
    return [
        Answer(tuple(each), value, not goes_on)
        for each, value, goes_on in zip(ids, total, running, strict=True)
    ]


def drawn(
    logits: Float[Tensor, "S V"], chance: Float[Tensor, "S"]
) -> tuple[Int[Tensor, "S"], Float[Tensor, "S"]]:
    """The tokens at which the cumulated probability passes a number, and their log p.

    Args:
        logits: of the next token.
        chance: from [0, 1), one a row.

    Returns:
        Tokens and log-probabilities in nats, computed in float64.
    """
    log_prob = logits.double().log_softmax(-1)
    reached = log_prob.exp().cumsum(-1)
    # Rounding may leave the sum a little below 1: the number is a share of what is there.
    place = torch.searchsorted(reached, (chance[:, None] * reached[:, -1:]), right=True)
    token = place[:, 0].clamp_max(logits.shape[-1] - 1)
    return token, log_prob.gather(-1, token[:, None])[:, 0]
