"""Covariance under p of fixed columns with the logit."""

from jaxtyping import Float
from torch import Tensor

from likely.vocab.moments import _names as moment
from likely.vocab.moments._accumulator import Moment


def wants(*, u: Tensor) -> dict[str, Moment]:
    """The moments it reads."""
    return {"weighted": moment.expect(u), "weighted_first": moment.expect(u, 1)}


def covariance(
    log_sum: Float[Tensor, "N"],
    first: Float[Tensor, "N"],
    weighted: Float[Tensor, "N R"],
    weighted_first: Float[Tensor, "N R"],
    *,
    u: Float[Tensor, "V R"],
) -> Float[Tensor, "N R"]:
    r"""Covariance under p of fixed columns with the logit.

    $$ \operatorname{Cov}_p(u, z) = \mathbb{E}_p[x u] - \mathbb{E}_p[x]\,\mathbb{E}_p[u] $$

    Args:
        log_sum: log Σ eˣ, x = z − shift.
        first: E_p[x].
        weighted: Σ eˣ u.
        weighted_first: Σ eˣ x u.
        u: the columns, `[V, R]`; gradients reach them.

    Returns:
        In the unit of u, `[N, R]`: the slope of E_p[u] as the logits are scaled up.

    Example:
        >>> import torch
        >>> from likely.core.stats import Statistic
        >>> from likely.vocab.scan import from_logits
        >>> want = {"slope": Statistic("covariance", settings={"u": torch.tensor([[0.0], [1.0]])})}
        >>> from_logits(torch.tensor([[0.0, 0.0]]), torch.tensor([0]), want)["slope"]
        tensor([[0.]])

    References:
        Cui et al., The Entropy Mechanism of Reinforcement Learning for Reasoning Language
        Models, 2025. arXiv:2505.22617 (it drives the entropy).
    """
    return (weighted_first - first[:, None] * weighted) * (-log_sum).exp()[:, None]


def dense(z: Tensor, y: Tensor, *, u: Tensor) -> Tensor:
    """The same, from the logits."""
    del y
    p, z = z.softmax(-1), z.clamp_min(-1e6)
    return (p * (z - (p * z).sum(-1, keepdim=True))) @ u
