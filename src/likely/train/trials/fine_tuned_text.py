"""Fine-tuned text: how near to real text a model writes, after tuning by one loss or another."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Annotated

import numpy as np
import torch
from annotated_types import Ge, Gt
from jaxtyping import Int
from numpy.typing import NDArray
from torch import Tensor

from likely.audit.features import features
from likely.audit.likelihood import likelihood
from likely.audit.metrics.mauve import mauve
from likely.core.settings import checked
from likely.core.vocabulary import Vocabulary
from likely.data._docstrings import docstrings
from likely.data.corpus import Corpus
from likely.data.embedded import embedded
from likely.data.sample import drawn, shortened
from likely.data.tokenizers.bpe import bpe
from likely.data.tokens import Tokens, encode
from likely.models.reader import Reader
from likely.train.trials._calculations import write
from likely.train.trials._small import one_of, small, trained

_STRETCH = 500
"""Bytes of a stretch of text."""
_ASKED = 300
"""Bytes of a stretch whose beginning is continued."""
_JUDGED = 24_576
"""Bytes of text that is scored."""
_PROMPT = 8
"""Tokens of a prompt."""
_BASE_RATE = 4e-3
Count = Annotated[int, Ge(1)]


@dataclass(frozen=True, eq=False)
class _Asked:
    """Beginnings of texts, and how the judge sees the texts themselves."""

    prompts: Int[Tensor, "S T"]
    real: NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class _Common:
    """What all arms of a seed begin from, read and are compared with."""

    base: Reader
    judge: Reader
    train: Tokens
    validation: Tokens
    held_out: Tokens
    validation_asked: _Asked
    held_out_asked: _Asked
    base_mauve: float


def fine_tuned_text(
    seed: int,
    *,
    objectives: tuple[str, ...] = ("cross_entropy",),
    which: Annotated[int, Ge(0)] = 0,
    rate: Annotated[float, Gt(0)] = 1e-3,
    steps: Count = 100,
    rows: Count = 8,
    length: Annotated[int, Ge(16)] = 128,
    base_steps: Count = 400,
    documents: Count = 800,
    prompts: Annotated[int, Ge(4)] = 256,
    new_tokens: Annotated[int, Ge(4)] = 48,
    size: Annotated[int, Ge(257)] = 512,
    width: Annotated[int, Ge(8)] = 64,
) -> dict[str, float | list[float]]:
    """Train a small transformer on code, tune it on docstrings by a loss, and let it sample.

    The model of two layers reads tokens of a BPE of `size` ids. It is trained on code by
    cross-entropy, the same for all arms of a seed, and then tuned for `steps` steps at a rate that
    falls to 0. Prompts are the first 8 tokens of stretches of docstrings; each is continued once,
    at temperature 1. Texts are compared by the last hidden states of another model of the same
    size, which was trained on docstrings alone and is the same for all arms of a seed.

    Measures: `mauve`, 0 … 1, of continuations of held-out prompts beside what really followed them;
    `held_out_nats` a token, one number a document; `tuning_mauve` and `validation_nats` of other
    text; `base_mauve`, of the model before it was tuned.

    Args:
        seed: of texts, their order, first weights and samples.
        objectives: what the model may be tuned by.
        which: which of them it is, from 0.
        rate: the highest learning rate of tuning, of AdamW.
        steps: of tuning.
        rows: rows a step.
        length: tokens a row.
        base_steps: of training before, of the model and of the one that judges.
        documents: stretches of code, and of docstrings.
        prompts: how many are continued, of held-out text and of other text each.
        new_tokens: tokens written after each.
        size: ids of the BPE.
        width: of both transformers.

    Returns:
        The measures by name.

    Raises:
        BadSetting: a setting out of range, or `which` beyond the objectives.
        Unsupported: mauve-text is not installed.

    References:
        Ren et al., EMO: Earth Mover Distance Optimization for Auto-Regressive Language Modeling,
        2023, §4.1. arXiv:2310.04691.
    """
    settings = checked(fine_tuned_text, locals())
    objective = one_of("fine_tuned_text", "objectives", objectives, which)
    common = _common(seed, rows, length, base_steps, documents, prompts, new_tokens, size, width)
    reader = copy.deepcopy(common.base)
    trained(reader, common.train, rows, length, steps, settings["rate"], seed + 1, objective)
    validation = likelihood(reader, common.validation)
    held_out = likelihood(reader, common.held_out)
    near = partial(_near, reader, common.judge, new_tokens=new_tokens, seed=seed)
    return {
        "mauve": near(common.held_out_asked),
        "tuning_mauve": near(common.validation_asked),
        "base_mauve": common.base_mauve,
        "held_out_nats": (held_out.nats / held_out.tokens).tolist(),
        "validation_nats": validation.nats_per_token,
    }


def _near(reader: Reader, judge: Reader, asked: _Asked, new_tokens: int, seed: int) -> float:
    """MAUVE of sampled continuations of prompts."""
    rng, never = torch.Generator().manual_seed(seed), reader.vocabulary.eos
    written = write(reader, asked.prompts, new_tokens, rng, never=never)
    sampled = torch.cat([asked.prompts, written], dim=1)
    return mauve(_features(judge, sampled[:, 1:].tolist()), asked.real)


def _features(judge: Reader, rows: Sequence[Sequence[int]]) -> NDArray[np.float32]:
    """The judge reads text: what was written may be cut into other tokens by itself."""
    return features(judge, [judge.vocabulary.decode(row) for row in rows], length=judge.window)


@lru_cache(maxsize=1)
def _code() -> Corpus:
    return embedded().where("code")


@lru_cache(maxsize=1)
def _common(
    seed: int,
    rows: int,
    length: int,
    base_steps: int,
    documents: int,
    prompts: int,
    new_tokens: int,
    size: int,
    width: int,
) -> _Common:
    rng = np.random.default_rng(seed)
    parts, code = docstrings(), drawn(_code(), documents, _STRETCH, rng)
    prose = drawn(parts.train, 2 * documents, _STRETCH, rng)
    halves = [Corpus(prose.name, prose.documents[begin::2]) for begin in (0, 1)]
    vocabulary = bpe(Corpus("both", (*code.documents, *halves[0].documents)), size=size)
    base, judge = (small(vocabulary, width, length, first) for first in (seed, seed + 1))
    train = encode(halves[0], vocabulary)
    trained(base, encode(code, vocabulary), rows, length, base_steps, _BASE_RATE, seed)
    trained(judge, encode(halves[1], vocabulary), rows, length, base_steps, _BASE_RATE, seed)
    scored, asked = [], []
    for part in (parts.validation, parts.held_out):
        scored.append(encode(shortened(part, _JUDGED), vocabulary))
        ids = _beginnings(part, vocabulary, prompts, _PROMPT + new_tokens, rng)
        begun = torch.tensor([[vocabulary.bos, *row[:_PROMPT]] for row in ids])
        asked.append(_Asked(begun, _features(judge, ids)))
    base_mauve = _near(base, judge, asked[1], new_tokens, seed)
    return _Common(
        base=base,
        judge=judge,
        train=train,
        validation=scored[0],
        held_out=scored[1],
        validation_asked=asked[0],
        held_out_asked=asked[1],
        base_mauve=base_mauve,
    )


def _beginnings(
    corpus: Corpus, vocabulary: Vocabulary, count: int, length: int, rng: np.random.Generator
) -> list[list[int]]:
    """The first tokens of stretches that have enough of them."""
    ids = vocabulary.encode_many([one.text for one in drawn(corpus, count, _ASKED, rng)])
    return [row[:length].tolist() for row in ids]
