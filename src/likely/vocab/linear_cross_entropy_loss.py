"""Cross-entropy from hidden states, with the arguments of torch's function and module."""

from math import prod
from typing import Any

import torch
from jaxtyping import Float, Shaped
from torch import Tensor, nn

from likely.vocab._checks import check_class_weight, settle, wrong_number
from likely.vocab._torch_cross_entropy import check_settings, problem_of
from likely.vocab._torch_loss import of_indices, of_probabilities


def linear_cross_entropy_loss(
    input: Float[Tensor, "..."],
    linear_weight: Float[Tensor, "..."],
    target: Shaped[Tensor, "..."],
    *,
    linear_bias: Float[Tensor, "..."] | None = None,
    weight: Float[Tensor, "..."] | None = None,
    reduction: str = "mean",
    ignore_index: int | None = None,
    label_smoothing: float = 0.0,
    options: Any = None,
) -> Tensor:
    r"""What `torch.nn.functional.linear_cross_entropy` takes and gives, without all the logits.

    $$ (1 - \varepsilon)\, w_y (-\log p_y) + \tfrac{\varepsilon}{V} \sum_v w_v (-\log p_v)
       \quad\text{or}\quad -\sum_v w_v \big[(1 - \varepsilon) q_v + \tfrac{\varepsilon}{V}\big]
       \log p_v $$
    Sums are float32 (float64 for float64), and the result is rounded once to the dtype of `input`,
    as theirs. Targets are class indices, or probabilities where their shape is that of the logits;
    those have a gradient too, and cost four matrix products. A K-dimensional loss is one plain loss
    a position. Neither class indices, label smoothing nor K dimensions ever fall back to logits.

    Args:
        input: hidden states, `[D]` or `[N, D]`.
        linear_weight: the classifier, `[V, D]` or `[V, d₁, …, d_K, D]`.
        target: ids, `[]`, `[N]` or `[N, d₁, …, d_K]`; or probabilities, `[V]`, `[N, V]` or
            `[N, V, d₁, …, d_K]`.
        linear_bias: added to the logits, `[V]` or `[V, d₁, …, d_K]`.
        weight: class weights, `[V]`, without gradient.
        reduction: `mean` (over Σ w_y for ids, over rows for probabilities), `sum` or `none`.
        ignore_index: ids of this value do not count; None is −100.
        label_smoothing: ε, from 0 to 1.
        options: a `torch.nn.LinearCrossEntropyOptions`, or None. Its chunk sizes and policies only
            mean speed and memory, which are chosen here; any gradient is exact, may be taken more
            than once, and is added up in float32, whatever it says. `acc_dtype` of float64 is
            refused for anything else than float64.

    Returns:
        One number, or with `none` one a target; 0 where ignored. A mean over nothing is NaN.

    Raises:
        ShapeError: tensors do not fit, or a target is no class.
        BadSetting: an argument has a value that means nothing.
        Unsupported: class weights that ask for a gradient.

    Example:
        >>> import torch
        >>> h, w = torch.zeros(2, 3), torch.zeros(4, 3)
        >>> linear_cross_entropy_loss(h, w, torch.tensor([0, 3])).exp().round()
        tensor(4.)

    References:
        Szegedy et al., Rethinking the Inception Architecture, 2015. arXiv:1512.00567, section 7.
    """
    problem = problem_of(input, linear_weight, target, linear_bias)
    check_settings(problem, weight, reduction, ignore_index, label_smoothing, options)
    if problem.probable:
        found = of_probabilities(problem, weight, reduction, label_smoothing)
    else:
        ignored = -100 if ignore_index is None else ignore_index
        found = of_indices(problem, weight, reduction, ignored, label_smoothing)
    return found.to(input.dtype)


class LinearCrossEntropyLoss(nn.Module):
    """`torch.nn.LinearCrossEntropyLoss`: same arguments, same names in the state, no logits kept.

    Args:
        in_features: D.
        num_classes: V.
        out_features: d₁, …, d_K of a K-dimensional loss.
        bias: whether logits have a learnt bias.
        device: of the parameters.
        dtype: of the parameters.
        reduction: as for `linear_cross_entropy_loss`.
        weight: class weights, `[V]`; kept as a buffer.
        ignore_index: as for `linear_cross_entropy_loss`.
        label_smoothing: as for `linear_cross_entropy_loss`.
        options: as for `linear_cross_entropy_loss`.

    Raises:
        ShapeError: weight is not one number a class.
        BadSetting: label_smoothing is not from 0 to 1.

    Example:
        >>> import torch
        >>> loss = LinearCrossEntropyLoss(3, 4)
        >>> sorted(loss.state_dict()), loss(torch.zeros(2, 3), torch.tensor([0, 3])).exp().round()
        (['linear.weight'], tensor(4., grad_fn=<RoundBackward0>))
    """

    weight: Tensor | None

    def __init__(
        self,
        in_features: int,
        num_classes: int,
        *,
        out_features: tuple[int, ...] = (),
        bias: bool = False,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
        reduction: str = "mean",
        weight: Tensor | None = None,
        ignore_index: int | None = None,
        label_smoothing: float = 0.0,
        options: Any = None,
    ) -> None:
        super().__init__()
        settle(type(self).__name__, [wrong_number("label_smoothing", label_smoothing, most=1.0)])
        check_class_weight(type(self).__name__, "weight", weight, num_classes)
        self.register_buffer("weight", weight)
        self.num_classes, self.out_features = num_classes, tuple(out_features)
        self.reduction, self.ignore_index = reduction, ignore_index
        self.label_smoothing, self.options = label_smoothing, options
        rows = prod(out_features, start=num_classes)
        self.linear = nn.Linear(in_features, rows, bias=bias, device=device, dtype=dtype)

    def forward(self, input: Float[Tensor, "..."], target: Shaped[Tensor, "..."]) -> Tensor:
        """The loss of these states.

        Args:
            input: as for `linear_cross_entropy_loss`.
            target: as for `linear_cross_entropy_loss`.

        Returns:
            The loss.
        """
        rows = (self.num_classes, *self.out_features)
        bias = self.linear.bias
        return linear_cross_entropy_loss(
            input,
            self.linear.weight.reshape(*rows, self.linear.in_features),
            target,
            linear_bias=None if bias is None else bias.reshape(rows),
            weight=self.weight,
            reduction=self.reduction,
            ignore_index=self.ignore_index,
            label_smoothing=self.label_smoothing,
            options=self.options,
        )

    def extra_repr(self) -> str:
        """What a print shows.

        Returns:
            The settings.
        """
        linear = self.linear
        return (
            f"in_features={linear.in_features}, num_classes={self.num_classes}, "
            f"out_features={self.out_features}, bias={linear.bias is not None}, "
            f"reduction={self.reduction}, ignore_index={self.ignore_index}, "
            f"label_smoothing={self.label_smoothing}, options={self.options}"
        )
