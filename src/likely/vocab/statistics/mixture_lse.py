"""Log-partition of a geometric mixture of the model and a second reader."""

from typing import Annotated

import torch
from annotated_types import Ge, Le
from jaxtyping import Float
from torch import Tensor

from likely.vocab.moments import _names as moment
from likely.vocab.moments._accumulator import Moment


def wants(*, a: float = 0.5, b: float = 0.5, role: str = "teacher") -> dict[str, Moment]:
    """The moment it reads."""
    return {"mixed": moment.mixture(a, b, role)}


def infinite(*, a: float = 0.5, b: float = 0.5, role: str = "teacher") -> str:
    """Why it refuses stored logits; empty where it does not."""
    del a, role
    return "with b < 0 a word that was not stored has infinite weight" if b < 0 else ""


def mixture_lse(
    shift: Float[Tensor, "N"],
    other_shift: Float[Tensor, "N"],
    mixed: Float[Tensor, "N"],
    *,
    a: Annotated[float, Ge(-100), Le(100)] = 0.5,
    b: Annotated[float, Ge(-100), Le(100)] = 0.5,
    role: str = "teacher",
) -> Float[Tensor, "N"]:
    r"""Log-partition of a geometric mixture of the model and a second reader.

    $$ \log \sum_v e^{a z_v + b t_v} $$

    Less a·lse and b·lse of the two readers it is the log of Σ pᵃqᵇ: at (½, ½) the affinity of
    Bhattacharyya and Hellinger, at (−1, 2) that of χ², at (1 − α, α) (α − 1) times the Rényi
    divergence of order α of q from p.

    Args:
        shift: the largest logit.
        other_shift: the second reader's largest logit.
        mixed: log Σ e^{a x + b x̃}.
        a: power of the model.
        b: power of the second reader.
        role: the second reader's name.

    Returns:
        Nats, `[N]`. Words that the model excludes are left out, and those that the second
        reader excludes unless b = 0; where b < 0 the latter have infinite weight, which is
        taken as e^{10⁶ |b|}, and stored logits are refused.

    Example:
        >>> import torch
        >>> from likely.vocab.scan import from_logits
        >>> z, t = torch.tensor([[0.0, 0.0]]), torch.tensor([[0.0, 9.0]])
        >>> stats = from_logits(z, torch.tensor([0]), {"mixture_lse"}, roles={"teacher": t})
        >>> stats["mixture_lse"]
        tensor([4.5110])

    References:
        Rényi, On Measures of Entropy and Information, 1961; Li et al., Contrastive
        Decoding, 2023. arXiv:2210.15097.
    """
    return a * shift + b * other_shift + mixed


def dense(
    z: Tensor,
    y: Tensor,
    t: Tensor,
    *,
    a: float = 0.5,
    b: float = 0.5,
    role: str = "teacher",
) -> Tensor:
    """The same, from the logits."""
    del y, role
    gone = z.isneginf() | (t.isneginf() if b > 0 else False)
    mixed = a * z.masked_fill(gone, 0.0) + b * t.clamp_min(-1e6).masked_fill(gone, 0.0)
    return mixed.masked_fill(gone, -torch.inf).logsumexp(-1)
