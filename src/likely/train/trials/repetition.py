"""Repetition: how often greedy writing repeats itself after training by one loss or another."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated

import numpy as np
import torch
from annotated_types import Ge, Gt
from jaxtyping import Int
from torch import Tensor

from likely.audit.likelihood import likelihood
from likely.audit.metrics.rep_n import rep_n
from likely.audit.metrics.type_token_ratio import type_token_ratio
from likely.core.settings import checked
from likely.core.vocabulary import Vocabulary
from likely.data._docstrings import docstrings
from likely.data.packing import TrainingPlan
from likely.data.sample import drawn, shortened
from likely.data.tokenizers.bpe import bpe
from likely.data.tokens import Tokens, encode
from likely.models.transformer import transformer
from likely.train.recipe import Optimizer, Schedule
from likely.train.trials._calculations import write
from likely.train.trials._fit import fit

_JUDGED = 16_384
"""Bytes of validation and of held-out text that are read."""
_STRETCH = 1000
"""Bytes of a stretch of docstrings."""
_ASKED = 400
"""Bytes of a held-out stretch that is continued."""
_PROMPT = 16
"""Tokens of a prompt."""
Count = Annotated[int, Ge(1)]


@dataclass(frozen=True, eq=False)
class _Texts:
    """What all arms of a seed read and continue."""

    vocabulary: Vocabulary
    train: Tokens
    validation: Tokens
    held_out: Tokens
    prompts: Int[Tensor, "S T"]
    after: list[list[int]]


def repetition(
    seed: int,
    *,
    objective: str = "cross_entropy",
    rate: Annotated[float, Gt(0)] = 4e-3,
    steps: Count = 300,
    rows: Count = 8,
    length: Annotated[int, Ge(8)] = 128,
    documents: Count = 600,
    size: Annotated[int, Ge(257)] = 512,
    width: Annotated[int, Ge(8)] = 64,
    prompts: Count = 48,
    new_tokens: Annotated[int, Ge(8)] = 100,
) -> dict[str, float | list[float]]:
    """Train a small transformer on docstrings by a loss, and let it write greedily.

    The model of two layers reads tokens of a BPE of `size` ids. Prompts are the first 16 tokens of
    docstrings that are held out; the end of a document is never written.

    Measures, one number a prompt: `rep_4`, the share of the 4-grams of greedy text that stood in it
    before; `sampled_rep_4`, the same of text sampled from the model itself; `type_token_ratio`,
    different tokens over all tokens of greedy text; `rep_4_of_text`, the repetition of the
    docstrings themselves. Numbers: `validation_bits_per_byte` and `held_out_bits_per_byte` of
    docstrings that were not read, by plain log-probability whatever the loss, and
    `held_out_accuracy`.

    Args:
        seed: of the texts, their order, the first weights and sampling.
        objective: what the model is trained by.
        rate: the highest learning rate, of AdamW.
        steps: optimiser steps.
        rows: windows a step.
        length: tokens of a window.
        documents: stretches of docstrings, of about 1,000 bytes each.
        size: ids of the BPE.
        width: of the transformer.
        prompts: how many.
        new_tokens: tokens written after each.

    Returns:
        The measures by name.

    Raises:
        BadSetting: a setting out of range.

    References:
        Jiang et al., TLDR: Token Loss Dynamic Reweighting for Reducing Repetitive Utterance
        Generation, 2020. arXiv:2003.11963.
    """
    settings = checked(repetition, locals())
    texts = _texts(seed, documents, size, prompts)
    context = max(length, _PROMPT + new_tokens + 1)
    reader = transformer(
        texts.vocabulary, layers=2, width=width, heads=4, context=context, seed=seed
    )
    fit(
        reader,
        TrainingPlan(texts.train, length=length, rows=rows, seed=seed).batch,
        steps=steps,
        objective=objective,
        optimizer=Optimizer(lr=settings["rate"]),
        schedule=Schedule(warmup=0.1, floor=0.0),
        seed=seed,
    )
    end, rng = texts.vocabulary.eos, torch.Generator().manual_seed(seed)
    written = write(reader, texts.prompts, new_tokens, never=end).tolist()
    sampled = write(reader, texts.prompts, new_tokens, rng, never=end).tolist()
    validation, held_out = likelihood(reader, texts.validation), likelihood(reader, texts.held_out)
    return {
        "rep_4": rep_n(written, n=4).tolist(),
        "sampled_rep_4": rep_n(sampled, n=4).tolist(),
        "rep_4_of_text": rep_n([row[:new_tokens] for row in texts.after], n=4).tolist(),
        "type_token_ratio": type_token_ratio(written).tolist(),
        "validation_bits_per_byte": validation.bits_per_byte,
        "held_out_bits_per_byte": held_out.bits_per_byte,
        "held_out_accuracy": held_out.accuracy,
    }


@lru_cache(maxsize=1)
def _texts(seed: int, documents: int, size: int, prompts: int) -> _Texts:
    parts, rng = docstrings(), np.random.default_rng(seed)
    train = drawn(parts.train, documents, _STRETCH, rng)
    vocabulary = bpe(train, size=size)
    asked = drawn(parts.held_out, prompts, _ASKED, rng)
    ids = [vocabulary.encode(document.text).tolist() for document in asked]
    return _Texts(
        vocabulary,
        encode(train, vocabulary),
        encode(shortened(parts.validation, _JUDGED), vocabulary),
        encode(shortened(parts.held_out, _JUDGED), vocabulary),
        torch.tensor([[vocabulary.bos, *row[:_PROMPT]] for row in ids]),
        [row[_PROMPT:] for row in ids],
    )
