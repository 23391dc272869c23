"""Tables of a recipe: optimiser, schedule, adapters, rollouts."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf
from typing import Annotated, Literal, cast

from annotated_types import Ge, Gt, Le, Lt

_BY_NAME = cast(float, None)
"""Stands where a number depends on the optimiser's name, until `Optimizer` puts it there."""
SUITS: Mapping[str, Mapping[str, float]] = {
    "adamw": {"lr": 3e-3, "weight_decay": 0.1, "momentum": 0.95},
    "muon": {"lr": 3e-3, "weight_decay": 0.1, "momentum": 0.95},
    "sgd": {"lr": 0.1, "weight_decay": 1e-4, "momentum": 0.9},
    "sign": {"lr": 1e-3, "weight_decay": 0.1, "momentum": 0.9},
}
"""What suits each optimiser where the recipe leaves it out; measured in docs/log.md."""


@dataclass(frozen=True)
class Optimizer:
    """How gradients become steps.

    Weight decay acts on matrices (two axes or more), embeddings and head too; biases and the
    scales of norms are left alone. It is decoupled, except that `sgd` adds it to the gradient, as
    `torch.optim.SGD` does. What is left out gets the value that suits the name.

    Args:
        name: `adamw` (Loshchilov and Hutter, 2019, arXiv:1711.05101); `muon` for the matrices
            inside the network and AdamW for embeddings, head and everything else; `sgd` with
            momentum; `sign`, which moves every number by the same amount.
        lr: the highest learning rate; the schedule scales it. Left out: 0.003 for adamw and muon,
            0.1 for sgd, 0.001 for sign.
        beta1: memory of the gradient, of AdamW.
        beta2: memory of its square.
        epsilon: added to the root of the second moment.
        weight_decay: share of a matrix that one step at rate 1 would take away. Left out: 0.1, and
            0.0001 for sgd.
        momentum: memory of the gradient, of all but AdamW. Left out: 0.95, and 0.9 for sgd and
            sign.
        nesterov: whether sgd looks one step ahead.
        clip: largest norm of the gradient, after its division by Σ weight; 0 for no limit.

    Example:
        >>> Optimizer("sgd").lr, Optimizer("sgd", lr=0.5).lr
        (0.1, 0.5)
    """

    name: Literal["adamw", "muon", "sgd", "sign"] = "adamw"
    lr: Annotated[float, Gt(0), Lt(inf)] = _BY_NAME
    beta1: Annotated[float, Ge(0), Lt(1)] = 0.9
    beta2: Annotated[float, Ge(0), Lt(1)] = 0.95
    epsilon: Annotated[float, Gt(0), Lt(inf)] = 1e-8
    weight_decay: Annotated[float, Ge(0), Lt(inf)] = _BY_NAME
    momentum: Annotated[float, Ge(0), Lt(1)] = _BY_NAME
    nesterov: bool = False
    clip: Annotated[float, Ge(0), Lt(inf)] = 1.0

    def __post_init__(self) -> None:
        for name, value in SUITS.get(self.name, SUITS["adamw"]).items():
            if getattr(self, name) is None:
                object.__setattr__(self, name, value)


@dataclass(frozen=True)
class Schedule:
    """How the learning rate changes over a run; see `likely.train.schedule`.

    Args:
        name: `cosine`, `linear`, `inverse_sqrt`, `wsd` (warm-up, stable, decay), `piecewise` or
            `constant`.
        warmup: linear warm-up, in steps, or below 1 as a share of the run.
        decay_share: share of the steps that `wsd` decays over, at the end.
        decay: the line along which `wsd` decays: `linear`, `sqrt` (one minus the root) or `cosine`.
        floor: where `cosine`, `linear` and `wsd` end, as a factor of the highest rate.
        knots: of `piecewise`: share of the steps after the warm-up, and factor of the highest rate
            there; `likely.forecast.optimal_schedule` gives some. Shares rise from 0 to 1, and the
            rate is straight between knots.
    """

    name: Literal["cosine", "linear", "inverse_sqrt", "wsd", "piecewise", "constant"] = "cosine"
    warmup: Annotated[int, Ge(0)] | Annotated[float, Gt(0), Lt(1)] = 50
    decay_share: Annotated[float, Gt(0), Le(1)] = 0.2
    decay: Literal["linear", "sqrt", "cosine"] = "linear"
    floor: Annotated[float, Ge(0), Le(1)] = 0.1
    knots: tuple[tuple[Annotated[float, Ge(0), Le(1)], Annotated[float, Ge(0), Le(1)]], ...] = ()


@dataclass(frozen=True)
class Lora:
    """Low-rank adapters in place of training all of a model; `peft` makes them.

    Args:
        rank: of the two factors; 0 trains all of the model.
        alpha: the product is scaled by alpha / rank.
        dropout: of what the adapters read.
        targets: last names of linear layers, such as `q_proj`; all but the head where none is
            given.
    """

    rank: Annotated[int, Ge(0)] = 0
    alpha: Annotated[float, Gt(0), Lt(inf)] = 16.0
    dropout: Annotated[float, Ge(0), Lt(1)] = 0.0
    targets: tuple[str, ...] = ()


@dataclass(frozen=True)
class Rollouts:
    """Answers that a model draws before it is trained on the best of them (kind `sharpen`).

    Args:
        count: answers to each prompt.
        tokens: where an answer that did not end is cut.
    """

    count: Annotated[int, Ge(1)] = 16
    tokens: Annotated[int, Ge(1)] = 64
