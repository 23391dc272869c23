"""What validation text says about one level, place by place."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from likely.models._walk import Reals, Step

FEW = 1 << 15  # places that are never thinned out


@dataclass(frozen=True, eq=False)
class Evidence:
    """One level at each validation place.

    Args:
        total: of the context, `[N]`.
        types: of the context, `[3, N]`; `[0, N]` where they are not needed.
        hit: count of context and target, `[N]`.
    """

    total: Reals
    types: Reals
    hit: NDArray[np.int64]

    def at(self, places: slice) -> "Evidence":
        """Some places."""
        return Evidence(self.total[places], self.types[:, places], self.hit[places])

    def thinned(self) -> "Evidence":
        """Every eighth place, or all where there are few."""
        every = slice(None, None, 8 if len(self.total) >= FEW else 1)
        some = self.at(every)
        return Evidence(some.total.copy(), some.types.copy(order="C"), some.hit.copy())


def gather(step: Step, left: bool, with_types: bool) -> Evidence:
    """One level of a text with targets, place by place.

    Args:
        step: the level.
        left: count different tokens before instead of occurrences.
        with_types: whether types are needed (Kneser–Ney).

    Returns:
        The evidence.
    """
    seen, row = step.seen(left), step.row
    kinds = seen.types if with_types else np.zeros((0, len(seen.total)))
    types = [np.append(kind, 0.0)[row] for kind in kinds]
    return Evidence(
        np.append(seen.total, 0.0)[row],
        np.array(types, np.float64).reshape(-1, len(row)),
        step.hits(left),
    )
