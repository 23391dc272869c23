"""From wishes to accumulators, and back from their sums to statistics."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from likely.core.catalogue import get, module_of, needs
from likely.core.errors import UnknownName
from likely.core.settings import check
from likely.core.stats import Statistic
from likely.vocab.moments._accumulator import Accumulator, Moment, State
from likely.vocab.moments._names import PLAIN

Key = tuple[Any, ...]


class Plan:
    """What must be summed for a set of wishes; nothing is summed twice.

    Args:
        wishes: statistics by the name they shall have.

    Raises:
        UnknownName: no statistic has this name, or one reads a moment that does not exist.
        BadSetting: a wish with other settings than its statistic takes.
    """

    def __init__(self, wishes: Mapping[str, Statistic]) -> None:
        self._reads: dict[str, tuple[Statistic, dict[str, Moment]]] = {}
        sums: dict[Key, Accumulator] = {}
        for name, wish in wishes.items():
            settings = {**wish.rows, **wish.settings}
            check(f"Statistic {wish.name!r}", get("vocab.statistics", wish.name), settings)
            moments = _moments_of(wish)
            for moment in moments.values():
                key = moment.accumulator.key()
                known = sums.get(key)
                sums[key] = known.join(moment.accumulator) if known else moment.accumulator
            self._reads[name] = (wish, moments)
        self.accumulators = tuple(sums.values())

    def finish(self, shift: Tensor, states: Mapping[Key, State]) -> dict[str, Any]:
        """Evaluate the statistics.

        Args:
            shift: the largest logit of each token, `[N]`.
            states: final sums by key.

        Returns:
            Statistics by name.
        """
        values = {}
        for name, (wish, moments) in self._reads.items():
            entry = get("vocab.statistics", wish.name)
            read = {k: m.read(states[m.accumulator.key()]) for k, m in moments.items()}
            read["shift"] = shift
            arguments = (read[k] for k in needs(entry))
            values[name] = entry(*arguments, **wish.rows, **wish.settings)
        return values


def _moments_of(wish: Statistic) -> dict[str, Moment]:
    entry = get("vocab.statistics", wish.name)
    declare = getattr(module_of("vocab.statistics", wish.name), "wants", None)
    moments: dict[str, Moment] = declare(**wish.rows, **wish.settings) if declare else {}
    for name in needs(entry):
        if name != "shift" and name not in moments:
            if name not in PLAIN:
                raise UnknownName(f"moment that {wish.name!r} could read", name, PLAIN)
            moments[name] = PLAIN[name]
    return moments
