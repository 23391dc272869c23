"""Characters against tokens on a Markov source, with everything but one thing the same."""

from dataclasses import replace
from functools import lru_cache
from typing import Annotated, Literal

import numpy as np
from annotated_types import Ge, Gt, Le, Lt
from numpy.typing import NDArray

from likely.audit.likelihood import likelihood
from likely.core.batch import Batch
from likely.core.bind import bind
from likely.core.settings import checked
from likely.core.vocabulary import Vocabulary
from likely.data.packing import evaluation_batches
from likely.data.task import Task
from likely.data.tasks.markov import markov
from likely.data.tokens import Tokens, encode
from likely.models.transformer import transformer
from likely.train.recipe import Optimizer, Schedule
from likely.train.trials._fit import fit

Array = NDArray[np.float64]
Count = Annotated[int, Ge(1)]


def tokenisation(
    seed: int,
    *,
    tokenizer: str = "characters",
    model: Literal["transformer", "unigram"] = "transformer",
    positions: Literal["rotary", "learned", "sinusoidal", "none"] = "learned",
    tie: bool = True,
    initial: Annotated[float, Gt(0), Le(1)] = 0.02,
    layers: Count = 2,
    width: Count = 32,
    heads: Count = 2,
    order: Annotated[int, Ge(1), Le(10)] = 2,
    flip: Annotated[float, Gt(0), Lt(1)] = 0.8,
    length: Annotated[int, Ge(2)] = 256,
    rows: Count = 4,
    steps: Count = 400,
    held_out: Count = 64,
    rate: Annotated[float, Gt(0)] = 3e-3,
) -> dict[str, float | list[float]]:
    r"""What a model needs for a letter of a binary source that looks back `order` places.

    $$ \text{gap closed} = \frac{U - \ell}{U - H} $$
    H is the source's entropy rate, U that of its letters taken one by one, ℓ what the model needs.
    Each step reads `rows` new documents of `length` letters, the same ones in every arm, whatever
    the tokenizer: steps, text and its order are equal, and an arm with longer tokens has fewer
    targets. The tokenizer is trained on the training text. The end of a document is neither
    learned nor scored: its length is given. What is scored is one way to cut the text, so a model
    over tokens is, if anything, charged too much.

    Measures, of held-out text:

    - `nats_per_character`, a number a document: ℓ, nats a letter.
    - `above_entropy`, a number a document: nats a letter above what the source itself needs for
      this very text, over H: 0 is perfect, and (U − H) / H is as bad as looking at nothing. It is
      known far better than ℓ, whose noise is the text's own.
    - `gap_closed`: 1 − mean `above_entropy` · H / (U − H).
    - `unigram_above_entropy`, a number a document: the same of token frequencies in the training
      text, with 1 / V added to each count.
    - `validation_above_entropy`: mean `above_entropy` on other held-out text, for tuning.
    - `characters_per_token`.

    Args:
        seed: of the text, its order and the model's start.
        tokenizer: how text becomes ids, with settings.
        model: what is trained; `unigram` is the frequencies of the tokens alone.
        positions: how the transformer is told places.
        tie: whether its head shares the embedding.
        initial: standard deviation of its weights at the start.
        layers: its blocks.
        width: of its hidden states.
        heads: of its attentions.
        order: how far the source looks back.
        flip: how often the letter differs from the one `order` places before.
        length: letters a document.
        rows: documents a step.
        steps: of the optimiser.
        held_out: documents that are measured, and as many for tuning.
        rate: of learning, at its highest.

    Returns:
        The measures.

    References:
        Rajaraman, Jiao and Ramchandran, Toward a Theory of Tokenization in LLMs, 2024,
        arXiv:2404.08335. Makkuva et al., Attention with Markov, 2024, arXiv:2402.04161.
    """
    checked(tokenisation, locals())
    task = _task(rows * steps, 2 * held_out, length, order, flip, seed)
    chosen = bind(tokenizer, room="data.tokenizers")
    vocabulary: Vocabulary = chosen.entry(task.train, **chosen.settings)
    train, test = (_without_end(encode(part, vocabulary)) for part in (task.train, task.held_out))
    unigram = _unigram(train, test)
    if model == "unigram":
        return _measures(task, test, unigram, unigram)
    longest = int(max(np.diff(each.offsets).max() for each in (train, test)))
    reader = transformer(
        vocabulary,
        layers=layers,
        width=width,
        heads=heads,
        context=max(longest, 2),
        positions=positions,
        tie=tie,
        initial=initial,
        seed=seed,
    )

    def batch(step: int) -> Batch:
        few = train.select(np.arange(step * rows, (step + 1) * rows))
        return next(evaluation_batches(few, length=longest, rows=rows))

    warmup = Schedule(warmup=max(1, steps // 20))
    fit(reader, batch, steps=steps, optimizer=Optimizer(lr=rate), schedule=warmup, seed=seed)
    return _measures(task, test, likelihood(reader, test, length=longest).nats, unigram)


@lru_cache(maxsize=1)
def _task(documents: int, held_out: int, length: int, order: int, flip: float, seed: int) -> Task:
    return markov(
        documents=documents, held_out=held_out, length=length, order=order, flip=flip, seed=seed
    )


def _without_end(tokens: Tokens) -> Tokens:
    """The same documents without EOS."""
    keep = np.ones(len(tokens.ids), np.bool_)
    keep[tokens.offsets[1:] - 1] = False
    offsets = tokens.offsets - np.arange(len(tokens.offsets))
    return replace(tokens, ids=tokens.ids[keep], offsets=offsets)


def _unigram(train: Tokens, test: Tokens) -> Array:
    """Nats a document by how often each token occurred in training."""
    size = train.vocabulary.size
    counts = np.bincount(train.ids, minlength=size) + 1 / size
    each = -np.log(counts / counts.sum())[test.ids]
    return np.asarray(np.add.reduceat(each, test.offsets[:-1]))


def _measures(
    task: Task, test: Tokens, nats: Array, unigram: Array
) -> dict[str, float | list[float]]:
    letters = test.byte_lengths.astype(np.float64)
    source = np.array([-document.metadata["log_prob"] for document in task.held_out])
    least, most = task.known["entropy_rate"], task.known["unigram"]
    above, plain = ((each - source) / letters / least for each in (nats, unigram))
    half = len(test) // 2
    return {
        "nats_per_character": (nats / letters)[:half].tolist(),
        "above_entropy": above[:half].tolist(),
        "gap_closed": float(1 - above[:half].mean() * least / (most - least)),
        "unigram_above_entropy": plain[:half].tolist(),
        "validation_above_entropy": float(above[half:].mean()),
        "characters_per_token": float(letters.sum() / len(test.ids)),
    }
