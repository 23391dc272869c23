"""What a run reads: batches by number to train on, and a look at text that it does not learn."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from likely.core.vocabulary import Vocabulary
from likely.data.tokens import Tokens
from likely.models.reader import Reader
from likely.train import _setup
from likely.train._assess import assess
from likely.train._plans import plan_of
from likely.train._step import Plan
from likely.train.recipe import Recipe

Look = Callable[[Reader], Mapping[str, float]]


@dataclass(frozen=True, eq=False)
class Material:
    """What a run reads.

    Args:
        vocabulary: what its ids mean.
        fingerprint: changes when anything that is read does.
        plan: rows of a micro batch → which batch is read when.
        look: what a model gives to validation text; None where there is none.
        columns: names of what is known of every target.
        before: what was done before the first step, for `metrics.jsonl`: rollouts.
    """

    vocabulary: Vocabulary
    fingerprint: str
    plan: Callable[[int], Plan]
    look: Look | None = None
    columns: tuple[str, ...] = ()
    before: Mapping[str, Any] = field(default_factory=dict)


def of_texts(recipe: Recipe, tokens: Tokens, validation: Tokens | None) -> Material:
    """Windows of text.

    Args:
        recipe: says how long they are, and in which order they come.
        tokens: to train on.
        validation: to look at.

    Returns:
        The material.
    """
    return Material(
        tokens.vocabulary,
        _setup.fingerprint(tokens),
        lambda rows: plan_of(recipe, tokens, rows),
        None if validation is None else lambda reader: assess(reader, validation, recipe),
        tuple(tokens.columns),
    )
