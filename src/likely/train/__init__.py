"""Recipes, the loop and what a run leaves on disk; `patch` for other people's trainers."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from likely.train.patching import patch

__all__ = ["patch"]


def __getattr__(name: str) -> Any:
    if name != "patch":
        raise AttributeError(f"module 'likely.train' has no attribute {name!r}")
    from likely.train.patching import patch

    return patch
