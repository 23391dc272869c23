"""The heads of `benchmarks/scan_gpu.py`, and the losses that are taken on them."""

from dataclasses import dataclass, field

import torch
from torch import Tensor

from likely.core.head import Head
from likely.core.stats import Statistic

MOST = 0.1  # of entropy and varentropy in a loss


@dataclass(frozen=True)
class Shape:
    """The size of a head and of what it reads.

    Args:
        tokens: N.
        width: D.
        words: V.
        softcap: the largest logit, or None.
    """

    tokens: int
    width: int
    words: int
    softcap: float | None = None


SHAPES = {
    "Gemma-2-2B": Shape(8192, 2304, 256_000),
    "Gemma-2-2B, softcap 30": Shape(8192, 2304, 256_000, 30.0),
    "Llama-3-8B": Shape(8192, 4096, 128_256),
    "248,320 words": Shape(16_384, 2048, 248_320),
}
TOYS = {"toy": Shape(64, 32, 520), "toy, softcap 30": Shape(64, 32, 520, 30.0)}

PUBLIC = {
    "248,320 words": {
        "card": "H100",
        "of": "other people's public figures for this shape, forward and backward",
        "rows": {
            "Liger": {"ms": 321.0, "gigabytes": 6.05},
            "Cut Cross-Entropy": {"ms": 92.6, "gigabytes": 3.09},
            "dense": {"ms": 137.0, "gigabytes": 47.6},
        },
    }
}


@dataclass(eq=False)
class Case:
    """What every method is given.

    Args:
        hidden: `[N, D]`.
        weight: `[V, D]`.
        target: `[N]`.
        softcap: the largest logit, or None.
        backend: of our own scan.
        columns: `[V, 2]`, for the expectation among five statistics.
        ran: what our scan says it ran on, by method; filled by the methods.
    """

    hidden: Tensor
    weight: Tensor
    target: Tensor
    softcap: float | None = None
    backend: str = "triton"
    columns: Tensor | None = None
    ran: dict[str, str] = field(default_factory=dict)

    def __post_init__(self):
        if self.columns is None:
            g = torch.Generator().manual_seed(1)
            drawn = torch.randn(len(self.weight), 2, generator=g)
            self.columns = drawn.to(self.weight.device)

    @property
    def shape(self):
        """Its sizes."""
        return Shape(*self.hidden.shape, len(self.weight), self.softcap)

    @property
    def gradients(self):
        """Bytes of the two gradients that a backward pass leaves."""
        return sum(t.numel() * t.element_size() for t in (self.hidden, self.weight))

    def leaves(self, back):
        """States and head, which want a gradient or do not."""
        return (
            self.hidden.detach().requires_grad_(back),
            self.weight.detach().requires_grad_(back),
        )

    def capped(self, z):
        """Logits from products."""
        return z if self.softcap is None else self.softcap * torch.tanh(z / self.softcap)

    def head(self, weight):
        """The head as our scan takes it."""
        return Head(weight, softcap=self.softcap)


def drawn(shape, device, dtype=torch.bfloat16):
    """A case with normal states and a normal head, logits of variance 1.

    Args:
        shape: its sizes.
        device: where.
        dtype: of states and head.

    Returns:
        The case.
    """
    g = torch.Generator(device).manual_seed(0)
    given = {"generator": g, "device": device, "dtype": dtype}
    hidden = torch.randn(shape.tokens, shape.width, **given)
    weight = torch.randn(shape.words, shape.width, **given) / shape.width**0.5
    target = torch.randint(shape.words, (shape.tokens,), generator=g, device=device)
    return Case(hidden, weight, target, shape.softcap)


def wishes(loss, case):
    """What our scan is asked for.

    Args:
        loss: its name in `LOSSES`.
        case: for the columns of an expectation.

    Returns:
        Wishes by name.
    """
    names = {"plain": ("log_prob",), "entropy": ("log_prob", "entropy")}
    five = ("log_prob", "entropy", "varentropy", "sum_p2")
    found = {name: Statistic(name) for name in names.get(loss, five)}
    if loss == "five":
        found["expect"] = Statistic("expect", settings={"u": case.columns})
    return found


def combined(stats):
    """The loss of each token from its statistics, whichever of the five there are."""
    value = -stats["log_prob"]
    for name in ("entropy", "varentropy"):
        value = value + MOST * stats[name] if name in stats else value
    value = value + stats["sum_p2"] if "sum_p2" in stats else value
    return value + stats["expect"].sum(-1) if "expect" in stats else value


def dense_statistics(loss, z, target, columns):
    """The same statistics from whole rows of logits, by formulas of our own.

    Args:
        loss: its name in `LOSSES`.
        z: logits `[n, V]`, after a softcap.
        target: `[n]`.
        columns: `[V, 2]`.

    Returns:
        Statistics by name.
    """
    log_p = z.log_softmax(-1)
    found = {"log_prob": log_p.gather(1, target[:, None])[:, 0]}
    if loss == "plain":
        return found
    p = log_p.exp()
    found["entropy"] = -(p * log_p).sum(-1)
    if loss == "five":
        found["varentropy"] = (p * (log_p + found["entropy"][:, None]) ** 2).sum(-1)
        found["sum_p2"] = (p * p).sum(-1)
        found["expect"] = p @ columns.to(p.dtype)
    return found


LOSSES = ("plain", "entropy", "five")
