"""Three ways to learn a rule from a context, and the length of the code that each makes."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Annotated, Literal

import numpy as np
import torch
from annotated_types import Ge, Gt
from jaxtyping import Float

from likely.audit.prequential import Prequential
from likely.core.batch import Batch
from likely.core.settings import checked
from likely.core.vocabulary import Vocabulary
from likely.data.corpus import Corpus
from likely.data.tasks.rules_in_context import INPUTS, LABELS, rules_in_context
from likely.models._judge import evaluating
from likely.models.transformer import Transformer, transformer
from likely.train.recipe import Optimizer
from likely.train.trials._fit import fit
from likely.train.trials._per_token import train_per_token

BITS, SIZE = 2, 2
SHORT, ROWS, LAYERS = 8, 32, 1
Count = Annotated[int, Ge(1)]


def prequential_coding(
    seed: int,
    *,
    learner: Literal["prequential", "train_risk", "per_token"] = "prequential",
    rate: Annotated[float, Gt(0)] = 1e-2,
    steps: Count = 300,
    width: Annotated[int, Ge(8)] = 64,
    hidden: Annotated[int, Ge(1)] = 16,
    updates: Count = 4,
    length: Annotated[int, Ge(16)] = 48,
    held_out: Annotated[int, Ge(1)] = 256,
) -> dict[str, float | list[float]]:
    """Learn noisy rules from contexts of examples, and code the labels of new contexts.

    A context holds examples of a rule that was drawn for it alone: an input of two bits and one
    of two labels, whose probability depends on none, one or both of the bits. A learner turns the
    examples so far into a model: the probability of each label for each of the four inputs. The
    learners differ in how they got there:

    - `prequential`: a transformer reads examples, a token each, and has been trained on many other
      contexts to predict the *next* example;
    - `train_risk`: the same transformer from the same weights, trained on the same contexts and as
      many targets to predict an example that it *has read*, drawn from those so far, at random:
      what it says is asked to fit the context, not what comes. Its last hidden state does not know
      which one is drawn, so that it cannot copy;
    - `per_token`: nothing was learned from other contexts. A small network is trained on each
      context alone, from nothing, by `updates` steps of Adam after each example on all examples so
      far.

    Labels alone are measured: inputs are random, and for the transformers p(label | input) is what
    they say of the two examples with that input, made to sum to one.

    Args:
        seed: of rules, examples, targets and first weights.
        learner: which of the three.
        rate: highest rate of Adam, for the transformer or for the small networks.
        steps: of training on 32 fresh contexts each; not for `per_token`.
        width: of the transformer.
        hidden: width of the networks of `per_token`.
        updates: steps of `per_token` after each example.
        length: examples a context.
        held_out: contexts to be coded.

    Returns:
        `code_bits`: prequential code of each held-out context's labels, bits; `excess_bits`: the
        same beyond the exact code of Bayes for this law of rules; `generalisation_short` and
        `generalisation_long`: expected −log p of the label of a new example, nats, after 8 and
        after all examples, one a context, from the true rule; `fitted`: −log p of the labels read
        under the model learned from all of them, nats a label, one a context; `model_bits`: what
        the code takes beyond that, bits, one a context; `model_bits_0`, `model_bits_1` and
        `model_bits_2`: its mean over the rules that look at so many bits, where there are any.

    Raises:
        BadSetting: a setting out of range.

    References:
        Elmoznino et al., In-Context Learning and Occam's Razor, 2024. arXiv:2410.14086.
    """
    checked(prequential_coding, locals())
    contexts = _contexts(seed, steps, length, held_out)
    if learner == "per_token":
        after = train_per_token(
            contexts.inputs,
            contexts.labels,
            size=SIZE,
            bits=BITS,
            width=hidden,
            updates=updates,
            rate=rate,
            seed=seed,
        )
    else:
        ask = _past if learner == "train_risk" else _next
        after = _after(_trained(contexts.train, ask, seed, rate, steps, width), contexts)
    return _measures(after, contexts)


@dataclass(frozen=True, eq=False)
class _Contexts:
    """What one seed draws: examples as numbers, input · V + label."""

    train: np.ndarray
    examples: np.ndarray
    rules: np.ndarray
    looks_at: np.ndarray
    bayes_bits: np.ndarray

    @property
    def inputs(self) -> np.ndarray:
        return self.examples // SIZE

    @property
    def labels(self) -> np.ndarray:
        return self.examples % SIZE


@lru_cache(maxsize=1)
def _contexts(seed: int, steps: int, length: int, held_out: int) -> _Contexts:
    task = rules_in_context(
        documents=steps * ROWS, held_out=held_out, length=length, bits=BITS, labels=SIZE, seed=seed
    )
    facts = [document.metadata for document in task.held_out]
    return _Contexts(
        train=_numbers(task.train),
        examples=_numbers(task.held_out),
        rules=np.array([fact["source"] for fact in facts]),
        looks_at=np.array([len(fact["looks_at"]) for fact in facts]),
        bayes_bits=np.array([fact["bayes_nats"] for fact in facts]) / np.log(2),
    )


def _numbers(corpus: Corpus) -> np.ndarray:
    text = np.array([list(document.text) for document in corpus])
    inputs = np.searchsorted(list(INPUTS), text[:, ::2])
    return inputs * SIZE + np.searchsorted(list(LABELS), text[:, 1::2])


def _vocabulary() -> Vocabulary:
    """An id for each example, and one that opens a context."""
    pairs = [(x + y).encode() for x in INPUTS[: 2**BITS] for y in LABELS[:SIZE]]
    return Vocabulary((*pairs, b""), len(pairs), len(pairs), frozenset({len(pairs)}))


Asked = tuple[np.ndarray, np.ndarray]


def _next(place: np.ndarray, rng: np.random.Generator) -> Asked:
    """Ask each beginning for the example after it; after the last one none comes."""
    last = place.max()
    return np.minimum(place, last - 1), place < last


def _past(place: np.ndarray, rng: np.random.Generator) -> Asked:
    """Ask each beginning for an example of its own; where nothing was read there is none."""
    return (rng.random(place.shape) * place).astype(np.int64), place > 0


def _batch(
    examples: np.ndarray, ask: Callable[..., Asked], rng: np.random.Generator, bos: int
) -> Batch:
    """Contexts behind BOS, and what is asked after each example."""
    ids = np.concatenate([np.full((len(examples), 1), bos), examples], axis=1)
    which, there = ask(np.broadcast_to(np.arange(ids.shape[1]), ids.shape), rng)
    target = np.take_along_axis(examples, which, axis=1)
    batch = Batch.of(torch.from_numpy(ids), torch.from_numpy(target))
    return replace(batch, weight=torch.from_numpy(there.ravel()).float())


def _trained(
    examples: np.ndarray,
    ask: Callable[..., Asked],
    seed: int,
    rate: float,
    steps: int,
    width: int,
) -> Transformer:
    vocabulary, context = _vocabulary(), examples.shape[1] + 1
    model = transformer(vocabulary, layers=LAYERS, width=width, heads=4, context=context, seed=seed)
    rng = np.random.default_rng((seed, 2))

    def batches(step: int) -> Batch:
        return _batch(examples[step * ROWS : (step + 1) * ROWS], ask, rng, vocabulary.bos)

    fit(model, batches, steps=steps, optimizer=Optimizer(lr=rate), seed=seed)
    return model


def _after(model: Transformer, contexts: _Contexts) -> Float[np.ndarray, "M T1 S V"]:
    """The model learned from every beginning: log p of each label for each input."""
    many, length = contexts.examples.shape
    rng = np.random.default_rng(0)
    with evaluating(model):
        batch = _batch(contexts.examples, _next, rng, model.vocabulary.bos)
        logits = model.logits(batch)[:, : 2**BITS * SIZE].double()
    log_prob = logits.view(many, length + 1, 2**BITS, SIZE).log_softmax(-1)
    return log_prob.numpy()


def _measures(
    after: Float[np.ndarray, "M T1 S V"], contexts: _Contexts
) -> dict[str, float | list[float]]:
    x, y = contexts.inputs, contexts.labels
    many, length = y.shape
    row, place = np.ogrid[:many, :length]
    code = Prequential(-after[row, place, x, y])
    final = -after[row, -1, x, y].sum(1)
    model = code.split(final).model

    def new(place: int) -> list[float]:
        nats = -(contexts.rules * after[:, place]).sum(-1).mean(-1)
        return [float(value) for value in nats]

    looks = contexts.looks_at
    alone = {f"model_bits_{k}": float(model[looks == k].mean()) for k in sorted({*looks.tolist()})}
    return {
        "code_bits": code.bits.tolist(),
        "excess_bits": (code.bits - contexts.bayes_bits).tolist(),
        "generalisation_short": new(SHORT),
        "generalisation_long": new(length),
        "fitted": (final / length).tolist(),
        "model_bits": model.tolist(),
        **alone,
    }
