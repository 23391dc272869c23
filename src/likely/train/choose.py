"""Tokens chosen while training: a function of the batch and of what was measured on it."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from likely.core.batch import Batch
from likely.core.bind import Bound
from likely.core.catalogue import get
from likely.core.errors import BadInput, BadSetting
from likely.core.stats import Statistic, Stats, as_wishes

Choose = Callable[[Batch, Stats], Tensor]
"""`choose(batch, stats)` gives one weight a token, `[N]`, at least 0.

The weights multiply those of the objective, and the loss is divided by the sum of the products, so
that tokens of weight 0 are as good as absent. It is called on every micro batch with statistics
that carry no gradient: `log_prob`, and those that an attribute `wants` of the function names.
"""


def wishes_of(choose: Choose | None) -> dict[str, Statistic]:
    """What is measured for a choice.

    Args:
        choose: the function, or None.

    Returns:
        Statistics by name; `log_prob` is always among them.

    Raises:
        UnknownName: its `wants` names a statistic that does not exist.
    """
    if choose is None:
        return {}
    found = {"log_prob": Statistic("log_prob"), **as_wishes(getattr(choose, "wants", ()))}
    for wish in found.values():
        get("vocab.statistics", wish.name)
    return found


def name_of(choose: Choose | None) -> str | None:
    """What a run's folder calls a choice.

    Args:
        choose: a function, or an object that can be called.

    Returns:
        Its module and name; None for None.
    """
    if choose is None:
        return None
    named: Any = choose if hasattr(choose, "__qualname__") else type(choose)
    return f"{named.__module__}.{named.__qualname__}"


def check_unit(choose: Choose | None, objective: Bound) -> None:
    """Raise where weights of tokens mean nothing to an objective.

    Args:
        choose: the function, or None.
        objective: what is trained by.

    Raises:
        BadSetting: its values are not those of tokens.
    """
    if choose is not None and objective.unit != "N":
        what = {"S": "whole sequences", "P": "pairs of sequences"}.get(objective.unit, "documents")
        raise BadSetting(
            "choose",
            [
                f"The objective {objective.name!r} gives one value to {what}, and choose weighs "
                "tokens: take an objective of tokens, such as 'cross_entropy', or no choose."
            ],
        )


def weights_of(choose: Choose, batch: Batch, stats: Stats) -> Tensor:
    """Ask a choice for its weights, and check them.

    Args:
        choose: the function.
        batch: what was read.
        stats: everything that was measured on it.

    Returns:
        `[N]`, without gradient.

    Raises:
        BadInput: no tensor, another shape, or numbers that are negative or not finite.
    """
    kept = {name: _detached(stats[name]) for name in wishes_of(choose)}
    with torch.no_grad():
        found = choose(batch, Stats(kept, stats.backend, stats.sweeps))
    name = name_of(choose)
    if not isinstance(found, Tensor):
        raise BadInput(
            f"{name} returned a {type(found).__name__}: choose(batch, stats) must return a tensor "
            "with one weight a token."
        )
    if found.shape != batch.weight.shape:
        raise BadInput(
            f"{name} returned weights of shape {list(found.shape)}, and the batch has "
            f"{len(batch)} tokens: choose(batch, stats) must return one weight a token."
        )
    found = found.detach().to(batch.weight)
    wrong = ~(torch.isfinite(found) & (found >= 0)) & (batch.weight > 0)
    if wrong.any():
        raise BadInput(
            f"{name} returned {float(found[wrong][0])} for a token: weights must be finite and at "
            "least 0."
        )
    return found.masked_fill(batch.weight == 0, 0.0)


def _detached(value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(_detached(part) for part in value)
    return value.detach()
