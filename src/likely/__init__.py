"""likely: everything that is a function of a language model's token probabilities."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from likely.core.batch import Batch
    from likely.core.bind import bind
    from likely.core.catalogue import catalogue, get
    from likely.core.head import Head
    from likely.core.stats import Statistic, Stats
    from likely.core.vocabulary import Vocabulary
    from likely.data.dataset import from_dataset
    from likely.data.files import read
    from likely.models.evaluate import evaluate
    from likely.models.load import load
    from likely.vocab.scan import from_logits, scan

__version__ = "0.1.0"

__all__ = [
    "Batch",
    "Head",
    "Statistic",
    "Stats",
    "Vocabulary",
    "__version__",
    "bind",
    "catalogue",
    "evaluate",
    "from_dataset",
    "from_logits",
    "get",
    "load",
    "read",
    "scan",
]

_HOME = {
    "Batch": "core.batch",
    "Head": "core.head",
    "Statistic": "core.stats",
    "Stats": "core.stats",
    "Vocabulary": "core.vocabulary",
    "bind": "core.bind",
    "catalogue": "core.catalogue",
    "evaluate": "models.evaluate",
    "from_dataset": "data.dataset",
    "from_logits": "vocab.scan",
    "get": "core.catalogue",
    "load": "models.load",
    "read": "data.files",
    "scan": "vocab.scan",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'likely' has no attribute {name!r}")
    return getattr(import_module(f"likely.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
