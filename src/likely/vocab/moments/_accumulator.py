"""What every accumulator promises, and the block of logits it works on."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

LOWEST = -1e6
"""x is clamped here: e^x is 0 long before, and 0 · x² must not become NaN for excluded words."""

State = tuple[Tensor, ...]


@dataclass(eq=False)
class Block:
    """Some columns of the logits, already moved: x = z − shift.

    Args:
        x: `[N, B]`.
        first_id: the id of column 0.
        targets: the token that came next, `[N]`.
        powers: e^{tilt·x} by tilt, filled on demand so that no exponential is taken twice.
    """

    x: Float[Tensor, "N B"]
    first_id: int
    targets: Int[Tensor, "N"]
    powers: dict[float, Tensor] = field(default_factory=dict)

    def tilted(self, tilt: float) -> Float[Tensor, "N B"]:
        """e^{tilt·x}.

        Args:
            tilt: the factor; 2 is the square of 1.

        Returns:
            `[N, B]`.
        """
        if tilt not in self.powers:
            self.powers[tilt] = self.tilted(1.0) ** 2 if tilt == 2 else (tilt * self.x).exp()
        return self.powers[tilt]

    def where_is(self, ids: Int[Tensor, "N C"]) -> tuple[Tensor, Tensor]:
        """Columns of ids, and which of them lie in this block.

        Args:
            ids: words, `[N, C]`.

        Returns:
            Columns (clamped into the block) and a mask, both `[N, C]`.
        """
        column = ids - self.first_id
        inside = (column >= 0) & (column < self.x.shape[1])
        return column.clamp(0, self.x.shape[1] - 1), inside


class Accumulator(ABC):
    """One sum or extreme over the vocabulary, built block by block.

    `add` is written in torch operations that autograd can follow: over one block that holds the
    whole vocabulary it *is* the reference. `cotangent` is the same derivative by hand, for blocks
    that are computed again in the backward pass.
    """

    after: bool = False
    """True where the target's logit must be known first: such sums take a second sweep."""

    @property
    def parameters(self) -> tuple[Tensor, ...]:
        """Tensors over the vocabulary that may want a gradient."""
        return ()

    @abstractmethod
    def key(self) -> tuple[Any, ...]:
        """Two accumulators with equal keys are one."""

    def join(self, other: Any) -> Any:
        """One accumulator that serves both; they have equal keys.

        Args:
            other: the other one.

        Returns:
            The larger of the two.
        """
        return self

    @abstractmethod
    def start(self, like: Float[Tensor, "N"]) -> State:
        """The empty sum.

        Args:
            like: gives N, dtype and device.

        Returns:
            Its state.
        """

    @abstractmethod
    def add(self, state: State, block: Block) -> State:
        """Add a block that has the state's shift.

        Args:
            state: what was summed so far.
            block: columns that were not yet seen.

        Returns:
            The new state.
        """

    def move(self, state: State, rise: Float[Tensor, "N"]) -> State:
        """The same sums about a shift that is higher by `rise`.

        Args:
            state: sums about the old shift.
            rise: new shift − old shift, at least 0.

        Returns:
            Sums about the new shift.
        """
        return state

    def cotangent(self, grads: Sequence[Tensor | None], block: Block) -> Tensor | None:
        """Gradient with respect to the block's logits.

        Args:
            grads: gradient with respect to each part of the final state.
            block: columns, about the final shift.

        Returns:
            `[N, B]`, or None for zero.
        """
        return None

    def parameter_cotangent(
        self, grads: Sequence[Tensor | None], block: Block
    ) -> tuple[Tensor, ...]:
        """Gradient with respect to this block's rows of each of `parameters`.

        Args:
            grads: gradient with respect to each part of the final state.
            block: columns, about the final shift.

        Returns:
            One tensor a parameter.
        """
        return ()


@dataclass(frozen=True, eq=False)
class Moment:
    """An accumulator and what is read off its final state.

    Args:
        accumulator: what is summed.
        read: final state → the moment; autograd follows it.
    """

    accumulator: Accumulator
    read: Callable[[State], Any]


def add_up(terms: Sequence[Tensor | None]) -> Tensor | None:
    """Sum of what is there.

    Args:
        terms: tensors of one shape, or None for zero.

    Returns:
        Their sum, or None where all are None.
    """
    there = [term for term in terms if term is not None]
    return torch.stack(there).sum(0) if len(there) > 1 else (there[0] if there else None)
