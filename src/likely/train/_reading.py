"""What a recipe reads, as material for its loop."""

from pathlib import Path
from typing import Any

from accelerate import Accelerator

from likely.data.tokens import Tokens
from likely.models.reader import Reader
from likely.train._material import Material, of_texts
from likely.train._texts import texts
from likely.train.recipe import Recipe


def read(
    recipe: Recipe,
    given: tuple[Tokens | None, Tokens | None],
    examples: Any,
    begun: Reader | None,
    *,
    keep: Path,
    accelerator: Accelerator,
) -> Material:
    """What was given, else what the recipe names.

    Args:
        recipe: its kind says what is read.
        given: training and validation text.
        examples: prompts with answers.
        begun: the model that training begins from, where it is there already.
        keep: the run's folder.
        accelerator: the processes.

    Returns:
        The material.
    """
    tokens, validation = texts(recipe, *given, keep=keep, accelerator=accelerator)
    return of_texts(recipe, tokens, validation)
