"""What the arguments of Liger's fused linear cross-entropy mean here, and which are refused."""

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from likely.core.errors import ShapeError
from likely.core.head import Head
from likely.core.stats import Statistic, Stats
from likely.vocab._checks import (
    check_accumulation,
    check_class_weight,
    check_tensors,
    settle,
    wrong_number,
    wrong_reduction,
)
from likely.vocab._rows import Rows, keep, weight_or_one
from likely.vocab._token_loss import TokenLoss

WHERE = "liger_fused_linear_cross_entropy"

Also = tuple[Tensor | None, Tensor | None, Tensor | None]
"""Penalty, accuracy and predicted tokens, as far as they were asked for."""


@dataclass(frozen=True, eq=False)
class Options:
    """Arguments of Liger's function that are no tensors.

    Args:
        ignore_index: as there.
        lse_square_scale: as there.
        label_smoothing: as there.
        reduction: as there.
        softcap: as there.
        return_z_loss: as there.
        accum_dtype: as there.
        use_token_scaling: as there.
        return_token_accuracy: as there.
        return_predicted_tokens: as there.
        chunk_mem_const: as there.
    """

    ignore_index: int = -100
    lse_square_scale: float = 0.0
    label_smoothing: float = 0.0
    reduction: str = "mean"
    softcap: float | None = None
    return_z_loss: bool = False
    accum_dtype: torch.dtype | None = None
    use_token_scaling: bool = False
    return_token_accuracy: bool = False
    return_predicted_tokens: bool = False
    chunk_mem_const: int = 1

    def __post_init__(self) -> None:
        flags = (
            "return_z_loss",
            "use_token_scaling",
            "return_token_accuracy",
            "return_predicted_tokens",
        )
        chunk = self.chunk_mem_const
        whole = isinstance(chunk, int) and not isinstance(chunk, bool) and chunk >= 1
        settle(
            WHERE,
            [
                wrong_number("lse_square_scale", self.lse_square_scale),
                wrong_number("label_smoothing", self.label_smoothing, most=1.0),
                wrong_reduction(self.reduction),
                None
                if self.softcap is None
                else wrong_number("softcap", self.softcap, open_below=True),
                *(_wrong_flag(name, getattr(self, name)) for name in flags),
                None if whole else f"chunk_mem_const={chunk!r} should be a whole number above 0.",
            ],
        )

    @property
    def more(self) -> bool:
        """Whether more than the loss is asked for."""
        return self.return_z_loss or self.return_token_accuracy or self.return_predicted_tokens

    def want(self) -> dict[str, Statistic]:
        """What to measure besides the loss."""
        want = {"lse": Statistic("lse")} if self.return_z_loss else {}
        if self.return_token_accuracy or self.return_predicted_tokens:
            want["predicted"] = Statistic("argmax")
        return want


def _wrong_flag(name: str, given: Any) -> str | None:
    return None if isinstance(given, bool) else f"{name}={given!r} should be True or False."


def measure(
    hidden: Tensor,
    weight: Tensor,
    target: Tensor,
    bias: Tensor | None,
    class_weight: Tensor | None,
    options: Options,
) -> tuple[Tensor, Also]:
    """The loss, and what was asked for besides.

    Args:
        hidden: `[N, D]`.
        weight: `[V, D]`.
        target: `[N]`.
        bias: `[V]`.
        class_weight: `[V]`.
        options: everything else.

    Returns:
        The loss; penalty, accuracy and predicted tokens.

    Raises:
        ShapeError: tensors do not fit, or a target is no word.
        Unsupported: class weights with a gradient, or sums finer than float32.
    """
    check_tensors(WHERE, input=hidden, weight=weight, target=target, bias=bias)
    fits = hidden.dim() == weight.dim() == 2 and hidden.shape[1] == weight.shape[1]
    if not fits or target.shape != hidden.shape[:1]:
        raise ShapeError(
            f"{WHERE}: input should be [N, D], weight [V, D] and target [N]; given "
            f"{list(hidden.shape)}, {list(weight.shape)} and {list(target.shape)}."
        )
    check_class_weight(WHERE, "ce_weight", class_weight, len(weight))
    check_accumulation(WHERE, "accum_dtype", options.accum_dtype, hidden)
    rows = keep(WHERE, hidden, target, options.ignore_index, len(weight))
    head, kind = Head(weight, bias, softcap=options.softcap), _kind(rows, class_weight, options)
    if options.reduction == "none":
        each, stats = kind.each(rows.hidden, head, rows.targets, options.want())
        return rows.spread(each), _also(rows, kind, stats, options)
    total, stats = kind.summed(rows.hidden, head, rows.targets, options.want())
    return total, _also(rows, kind, stats, options)


def _kind(rows: Rows, class_weight: Tensor | None, options: Options) -> TokenLoss:
    kind = TokenLoss(
        class_weight,
        options.label_smoothing,
        options.lse_square_scale,
        options.use_token_scaling,
    )
    if options.reduction != "mean":
        return kind
    count = len(rows.targets)
    total: Tensor | int = count
    if class_weight is not None:
        like = torch.promote_types(rows.hidden.dtype, torch.float32)
        total = class_weight.to(like)[rows.targets].sum()
    return replace(kind, share=1 / weight_or_one(total), penalty_share=1 / max(count, 1))


@torch.no_grad()
def _also(rows: Rows, kind: TokenLoss, stats: Stats, options: Options) -> Also:
    none = options.reduction == "none"
    penalty = accuracy = predicted = None
    if options.return_z_loss:
        each = kind.penalties(stats)
        penalty = (rows.spread(each) if none else each.sum()).to(rows.hidden.dtype)
    if options.return_token_accuracy or options.return_predicted_tokens:
        best = stats["predicted"]
        if options.return_token_accuracy:
            right = (best == rows.targets).float()
            accuracy = rows.spread(right) if none else right.mean()
        if options.return_predicted_tokens:
            predicted = rows.spread(best, fill=-1)
    return penalty, accuracy, predicted
