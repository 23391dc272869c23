"""Which batches a recipe reads of what it was given: windows of text, or examples."""

from likely.data.example_plan import ExamplePlan
from likely.data.examples import Examples
from likely.data.packing import TrainingPlan
from likely.data.tokens import Tokens
from likely.train.recipe import Recipe

Read = Tokens | Examples


def plan_of(recipe: Recipe, read: Read, rows: int) -> TrainingPlan | ExamplePlan:
    """Which batch is read when.

    Args:
        recipe: says how long rows are, and in which order they come.
        read: text, or prompts with answers.
        rows: windows of a micro batch, or examples.

    Returns:
        Micro batches by number.
    """
    if isinstance(read, Tokens):
        return TrainingPlan(read, length=recipe.length, rows=rows, seed=recipe.seed)
    sides = read.units.shape[1]  # Both answers of a pair are in one batch.
    return ExamplePlan(read, length=recipe.length, rows=rows * sides, seed=recipe.seed)


def tokens_of_step(recipe: Recipe, read: Read) -> int:
    """Tokens that one step reads, those of prompts too.

    Args:
        recipe: says how many windows or examples, how long, how often.
        read: text, or prompts with answers.

    Returns:
        rows × length × accumulate; of examples, which differ, what as many have on average, without
        the padding.
    """
    rows = recipe.rows * recipe.accumulate
    if isinstance(read, Tokens):
        return rows * recipe.length
    return max(round(rows * len(read.ids) / len(read)), 1)
