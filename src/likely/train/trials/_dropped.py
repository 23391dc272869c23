"""What a gradient filter drops: blocks, and the gradient of a z-loss with them."""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn import functional as F

from likely.core.head import Head
from likely.train.trials._cut import in_order

ROWS, WORDS = 128, 256
"""The blocks that a filter looks at."""
Z_LOSS = 1e-4
"""The usual weight of a squared lse beside the loss."""


@torch.no_grad()
def dropped(
    hidden: Float[Tensor, "N D"],
    weight: Float[Tensor, "V D"],
    targets: Int[Tensor, "N"],
    filter_eps: float,
) -> dict[str, float]:
    """What a filter drops of the gradient on the logits, and of a z-loss beside the loss.

    Args:
        hidden: states.
        weight: of the head.
        targets: the token that came next.
        filter_eps: below this, entries are small.

    Returns:
        Shares: of small entries; of blocks with small entries alone, words in order of their mean
        logit and of their ids; of tokens that are predicted but for less than `filter_eps`; and of
        the z-loss' gradient (absolute entries) in the blocks that are dropped when they are chosen
        by the gradient of the loss alone, as CCE does, and by the whole gradient, as we do.
    """
    by_id, _ = _gradients(hidden, weight, targets)
    head, place = in_order(hidden, Head(weight), targets)
    loss, z = _gradients(hidden, head.weight, place)
    alone, whole = (small_blocks(one, filter_eps) for one in (loss, loss + z))
    return {
        "small_entries": float((loss.abs() < filter_eps).float().mean()),
        "dropped_blocks": _share(alone),
        "dropped_blocks_by_id": _share(small_blocks(by_id, filter_eps)),
        "certain_tokens": float((loss.abs().amax(1) < filter_eps).float().mean()),
        "z_gradient_lost_by_loss": float(z[alone].sum() / z.sum()),
        "z_gradient_lost_by_whole": float(z[whole].sum() / z.sum()),
    }


def _gradients(hidden: Tensor, weight: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """On the logits: of each token's loss, and of Z_LOSS · lse²."""
    logits = hidden @ weight.T
    p, lse = logits.softmax(-1), logits.logsumexp(-1, keepdim=True)
    return p - F.one_hot(targets, len(weight)), 2 * Z_LOSS * lse * p


def small_blocks(grad: Float[Tensor, "N V"], eps: float) -> Bool[Tensor, "N V"]:
    """Which entries lie in a block of 128 tokens and 256 words that are all below eps.

    Args:
        grad: on the logits.
        eps: of the filter.

    Returns:
        True where the filter drops.
    """
    found = torch.zeros_like(grad, dtype=torch.bool)
    for top in range(0, len(grad), ROWS):
        for left in range(0, grad.shape[1], WORDS):
            at = slice(top, top + ROWS), slice(left, left + WORDS)
            found[at] = bool(grad[at].abs().max() < eps)
    return found


def _share(dropped: Bool[Tensor, "N V"]) -> float:
    return float(dropped[::ROWS, ::WORDS].float().mean())


def certain(
    seed: int, tokens: int = 256, words: int = 4096, width: int = 64
) -> tuple[Tensor, Tensor, Tensor]:
    """States that point at the row of their target, so that every token is next to certain.

    Args:
        seed: of rows and targets.
        tokens: N.
        words: V.
        width: D.

    Returns:
        States, weight and targets.
    """
    rng = torch.Generator().manual_seed(seed)
    weight = F.normalize(torch.randn(words, width, generator=rng), dim=1)
    targets = torch.randint(words, (tokens,), generator=rng)
    return 50 * weight[targets], weight, targets
