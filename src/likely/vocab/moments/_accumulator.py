"""What every accumulator promises, and the block of logits it works on."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor

LOWEST = -1e6
"""x is clamped here: e^x is 0 long before, and 0 · x² must not become NaN for excluded words."""

State = tuple[Tensor, ...]

SELF = ""
"""The name of the model among the readers; roles have names of their own."""


@dataclass(eq=False)
class Block:
    """Some columns of the logits of some tokens, by reader; `SELF` is the model itself.

    Args:
        logits: `[n, B]` by reader.
        shifts: what is taken off them, `[n]` by reader: the largest logit seen.
        first_id: the id of column 0.
        targets: the token that came next, `[n]`.
        known_target: the target's logit, `[n]`; None where the block holds whole rows.
    """

    logits: Mapping[str, Float[Tensor, "N B"]]
    shifts: Mapping[str, Float[Tensor, "N"]]
    first_id: int
    targets: Int[Tensor, "N"]
    known_target: Float[Tensor, "N"] | None = None

    def __post_init__(self) -> None:
        self._kept: dict[Any, Tensor] = {}

    def x(self, reader: str = SELF) -> Float[Tensor, "N B"]:
        """Logits about the shift, at most 0.

        Args:
            reader: whose.

        Returns:
            z − shift; words that cannot come are at `LOWEST`.
        """
        key = ("x", reader)
        if key not in self._kept:
            shift = self.shifts[reader]
            base = shift.where(shift.isfinite(), torch.zeros_like(shift))
            self._kept[key] = (self.logits[reader] - base[:, None]).clamp_min(LOWEST)
        return self._kept[key]

    def tilted(self, tilt: float = 1.0, reader: str = SELF) -> Float[Tensor, "N B"]:
        """e^{tilt·x}; no exponential is taken twice.

        Args:
            tilt: the factor; 2 is the square of 1.
            reader: whose x.

        Returns:
            `[n, B]`.
        """
        key = ("tilted", tilt, reader)
        if key not in self._kept:
            if tilt == 2:
                self._kept[key] = self.tilted(1.0, reader) ** 2
            else:
                x = self.x(reader)
                self._kept[key] = (x if tilt == 1 else tilt * x).exp()
        return self._kept[key]

    def log_p(self, reader: str = SELF) -> Float[Tensor, "N B"]:
        """Log-probabilities; the block must hold whole rows.

        Args:
            reader: whose.

        Returns:
            x − log Σ eˣ, `[n, B]`.
        """
        key = ("log_p", reader)
        if key not in self._kept:
            log_sum = self.tilted(1.0, reader).sum(-1, keepdim=True).log()
            self._kept[key] = self.x(reader) - log_sum
        return self._kept[key]

    @cached_property
    def ids(self) -> Int[Tensor, "B"]:
        """The id of every column."""
        z = self.logits[SELF]
        return torch.arange(z.shape[1], device=z.device) + self.first_id

    @cached_property
    def target_logit(self) -> Float[Tensor, "N"]:
        """The target's logit: the one that was given, else read off the whole row."""
        if self.known_target is not None:
            return self.known_target
        return self.logits[SELF].gather(1, self.targets[:, None])[:, 0]

    @cached_property
    def is_target(self) -> Tensor:
        """True in the column of the target, `[n, B]`."""
        return self.ids == self.targets[:, None]

    def where_is(self, ids: Int[Tensor, "N C"]) -> tuple[Tensor, Tensor]:
        """Columns of ids, and which of them lie in this block.

        Args:
            ids: words, `[n, C]`.

        Returns:
            Columns (clamped into the block) and a mask, both `[n, C]`.
        """
        column = ids - self.first_id
        inside = (column >= 0) & (column < self.logits[SELF].shape[1])
        return column.clamp(0, self.logits[SELF].shape[1] - 1), inside


class Accumulator(ABC):
    """One sum or extreme over the vocabulary, built block by block; a frozen set of settings.

    `of` is written in torch operations that autograd can follow: over one block that holds the
    whole vocabulary it *is* the reference, and differentiated on a block that is computed again it
    is the backward pass. The tensors it needs are handed to it, cut to the block.
    """

    axes: tuple[Literal["row", "column"], ...] = ()
    """What each tensor that it is given has one entry for: a token or a word."""
    whole_rows: bool = False
    """True where a block must hold the whole vocabulary."""
    reads_target: bool = False
    """True where the target's logit must be known: whole rows hold it, else it is found first."""
    merging: Literal["sum", "log_sum", "own"] = "sum"
    """How states about one shift merge: they are added, or log(eᵃ + eᵇ), or as `merge` says."""
    per_word: bool = False
    """True where the state has one entry a word, summed over tokens, and not one a token."""
    fades: bool = True
    """False where the gradient of a logit does not fade with its word's probability."""
    smooth: bool = True
    """False where the gradient goes to few words, which `touched` names, or to none."""

    @property
    def width(self) -> int:
        """How many parts the state has."""
        return 1

    @abstractmethod
    def of(self, block: Block, given: tuple[Tensor, ...]) -> State:
        """The state of one block, about the block's shifts.

        Args:
            block: the columns.
            given: the tensors of `axes`, cut to the block.

        Returns:
            One tensor a part.
        """

    def join(self, other: Any) -> Any:
        """One accumulator that serves both, or None; they are given the same tensors.

        Args:
            other: another one.

        Returns:
            The larger of the two.
        """
        return self if self == other else None

    def move(self, state: State, rises: Mapping[str, Tensor]) -> State:
        """The same state about shifts that are higher.

        Args:
            state: about the old shifts.
            rises: new shift − old shift, `[n]` by reader.

        Returns:
            About the new shifts.
        """
        return state

    def merge(self, one: State, other: State) -> State:
        """Two blocks' states about the same shifts, as one.

        Args:
            one: of some columns.
            other: of other columns.

        Returns:
            Of both.
        """
        return tuple(a + b for a, b in zip(one, other, strict=True))

    def weigh(self, grads: State, part: State, whole: State) -> State:
        """Gradients on one block's state, from those on the whole's.

        Args:
            grads: on each part of the whole state.
            part: the block's state about the final shifts.
            whole: the final state.

        Returns:
            Gradients on the block's state; the same ones where states are sums.
        """
        return grads

    def touched(self, grads: State, state: State, block: Block, given: State) -> Any:
        """Where `smooth` is False: the words whose logits the gradient reaches.

        Args:
            grads: on each part of the final state.
            state: the final state.
            block: gives targets.
            given: the tensors of `axes`, rows only cut to the tokens.

        Returns:
            Ids and gradients on their x, both `[n, C]`; None where there is none.
        """
        return None


@dataclass(frozen=True, eq=False)
class Moment:
    """An accumulator with its tensors, and what is read off its final state.

    Args:
        accumulator: what is summed.
        read: final state → the moment; autograd follows it.
        given: tensors for the accumulator, in the order of its `axes`.
    """

    accumulator: Accumulator
    read: Callable[[State], Any]
    given: tuple[Tensor, ...] = ()
