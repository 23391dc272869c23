"""Where the logits of a reader come from, and where their gradient goes."""

from collections.abc import Sequence

import torch
from torch import Tensor

from likely.vocab import _kernels
from likely.vocab._spec import Reader, Spec
from likely.vocab._way import Way


class Source:
    """Logits before the small tensors shape them, block by block.

    Args:
        like: gives the device.
        way: how products are taken.
        count: N.
        size: V.
    """

    tensors = 2
    """How many tensors it is made of."""

    def __init__(self, like: Tensor, way: Way, count: int, size: int) -> None:
        self.count, self.size, self.device = count, size, like.device
        self.sums: torch.dtype = getattr(torch, way.sums)
        self.compiled = way.compiled
        self.dtype = getattr(torch, way.narrow) if way.narrow else self.sums

    def products(self, rows: slice, columns: slice, out: Tensor) -> Tensor:
        """The block's products.

        Args:
            rows: tokens.
            columns: words.
            out: memory that may be used.

        Returns:
            `[n, B]`.
        """
        raise AssertionError

    def want(self, *needs: bool) -> None:
        """Make room for gradients.

        Args:
            needs: which of its tensors want one.
        """

    def add(self, draw: Tensor, rows: slice, columns: slice) -> None:
        """Carry a gradient on the block's products to states and weight.

        Args:
            draw: `[n, B]`.
            rows: tokens.
            columns: words.
        """

    def finish(self) -> list[Tensor | None]:
        """The gradients on its tensors."""
        return [None] * self.tensors


class Product(Source):
    """h Wᵀ.

    Args:
        hidden: `[N, D]`.
        weight: `[V, D]`.
        way: how products are taken.
    """

    def __init__(self, hidden: Tensor, weight: Tensor, way: Way) -> None:
        super().__init__(hidden, way, len(hidden), weight.shape[-2])
        self.given = (hidden, weight)
        self.hidden, self.weight = hidden.to(self.dtype), weight.to(self.dtype)
        self.to_hidden: Tensor | None = None
        self.to_weight: Tensor | None = None

    def products(self, rows: slice, columns: slice, out: Tensor) -> Tensor:
        """One product."""
        return torch.mm(self.hidden[rows], self.weight[columns].T, out=out)

    def want(self, *needs: bool) -> None:
        """Sums in float32, or float64."""
        make = [
            torch.zeros(t.shape, dtype=self.sums, device=self.device) if need else None
            for t, need in zip(self.given, needs, strict=False)
        ]
        self.to_hidden, self.to_weight = make[0], make[1]

    def add(self, draw: Tensor, rows: slice, columns: slice) -> None:
        """Two products."""
        if self.to_hidden is not None:
            self._into(self.to_hidden[rows], draw, self.weight[columns])
        if self.to_weight is not None:
            self._into(self.to_weight[columns], draw.T, self.hidden[rows])

    def _into(self, total: Tensor, left: Tensor, right: Tensor) -> None:
        if left.dtype == total.dtype:
            total.addmm_(left, right)
        else:
            _kernels.add(total, left @ right, self.compiled)

    def finish(self) -> list[Tensor | None]:
        """In the dtypes of what was given."""
        return [
            None if total is None else total.to(t.dtype)
            for total, t in zip((self.to_hidden, self.to_weight), self.given, strict=True)
        ]


class TableProduct(Product):
    """h W_sᵀ where each token's sequence s has a weight of its own.

    Args:
        hidden: `[N, D]`.
        weight: `[S, V, D]`.
        sequence: `[N]`.
        way: how products are taken.
    """

    tensors = 3

    def __init__(self, hidden: Tensor, weight: Tensor, sequence: Tensor, way: Way) -> None:
        super().__init__(hidden, weight, way)
        self.sequence = sequence

    def _groups(self, rows: slice) -> list[tuple[int, Tensor]]:
        here = self.sequence[rows]
        return [(int(s), (here == s).nonzero()[:, 0]) for s in torch.unique(here)]

    def products(self, rows: slice, columns: slice, out: Tensor) -> Tensor:
        """One product a sequence."""
        for s, places in self._groups(rows):
            out[places] = self.hidden[rows][places] @ self.weight[s, columns].T
        return out

    def add(self, draw: Tensor, rows: slice, columns: slice) -> None:
        """Two products a sequence."""
        for s, places in self._groups(rows):
            some = draw[places]
            if self.to_hidden is not None:
                more = (some @ self.weight[s, columns]).to(self.sums)
                self.to_hidden[rows].index_add_(0, places, more)
            if self.to_weight is not None:
                self._into(self.to_weight[s, columns], some.T, self.hidden[rows][places])

    def finish(self) -> list[Tensor | None]:
        """The numbers of the sequences have no gradient."""
        return [*super().finish(), None]


class Stored(Source):
    """Logits of a few words a token; every other word is impossible.

    Args:
        ids: `[N, K]`.
        logits: `[N, K]`.
        size: V.
        way: says which words are here.
    """

    def __init__(self, ids: Tensor, logits: Tensor, size: int, way: Way) -> None:
        super().__init__(logits, way, len(ids), size)
        self.dtype, self.first = self.sums, way.first
        self.ids, self.logits = ids, logits.to(self.dtype)

    def products(self, rows: slice, columns: slice, out: Tensor) -> Tensor:
        """−∞, and the stored logits in their columns."""
        column = self.ids[rows] - (self.first + columns.start)
        inside = (column >= 0) & (column < out.shape[1])
        value = torch.where(inside, self.logits[rows], -torch.inf)
        return out.fill_(-torch.inf).scatter_reduce_(
            1, column.clamp(0, out.shape[1] - 1), value, "amax"
        )


def sources_of(
    spec: Spec, way: Way, tensors: Sequence[Tensor]
) -> tuple[list[Source], list[Tensor]]:
    """Sources and small tensors.

    Args:
        spec: says what each reader is made of.
        way: how products are taken.
        tensors: in the fixed order.

    Returns:
        One source a reader, and what is left.
    """
    rest = list(tensors)
    found: list[Source] = []
    for reader in spec.readers:
        if reader.source == "stored":
            ids, logits = rest[:2]
            found.append(Stored(ids, logits, found[0].size, way))
        elif reader.table:
            hidden, weight, sequence = rest[:3]
            found.append(_whole(reader, TableProduct(hidden, weight, sequence, way), way))
        else:
            hidden, weight = rest[:2]
            found.append(_whole(reader, Product(hidden, weight, way), way))
        rest = rest[found[-1].tensors :]
    return found, rest


def _whole(reader: Reader, here: Product, way: Way) -> Source:
    if reader.source != "gathered":
        return here
    from likely.vocab._gathered import Gathered

    assert way.ranks is not None
    return Gathered(here, way.ranks, way)
