"""Rows that count and rows that do not."""

from dataclasses import dataclass

import torch
from torch import Tensor

from likely.core.errors import ShapeError


@dataclass(frozen=True, eq=False)
class Rows:
    """The tokens whose target is not to be ignored.

    Args:
        hidden: their states, `[N, D]`.
        targets: their targets, `[N]`.
        place: where each of them stands among all, `[N]`; None where all of them count.
        length: how many there are in all.
    """

    hidden: Tensor
    targets: Tensor
    place: Tensor | None
    length: int

    def spread(self, values: Tensor, fill: int = 0) -> Tensor:
        """One value for every token again.

        Args:
            values: `[N]`.
            fill: what ignored tokens get.

        Returns:
            As many values as there are tokens in all.
        """
        if self.place is None:
            return values
        return values.new_full((self.length,), fill).index_copy(0, self.place, values)


def keep(
    where: str,
    hidden: Tensor,
    targets: Tensor,
    ignore_index: int,
    size: int,
    reads: Tensor | None = None,
) -> Rows:
    """Leave out what is ignored, before anything is measured.

    Args:
        where: who asks, for messages.
        hidden: one row a state.
        targets: `[N]`.
        ignore_index: the target of rows that do not count.
        size: V.
        reads: which state predicts each target, `[N]`; None where there is one each, in order.

    Returns:
        The rows that count; without a copy where all do.

    Raises:
        ShapeError: a target is neither a word nor ignored.
    """
    targets = targets.long()
    counts = targets != ignore_index
    wrong = counts & ((targets < 0) | (targets >= size))
    if bool(wrong.any()):
        row = int(wrong.nonzero()[0, 0])
        raise ShapeError(
            f"{where}: the target of row {row} is {int(targets[row])}; words are numbered 0 to "
            f"{size - 1}, and {ignore_index} is what is ignored."
        )
    if bool(counts.all()):
        return Rows(hidden if reads is None else hidden[reads], targets, None, len(targets))
    place = counts.nonzero()[:, 0]
    state = place if reads is None else reads[place]
    return Rows(hidden[state], targets[place], place, len(targets))


def nothing_is_nan(total: Tensor, weight: Tensor | int) -> Tensor:
    """A mean over nothing is NaN and has gradient 0, as in torch.

    Args:
        total: the mean, computed with `weight_or_one`.
        weight: what it was divided by.

    Returns:
        The mean, or NaN where the weight is 0.
    """
    none = torch.as_tensor(weight, device=total.device) == 0
    return total + torch.where(none, torch.nan, 0.0).to(total.dtype)


def weight_or_one(weight: Tensor | int) -> Tensor | int:
    """What to divide by: 1 in place of 0.

    Args:
        weight: a sum of weights, or a count.

    Returns:
        The same, or 1.
    """
    if isinstance(weight, int):
        return weight or 1
    return torch.where(weight == 0, torch.ones_like(weight), weight)
