"""Preferences between texts that differ in one letter: what becomes of the preferred one."""

import copy
from functools import lru_cache
from typing import Annotated, Literal

import numpy as np
from annotated_types import Ge, Gt

from likely.core.batch import Batch
from likely.core.settings import checked
from likely.core.vocabulary import Vocabulary
from likely.data.corpus import Corpus
from likely.data.tasks.markov import markov
from likely.models.reader import Reader
from likely.models.transformer import transformer
from likely.train.recipe import Optimizer, Schedule
from likely.train.trials._fit import fit
from likely.train.trials._pairs import Drawn, Pairs, answer_log_probs, completed

Count = Annotated[int, Ge(1)]
Rejected = Literal["one_letter", "other_text"]
HELD_OUT = 128
TAUGHT = 2000
"""Texts that the reference is trained on."""
PROMPT = 8
"""Letters of a prompt."""
LETTERS = 10
"""Of the alphabet."""
Taught = tuple[Reader, Pairs, Pairs]


def low_edit_preferences(
    seed: int,
    *,
    rejected: Rejected = "one_letter",
    penalty: Annotated[float, Ge(0)] = 0.0,
    beta: Annotated[float, Gt(0)] = 0.3,
    rate: Annotated[float, Gt(0)] = 3e-4,
    steps: Count = 120,
    pairs: Count = 256,
    pairs_a_step: Count = 16,
    length: Annotated[int, Ge(2)] = 24,
    teaching_steps: Count = 300,
    width: Annotated[int, Ge(8)] = 64,
) -> dict[str, float | list[float]]:
    """Teach a small transformer a source of letters, then that its texts beat misprints of them.

    The source is `markov`, random, of order 2. A prompt is the beginning of one of its texts, the
    chosen answer the rest, and the rejected one the same with one letter changed; or the rest of
    another text. Training on pairs begins from a model that was trained on other texts, which is
    the reference too; all arms of a seed share it. Held-out pairs are of texts that neither
    training read, each with `one_letter` changed.

    Args:
        seed: of the source, texts, changed letters, orders and first weights.
        rejected: what the rejected answers of training are.
        penalty: the λ of `dpop`; 0 is DPO.
        beta: how far from the reference the model may go.
        rate: highest learning rate on pairs, of AdamW.
        steps: of training on pairs.
        pairs: how many there are to train on.
        pairs_a_step: how many a step reads.
        length: letters of an answer.
        teaching_steps: of 32 texts, before.
        width: of the transformer, which has two layers.

    Returns:
        One number a pair: `chosen_gain` and `rejected_gain`, by how many nats the answer became
        likelier than under the reference; `preferred`, 1 where the first is the larger; all of
        pairs that training read, and with `held_out_` before the name of others. And
        `reference_log_prob`, log p of the held-out chosen answers before, nats.

    References:
        Pal et al., Smaug: Fixing Failure Modes of Preference Optimisation with DPO-Positive,
        2024, §3 and §4. arXiv:2402.13228.
    """
    settings = checked(low_edit_preferences, locals())
    reference, train, held_out = _taught(seed, length, teaching_steps, pairs, width)
    if rejected == "other_text":
        train = Pairs(train.prompts, train.chosen, [*train.chosen[1:], train.chosen[0]])
    reader = copy.deepcopy(reference)
    fit(
        reader,
        Drawn(train, reference, count=pairs_a_step, seed=seed),
        steps=steps,
        objective=f"dpop(penalty={settings['penalty']}, beta={settings['beta']})",
        optimizer=Optimizer(lr=settings["rate"], weight_decay=0.0),
        schedule=Schedule(warmup=0.1, floor=0.0),
        seed=seed,
    )
    return {
        **_gains(reader, reference, train, ""),
        **_gains(reader, reference, held_out, "held_out_"),
        "reference_log_prob": answer_log_probs(reference, held_out)[0].tolist(),
    }


@lru_cache(maxsize=1)
def _taught(seed: int, length: int, steps: int, pairs: int, width: int) -> Taught:
    """A model that was trained on texts of the source, and pairs of other texts."""
    task = markov(
        documents=TAUGHT + pairs,
        held_out=HELD_OUT,
        length=PROMPT + length,
        order=2,
        alphabet=LETTERS,
        source="random",
        seed=seed,
    )
    vocabulary = Vocabulary.of_bytes()
    reader = transformer(vocabulary, layers=2, width=width, heads=4, context=64, seed=seed)
    texts = _ids(task.train, vocabulary)

    def batches(step: int) -> Batch:
        rng = np.random.default_rng([seed, 1, step])
        drawn = [texts[place] for place in rng.integers(TAUGHT, size=32)]
        return completed([[vocabulary.bos]] * len(drawn), drawn)

    schedule = Schedule(warmup=0.1, floor=0.0)
    fit(reader, batches, steps=steps, optimizer=Optimizer("muon", lr=6e-3), schedule=schedule)
    rng = np.random.default_rng([seed, 2])
    train = _misprinted(texts[TAUGHT:], vocabulary, rng)
    return reader, train, _misprinted(_ids(task.held_out, vocabulary), vocabulary, rng)


def _ids(corpus: Corpus, vocabulary: Vocabulary) -> list[list[int]]:
    return [[*vocabulary.encode(document.text).tolist(), vocabulary.eos] for document in corpus]


def _misprinted(texts: list[list[int]], vocabulary: Vocabulary, rng: np.random.Generator) -> Pairs:
    """Each text's rest, and the same with one letter changed."""
    rejected = []
    for text in texts:
        answer = text[PROMPT:]
        place = int(rng.integers(len(answer) - 1))
        other = (answer[place] - ord("a") + int(rng.integers(1, LETTERS))) % LETTERS
        rejected.append([*answer[:place], ord("a") + other, *answer[place + 1 :]])
    prompts = [[vocabulary.bos, *text[:PROMPT]] for text in texts]
    return Pairs(prompts, [text[PROMPT:] for text in texts], rejected)


def _gains(reader: Reader, reference: Reader, pairs: Pairs, name: str) -> dict[str, list[float]]:
    chosen, rejected = answer_log_probs(reader, pairs) - answer_log_probs(reference, pairs)
    return {
        f"{name}chosen_gain": chosen.tolist(),
        f"{name}rejected_gain": rejected.tolist(),
        f"{name}preferred": (chosen > rejected).astype(float).tolist(),
    }
