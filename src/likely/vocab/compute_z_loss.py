"""The penalty on log Σ eᶻ of tokens, as apple/ml-cross-entropy computes it."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from likely.core.errors import ShapeError
from likely.vocab._checks import settle, wrong_reduction


def compute_z_loss(
    lse: Float[Tensor, "..."],
    targets: Int[Tensor, "..."] | None = None,
    shift: bool | int = False,
    ignore_index: int = -100,
    reduction: str = "mean",
) -> Tensor:
    r"""The penalty on log Σ eᶻ, as `cut_cross_entropy.utils.compute_z_loss` computes it.

    $$ \frac{1}{N} \sum_n \operatorname{lse}_n^2 $$

    Args:
        lse: what `linear_cross_entropy` returned with `return_lse`, `[..., T − shift]`.
        targets: as given there; None where every token counts.
        shift: as given there.
        ignore_index: as given there.
        reduction: `mean` over what counts (NaN where nothing does), `sum`, or `none`.

    Returns:
        One number, or with `none` one a token, 0 where ignored.

    Raises:
        ShapeError: lse and targets do not fit.
        BadSetting: there is no such reduction.

    Example:
        >>> import torch
        >>> compute_z_loss(torch.tensor([2.0, 0.0, 4.0]), torch.tensor([1, -100, 0]))
        tensor(10.)

    References:
        Chowdhery et al., PaLM, 2022. arXiv:2204.02311, section 5.
    """
    settle("compute_z_loss", [wrong_reduction(reduction)])
    square = lse**2
    counts = torch.ones_like(square, dtype=torch.bool)
    if targets is not None:
        predicted = targets[..., int(shift) :]
        if predicted.shape != lse.shape:
            raise ShapeError(
                f"compute_z_loss: lse is {list(lse.shape)}, and {list(predicted.shape)} targets "
                "are left after the shift; each needs one."
            )
        counts = predicted != ignore_index
        square = square.where(counts, torch.zeros_like(square))
    if reduction == "none":
        return square
    return square.sum() if reduction == "sum" else square.sum() / counts.sum()
