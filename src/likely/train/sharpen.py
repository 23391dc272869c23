"""Sharpening: a model's own likeliest answers, drawn and kept, to be trained on."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from annotated_types import Ge

from likely.core.settings import checked
from likely.models.reader import Reader
from likely.train._rollouts import Answer, Draws, answers, chunks

__all__ = ["Answer", "Coverage", "Draws", "best_of", "coverage"]

LITTLE_GAIN = 0.1
"""Nats by which the best answer should at least beat a single one, for a sharpening to do much."""


def best_of(
    reader: Reader,
    prompts: Sequence[str | Sequence[int]],
    *,
    count: Annotated[int, Ge(1)],
    rng: np.random.Generator,
    max_new_tokens: Annotated[int, Ge(1)] = 64,
) -> list[Draws]:
    r"""Draw answers to each prompt from a model; `best` of each is the model's own favourite.

    $$ \hat y(x) = \arg\max_{i \le N} \log \pi(y_i \mid x), \quad
       y_1, \dots, y_N \sim \pi(\cdot \mid x) $$
    Answers are drawn at temperature 1 and scored by the sum of their tokens' log-probabilities,
    the token that ends them too. Each prompt draws from a generator of its own.

    Args:
        reader: the model, which draws and judges.
        prompts: texts, or their tokens without BOS; each is read from BOS on.
        count: N, answers of each.
        rng: source of randomness; the same state gives the same answers.
        max_new_tokens: where an answer that did not end is cut.

    Returns:
        The answers to each prompt, in order, with log-probabilities in nats.

    Raises:
        BadSetting: `count` or `max_new_tokens` below 1.

    Example:
        >>> from likely.core.vocabulary import Vocabulary
        >>> from likely.models.feed_forward import feed_forward
        >>> small = feed_forward(Vocabulary.of_bytes(), context=2, embedding=4, width=8)
        >>> (found,) = best_of(small, ["2+2="], count=4, rng=np.random.default_rng(0))
        >>> len(found.answers), found.best in found.answers
        (4, True)

    References:
        Huang et al., Self-Improvement in Language Models: The Sharpening Mechanism, 2024,
        §3.1 (best-of-N sharpening). arXiv:2412.01951.
    """
    checked(best_of, locals())
    vocabulary = reader.vocabulary
    given = [
        vocabulary.encode(prompt).tolist() if isinstance(prompt, str) else list(map(int, prompt))
        for prompt in prompts
    ]
    rngs = rng.spawn(len(given))
    found: dict[int, Draws] = {}
    for places in chunks(given, count):
        drawn = answers(
            reader,
            [given[place] for place in places],
            [rngs[place] for place in places],
            count=count,
            max_new_tokens=max_new_tokens,
        )
        found |= dict(zip(places, drawn, strict=True))
    return [found[place] for place in range(len(given))]


@dataclass(frozen=True)
class Coverage:
    r"""Whether so many answers were enough to find the model's likeliest one.

    An answer of probability p is among N with probability 1 − (1 − p)^N, so that a likelier answer
    than the best one found was probably seen where N · p(best) is at least 1, and may well have
    been missed where it is far below.

    Args:
        covered: share of prompts whose best answer has N · p of at least 1.
        gain: mean of log p of the best answer minus that of a single one, in nats.
        ended: share of prompts with an answer that ended.
        tokens: that the model read or wrote.
    """

    covered: float
    gain: float
    ended: float
    tokens: int

    @property
    def warning(self) -> str:
        """What is wrong with them, in a sentence; empty where nothing is."""
        if self.ended < 1:
            return (
                f"{1 - self.ended:.0%} of the prompts have no answer that ended, and cannot be "
                "trained on: raise answer_tokens, or begin with a model that ends its answers."
            )
        if self.covered < 0.5:
            return (
                f"Coverage is missing: for only {self.covered:.0%} of the prompts the best answer "
                "is likely enough to be expected once among so many, so that a likelier one may "
                "well have been missed. Draw more answers, or take shorter ones."
            )
        if self.gain < LITTLE_GAIN:
            return (
                f"The best answer is only {self.gain:.3f} nats likelier than a single one: the "
                "model is as sharp as it gets, and training on its own answers changes little."
            )
        return ""


def coverage(found: Sequence[Draws]) -> Coverage:
    """Look at answers before a model is trained on them.

    Args:
        found: from `best_of`.

    Returns:
        Shares, and a warning where they are low.
    """
    best = np.array([draws.best.log_prob for draws in found])
    many = np.array([len(draws.answers) for draws in found])
    single = [np.mean([answer.log_prob for answer in draws.answers]) for draws in found]
    return Coverage(
        covered=float(np.mean(np.log(many) + best >= 0)),
        gain=float(np.mean(best - single)),
        ended=float(np.mean([draws.best.ended for draws in found])),
        tokens=sum(draws.tokens for draws in found),
    )
