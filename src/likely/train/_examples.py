"""Prompts with answers as material for a run: read, set apart by prompt, and as batches."""

import hashlib
from collections.abc import Iterable, Sequence
from math import log

import numpy as np
import torch
from numpy.typing import NDArray

from likely.core.batch import Batch
from likely.core.errors import BadInput
from likely.core.vocabulary import Vocabulary
from likely.data.example import Example
from likely.data.example_files import read_examples
from likely.data.example_plan import ExamplePlan
from likely.data.examples import Examples, encode_examples
from likely.data.sidecar import attach
from likely.models._judge import evaluating
from likely.models.reader import Reader
from likely.train._material import Material
from likely.train.recipe import Recipe

ONE_IN, MOST = 10, 512
"""Of so many prompts one is kept apart to look at, and at most so many."""


def read_both(recipe: Recipe, vocabulary: Vocabulary) -> tuple[Examples, Examples | None]:
    """Read what a recipe of examples names, and keep some of the prompts apart.

    Args:
        recipe: its `data`, `on_error`, `length` and kind are looked at.
        vocabulary: how text becomes ids; its tokenizer's template writes conversations.

    Returns:
        Examples to train on, and to look at; the second is None where there are too few.

    Raises:
        BadInput: no examples, or those of another kind.
    """
    if "embedded" in recipe.data:
        raise BadInput(
            f"kind={recipe.kind!r} reads prompts with answers, and the embedded text has none: "
            "give a JSONL file (--data)."
        )
    found, _ = read_examples(list(recipe.data), on_error=recipe.on_error)
    check(recipe, found[0].is_pair)
    apart = places_apart([repr(example.prompt) for example in found])
    parts = [
        [example for example, away in zip(found, apart, strict=True) if away == wanted]
        for wanted in (False, True)
    ]
    made = [_encoded(part, recipe, vocabulary) for part in parts]
    assert made[0] is not None
    return made[0], made[1]


def _encoded(part: Sequence[Example], recipe: Recipe, vocabulary: Vocabulary) -> Examples | None:
    return encode_examples(part, vocabulary, length=recipe.length) if part else None


def check(recipe: Recipe, are_pairs: bool) -> None:
    """Raise where a kind of recipe cannot learn from such examples.

    Args:
        recipe: its kind is looked at.
        are_pairs: whether answers are compared.

    Raises:
        BadInput: pairs where there should be none, or none where there should be some.
    """
    if are_pairs and recipe.kind != "align":
        raise BadInput(
            f"These are pairs of answers (chosen, rejected), and kind={recipe.kind!r} learns one "
            "answer a prompt: take kind='align'."
        )
    if not are_pairs and recipe.kind == "align":
        raise BadInput(
            "kind='align' compares two answers to each prompt (columns chosen and rejected), and "
            "these have one: take kind='adapt'."
        )


