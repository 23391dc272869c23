"""Cross-entropy from hidden states, with the arguments of Liger's function and module."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from likely.vocab._liger_cross_entropy import Options, measure


@dataclass
class CrossEntropyOutput:
    """What Liger's function gives where more than the loss was asked for.

    Args:
        loss: one number, or one a token.
        z_loss: the part of it that is the penalty on lse², without gradient.
        token_accuracy: how often the likeliest word was the target; or 0 and 1 a token.
        predicted_tokens: the likeliest word of every token; −1 where ignored.
    """

    loss: Tensor
    z_loss: Tensor | None = None
    token_accuracy: Tensor | None = None
    predicted_tokens: Tensor | None = None


def liger_fused_linear_cross_entropy(
    input: Float[Tensor, "N D"],
    weight: Float[Tensor, "V D"],
    target: Int[Tensor, "N"],
    bias: Float[Tensor, "V"] | None = None,
    ce_weight: Float[Tensor, "V"] | None = None,
    ignore_index: int = -100,
    lse_square_scale: float = 0.0,
    label_smoothing: float = 0.0,
    reduction: str = "mean",
    softcap: float | None = None,
    return_z_loss: bool = False,
    accum_dtype: torch.dtype | None = None,
    use_token_scaling: bool = False,
    return_token_accuracy: bool = False,
    return_predicted_tokens: bool = False,
    chunk_mem_const: int = 1,
) -> Tensor | CrossEntropyOutput:
    r"""What `liger_kernel`'s function of this name takes and gives.

    $$ (1 - \varepsilon)\, w_y (-\log p_y) + \tfrac{\varepsilon}{V} \sum_v w_v (-\log p_v)
       + \lambda \operatorname{lse}^2 $$
    As theirs, a mean divides the first two by Σ w_y and the penalty by the number of tokens, is 0
    where nothing counts, and is float32 (float64 for float64), while the penalty returned beside it
    has the dtype of `input`. Token scaling multiplies all three by p_y, which has no gradient then.

    Args:
        input: hidden states, `[N, D]`.
        weight: the classifier, one row a word.
        target: the token that came next, `[N]`.
        bias: added to the logits.
        ce_weight: class weights, `[V]`, without gradient.
        ignore_index: targets of this value do not count.
        lse_square_scale: λ.
        label_smoothing: ε, from 0 to 1.
        reduction: `mean`, `sum` or `none`.
        softcap: the largest logit; None for none.
        return_z_loss: give the penalty too.
        accum_dtype: sums are float32 always, or float64 for float64; only a finer one is refused.
        use_token_scaling: multiply each token's loss by the probability of its target.
        return_token_accuracy: give the accuracy too.
        return_predicted_tokens: give the likeliest words too; of equal ones the smallest id.
        chunk_mem_const: how much memory a chunk may take in theirs; chunks are chosen here.

    Returns:
        The loss; with one of the three `return_…`, the loss and what was asked for.

    Raises:
        ShapeError: tensors do not fit, or a target is no word.
        BadSetting: an argument has a value that means nothing.
        Unsupported: class weights that ask for a gradient, sums finer than float32.

    Example:
        >>> import torch
        >>> h, w, y = torch.zeros(2, 3), torch.zeros(4, 3), torch.tensor([0, -100])
        >>> liger_fused_linear_cross_entropy(h, w, y).exp().round()
        tensor(4.)
        >>> found = liger_fused_linear_cross_entropy(h, w, y, lse_square_scale=0.5,
        ...                                          return_z_loss=True)
        >>> found.z_loss
        tensor(0.9609)

    References:
        Hsu et al., Liger Kernel, 2024. arXiv:2410.10989; Wu et al., On the Generalization of SFT,
        2025. arXiv:2508.05629 (token scaling).
    """
    options = Options(
        ignore_index,
        lse_square_scale,
        label_smoothing,
        reduction,
        softcap,
        return_z_loss,
        accum_dtype,
        use_token_scaling,
        return_token_accuracy,
        return_predicted_tokens,
        chunk_mem_const,
    )
    loss, also = measure(input, weight, target, bias, ce_weight, options)
    return CrossEntropyOutput(loss, *also) if options.more else loss


class LigerFusedLinearCrossEntropyLoss(nn.Module):
    """`liger_fused_linear_cross_entropy` with its options chosen; the classifier comes first.

    Args:
        ce_weight: as for the function.
        ignore_index: as for the function.
        lse_square_scale: as for the function.
        label_smoothing: as for the function.
        reduction: as for the function.
        softcap: as for the function.
        return_z_loss: as for the function.
        accum_dtype: as for the function.
        use_token_scaling: as for the function.
        return_token_accuracy: as for the function.
        return_predicted_tokens: as for the function.

    Raises:
        BadSetting: an argument has a value that means nothing.

    Example:
        >>> import torch
        >>> loss = LigerFusedLinearCrossEntropyLoss(reduction="sum")
        >>> loss(torch.zeros(4, 3), torch.zeros(2, 3), torch.tensor([0, 1])).exp().round()
        tensor(16.)
    """

    def __init__(
        self,
        ce_weight: Float[Tensor, "V"] | None = None,
        ignore_index: int = -100,
        lse_square_scale: float = 0.0,
        label_smoothing: float = 0.0,
        reduction: str = "mean",
        softcap: float | None = None,
        return_z_loss: bool = False,
        accum_dtype: torch.dtype | None = None,
        use_token_scaling: bool = False,
        return_token_accuracy: bool = False,
        return_predicted_tokens: bool = False,
    ) -> None:
        super().__init__()
        self.ce_weight = ce_weight
        self.options = Options(
            ignore_index,
            lse_square_scale,
            label_smoothing,
            reduction,
            softcap,
            return_z_loss,
            accum_dtype,
            use_token_scaling,
            return_token_accuracy,
            return_predicted_tokens,
        )

    def forward(
        self,
        lin_weight: Float[Tensor, "V D"],
        _input: Float[Tensor, "N D"],
        target: Int[Tensor, "N"],
        bias: Float[Tensor, "V"] | None = None,
    ) -> Tensor | CrossEntropyOutput:
        """The function, with the options of the module.

        Args:
            lin_weight: the classifier, one row a word.
            _input: hidden states, `[N, D]`.
            target: the token that came next, `[N]`.
            bias: added to the logits.

        Returns:
            The loss, or the loss and what was asked for.
        """
        loss, also = measure(_input, lin_weight, target, bias, self.ce_weight, self.options)
        return CrossEntropyOutput(loss, *also) if self.options.more else loss
