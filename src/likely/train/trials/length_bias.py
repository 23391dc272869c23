"""Length bias: a judge likes long answers, and a model is aligned to what the judge prefers."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated

import numpy as np
import torch
from annotated_types import Ge, Gt
from jaxtyping import Float, Int
from numpy.typing import NDArray

from likely.core.batch import Batch
from likely.core.settings import checked
from likely.core.vocabulary import Vocabulary
from likely.models.reader import Reader
from likely.train.recipe import Optimizer
from likely.train.trials._calculations import write
from likely.train.trials._fit import fit
from likely.train.trials._pairs import Drawn, Ids, Pairs, completed
from likely.train.trials._small import FALLING, one_of, small

Count = Annotated[int, Ge(1)]
_LETTERS, _PROMPT, _LONGEST = 10, 4, 48
"""Of the alphabet, of a prompt, and of an answer at most."""
_MEAN = 12
"""Letters of an answer on average, before."""
_TAUGHT = 3000
"""Texts that the reference is trained on."""
_JUDGED = 256
"""Prompts of held-out and of tuning answers each."""
_SLIP = 0.15
"""How often a letter of the reference's texts is any letter."""
_BASE_RATE = 4e-3


@dataclass(frozen=True, eq=False)
class _Source:
    """Letters that mostly follow a rule: each pair of letters has one that should come.

    Args:
        next: the letter that should follow two others.
    """

    next: Int[NDArray[np.int64], "A A"]

    def texts(
        self, count: int, length: Int[NDArray[np.int64], "S"], rng: np.random.Generator
    ) -> list[list[int]]:
        """Texts of the source with slips.

        Args:
            count: how many.
            length: letters of each.
            rng: source of randomness.

        Returns:
            Letters, from 0.
        """
        found = rng.integers(_LETTERS, size=(count, int(length.max(initial=2))))
        slips = rng.random(found.shape) < _SLIP
        for at in range(2, found.shape[1]):
            right = self.next[found[:, at - 2], found[:, at - 1]]
            found[:, at] = np.where(slips[:, at], found[:, at], right)
        return [row[:size].tolist() for row, size in zip(found, length, strict=True)]

    def right(self, prompt: list[int], answer: list[int]) -> float:
        """The share of letters of an answer that should come where they stand; 0 of none.

        Args:
            prompt: letters before.
            answer: letters.

        Returns:
            0 … 1.
        """
        whole = np.array([*prompt[-2:], *answer])
        right = self.next[whole[:-2], whole[1:-1]] == whole[2:]
        return float(right.sum() / max(len(answer), 1))


@dataclass(frozen=True, eq=False)
class _Taught:
    """What all arms of a seed begin from."""

    source: _Source
    reference: Reader
    pairs: Pairs
    prompts: list[list[int]]
    lengths: Float[NDArray[np.float64], "S"]
    quality: Float[NDArray[np.float64], "S"]


def length_bias(
    seed: int,
    *,
    alphas: tuple[float, ...] = (0.0,),
    which: Annotated[int, Ge(0)] = 0,
    beta: Annotated[float, Gt(0)] = 0.1,
    rate: Annotated[float, Gt(0)] = 3e-4,
    bias: Annotated[float, Ge(0)] = 0.1,
    care: Annotated[float, Ge(0)] = 8.0,
    steps: Count = 120,
    pairs: Count = 1024,
    pairs_a_step: Count = 16,
    teaching_steps: Count = 400,
    width: Annotated[int, Ge(8)] = 64,
) -> dict[str, float | list[float]]:
    """Align a small transformer by a judge that likes right letters, and long answers too.

    In a text two letters decide which one should follow, and 15 % of the letters are any. The
    reference, which has two layers, learned such texts of many lengths. It samples two answers to
    each prompt, and a judge prefers the first with the probability
    σ(care · difference of the shares of right letters + bias · difference of the lengths). A model
    that begins as the reference is trained on these pairs by R-DPO. `alpha` 0 is DPO.

    Measures of answers to held-out prompts, sampled at temperature 1, one number a prompt:
    `length` in letters; `quality`, the share of right letters; `longer`, letters by which it is
    longer than the reference's answer with the same random numbers; `gain`, by how much its
    quality is above that of the reference. Of other prompts, a number each: `tuning_quality`.

    Args:
        seed: of the rule, texts, answers, verdicts, orders and first weights.
        alphas: what the weight of lengths may be.
        which: which of them it is, from 0.
        beta: how far from the reference the model may go.
        rate: highest learning rate on pairs, of AdamW.
        bias: what the judge gives for a letter more, in log-odds.
        care: what it gives for all letters right in place of none.
        steps: of training on pairs.
        pairs: how many there are.
        pairs_a_step: how many a step reads.
        teaching_steps: of 32 texts, before.
        width: of the transformer.

    Returns:
        The measures by name.

    Raises:
        BadSetting: a setting out of range, or `which` beyond the alphas.

    References:
        Park et al., Disentangling Length from Quality in Direct Preference Optimization, 2024,
        §3 and §4. arXiv:2403.19159.
    """
    settings = checked(length_bias, locals())
    alpha = one_of("length_bias", "alphas", alphas, which)
    taught = _taught(seed, settings["bias"], settings["care"], pairs, teaching_steps, width)
    reader = copy.deepcopy(taught.reference)
    fit(
        reader,
        Drawn(taught.pairs, taught.reference, count=pairs_a_step, seed=seed),
        steps=steps,
        objective=f"r_dpo(alpha={float(alpha)}, beta={settings['beta']})",
        optimizer=Optimizer(lr=settings["rate"], weight_decay=0.0),
        schedule=FALLING,
        seed=seed,
    )
    length, quality = _answered(reader, taught.source, taught.prompts, seed)
    held = slice(0, None, 2)
    return {
        "length": length[held].tolist(),
        "quality": quality[held].tolist(),
        "longer": (length - taught.lengths)[held].tolist(),
        "gain": (quality - taught.quality)[held].tolist(),
        "tuning_quality": float(quality[1::2].mean()),
    }


