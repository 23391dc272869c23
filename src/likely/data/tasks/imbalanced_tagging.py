"""Imbalanced tagging: a tag for every word, a few tags often and many seldom."""

import math
from collections.abc import Iterator
from typing import Annotated

import numpy as np
from annotated_types import Ge, Le
from numpy.typing import NDArray

from likely.core.settings import checked
from likely.data.corpus import Document
from likely.data.task import Task
from likely.data.tasks._documents import HELD_OUT, TRAIN, Row, corpus, symbols, with_trained
from likely.data.tasks._draw import Count, Seed

END = ">"
"""What parts the words from their tags."""


def imbalanced_tagging(
    *,
    documents: Count = 1000,
    held_out: Count = 200,
    length: Count = 32,
    tags: Annotated[int, Ge(2), Le(500)] = 12,
    exponent: Annotated[float, Ge(0), Le(4)] = 1.5,
    words: Annotated[int, Ge(1), Le(20)] = 2,
    noise: Annotated[float, Ge(0), Le(1)] = 0.3,
    seed: Seed = 0,
) -> Task:
    r"""Words of one character, and behind them the tag of each; tags follow a power law.

    $$ \pi_t \propto (t + 1)^{-s}, \quad p(w \mid t) = \frac{1 - \nu}{m} [w \in W_t] +
    \frac{\nu}{K m} $$

    Every place has a tag of its own, drawn from π; its word is one of the m words of the tag, or
    with probability ν (`noise`) any word at all. The tag that was drawn is the label. What the best
    tagger reaches follows from the formula: it names the likeliest tag of each word. Both parts are
    drawn from one law; `trained` marks a held-out text that training has too, which happens only
    where texts are very short.

    Args:
        documents: texts to train on.
        held_out: texts to be judged on.
        length: words a text.
        tags: how many tags there are, K.
        exponent: s of the power law; 0 for tags that are equally frequent.
        words: of each tag, m.
        noise: how often a word says nothing about its tag, ν.
        seed: of the texts.

    Returns:
        The task; the judge gives the share of tags that are right, of as many as the longer one
        of answer and wanted answer has. Metadata: `tags`, by number, the most frequent first;
        `trained` in the held-out part. Known: `chance`, the share of the most frequent tag;
        `bayes_accuracy`, the best share of right tags; `bayes_balanced_accuracy`, the best mean
        over tags of the share that is found; `entropy_rate` of a tag where its word is read, nats.

    Raises:
        BadSetting: settings outside their bounds.

    Example:
        >>> task = imbalanced_tagging(documents=1, held_out=1, length=8, tags=3)
        >>> task.prompts, task.answers, round(task.known["bayes_accuracy"], 3)
        (('43886653>',), ('00221110',), 0.8)
        >>> task.score(["00000000"])
        array([0.375])

    References:
        Cui et al., Class-Balanced Loss Based on Effective Number of Samples, 2019.
        arXiv:1901.05555; Li et al., Dice Loss for Data-imbalanced NLP Tasks, 2020.
        arXiv:1911.02855.
    """
    checked(imbalanced_tagging, locals())
    joint = _joint(tags, exponent, words, noise)
    share, names = joint.sum(1), symbols(tags + tags * words)
    rng = np.random.default_rng(seed)

    def rows(count: int) -> Iterator[Row]:
        for _ in range(count):
            drawn = rng.choice(tags, size=length, p=share)
            own = drawn * words + rng.integers(words, size=length)
            written = np.where(
                rng.random(length) < noise, rng.integers(tags * words, size=length), own
            )
            prompt = "".join(names[tags + word] for word in written) + END
            yield prompt, "".join(names[tag] for tag in drawn), {"tags": tuple(drawn.tolist())}

    train = corpus("imbalanced_tagging", TRAIN, rows(documents))
    held = with_trained(corpus("imbalanced_tagging", HELD_OUT, rows(held_out)), train)
    return Task("imbalanced_tagging", train, held, _known(joint), _share_right)


def _joint(tags: int, exponent: float, words: int, noise: float) -> NDArray[np.float64]:
    """Probability of every tag with every word, `[tags, words of all tags]`."""
    share = (1.0 + np.arange(tags)) ** -exponent
    owns = np.kron(np.eye(tags), np.ones(words))
    given = (1 - noise) / words * owns + noise / (tags * words)
    joint: NDArray[np.float64] = (share / share.sum())[:, None] * given
    joint /= joint.sum()
    return joint


def _known(joint: NDArray[np.float64]) -> dict[str, float]:
    share, word = joint.sum(1), joint.sum(0)
    seen = joint[joint > 0]
    both, one = -float((seen * np.log(seen)).sum()), -float((word * np.log(word)).sum())
    return {
        "chance": float(share.max()),
        "bayes_accuracy": float(joint.max(0).sum()),
        "bayes_balanced_accuracy": float((joint / share[:, None]).max(0).sum() / len(share)),
        "entropy_rate": max(0.0, both - one),
    }


def _share_right(document: Document, answer: str) -> float:
    wanted, given = str(document.metadata["answer"]), answer.strip()
    right = math.fsum(a == b for a, b in zip(wanted, given, strict=False))
    return right / max(len(wanted), len(given))
