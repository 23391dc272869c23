"""Second readers of a run: those given, those its recipe names, and the model it began with."""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

import torch
from torch import nn

from likely.core.bind import Bound, bind
from likely.data.sidecar import read_manifest
from likely.models.load import load
from likely.models.reader import Reader
from likely.train import _lora, _setup
from likely.train.recipe import Recipe

REFERENCE = "reference"


def readers(
    recipe: Recipe, given: Mapping[str, Reader] | None, reader: Any, device: torch.device
) -> dict[str, Reader]:
    """Readers by role: those given, and those that the recipe names; none of them is trained.

    Where pairs are compared and nobody gave a reference, it is the model before its first step:
    with adapters, the same weights without them; else a copy. Where a sidecar holds what a
    reference said, there is none.

    Args:
        recipe: role → folder.
        given: role → reader; wins over the recipe.
        reader: the model as it is before its first step, whole.
        device: where they are read.

    Returns:
        Readers in evaluation mode.
    """
    given = given or {}
    roles = {role: load(path) for role, path in recipe.roles.items() if role not in given}
    roles |= given
    stored = any(read_manifest(folder).role == REFERENCE for folder in recipe.columns)
    alone = recipe.kind == "align" and REFERENCE not in roles and not stored
    if alone and _reads(bind(recipe.objective)):
        roles[REFERENCE] = _lora.Unadapted(reader) if _lora.is_on(reader) else _frozen(reader)
    for role, found in roles.items():
        _setup.same_vocabulary(f"reader in the role {role!r}", found, reader.vocabulary)
        if isinstance(found, nn.Module):
            found.to(device).eval()
    return roles


def _reads(objective: Bound) -> bool:
    """Whether an objective compares with a reference by its names alone."""
    return any(name.startswith(f"{REFERENCE}_") for name in objective.needs)


def _frozen(reader: Any) -> Reader:
    memo = {id(reader.vocabulary): reader.vocabulary}
    found: Any = deepcopy(reader, memo)
    copy: Reader = found.requires_grad_(False)
    return copy
