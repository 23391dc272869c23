"""Any function of whole rows of logits."""

from collections.abc import Callable
from typing import Any

from torch import Tensor

from likely.vocab.moments import _names as moment
from likely.vocab.moments._accumulator import Moment


def wants(*, f: Callable[[Tensor, Tensor], Tensor]) -> dict[str, Moment]:
    """The moment it reads."""
    return {"value": moment.row(f)}


def row(value: Any, *, f: Callable[[Tensor, Tensor], Tensor]) -> Any:
    r"""Any function of whole rows of logits.

    $$ f(z_n, y_n) $$

    Args:
        value: what f returned.
        f: maps logits `[n, V]` (−∞ for words that cannot come) and targets `[n]` of any n tokens to
            one row a token, `[n]` or `[n, …]`, in torch operations that autograd follows; it must
            not mix tokens. A function of a module, or a frozen dataclass that is called, is
            compiled once.

    Returns:
        What f returns, for all N tokens.

    Example:
        >>> import torch
        >>> from likely.core.stats import Statistic
        >>> from likely.vocab.scan import from_logits
        >>> want = {"spread": Statistic("row", settings={"f": lambda z, y: z.std(-1)})}
        >>> from_logits(torch.tensor([[1.0, 3.0]]), torch.tensor([0]), want)["spread"]
        tensor([1.4142])

    References:
        Blondel et al., Learning with Fenchel-Young Losses, 2020. arXiv:1901.02324 (losses
        that sort a row).
    """
    return value


def dense(z: Tensor, y: Tensor, *, f: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
    """The same, from the logits."""
    return f(z, y)
