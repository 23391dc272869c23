"""What a scan measured, and how to ask for it."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from likely.core.errors import NotMeasured


@dataclass(frozen=True, eq=False)
class Statistic:
    """A wish: measure this statistic with these arguments.

    Args:
        name: its name in the room `vocab.statistics`.
        rows: tensors with one row a token, `[N, …]`; they follow when tokens are left out.
        settings: everything else it takes by keyword.

    Example:
        >>> Statistic("top", settings={"k": 5})
        top(k=5)
    """

    name: str
    rows: Mapping[str, Tensor] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)

    def at(self, tokens: Tensor) -> "Statistic":
        """The same wish for some of the tokens.

        Args:
            tokens: places of the tokens that stay.

        Returns:
            A wish whose row arguments are those of the tokens that stay.
        """
        return Statistic(self.name, {k: v[tokens] for k, v in self.rows.items()}, self.settings)

    def __repr__(self) -> str:
        given = {**{k: list(v.shape) for k, v in self.rows.items()}, **self.settings}
        inside = ", ".join(
            f"{k}={list(v.shape) if isinstance(v, Tensor) else v}" for k, v in given.items()
        )
        return f"{self.name}({inside})"


Want = Iterable[str] | Mapping[str, Statistic]


def as_wishes(want: Want) -> dict[str, Statistic]:
    """Names or wishes, as wishes by name.

    Args:
        want: names of statistics, or a mapping from the name to be used to the wish.

    Returns:
        The mapping.
    """
    if isinstance(want, Mapping):
        return dict(want)
    return {name: Statistic(name) for name in ([want] if isinstance(want, str) else want)}


class Stats(Mapping[str, Any]):
    """Name → tensor, one row a token; reading what was not measured says how to ask for it.

    Args:
        values: what was measured.
        backend: which backend ran.
        sweeps: how often it went through the vocabulary.
    """

    def __init__(self, values: Mapping[str, Any], backend: str = "", sweeps: int = 1) -> None:
        self._values = dict(values)
        self.backend, self.sweeps = backend, sweeps

    def __getitem__(self, name: str) -> Any:
        if name not in self._values:
            raise NotMeasured(name, self._values)
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __contains__(self, name: object) -> bool:
        return name in self._values

    def __repr__(self) -> str:
        return f"Stats({', '.join(sorted(self))}; backend={self.backend!r}, sweeps={self.sweeps})"
