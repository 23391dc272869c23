"""Samplers by their text, and text from a model."""

from collections.abc import Sequence

import torch

from likely.core.bind import Bound, bind
from likely.core.errors import BadSetting
from likely.decode._generate import generate
from likely.models.reader import Reader


def samplers_of(texts: Sequence[str]) -> tuple[Bound, ...]:
    """Samplers in the order they are applied.

    Args:
        texts: ``"min_p(p=0.05)"``, or several joined by ``|``.

    Returns:
        The samplers.

    Raises:
        UnknownName: no sampler has this name.
        BadSetting: settings that it does not take.

    Example:
        >>> [str(sampler) for sampler in samplers_of(["top_k(k=4) | greedy"])]
        ['top_k(k=4)', 'greedy']
    """
    parts = [part for text in texts for part in text.split("|") if part.strip()]
    return tuple(bind(part, room="decode") for part in parts)


def write(
    reader: Reader,
    prompts: Sequence[str],
    samplers: Sequence[Bound],
    *,
    max_new_tokens: int,
    seed: int,
) -> list[str]:
    """Continue prompts.

    Args:
        reader: any model.
        prompts: texts to continue.
        samplers: maps of logits, in order.
        max_new_tokens: how many tokens at most.
        seed: of the draws.

    Returns:
        The continuations.

    Raises:
        BadSetting: a negative seed.
    """
    if seed < 0:
        raise BadSetting("generate", [f"seed={seed} should be at least 0."])
    rng = torch.Generator().manual_seed(seed)
    return generate(reader, prompts, samplers=samplers, max_new_tokens=max_new_tokens, rng=rng)
