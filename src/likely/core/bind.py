"""An entry with its settings, and where each thing it reads comes from."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import ModuleType, NoneType
from typing import Any, Literal, get_args

from likely.core.batch import LOADED, PER_TOKEN, Batch
from likely.core.catalogue import ROOMS, catalogue, get, module_of, needs, unit
from likely.core.errors import NotMeasured, UnknownName
from likely.core.head import Head
from likely.core.settings import check, parse
from likely.core.stats import Statistic, Stats
from likely.core.vocabulary import Vocabulary

Kind = Literal["alias", "state", "rng", "field", "statistic", "role"]
Read = Callable[[str, Mapping[str, Statistic]], Stats]
"""(role, wishes by name) → what that second reader says of the batch, without gradient."""


def _nobody(role: str, wishes: Mapping[str, Statistic]) -> Stats:
    remedy = (
        f'Give a model in the role {role!r} (in a recipe: [roles] {role} = "FOLDER"), or store '
        "what it says beside the text."
    )
    raise NotMeasured(f"{role}_{next(iter(wishes))}", [], remedy)


@dataclass(frozen=True, eq=False)
class Source:
    """What `wants(source, …)` of an entry may look at to say what shall be measured.

    Args:
        batch: the tokens.
        head: the head of the model, if it has one.
        vocabulary: what the ids mean, if known.
        state: the entry's own memory, if it keeps one.
        read: asks a second reader, a model or stored columns, before the scan.
    """

    batch: Batch
    head: Head | None = None
    vocabulary: Vocabulary | None = None
    state: Any = None
    read: Read = _nobody


@dataclass(frozen=True)
class Wire:
    """Where one positional name of an entry comes from.

    Args:
        name: the name in the signature.
        kind: what it is; `role` means a statistic of a second reader.
        role: that reader's name, for `role`.
        statistic: the statistic, for `statistic` and `role`.
        optional: whether the entry takes None where there is no such thing.
    """

    name: str
    kind: Kind
    role: str = ""
    statistic: str = ""
    optional: bool = False

    def __str__(self) -> str:
        said = {
            "alias": "measured as its wants() says",
            "state": "the entry's own memory",
            "rng": "a generator",
            "field": "a field of the batch",
            "statistic": "a statistic",
            "role": f"{self.statistic} of the reader {self.role!r}, or the column of this name",
        }
        return f"{self.name}: {said[self.kind]}{', if there is one' if self.optional else ''}"


@dataclass(frozen=True, eq=False)
class Bound:
    """One entry of a room with its settings chosen.

    Args:
        room: where it lives.
        name: its name.
        entry: the function.
        module: its file.
        settings: every setting, defaults too.
    """

    room: str
    name: str
    entry: Callable[..., Any]
    module: ModuleType
    settings: Mapping[str, Any]

    @property
    def needs(self) -> tuple[str, ...]:
        """What it reads, in order."""
        return needs(self.entry)

    @property
    def unit(self) -> str:
        """The axis of its values: N, S, P or M."""
        return unit(self.entry)

    def __str__(self) -> str:
        inside = ", ".join(f"{k}={v!r}" for k, v in self.settings.items())
        return f"{self.name}({inside})" if inside else self.name

    def wants(self, source: Source) -> dict[str, Any]:
        """What its file declares for this batch, by alias.

        Args:
            source: what that may depend on.

        Returns:
            Alias → a wish, or a tensor that is known already; empty where the file has no `wants`.
        """
        declare = getattr(self.module, "wants", None)
        return {} if declare is None else dict(declare(source, **self.settings))

    @property
    def laws(self) -> frozenset[str]:
        """What its file promises at these settings: `LAWS`, or what `laws(**settings)` says.

        `separable`: a token's value depends on what was measured of that token alone.
        `tokenwise`: so does its value once `wants` has looked at the batch.
        """
        declare = getattr(self.module, "laws", None)
        if declare is not None:
            return frozenset(declare(**self.settings))
        return frozenset(getattr(self.module, "LAWS", ()))

    def start(self) -> Any:
        """Its memory before the first step, or None where it keeps none."""
        begin = getattr(self.module, "start", None)
        return None if begin is None else begin(**self.settings)

    def wires(self, aliases: tuple[str, ...] = ()) -> tuple[Wire, ...]:
        """Where each positional name comes from.

        Args:
            aliases: names that `wants` declared.

        Returns:
            One wire a name, in order.

        Raises:
            UnknownName: a name that is nothing we know.
        """
        has_wants = hasattr(self.module, "wants")
        may_miss = optional(self.entry)
        found = []
        for name in self.needs:
            # What wants() may declare for another batch, or at other settings.
            may_come = has_wants and (not aliases or name in may_miss)
            wire = _wire(name, aliases, may_come, self.name)
            found.append(replace(wire, optional=name in may_miss))
        return tuple(found)

    def __call__(self, values: Mapping[str, Any]) -> Any:
        """Apply the entry.

        Args:
            values: everything it reads, by name.

        Returns:
            What the entry returns.
        """
        return self.entry(*(values[name] for name in self.needs), **self.settings)


def optional(entry: Callable[..., Any]) -> frozenset[str]:
    """Positional names whose annotation admits None: what an entry can do without.

    Args:
        entry: a function of a room.

    Returns:
        The names.
    """
    parameters = inspect.signature(entry).parameters
    return frozenset(n for n in needs(entry) if NoneType in get_args(parameters[n].annotation))


def _wire(name: str, aliases: tuple[str, ...], may_come: bool, entry: str) -> Wire:
    statistics = catalogue("vocab.statistics")
    if name in aliases:
        return Wire(name, "alias")
    if name in ("state", "rng"):
        return Wire(name, "state" if name == "state" else "rng")
    if name in (*PER_TOKEN, "pair", *LOADED):
        return Wire(name, "field")
    if name in statistics:
        return Wire(name, "statistic", statistic=name)
    for cut in range(1, len(name)):
        if name[cut] == "_" and name[cut + 1 :] in statistics:
            return Wire(name, "role", role=name[:cut], statistic=name[cut + 1 :])
    if may_come:
        return Wire(name, "alias")
    raise UnknownName(f"statistic, field or role that {entry!r} could read", name, statistics)


def bind(text: str, room: str = "objectives", **settings: Any) -> Bound:
    """Find an entry by name and choose its settings.

    Args:
        text: ``"focal"`` or ``"focal(gamma=2)"``.
        room: where to look.
        settings: more settings; they win over those in the text.

    Returns:
        The entry, ready to be called.

    Raises:
        UnknownName: no entry of that room has this name.
        BadSetting: settings that the entry does not take, all at once.

    Example:
        >>> str(bind("focal(gamma=2)"))
        'focal(gamma=2.0)'
    """
    name, given = parse(text)
    module = module_of(room, name)
    entry = get(room, name)
    where = f"{ROOMS[room].capitalize()} {name!r}"
    return Bound(room, name, entry, module, check(where, entry, {**given, **settings}))
