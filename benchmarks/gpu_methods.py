"""Every method of `benchmarks/scan_gpu.py`: ours, bare products, plain torch, other libraries."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import torch
import torch.nn.functional as F

from benchmarks import gpu_rivals as rivals
from benchmarks.gpu_cases import combined, wishes
from likely.vocab.fused_loss import fused_loss
from likely.vocab.scan import scan


@dataclass(frozen=True)
class Method:
    """One way to the mean loss of all tokens.

    Args:
        says: what the table calls it.
        call: (case, hidden, weight) → the mean loss; None for bare products.
        loss: which one, of `LOSSES`.
        passes: `forward`, `train`, or both.
        ours: its figures are refused where the gate is red.
        filtered: small gradients are dropped on purpose; judged by the norm of what is lost.
        products: how many bare products it is, 0 for a method.
    """

    says: str
    call: Callable
    loss: str = "plain"
    passes: tuple[str, ...] = ("forward", "train")
    ours: bool = False
    filtered: bool = False
    products: int = 0


def scanned(name, loss="plain", **chosen):
    """Our scan, as any later loss would have it."""

    def call(case, hidden, weight):
        want = wishes(loss, case)
        stats = scan(
            hidden, case.head(weight), case.target, want, **{"backend": case.backend, **chosen}
        )
        case.ran[name] = stats.backend
        return combined(stats).mean()

    return call


def swept(case, hidden, weight):
    """Our fused loss in chunks: three products by cuBLAS, no kernel of ours."""
    found = fused_loss(
        lambda stats, _: combined(stats),
        hidden,
        case.head(weight),
        case.target,
        wishes("plain", case),
        backend="chunked",
    )
    case.ran["chunked"] = found.stats.backend
    return found.total / found.weight


def dense(case, hidden, weight):
    """Plain torch: all logits, the loss in float32."""
    return _dense(hidden, weight, case.target, case.softcap)


def _dense(hidden, weight, target, softcap):
    z = F.linear(hidden, weight).float()
    z = z if softcap is None else softcap * torch.tanh(z / softcap)
    return F.cross_entropy(z, target)


@cache
def _compiled():
    return torch.compile(_dense)


def compiled(case, hidden, weight):
    """The same through torch.compile."""
    if case.hidden.device.type != "cuda":
        raise rivals.Refused("not compiled where there is no CUDA device")
    return _compiled()(hidden, weight, case.target, case.softcap)


def bare(products):
    """So many products of the case's shape, in its dtype, and nothing else."""

    @torch.no_grad()
    def call(_case, hidden, weight):
        z = hidden @ weight.T
        if products > 1:
            _ = z @ weight
            _ = z.T @ hidden
        if products > 3:
            _ = hidden @ weight.T

    return call


TRAIN = ("train",)
METHODS = {
    "one product": Method("one bare product", bare(1), passes=("forward",), products=1),
    "three products": Method("three bare products", bare(3), passes=TRAIN, products=3),
    "four products": Method("four bare products", bare(4), passes=TRAIN, products=4),
    "exact": Method("likely", scanned("exact"), ours=True),
    "filtered": Method(
        "likely, filtered",
        scanned("filtered", filter_eps="auto"),
        passes=TRAIN,
        ours=True,
        filtered=True,
    ),
    "entropy": Method("likely, and entropy", scanned("entropy", "entropy"), "entropy", ours=True),
    "five": Method("likely, five statistics", scanned("five", "five"), "five", ours=True),
    "chunked": Method("likely, fused in chunks", swept, ours=True),
    "dense": Method("dense", dense),
    "compiled": Method("dense, compiled", compiled),
    "torch": Method("F.linear_cross_entropy, options", rivals.torch_options),
    "cce": Method("Cut Cross-Entropy", rivals.apple, filtered=True),
    "cce_exact": Method("Cut Cross-Entropy, exact", rivals.apple_exact, passes=TRAIN),
    "liger": Method("Liger", rivals.liger),
    "liger_scaled": Method("Liger, scaled", rivals.liger_scaled),
    "liger_scaled_entropy": Method(
        "Liger, scaled, and entropy", rivals.liger_scaled_entropy, "entropy"
    ),
    "quack": Method("quack", rivals.quack),
}
TRAINED = ("three products", "four products", "exact", "filtered", "cce", "cce_exact")
