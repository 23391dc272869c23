"""Masks on the linear weights of a small transformer: the smallest go, and stay away."""

import torch
from torch import Tensor, nn


def linear_weights(model: nn.Module) -> list[Tensor]:
    """Weights of the linear layers in a transformer's blocks.

    Args:
        model: the transformer.

    Returns:
        Matrices of its attention and feed-forward layers: neither embeddings nor the head.
    """
    named = model.named_parameters()
    return [one for name, one in named if ".layers." in name and one.ndim == 2]


class Masks:
    """Which of some weights are left, of all layers together.

    Args:
        weights: matrices, all of whose elements are there at first.
    """

    def __init__(self, weights: list[Tensor]) -> None:
        self.weights = weights
        self.whole = sum(one.numel() for one in weights)
        self._left, self._count = torch.ones(self.whole, dtype=torch.bool), self.whole

    @torch.no_grad()
    def keep(self, most: int) -> None:
        """Set to 0 what is gone, and the smallest of what is left beyond `most`.

        Args:
            most: weights that stay; what is gone does not come back.
        """
        if most < self._count:
            size = torch.cat([one.detach().abs().flatten() for one in self.weights])
            # What is gone may have been moved by the last step: it is below all that is left.
            size[~self._left] = -1.0
            gone = torch.topk(size, self.whole - most, largest=False).indices
            self._left[gone], self._count = False, most
        if self._count < self.whole:
            parts = torch.split(self._left, [one.numel() for one in self.weights])
            for weight, left in zip(self.weights, parts, strict=True):
                weight.mul_(left.view_as(weight))
