"""Sum over the vocabulary of any function of two readers' log-probabilities."""

from collections.abc import Callable

from jaxtyping import Float
from torch import Tensor

from likely.vocab.moments import _names as moment
from likely.vocab.moments._accumulator import Moment


def wants(*, f: Callable[[Tensor, Tensor], Tensor], role: str = "teacher") -> dict[str, Moment]:
    """The moment it reads."""
    return {"total": moment.between(f, role)}


def two_head_sum(
    total: Float[Tensor, "N"],
    *,
    f: Callable[[Tensor, Tensor], Tensor],
    role: str = "teacher",
) -> Float[Tensor, "N"]:
    r"""Sum over the vocabulary of any function of two readers' log-probabilities.

    $$ \sum_v f(\log p_v, \log q_v) $$

    Args:
        total: the sum.
        f: maps log p and log q, both `[n, V]`, to one value a word, element by element, in torch
            operations that autograd follows; words that cannot come have about −10⁶. A function of
            a module, or a frozen dataclass that is called, is compiled once.
        role: the second reader's name.

    Returns:
        In the unit of f, `[N]`.

    Example:
        >>> import torch
        >>> from likely.core.stats import Statistic
        >>> from likely.vocab.scan import from_logits
        >>> def overlap(log_p, log_q):
        ...     return torch.minimum(log_p, log_q).exp()
        >>> want = {"shared": Statistic("two_head_sum", settings={"f": overlap})}
        >>> z = torch.tensor([[0.0, 0.0]])
        >>> from_logits(z, torch.tensor([0]), want, roles={"teacher": z})["shared"]
        tensor([1.])

    References:
        Csiszár, Information-Type Measures of Difference of Probability Distributions, 1967.
    """
    return total


def dense(
    z: Tensor,
    y: Tensor,
    t: Tensor,
    *,
    f: Callable[[Tensor, Tensor], Tensor],
    role: str = "teacher",
) -> Tensor:
    """The same, from the logits."""
    del y, role
    return f(z.log_softmax(-1).clamp_min(-1e6), t.log_softmax(-1).clamp_min(-1e6)).sum(-1)
