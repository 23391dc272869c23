"""Hyperfitting: what greedy writing is like before and after a few texts are learned by heart."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Literal

import numpy as np
from annotated_types import Ge, Gt

from likely.audit.likelihood import likelihood
from likely.audit.metrics.rep_n import rep_n
from likely.audit.metrics.type_token_ratio import type_token_ratio
from likely.core.bind import bind
from likely.core.settings import checked
from likely.core.vocabulary import Vocabulary
from likely.data._docstrings import docstrings
from likely.data.corpus import Corpus, Document
from likely.data.packing import TrainingPlan, evaluation_batches
from likely.data.sample import drawn, shortened
from likely.data.tokenizers.bpe import bpe
from likely.data.tokens import Tokens, encode
from likely.decode._generate import generate
from likely.models._judge import evaluating
from likely.models.reader import Reader
from likely.models.transformer import transformer
from likely.train.recipe import Optimizer, Schedule
from likely.train.trials._fit import fit

_JUDGED = 32_768
"""Bytes of held-out text that are read."""
_CONTEXT, _ROWS = 256, 4
_PROMPT = 16
"""Tokens of a prompt."""
_STRETCH, _SNIPPET = 1500, 600
"""Bytes of a stretch of docstrings, and of a snippet."""
_COPIED = 8
"""Tokens in a row that count as copied."""


@dataclass(frozen=True, eq=False)
class _Base:
    """What all arms of a seed begin from."""

    reader: Reader
    snippets: Corpus
    fresh: Corpus
    prompts: tuple[str, ...]


def hyperfitting(
    seed: int,
    *,
    tuned_on: Literal["nothing", "snippets", "fresh"] = "nothing",
    sampler: str = "greedy",
    rate: Annotated[float, Gt(0)] = 2e-3,
    tuning_steps: Annotated[int, Ge(1)] = 120,
    snippets: Annotated[int, Ge(1)] = 20,
    prompts: Annotated[int, Ge(1)] = 24,
    new_tokens: Annotated[int, Ge(8)] = 160,
    pretraining_steps: Annotated[int, Ge(1)] = 360,
    width: Annotated[int, Ge(8)] = 128,
) -> dict[str, float | list[float]]:
    """Pretrain a small transformer on docstrings, tune it on a few of them, and let it write.

    The model reads tokens of a BPE of 1,000 ids. Tuning goes on at a constant rate without weight
    decay; the snippets are docstrings that pretraining did not read. All arms of a seed begin from
    the same weights and continue the same prompts, from docstrings held out from everything.

    Measures, lists with one number a prompt: `type_token_ratio`, different tokens over all tokens
    written; `rep_4`, the share of their 4-grams that came before; `copied`, the share of the
    tokens written that stand in 8 tokens in a row of a snippet. Numbers: `entropy`, of the
    predictions on held-out text, and `own_entropy`, on what the model wrote itself, both in nats a
    token; `held_out_bits_per_byte`; `snippet_loss` on the snippets, in nats a token.

    Args:
        seed: of the texts, their order, the first weights and draws of the sampler.
        tuned_on: `snippets`, again and again; `fresh`, as many steps on other docstrings, each
            read about once; `nothing`.
        sampler: how tokens are drawn: `greedy`, or `top_p(p=0.9)`.
        rate: of tuning.
        tuning_steps: steps of 1,024 tokens.
        snippets: how many, of about 600 bytes each.
        prompts: how many, of 16 tokens each.
        new_tokens: tokens written after each.
        pretraining_steps: steps of 1,024 tokens.
        width: of the transformer, which has two layers.

    Returns:
        The measures by name.

    References:
        Carlsson et al., The Hyperfitting Phenomenon, 2024, §3. arXiv:2412.04318.
    """
    settings = checked(hyperfitting, locals())
    base = _base(seed, snippets, prompts, pretraining_steps, width)
    reader, vocabulary = base.reader, base.reader.vocabulary
    if tuned_on != "nothing":
        text = base.snippets if tuned_on == "snippets" else base.fresh
        optimizer = Optimizer(lr=settings["rate"], weight_decay=0.0)
        reader = copy.deepcopy(reader)
        _train(reader, text, tuning_steps, optimizer, Schedule("constant", warmup=0), seed)
    draw = [bind(sampler, room="decode")]
    written = generate(reader, base.prompts, samplers=draw, max_new_tokens=new_tokens, stop=False)
    held_out = encode(shortened(docstrings().held_out, _JUDGED), vocabulary)
    known = encode(base.snippets, vocabulary)
    own = tuple(
        Document(str(i), prompt + text)
        for i, (prompt, text) in enumerate(zip(base.prompts, written, strict=True))
    )
    return {
        **_of_texts(written, base.snippets, vocabulary, new_tokens),
        "entropy": _entropy(reader, held_out, 0),
        "own_entropy": _entropy(reader, encode(Corpus("written", own), vocabulary), _PROMPT),
        "held_out_bits_per_byte": float(likelihood(reader, held_out).bits_per_byte),
        "snippet_loss": float(likelihood(reader, known).nats.sum() / len(known.ids)),
    }


@lru_cache(maxsize=1)
def _base(seed: int, snippets: int, prompts: int, steps: int, width: int) -> _Base:
    """A pretrained model, and texts that it did not read."""
    parts, rng = docstrings(), np.random.default_rng(seed)
    count = parts.train.bytes // (2 * _STRETCH)
    every = drawn(parts.train, count, _STRETCH, rng).documents
    first = len(every) - len(every) // 4
    chosen = Corpus("pretraining", every[:first])
    vocabulary = bpe(chosen, size=1000)
    fresh = every[first:]
    few = tuple(Document(d.id, d.text[:_SNIPPET]) for d in fresh[:snippets])
    reader = transformer(vocabulary, layers=2, width=width, heads=4, context=_CONTEXT, seed=seed)
    _train(reader, chosen, steps, Optimizer(lr=4e-3), Schedule(warmup=0.1, floor=0.0), seed)
    return _Base(
        reader,
        Corpus("snippets", few),
        Corpus("fresh", fresh[snippets:]),
        _prompts(vocabulary, prompts, rng),
    )


def _prompts(vocabulary: Vocabulary, count: int, rng: np.random.Generator) -> tuple[str, ...]:
    """Beginnings of held-out stretches that are as many tokens each, to be continued together."""
    found: list[str] = []
    stretches = drawn(docstrings().held_out, 4 * count, 200, rng)
    for document in stretches:
        text = vocabulary.decode(vocabulary.encode(document.text)[:_PROMPT].tolist())
        # A character may be cut, and other merges may apply where the text ends.
        if len(vocabulary.encode(text)) == _PROMPT:
            found.append(text)
    return tuple(found[:count])


def _train(
    reader: Reader, text: Corpus, steps: int, optimizer: Optimizer, schedule: Schedule, seed: int
) -> None:
    tokens = encode(text, reader.vocabulary)
    plan = TrainingPlan(tokens, length=_CONTEXT, rows=_ROWS, seed=seed)
    fit(reader, plan.batch, steps=steps, optimizer=optimizer, schedule=schedule, seed=seed)


def _of_texts(
    written: Sequence[str], snippets: Corpus, vocabulary: Vocabulary, count: int
) -> dict[str, float | list[float]]:
    """How varied what was written is, and how much of it stands in the snippets."""
    ids = [vocabulary.encode(text).tolist()[:count] for text in written]
    known = {run for d in snippets for run in _runs(vocabulary.encode(d.text).tolist())}
    return {
        "type_token_ratio": type_token_ratio(ids).tolist(),
        "rep_4": rep_n(ids, n=4).tolist(),
        "copied": [_copied(row, known) for row in ids],
    }


def _runs(ids: Sequence[int]) -> list[tuple[int, ...]]:
    return [tuple(ids[i : i + _COPIED]) for i in range(len(ids) - _COPIED + 1)]


def _copied(ids: Sequence[int], known: set[tuple[int, ...]]) -> float:
    """Share of tokens that lie in a run which is known."""
    inside = np.zeros(len(ids), bool)
    for begin, run in enumerate(_runs(ids)):
        if run in known:
            inside[begin : begin + _COPIED] = True
    return float(inside.mean()) if len(ids) else 0.0


def _entropy(reader: Reader, tokens: Tokens, first: int) -> float:
    """Mean entropy of the predictions from a place in the window on, nats a token."""
    total, count = 0.0, 0.0
    with evaluating(reader):
        for batch in evaluation_batches(tokens, length=_CONTEXT, rows=16):
            entropy = reader.read(batch, ("entropy",))["entropy"]
            weight = batch.weight * (batch.position >= first)
            total += float((entropy * weight).sum())
            count += float(weight.sum())
    return total / count