@lru_cache(maxsize=1)
def _taught(seed: int, bias: float, care: float, pairs: int, steps: int, width: int) -> _Taught:
    rng, vocabulary = np.random.default_rng(seed), Vocabulary.of_bytes()
    source = _Source(rng.integers(_LETTERS, size=(_LETTERS, _LETTERS)))
    lengths = _PROMPT + 1 + rng.geometric(1 / _MEAN, size=_TAUGHT).clip(max=_LONGEST - 1)
    texts = [[*_ids(t), vocabulary.eos] for t in source.texts(_TAUGHT, lengths, rng)]
    context = _PROMPT + _LONGEST + 2
    reader = small(vocabulary, width, context, seed)

    def batches(step: int) -> Batch:
        places = np.random.default_rng([seed, 1, step]).integers(_TAUGHT, size=32)
        return completed([[vocabulary.bos]] * 32, [texts[place] for place in places])

    fit(
        reader,
        batches,
        steps=steps,
        optimizer=Optimizer(lr=_BASE_RATE),
        schedule=FALLING,
        seed=seed,
    )
    count = pairs + 2 * _JUDGED
    prompts = [
        [vocabulary.bos, *_ids(t)] for t in source.texts(count, np.full(count, _PROMPT), rng)
    ]
    asked = prompts[:pairs]
    answers = [_sampled(reader, asked, seed + n) for n in (1, 2)]
    chosen, rejected = _judged(source, asked, answers, bias, care, rng)
    judged = prompts[pairs:]
    length, quality = _answered(reader, source, judged, seed)
    return _Taught(source, reader, Pairs(asked, chosen, rejected), judged, length, quality)


def _judged(
    source: _Source,
    prompts: Ids,
    answers: Sequence[Ids],
    bias: float,
    care: float,
    rng: np.random.Generator,
) -> tuple[list[list[int]], list[list[int]]]:
    """Preferred answers, and the others."""
    (length, right), (other_length, other_right) = (_told(source, prompts, a) for a in answers)
    odds = care * (right - other_right) + bias * (length - other_length)
    first = rng.random(len(prompts)) < 1 / (1 + np.exp(-odds))
    both = [(a, b) if f else (b, a) for a, b, f in zip(*answers, first, strict=True)]
    return [a for a, _ in both], [b for _, b in both]


def _answered(
    reader: Reader, source: _Source, prompts: Ids, seed: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Lengths of sampled answers, and their shares of right letters."""
    return _told(source, prompts, _sampled(reader, prompts, seed))


def _sampled(reader: Reader, prompts: Ids, seed: int) -> list[list[int]]:
    """Answers up to the token that ends them, or to the longest there is."""
    rng, end = torch.Generator().manual_seed(seed), reader.vocabulary.eos
    rows = write(reader, torch.tensor(prompts), _LONGEST + 1, rng).tolist()
    return [row[: row.index(end) + 1] if end in row else row for row in rows]


def _told(
    source: _Source, prompts: Ids, answers: Ids
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Lengths in letters and shares of right ones; what is no letter is not counted."""
    first = ord("a")
    letters = [[i - first for i in answer if 0 <= i - first < _LETTERS] for answer in answers]
    asked = [[i - first for i in prompt[1:]] for prompt in prompts]
    right = [source.right(p, a) for p, a in zip(asked, letters, strict=True)]
    return np.array([len(a) for a in letters], float), np.array(right)


def _ids(letters: Sequence[int]) -> list[int]:
    return [ord("a") + letter for letter in letters]
