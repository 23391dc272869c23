"""A look at validation text in the middle of a run."""

from likely.data.tokens import Tokens
from likely.models.reader import Reader
from likely.train.recipe import Recipe


def assess(reader: Reader, validation: Tokens, recipe: Recipe) -> dict[str, float]:
    """What a model gives to validation text.

    Args:
        reader: the model.
        validation: the text.
        recipe: says how long windows are.

    Returns:
        nats_per_token, bits_per_byte, perplexity, accuracy.
    """
    from likely.audit.likelihood import likelihood

    found = likelihood(reader, validation, length=recipe.length, rows=recipe.rows)
    names = ("nats_per_token", "bits_per_byte", "perplexity", "accuracy")
    return {name: float(getattr(found, name)) for name in names}
