"""What is asked of second readers alone."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from likely.core.catalogue import catalogue
from likely.core.stats import Statistic
from likely.core.top_logits import TopLogits
from likely.vocab._engines import Backend
from likely.vocab._readers import Role

if TYPE_CHECKING:
    from likely.vocab._ranks import Group


def by_role(
    wishes: Mapping[str, Statistic], roles: Mapping[str, object]
) -> tuple[dict[str, Statistic], dict[str, dict[str, Statistic]]]:
    """Wishes about the model, and those about second readers alone.

    Args:
        wishes: by the name they shall have.
        roles: second readers by name.

    Returns:
        The model's wishes, and the bare wishes of each role. A statistic's own name goes first.
    """
    own: dict[str, Statistic] = {}
    others: dict[str, dict[str, Statistic]] = {}
    every = catalogue("vocab.statistics")
    for name, wish in wishes.items():
        role = next((r for r in roles if wish.name.startswith(f"{r}_")), None)
        if role is None or wish.name in every:
            own[name] = wish
        else:
            bare = Statistic(wish.name.removeprefix(f"{role}_"), wish.rows, wish.settings)
            others.setdefault(role, {})[name] = bare
    return own, others


def alone(
    given: Role,
    targets: Tensor,
    wishes: Mapping[str, Statistic],
    size: int,
    backend: Backend,
    block: int | None,
    group: "Group | None" = None,
) -> dict[str, Any]:
    """What a second reader says by itself, without gradient.

    Args:
        given: the reader.
        targets: `[N]`.
        wishes: what is asked of it.
        size: V.
        backend: as for `scan`.
        block: as for `scan`.
        group: as for `scan`.

    Returns:
        Statistics by name.
    """
    from likely.vocab.scan import from_logits, scan

    with torch.no_grad():
        if isinstance(given, TopLogits):
            z = given.logits.new_full((len(given.ids), size), -torch.inf)
            second = from_logits(z.scatter(1, given.ids, given.logits), targets, wishes)
        else:
            second = scan(*given, targets, wishes, backend=backend, block=block, group=group)
    return dict(second)