def places_apart(keys: Iterable[str]) -> NDArray[np.bool_]:
    """Which examples are kept apart: all of a prompt or none, and the same ones every time.

    Args:
        keys: what an example shares with those that it must stay with.

    Returns:
        One flag an example; none is set where there are fewer than ten different keys.
    """
    given = list(keys)
    different = sorted(set(given), key=lambda key: hashlib.sha256(key.encode()).digest())
    away = set(different[: min(len(different) // ONE_IN, MOST)])
    return np.array([key in away for key in given], np.bool_)


def of_examples(recipe: Recipe, examples: Examples, validation: Examples | None) -> Material:
    """Prompts with answers, of which the answers count.

    Args:
        recipe: says how many and in which order.
        examples: to train on.
        validation: to look at.

    Returns:
        The material.
    """
    sides = examples.units.shape[1]  # Both answers of a pair are in one batch.
    examples = attach(examples, recipe.columns)
    return Material(
        examples.vocabulary,
        _fingerprint(examples),
        lambda rows: ExamplePlan(
            examples, length=recipe.length, rows=rows * sides, seed=recipe.seed
        ),
        None if validation is None else lambda reader: look(reader, validation, recipe.rows),
    )


def _fingerprint(examples: Examples) -> str:
    digest = hashlib.sha256(examples.vocabulary.fingerprint.encode())
    columns = [examples.columns[name] for name in sorted(examples.columns)]
    for part in (examples.ids, examples.offsets, examples.weight, examples.pairs, *columns):
        digest.update(np.ascontiguousarray(part).tobytes())
    return digest.hexdigest()[:16]


def look(reader: Reader, examples: Examples, rows: int) -> dict[str, float]:
    """What a model gives to answers, each behind its prompt.

    Args:
        reader: the model.
        examples: of pairs, the chosen answers count.
        rows: sides that are read at once.

    Returns:
        nats_per_token, bits_per_byte, perplexity, accuracy; of pairs, also how often the chosen
        answer is likelier than the rejected one (`preferred`).
    """
    sides = len(examples.names)
    nats, hits, scored = np.zeros(sides), np.zeros(sides), np.zeros(sides)
    with evaluating(reader):
        for first in range(0, sides, rows):
            places = range(first, min(first + rows, sides))
            batch = side_by_side(examples, places).to(reader.device)
            stats = reader.read(batch, ("log_prob", "rank"))
            counts = batch.weight.view(len(places), -1) > 0
            log_prob = stats["log_prob"].double().view_as(counts) * counts
            at = slice(first, first + len(places))
            nats[at] = -log_prob.sum(1).cpu().numpy()
            hits[at] = ((stats["rank"].view_as(counts) == 0) & counts).sum(1).cpu().numpy()
            scored[at] = counts.sum(1).cpu().numpy()
    wanted = examples.units[:, 0]
    each = float(nats[wanted].sum() / scored[wanted].sum())
    found = {
        "nats_per_token": each,
        "bits_per_byte": float(
            nats[wanted].sum() / log(2) / max(examples.byte_lengths[wanted].sum(), 1)
        ),
        "perplexity": float(np.exp(each)),
        "accuracy": float(hits[wanted].sum() / scored[wanted].sum()),
    }
    if examples.is_pairs:
        chosen, rejected = nats[examples.pairs].T
        found["preferred"] = float(np.mean(chosen < rejected))
    return found


def side_by_side(examples: Examples, places: Sequence[int]) -> Batch:
    """Some sides as rows, padded to the longest of them.

    Args:
        examples: where they are.
        places: numbers of sides.

    Returns:
        One segment a row.
    """
    spans = [slice(*examples.offsets[place : place + 2]) for place in places]
    longest = max(span.stop - span.start for span in spans)
    ids, target = np.zeros((2, len(spans), longest), np.int64)
    weight = np.zeros((len(spans), longest), np.float32)
    inside = np.zeros((len(spans), longest), np.bool_)
    for row, span in enumerate(spans):
        size = span.stop - span.start
        target[row, :size] = examples.ids[span]
        ids[row, 0], ids[row, 1:size] = examples.vocabulary.bos, examples.ids[span][:-1]
        weight[row, :size], inside[row, :size] = examples.weight[span], True
    segment = np.where(inside, np.arange(len(spans))[:, None], -1)
    position = np.where(inside, np.arange(longest), 0)
    columns = {
        "ids": ids,
        "target": target,
        "segment": segment,
        "position": position,
        "weight": weight,
        "document": segment,
    }
    flat = {name: torch.from_numpy(column.reshape(-1)) for name, column in columns.items()}
    return Batch(**flat, rows=len(spans))  # type: ignore[arg-type]


def answered(
    prompts: Sequence[Sequence[int]], answers: Sequence[Sequence[int]], vocabulary: Vocabulary
) -> Examples:
    """Examples from tokens that are there already, such as those that a model drew.

    Args:
        prompts: their tokens, without BOS.
        answers: one each, without EOS, which is learned too.
        vocabulary: what the ids mean.

    Returns:
        Examples without columns.
    """
    ids, weight, sizes = [], [], []
    for prompt, answer in zip(prompts, answers, strict=True):
        ids += [*prompt, *answer, vocabulary.eos]
        weight += [0] * len(prompt) + [1] * (len(answer) + 1)
        sizes.append(len(prompt) + len(answer) + 1)
    spelled = [sum(len(vocabulary.bytes_of[token]) for token in answer) for answer in answers]
    return Examples(
        ids=np.array(ids, np.int32),
        offsets=np.concatenate([[0], np.cumsum(np.array(sizes, np.int64))]).astype(np.int64),
        weight=np.array(weight, np.float32),
        names=tuple(str(place) for place in range(len(answers))),
        pairs=np.zeros((0, 2), np.int64),
        byte_lengths=np.array(spelled, np.int64),
        vocabulary=vocabulary,
    )
