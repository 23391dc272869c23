"""Prompts with answers as material for a run: read, set apart by prompt, and as batches."""

import hashlib
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from likely.core.errors import BadInput
from likely.core.vocabulary import Vocabulary
from likely.data.example import Example
from likely.data.example_files import read_examples
from likely.data.examples import Examples, encode_examples
from likely.train._answers import look
from likely.train._material import Material
from likely.train._plans import plan_of
from likely.train.recipe import Recipe

ONE_IN, MOST = 10, 512
"""Of so many prompts one is kept apart to look at, and at most so many."""


def read_all(recipe: Recipe) -> tuple[Example, ...]:
    """Read what a recipe of examples names.

    Args:
        recipe: its `data` and `on_error` are looked at.

    Returns:
        All examples.

    Raises:
        BadInput: no examples.
    """
    if "embedded" in recipe.data:
        raise BadInput(
            "Prompts with answers are read here, and the embedded text has none: give a JSONL file "
            "(--data)."
        )
    return read_examples(list(recipe.data), on_error=recipe.on_error)[0]


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
    found = read_all(recipe)
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
    apart: NDArray[np.bool_] = parts_of(keys, (1 / ONE_IN,)) == 1
    return apart


def parts_of(keys: Iterable[str], shares: Sequence[float]) -> NDArray[np.int64]:
    """Which part each example is in: all of a prompt in one, and in the same one every time.

    Args:
        keys: what an example shares with those that it must stay with.
        shares: of the different keys, for parts 1, 2 …; each has so many keys at most.

    Returns:
        One number an example, 0 for what no share takes.

    Example:
        >>> parts_of("aabbccdd", (0.25, 0.5)).tolist()
        [0, 0, 2, 2, 2, 2, 1, 1]
    """
    given = list(keys)
    different = sorted(set(given), key=lambda key: hashlib.sha256(key.encode()).digest())
    part: dict[str, int] = {}
    for number, share in enumerate(shares, start=1):
        count = min(int(len(different) * share), MOST)
        part |= dict.fromkeys(different[len(part) : len(part) + count], number)
    return np.array([part.get(key, 0) for key in given], np.int64)


def of_examples(recipe: Recipe, examples: Examples, validation: Examples | None) -> Material:
    """Prompts with answers, of which the answers count.

    Args:
        recipe: says how many and in which order.
        examples: to train on.
        validation: to look at.

    Returns:
        The material.
    """
    return Material(
        examples.vocabulary,
        fingerprint(examples),
        lambda rows: plan_of(recipe, examples, rows),
        None if validation is None else lambda reader: look(reader, validation, recipe.rows),
        tuple(examples.columns),
    )


def fingerprint(examples: Examples) -> str:
    """A short hash of examples and their vocabulary.

    Args:
        examples: what is read.

    Returns:
        Hexadecimal digits.
    """
    digest = hashlib.sha256(examples.vocabulary.fingerprint.encode())
    columns = [examples.columns[name] for name in sorted(examples.columns)]
    for part in (examples.ids, examples.offsets, examples.weight, examples.pairs, *columns):
        digest.update(np.ascontiguousarray(part).tobytes())
    return digest.hexdigest()[:16]


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
