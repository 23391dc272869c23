"""Which optimiser steps which parameters."""

from typing import Any

import torch
from torch import nn

from likely.train.muon import Muon
from likely.train.recipe import Optimizer, Recipe
from likely.train.sign import Sign


def optimizers_of(recipe: Recipe, reader: Any) -> list[torch.optim.Optimizer]:
    """The recipe's optimiser, and AdamW behind Muon; decay acts on two axes or more.

    Args:
        recipe: its optimiser and precision.
        reader: whose parameters are trained; a head is known by the attribute `head`.

    Returns:
        One or two, no parameter in both.
    """
    settings = recipe.optimizer
    trained = [p for p in reader.parameters() if p.requires_grad]
    inner = _inner_matrices(reader, trained) if settings.name == "muon" else []
    known = {id(p) for p in inner}
    others = [p for p in trained if id(p) not in known]
    groups = [
        {"params": [p for p in others if p.ndim >= 2], "weight_decay": settings.weight_decay},
        {"params": [p for p in others if p.ndim < 2], "weight_decay": 0.0},
    ]
    groups = [group for group in groups if group["params"]]
    found: list[torch.optim.Optimizer] = []
    if inner:
        dtype = torch.bfloat16 if recipe.precision == "bfloat16" else torch.float32
        found.append(
            Muon(
                inner,
                lr=settings.lr,
                momentum=settings.momentum,
                weight_decay=settings.weight_decay,
                dtype=dtype,
            )
        )
    if groups:
        found.append(_of_everything(settings, groups))
    return found


def _of_everything(settings: Optimizer, groups: list[dict[str, Any]]) -> torch.optim.Optimizer:
    """The optimiser for parameters of any shape: with Muon, that is AdamW."""
    if settings.name == "sgd":
        return torch.optim.SGD(
            groups,
            lr=settings.lr,
            momentum=settings.momentum,
            nesterov=settings.nesterov and settings.momentum > 0,
        )
    if settings.name == "sign":
        return Sign(groups, lr=settings.lr, momentum=settings.momentum)
    return torch.optim.AdamW(
        groups,
        lr=settings.lr,
        betas=(settings.beta1, settings.beta2),
        eps=settings.epsilon,
        fused=all(p.device.type in ("cpu", "cuda") for g in groups for p in g["params"]),
    )


def _inner_matrices(reader: Any, trained: list[nn.Parameter]) -> list[nn.Parameter]:
    """Matrices from states to states: neither embeddings nor the head."""
    outer = {id(m.weight) for m in reader.modules() if isinstance(m, nn.Embedding)}
    head = getattr(reader, "head", None)
    if head is not None:
        outer.add(id(head.weight))
    return [p for p in trained if p.ndim == 2 and id(p) not in outer]
