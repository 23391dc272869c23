"""Write text: one token after another, through the model's state."""

from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor

from likely.core.bind import Bound
from likely.core.errors import BadSetting
from likely.models.reader import Reader


def generate(
    reader: Reader,
    prompts: Sequence[str],
    *,
    samplers: Sequence[Bound] = (),
    max_new_tokens: int = 200,
    rng: torch.Generator | None = None,
) -> list[str]:
    """Continue prompts until the model ends the document or the tokens are used up.

    Prompts are read from BOS on, as documents are in training. Each is written by itself, so that
    prompts of different length need no padding and one text does not change another.

    Args:
        reader: any model.
        prompts: texts to continue; the empty one starts a document.
        samplers: maps of logits, applied in this order; none samples from the model itself.
        max_new_tokens: how many tokens at most.
        rng: source of randomness; without it, a generator with seed 0.

    Returns:
        The continuations, without the prompts.

    Raises:
        BadSetting: `max_new_tokens` is negative.
    """
    if max_new_tokens < 0:
        raise BadSetting("generate", [f"max_new_tokens={max_new_tokens} should be at least 0."])
    rng = rng or torch.Generator().manual_seed(0)
    return [_continue(reader, prompt, samplers, max_new_tokens, rng) for prompt in prompts]


def _continue(
    reader: Reader, prompt: str, samplers: Sequence[Bound], limit: int, rng: torch.Generator
) -> str:
    vocabulary = reader.vocabulary
    given = [vocabulary.bos, *vocabulary.encode(prompt).tolist()]
    written: list[int] = []
    if isinstance(reader, torch.nn.Module):
        reader.eval()
    with torch.no_grad():
        state = reader.start(1)
        tokens = torch.tensor([given])
        while len(written) < limit:
            logits, state = reader.step(state, tokens)
            tokens = draw(logits, samplers, rng)[:, None]
            token = int(tokens[0, 0])
            if token == vocabulary.eos:
                break
            written.append(token)
    return vocabulary.decode(written)


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
