"""Cross-entropy from hidden states, with the signature of apple/ml-cross-entropy."""

from typing import Any

from jaxtyping import Float, Int
from torch import Tensor, nn

from likely.core.head import Head
from likely.core.stats import Statistic
from likely.vocab._cut_cross_entropy import (
    ANY_WORD,
    across_of,
    check_arguments,
    rows_of,
    way_of,
)
from likely.vocab._rows import nothing_is_nan
from likely.vocab._token_loss import TokenLoss


def linear_cross_entropy(
    e: Float[Tensor, "... D"],
    c: Float[Tensor, "V D"],
    targets: Int[Tensor, "..."],
    bias: Float[Tensor, "V"] | None = None,
    ignore_index: int = -100,
    softcap: float | None = None,
    reduction: str = "mean",
    shift: bool | int = 0,
    return_lse: bool = False,
    filter_eps: str | float | None = "auto",
    accum_e_fp32: bool = False,
    accum_c_fp32: bool = False,
    filter_e_grad: bool = True,
    filter_c_grad: bool = True,
    impl: Any = "cce",
    vocab_parallel_options: Any = None,
) -> Tensor | tuple[Tensor, Tensor]:
    r"""Cross-entropy without logits: what `cut_cross_entropy.linear_cross_entropy` takes and gives.

    $$ -\log p_y = \log \sum_v e^{z_v} - z_y, \quad z = \operatorname{softcap}(e c^\top + b) $$
    The gradient is exact unless `filter_eps` is a number or, on a GPU, `"auto"`, and it is added up
    in float32 whatever `accum_e_fp32` and `accum_c_fp32` say. The loss and lse are float32 (float64
    for float64), as theirs. Without lse, mean and sum take their gradients in the forward sweep on
    a CPU; `reduction="none"` and `return_lse` recompute, and any gradient may come from above.

    Args:
        e: hidden states, `[..., D]`; any number of leading dimensions, at least one.
        c: the classifier, one row a word.
        targets: the token that came next, as many as there are states.
        bias: added to the logits.
        ignore_index: targets of this value do not count.
        softcap: the largest logit; None for none.
        reduction: `mean` over what counts (NaN where nothing does), `sum`, or `none`.
        shift: state t predicts target t + shift of the same row; False is 0, True is 1.
        return_lse: give log Σ eᶻ too; differentiable.
        filter_eps: a number drops blocks of the logits' gradient (before the mean is taken) that
            are all smaller; `auto` does so on a GPU, as `scan` does, and nothing elsewhere; None
            or 0 is exact.
        accum_e_fp32: always so here.
        accum_c_fp32: always so here.
        filter_e_grad: whether the states' gradient may be filtered.
        filter_c_grad: whether the classifier's may; a number is refused unless both may.
        impl: `cce_exact` and `cce_kahan_full_c_full_e` never filter; `reference` holds the logits,
            `chunked` and `triton` do not, and everything else leaves the choice to size and device.
        vocab_parallel_options: an object with `start` and `stop`, the ids of the words whose rows
            `c` (and bias) has, `group`, the processes that have the others (None for all), and
            `reduce_e_grad`: whether the gradient of `e` is summed over them here. Targets are ids
            among all words; every process gets the same loss and calls backward on it.

    Returns:
        The loss: one number, or with `none` one a target, `[..., T − shift]`, 0 where ignored.
        With `return_lse`, the loss and lse, which has that last shape whatever the reduction.

    Raises:
        ShapeError: tensors do not fit, or a target is no word.
        BadSetting: an argument has a value that means nothing.
        Unsupported: a filter of one gradient, an implementation that is not known, a DTensor.

    Example:
        >>> import torch
        >>> e, c = torch.zeros(2, 3, 4), torch.zeros(5, 4)
        >>> targets = torch.tensor([[0, 1, 2], [3, -100, 4]])
        >>> linear_cross_entropy(e, c, targets, reduction="none", shift=1).exp().round()
        tensor([[5., 5.],
                [1., 5.]])

    References:
        Wijmans et al., Cut Your Losses in Large-Vocabulary Language Models, 2025.
        arXiv:2411.09009.
    """
    del accum_e_fp32, accum_c_fp32
    check_arguments(e, c, targets, bias, softcap, reduction, shift)
    backend, eps = way_of(impl, filter_eps, filter_e_grad and filter_c_grad, e.device)
    across = across_of(vocab_parallel_options, c)
    size = len(c) if across is None else ANY_WORD
    rows, shape = rows_of(e, targets, ignore_index, size, int(shift))
    head = Head(c, bias, softcap=softcap)
    share = 1 / max(len(rows.targets), 1) if reduction == "mean" else 1.0
    # The size is meant before the mean is taken, and the engine looks at gradients behind it.
    eps = eps * share if isinstance(eps, float) else eps
    kind = TokenLoss(share=share, backend=backend, filter_eps=eps, group=across)
    if reduction != "none" and not return_lse:
        loss, _ = kind.summed(rows.hidden, head, rows.targets, {})
        return nothing_is_nan(loss, len(rows.targets)) if reduction == "mean" else loss
    values, stats = kind.each(rows.hidden, head, rows.targets, {"lse": Statistic("lse")})
    loss = rows.spread(values).reshape(shape) if reduction == "none" else values.sum()
    loss = nothing_is_nan(loss, len(rows.targets)) if reduction == "mean" else loss
    return (loss, rows.spread(stats["lse"]).reshape(shape)) if return_lse else loss


