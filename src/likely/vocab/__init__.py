"""The scan of the vocabulary: hidden states in, per-token statistics out, no [N, V] kept."""

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from likely.vocab.compute_z_loss import compute_z_loss
    from likely.vocab.fused_linear_cross_entropy import (
        CrossEntropyOutput,
        LigerFusedLinearCrossEntropyLoss,
        liger_fused_linear_cross_entropy,
    )
    from likely.vocab.fused_loss import Fused, fused_loss
    from likely.vocab.linear_cross_entropy import LinearCrossEntropy, linear_cross_entropy
    from likely.vocab.linear_cross_entropy_loss import (
        LinearCrossEntropyLoss,
        linear_cross_entropy_loss,
    )
    from likely.vocab.scan import from_logits, scan

__all__ = [
    "CrossEntropyOutput",
    "Fused",
    "LigerFusedLinearCrossEntropyLoss",
    "LinearCrossEntropy",
    "LinearCrossEntropyLoss",
    "compute_z_loss",
    "from_logits",
    "fused_loss",
    "liger_fused_linear_cross_entropy",
    "linear_cross_entropy",
    "linear_cross_entropy_loss",
    "scan",
]

_HOME = {
    "CrossEntropyOutput": "fused_linear_cross_entropy",
    "Fused": "fused_loss",
    "LigerFusedLinearCrossEntropyLoss": "fused_linear_cross_entropy",
    "LinearCrossEntropy": "linear_cross_entropy",
    "LinearCrossEntropyLoss": "linear_cross_entropy_loss",
    "compute_z_loss": "compute_z_loss",
    "from_logits": "scan",
    "fused_loss": "fused_loss",
    "liger_fused_linear_cross_entropy": "fused_linear_cross_entropy",
    "linear_cross_entropy": "linear_cross_entropy",
    "linear_cross_entropy_loss": "linear_cross_entropy_loss",
    "scan": "scan",
}


class _Package(ModuleType):
    """A package in which a function wins over the file of the same name.

    Once `likely/vocab/scan.py` is loaded, Python writes that file into the package as `scan`.
    Here the function is written instead, so that `from likely.vocab import scan` is the function
    whatever was imported before; `from likely.vocab.scan import …` does not look here at all.
    """

    def __setattr__(self, name: str, value: Any) -> None:
        if isinstance(value, ModuleType) and name in _HOME:
            value = getattr(value, name)
        super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'likely.vocab' has no attribute {name!r}")
    return getattr(import_module(f"likely.vocab.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
