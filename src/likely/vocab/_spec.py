"""What a sweep does, without its tensors: hashable, so that kernels and operators can be kept."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from likely.core.head import Axis, Form
from likely.vocab.moments._accumulator import SELF, Accumulator, Block, State


@dataclass(frozen=True)
class Reader:
    """One reader of a sweep.

    Args:
        name: `SELF` for the model, else a role.
        source: where its logits come from: a `product` of states and weight, the same `gathered`
            from the processes that hold the words, or `stored` ids and logits.
        form: how products become logits.
        parts: names and axes of the small tensors that shape them.
        table: whether every sequence has a weight of its own.
    """

    name: str
    source: str
    form: Form
    parts: tuple[tuple[str, Axis], ...] = ()
    table: bool = False


@dataclass(frozen=True)
class Spec:
    """The readers and the accumulators of a sweep.

    Small tensors come in one fixed order: targets, every reader's parts, every accumulator's, and
    last the target's logit where it was found before.

    Args:
        readers: the model first.
        sums: what is accumulated.
        known_target: whether the target's logit is given.
    """

    readers: tuple[Reader, ...]
    sums: tuple[Accumulator, ...]
    known_target: bool = False

    @property
    def axes(self) -> tuple[Axis, ...]:
        """The axis of every small tensor."""
        found: list[Axis] = ["row"]
        for reader in self.readers:
            found += [axis for _, axis in reader.parts]
        for one in self.sums:
            found += one.axes
        return tuple(found + ["row"] * self.known_target)

    @property
    def whole_rows(self) -> bool:
        """True where a block must hold the whole vocabulary."""
        unknown = not self.known_target
        return any(one.whole_rows or (one.reads_target and unknown) for one in self.sums)

    @property
    def gathered(self) -> bool:
        """True where other processes send their words' products, and nothing is to be merged."""
        return self.readers[0].source == "gathered"

    def split(self, small: Sequence[Tensor]) -> tuple[Tensor, list[dict[str, Tensor]], list[State]]:
        """Small tensors by who reads them.

        Args:
            small: in the fixed order.

        Returns:
            Targets, each reader's parts by name, and each accumulator's tensors.
        """
        targets, *rest = small
        parts, given = [], []
        for reader in self.readers:
            own, rest = rest[: len(reader.parts)], rest[len(reader.parts) :]
            parts.append({name: t for (name, _), t in zip(reader.parts, own, strict=True)})
        for one in self.sums:
            given.append(tuple(rest[: len(one.axes)]))
            rest = rest[len(one.axes) :]
        return targets, parts, given

    def logits(self, products: Sequence[Tensor], parts: list[dict[str, Tensor]]) -> list[Tensor]:
        """Logits of every reader, from its products.

        Args:
            products: `[n, B]` a reader.
            parts: small tensors of every reader, cut to the block.

        Returns:
            `[n, B]` a reader.
        """
        found = []
        for reader, product, own in zip(self.readers, products, parts, strict=True):
            axis = dict(reader.parts)
            there = {k: t[:, None] if axis[k] == "row" else t for k, t in own.items()}
            found.append(reader.form.logits(product, there))
        return found

    def evaluate(
        self,
        products: Sequence[Tensor],
        small: Sequence[Tensor],
        first_id: int,
        shifts: Sequence[Tensor] | None = None,
        only: Sequence[int] | None = None,
    ) -> tuple[list[Tensor], list[State]]:
        """The states of one block: plain torch, so autograd follows.

        Args:
            products: `[n, B]` a reader.
            small: small tensors in the fixed order, cut to the block.
            first_id: the id of column 0.
            shifts: what to take off the logits, `[n]` a reader; by default the largest ones.
            only: numbers of the accumulators that are wanted; all by default.

        Returns:
            The shifts and the states.
        """
        targets, parts, given = self.split(small)
        logits = self.logits(products, parts)
        if shifts is None:
            shifts = [_largest(z) for z in logits]
        names = [reader.name for reader in self.readers]
        block = Block(
            dict(zip(names, logits, strict=True)),
            dict(zip(names, shifts, strict=True)),
            first_id,
            targets,
            small[-1] if self.known_target else None,
        )
        wanted = range(len(self.sums)) if only is None else only
        return list(shifts), [self.sums[i].of(block, given[i]) for i in wanted]

    def unflatten(self, flat: Sequence[Tensor]) -> list[State]:
        """Flat states, one tuple an accumulator.

        Args:
            flat: parts in order.

        Returns:
            States.
        """
        found, at = [], 0
        for one in self.sums:
            found.append(tuple(flat[at : at + one.width]))
            at += one.width
        return found

    def by_name(self, values: Sequence[Tensor]) -> Mapping[str, Tensor]:
        """One value a reader, by the reader's name.

        Args:
            values: in the order of the readers.

        Returns:
            A mapping.
        """
        return {reader.name: value for reader, value in zip(self.readers, values, strict=True)}


def _largest(z: Tensor) -> Tensor:
    z = z.detach()
    if z.shape[0] == 0 or z.shape[1] == 0:
        return z.new_full((z.shape[0],), -torch.inf)
    return z.amax(-1)


__all__ = ["SELF", "Reader", "Spec"]
