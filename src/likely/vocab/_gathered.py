"""Whole rows of logits where every process holds some words: local products, gathered."""

import torch
from torch import Tensor

from likely.vocab._ranks import Ranks
from likely.vocab._sources import Product, Source
from likely.vocab._way import Way


class Gathered(Source):
    """Products of some tokens with all words, whoever holds them.

    A block's products travel once forward and, computed again, once backward: N·V numbers each.

    Args:
        inner: products with the words here.
        ranks: who holds which words.
        way: how products are taken.
    """

    def __init__(self, inner: Product, ranks: Ranks, way: Way) -> None:
        super().__init__(inner.hidden, way, inner.count, ranks.total)
        self.inner, self.ranks = inner, ranks
        self.tensors = inner.tensors

    def products(self, rows: slice, columns: slice, out: Tensor) -> Tensor:
        """One product and one all-gather; always of whole rows."""
        here = torch.empty(
            (rows.stop - rows.start, self.ranks.own), dtype=self.dtype, device=self.device
        )
        here = self.inner.products(rows, slice(0, self.ranks.own), here)
        return out.copy_(self.ranks.words(here)[:, columns])

    def want(self, *needs: bool) -> None:
        """Room for the gradients of the words here."""
        self.inner.want(*needs)

    def add(self, draw: Tensor, rows: slice, columns: slice) -> None:
        """The words here only."""
        if self.ranks.own:
            here = draw.narrow(1, self.ranks.start, self.ranks.own)
            self.inner.add(here, rows, slice(0, self.ranks.own))

    def finish(self) -> list[Tensor | None]:
        """Of the states in part, of the weight whole."""
        return self.inner.finish()
