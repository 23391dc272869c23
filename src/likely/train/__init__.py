"""Recipes, the loop and what a run leaves on disk; `patch` and a forecast for others' trainers."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from likely.train.forecast_callback import ForecastCallback
    from likely.train.patching import patch

__all__ = ["ForecastCallback", "patch"]


def __getattr__(name: str) -> Any:
    if name == "patch":
        from likely.train.patching import patch

        return patch
    if name == "ForecastCallback":
        from likely.train.forecast_callback import ForecastCallback

        return ForecastCallback
    raise AttributeError(f"module 'likely.train' has no attribute {name!r}")
