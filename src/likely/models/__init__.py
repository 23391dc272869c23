"""Anything that reads tokens: one way in (`Reader`), one file a family; `lm_loss` for loops."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from likely.models.head_loss import lm_loss

__all__ = ["lm_loss"]


def __getattr__(name: str) -> Any:
    if name != "lm_loss":
        raise AttributeError(f"module 'likely.models' has no attribute {name!r}")
    from likely.models.head_loss import lm_loss

    return lm_loss
