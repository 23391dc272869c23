"""Write text: one token after another, through the model's state."""

from collections.abc import Iterator, Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor

from likely.core.bind import Bound
from likely.core.errors import BadSetting
from likely.models._judge import evaluating
from likely.models.reader import Reader

ROWS = 64
"""Prompts that are written side by side at most: their states are all in memory."""


def generate(
    reader: Reader,
    prompts: Sequence[str],
    *,
    samplers: Sequence[Bound] = (),
    max_new_tokens: int = 200,
    rng: torch.Generator | None = None,
    stop: bool = True,
) -> list[str]:
    """Continue prompts until the model ends the document or the tokens are used up.

    Prompts are read from BOS on, as documents are in training. Those of as many tokens are written
    side by side, so that none needs padding and one text is no context of another.

    Args:
        reader: any model.
        prompts: texts to continue; the empty one starts a document.
        samplers: maps of logits, applied in this order; none samples from the model itself.
        max_new_tokens: how many tokens at most.
        rng: source of randomness; without it, a generator with seed 0.
        stop: whether the model may end the document; else EOS is never drawn.

    Returns:
        The continuations, without the prompts.

    Raises:
        BadSetting: `max_new_tokens` is negative.
    """
    if max_new_tokens < 0:
        raise BadSetting("generate", [f"max_new_tokens={max_new_tokens} should be at least 0."])
    rng = rng or torch.Generator().manual_seed(0)
    vocabulary = reader.vocabulary
    given = [[vocabulary.bos, *vocabulary.encode(prompt).tolist()] for prompt in prompts]
    written = [""] * len(given)
    with evaluating(reader):
        for places in _side_by_side(given):
            rows = torch.tensor([given[i] for i in places], device=reader.device)
            found = _continue(reader, rows, samplers, max_new_tokens, rng, stop)
            for i, ids in zip(places, found, strict=True):
                written[i] = vocabulary.decode(ids)
    return written


def _side_by_side(given: Sequence[Sequence[int]]) -> Iterator[list[int]]:
    """Places of prompts of equal length, a few at a time, in the order in which they come."""
    by_length: dict[int, list[int]] = {}
    for i, ids in enumerate(given):
        by_length.setdefault(len(ids), []).append(i)
    for places in by_length.values():
        yield from (places[first : first + ROWS] for first in range(0, len(places), ROWS))


def _continue(
    reader: Reader,
    given: Int[Tensor, "S T"],
    samplers: Sequence[Bound],
    limit: int,
    rng: torch.Generator,
    stop: bool,
) -> list[list[int]]:
    """What each row writes before it ends; a row that has ended is read on and not looked at."""
    eos = reader.vocabulary.eos
    written: list[list[int]] = [[] for _ in given]
    open_rows = set(range(len(given)))
    state, tokens = reader.start(len(given)), given
    for _ in range(limit):
        logits, state = reader.step(state, tokens)
        if not stop:
            logits = logits.index_fill(-1, torch.tensor([eos], device=logits.device), -torch.inf)
        tokens = draw(logits, samplers, rng)[:, None]
        for row, token in enumerate(tokens[:, 0].tolist()):
            if token == eos:
                open_rows.discard(row)
            elif row in open_rows:
                written[row].append(token)
        if not open_rows:
            break
    return written


def draw(
    logits: Float[Tensor, "S V"], samplers: Sequence[Bound], rng: torch.Generator
) -> Int[Tensor, "S"]:
    """Draw one token a row.

    Args:
        logits: of the next token.
        samplers: maps of logits, applied in this order.
        rng: source of randomness.

    Returns:
        Tokens, `[S]`.
    """
    for sampler in samplers:
        logits = sampler({"logits": logits})
    probability = logits.float().softmax(-1).cpu()
    return torch.multinomial(probability, 1, generator=rng)[:, 0].to(logits.device)