class LinearCrossEntropy(nn.Module):
    """`linear_cross_entropy` with its options chosen, like `cut_cross_entropy.LinearCrossEntropy`.

    Args:
        ignore_index: as for the function.
        softcap: as for the function.
        reduction: as for the function.
        shift: as for the function.
        return_lse: as for the function.
        filter_eps: as for the function.
        accum_e_fp32: as for the function.
        accum_c_fp32: as for the function.
        filter_e_grad: as for the function.
        filter_c_grad: as for the function.
        impl: as for the function.
        vocab_parallel_options: as for the function.

    Example:
        >>> import torch
        >>> loss = LinearCrossEntropy(reduction="sum")
        >>> loss(torch.zeros(2, 4), torch.zeros(5, 4), torch.tensor([0, 1])).exp().round()
        tensor(25.)
    """

    def __init__(
        self,
        ignore_index: int = -100,
        softcap: float | None = None,
        reduction: str = "mean",
        shift: bool | int = 0,
        return_lse: bool = False,
        filter_eps: str | float | None = "auto",
        accum_e_fp32: bool = False,
        accum_c_fp32: bool = False,
        filter_e_grad: bool = True,
        filter_c_grad: bool = True,
        impl: Any = "cce",
        vocab_parallel_options: Any = None,
    ) -> None:
        super().__init__()
        self.ignore_index, self.softcap, self.reduction = ignore_index, softcap, reduction
        self.shift, self.return_lse, self.filter_eps = shift, return_lse, filter_eps
        self.accum_e_fp32, self.accum_c_fp32 = accum_e_fp32, accum_c_fp32
        self.filter_e_grad, self.filter_c_grad = filter_e_grad, filter_c_grad
        self.impl, self.vocab_parallel_options = impl, vocab_parallel_options

    def forward(
        self,
        e: Float[Tensor, "... D"],
        c: Float[Tensor, "V D"],
        targets: Int[Tensor, "..."],
        bias: Float[Tensor, "V"] | None = None,
    ) -> Tensor | tuple[Tensor, Tensor]:
        """The function, with the options of the module.

        Args:
            e: hidden states, `[..., D]`.
            c: the classifier, one row a word.
            targets: the token that came next.
            bias: added to the logits.

        Returns:
            The loss, or the loss and lse.
        """
        return linear_cross_entropy(
            e,
            c,
            targets,
            bias,
            self.ignore_index,
            self.softcap,
            self.reduction,
            self.shift,
            self.return_lse,
            self.filter_eps,
            self.accum_e_fp32,
            self.accum_c_fp32,
            self.filter_e_grad,
            self.filter_c_grad,
            self.impl,
            self.vocab_parallel_options,
        )
