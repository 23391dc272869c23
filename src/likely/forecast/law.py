"""A law as the engine sees it: columns in, a prediction and its derivatives out."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import SimpleNamespace
from typing import Any, get_args

import numpy as np
from annotated_types import Ge, Gt, Le, Lt
from jaxtyping import Float

from likely.core.catalogue import module_of, needs
from likely.core.errors import BadSetting, ShapeError
from likely.core.settings import check, parse, settings_of
from likely.core.words import single_bounds

ROOM = "forecast.laws"


@dataclass(frozen=True)
class Coefficient:
    """A number that is fitted.

    Args:
        name: in the law's signature.
        low: smallest value.
        high: largest value.
    """

    name: str
    low: float = -np.inf
    high: float = np.inf

    @property
    def is_log(self) -> bool:
        """Whether it is fitted by its logarithm: what cannot be negative is."""
        return self.low >= 0


@dataclass(frozen=True, eq=False)
class Law:
    """A function of columns with coefficients, and what its file says about it.

    Args:
        name: of the file and the function.
        entry: the function: columns by position, coefficients and settings by keyword.
        settings: what is chosen, not fitted: keyword parameters that have a default.
        parts: what else the file defines: `transform`, `predict`, `value_and_jacobian`, `linear`,
            `STARTS`, `starts`, `OUTPUT`, `DELTA`,
            `REFITS`, `LAWS`.
    """

    name: str
    entry: Callable[..., Any]
    settings: Mapping[str, Any] = field(default_factory=dict)
    parts: Any = None

    @property
    def columns(self) -> tuple[str, ...]:
        """What a table must have for it."""
        return needs(self.entry)

    @property
    def output(self) -> str:
        """The column that it predicts; `loss` where the file says nothing."""
        return str(getattr(self.parts, "OUTPUT", "loss"))

    @property
    def delta(self) -> float:
        """Where Huber's loss turns straight, for laws whose fit was published with another one."""
        return float(getattr(self.parts, "DELTA", 1e-3))

    @property
    def refits(self) -> int:
        """Tables drawn again where nothing else is said: fewer for laws that take long to fit."""
        return int(getattr(self.parts, "REFITS", 4000))

    @property
    def laws(self) -> frozenset[str]:
        """Signs and identities that it declares."""
        return frozenset(getattr(self.parts, "LAWS", ()))

    @cached_property
    def coefficients(self) -> tuple[Coefficient, ...]:
        """What is fitted, in the order of the signature."""
        declared = settings_of(self.entry)
        return tuple(
            _coefficient(name, parameter.annotation)
            for name, parameter in declared.items()
            if parameter.default is parameter.empty
        )

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the coefficients."""
        return tuple(one.name for one in self.coefficients)

    def prepare(self, columns: Mapping[str, Any]) -> tuple[Any, ...]:
        """What the law is evaluated on: its columns, or what its `transform` makes of them, once.

        Args:
            columns: name → values, `[R]`; more than the law needs is no harm.

        Returns:
            Arguments by position for `predict` and `derivatives`.

        Raises:
            ShapeError: a column is missing.
        """
        missing = [name for name in self.columns if name not in columns]
        if missing:
            raise ShapeError(
                f"{self.name} needs the columns {', '.join(self.columns)}; "
                f"{', '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing."
            )
        given = [columns[name] for name in self.columns]
        transform = getattr(self.parts, "transform", None)
        if transform is None:
            return tuple(np.asarray(column, np.float64) for column in given)
        return tuple(transform(*given, **self.settings))

    def predict(self, prepared: tuple[Any, ...], values: Mapping[str, Any]) -> Any:
        """The law on prepared columns.

        Args:
            prepared: what `prepare` gave.
            values: coefficient → number, or column of numbers `[C, 1]` for C sets of them.

        Returns:
            Predictions, `[R]` or `[C, R]`.
        """
        if hasattr(self.parts, "transform"):
            return self.parts.predict(*prepared, **values)
        return self.entry(*prepared, **values, **self.settings)

    def derivatives(
        self, prepared: tuple[Any, ...], values: Mapping[str, Any]
    ) -> tuple[Any, Mapping[str, Any]]:
        """The law on prepared columns, and its derivative by every coefficient.

        Laws of other people need not write derivatives: central differences stand in.

        Args:
            prepared: what `prepare` gave.
            values: coefficient → number, or column of numbers `[C, 1]`.

        Returns:
            Predictions, and coefficient → derivative of the same shape or one that broadcasts.
        """
        own = getattr(self.parts, "value_and_jacobian", None)
        if own is not None:
            later = {} if hasattr(self.parts, "transform") else self.settings
            result: tuple[Any, Mapping[str, Any]] = own(*prepared, **values, **later)
            return result
        return self.predict(prepared, values), {
            name: self._difference(prepared, values, name) for name in self.names
        }

    def _difference(self, prepared: tuple[Any, ...], values: Mapping[str, Any], name: str) -> Any:
        step = 1e-6 * np.maximum(np.abs(values[name]), 1e-6)
        up = self.predict(prepared, {**values, name: values[name] + step})
        down = self.predict(prepared, {**values, name: values[name] - step})
        return (up - down) / (2 * step)

    def __call__(self, columns: Mapping[str, Any], **values: Any) -> Float[np.ndarray, "..."]:
        """The law on columns of a table.

        Args:
            columns: name → values, `[R]`.
            values: its coefficients.

        Returns:
            Predictions, `[R]`.
        """
        return np.asarray(self.predict(self.prepare(columns), values), np.float64)

    def __str__(self) -> str:
        if not self.settings:
            return self.name
        return f"{self.name}({', '.join(f'{k}={v!r}' for k, v in self.settings.items())})"


def law(text: "str | Law | Callable[..., Any]") -> Law:
    """A law by its name, with settings in brackets where it has some; or one of your own.

    Args:
        text: `chinchilla`, `annealing(decay=0.99)`; or a function with columns by position and
            coefficients by keyword.

    Returns:
        The law.

    Raises:
        UnknownName: there is none of that name.
        BadSetting: a setting that it does not have, or a value that it cannot use.

    Example:
        >>> law("chinchilla").columns, law("chinchilla").names
        (('params', 'tokens'), ('E', 'A', 'B', 'alpha', 'beta'))
    """
    if isinstance(text, Law):
        return text
    if callable(text):
        name = text.__name__
        return Law(name, text, _settings(name, text, {}), SimpleNamespace())
    name, given = parse(text)
    module = module_of(ROOM, name)
    entry = getattr(module, name)
    return Law(name, entry, _settings(name, entry, given), module)


def _settings(name: str, entry: Callable[..., Any], given: Mapping[str, Any]) -> dict[str, Any]:
    declared = settings_of(entry)
    fitted = [k for k, parameter in declared.items() if parameter.default is parameter.empty]
    wrong = [k for k in given if k in fitted]
    if wrong:
        raise BadSetting(
            name,
            [f"{', '.join(wrong)} is fitted, not chosen: leave it out, or hold it in the fit."],
        )
    chosen = check(name, entry, given, complete=False)
    return {k: v for k, v in chosen.items() if k not in fitted}


def _coefficient(name: str, kind: Any) -> Coefficient:
    low, high = -np.inf, np.inf
    for bound in single_bounds(get_args(kind)[1:]):
        if isinstance(bound, Gt | Ge):
            low = float(getattr(bound, "gt", getattr(bound, "ge", low)))
        if isinstance(bound, Lt | Le):
            high = float(getattr(bound, "lt", getattr(bound, "le", high)))
    return Coefficient(name, low, high)
