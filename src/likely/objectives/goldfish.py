"""Goldfish loss: a token in k is never trained on, and always the same one after the same words."""

from functools import cache
from typing import Annotated, Literal

import torch
from annotated_types import Ge
from jaxtyping import Float, Int
from torch import Tensor

from likely.objectives._hash import uniform_of, windows_before

LAWS = frozenset[str]()
KNOBS = {"k": (3, 4, 8)}


def goldfish(
    log_prob: Float[Tensor, "N"],
    ids: Int[Tensor, "N"],
    target: Int[Tensor, "N"],
    position: Int[Tensor, "N"],
    weight: Float[Tensor, "N"],
    *,
    k: Annotated[int, Ge(2)] = 4,
    context: Annotated[int, Ge(1)] = 13,
    hash: Literal["stable", "official"] = "stable",
) -> tuple[Float[Tensor, "N"], Float[Tensor, "N"]]:
    r"""Cross-entropy on the tokens that a hash of the `context` tokens before them keeps.

    $$ \mathcal{L} = -\frac{\sum_n G_n \log p_{y_n}}{\sum_n G_n}, \quad
       G_n = [\,\mathrm{hash}(x_{n-h+1}, \dots, x_n) \ge 1/k\,] $$

    The hash is ours and is the same on every device. `hash="official"` reproduces the authors'
    `hash-table` strategy, which departs from the paper: its window ends with the target itself,
    and it multiplies the ids, so their order does not count. Positions with less context in their
    segment are never dropped, in both.

    Cost: separable, three matrix products.
    Status: verified (masks of the authors' code in `hash="official"`).
    Detached: the mask, which is no function of the model.
    Denominator: kept tokens.

    Args:
        log_prob: log p of the target, nats.
        ids: the token read.
        target: the token that came next.
        position: place within the segment.
        weight: how much a position counts.
        k: one token in k is dropped.
        context: h, tokens that are hashed.
        hash: `stable`, or `official` for parity with the authors' code on CPU.

    Returns:
        One loss a token, nats, and its weight: 0 where the token is dropped.

    Example:
        >>> import torch
        >>> ids = torch.arange(6)
        >>> loss, kept = goldfish(torch.zeros(6), ids, ids, ids, torch.ones(6), k=2, context=2)
        >>> kept
        tensor([1., 1., 0., 0., 0., 1.])

    References:
        Hans et al., Be like a Goldfish, Don't Memorize!, 2024, eq. 2 and §3.1. arXiv:2406.10209.
    """
    dropped = _dropped(ids, target, position, k, context, hash)
    return -log_prob, weight.masked_fill(dropped, 0.0)


def _dropped(
    ids: Tensor, target: Tensor, position: Tensor, k: int, context: int, hash: str
) -> Tensor:
    if hash == "stable":
        windows, known = windows_before(ids, position, context)
        return known & (uniform_of(windows) < 1 / k)
    windows, known = windows_before(ids, position, context - 1)
    key = (windows.prod(dim=1) * target) % _OFFICIAL_SIZE
    return known & (_official_table().to(ids.device)[key] < 1 / k)


_OFFICIAL_SIZE, _OFFICIAL_SEED = 1_000_003, 2_971_215_073


@cache
def _official_table() -> Tensor:
    return torch.rand(_OFFICIAL_SIZE, generator=torch.Generator().manual_seed(_OFFICIAL_SEED))


def dense(
    z: Tensor,
    y: Tensor,
    ids: Tensor,
    position: Tensor,
    weight: Tensor,
    *,
    k: int = 4,
    context: int = 13,
    hash: str = "stable",
) -> tuple[Tensor, Tensor]:
    """The same, from the logits, one position at a time."""
    keep = weight.clone()
    for n in range(len(y)):
        if position[n] < context - 1 - (hash == "official"):
            continue
        if hash == "stable":
            u = uniform_of(ids[None, n - context + 1 : n + 1])[0]
        else:
            key = ids[n - context + 2 : n + 1].prod() * y[n] % _OFFICIAL_SIZE
            u = _official_table()[key].double()
        if u < 1 / k:
            keep[n] = 0
    return -z.log_softmax(-1).gather(-1, y[:, None])[:, 0], keep
