"""From the gradient on products back to their factors: two products a block of words."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from likely.vocab._triton._choose import Tile, constants, interpreted
from likely.vocab._triton._problem import Factors

WIDTH = 128
"""How many numbers of a state or word a program of the filtered products holds."""


class Products:
    """Adds up the gradients of two factors, block by block.

    Args:
        factors: left `[N, D]` and right `[V, D]`.
        needs: which of the two want a gradient.
        tensors: the sweep's, for the dtypes of the gradients.
        order: the words in the order in which blocks hold them; None for their own.
        several: whether a block of words sees the tokens in several parts.
    """

    def __init__(
        self,
        factors: Factors,
        needs: Sequence[bool],
        tensors: Sequence[Tensor],
        order: Tensor | None,
        several: bool,
    ) -> None:
        self.factors, self.needs, self.order, self.several = factors, needs, order, several
        left, right = factors.left, factors.right
        self.kinds = [tensors[at].dtype for at in factors.places]
        self.to_left = torch.zeros_like(left, dtype=torch.float32) if needs[0] else None
        # Each row is written once: no float32 copy of it is needed.
        self.to_right = torch.empty_like(right, dtype=self.kinds[1]) if needs[1] else None
        self.part: Tensor | None = None

    def add(
        self,
        draw: Tensor,
        rows: slice,
        first: int,
        stop: int,
        live: Tensor | None,
        tile: Tile,
    ) -> None:
        """Take in the gradient of a block.

        Args:
            draw: on the products, `[n, B]`.
            rows: its tokens.
            first: its first word.
            stop: behind its last word.
            live: which tiles are not dropped, `[row tiles, word tiles]`; None for all.
            tile: the sizes of these.
        """
        if self.to_right is not None and self.several and self.part is None:
            shape = (stop - first, self.factors.right.shape[1])
            self.part = torch.zeros(shape, dtype=torch.float32, device=draw.device)
        if live is None:
            self._whole(draw, rows, first, stop)
        else:
            self._filtered(draw, rows, first, stop, live, tile)

    def _whole(self, draw: Tensor, rows: slice, first: int, stop: int) -> None:
        draw = draw[:, : stop - first]
        left, right = self.factors.left[rows], self.factors.right[first:stop]
        if self.to_left is not None:
            accumulate(self.to_left[rows], draw, right)
        if self.part is not None:
            accumulate(self.part, draw.T, left)
        elif self.to_right is not None:
            into = self.to_right[first:stop]
            if into.dtype == draw.dtype == left.dtype:
                torch.mm(draw.T, left, out=into)
            else:
                into.copy_(accumulate(torch.zeros_like(into, dtype=torch.float32), draw.T, left))

    def _filtered(
        self, draw: Tensor, rows: slice, first: int, stop: int, live: Tensor, tile: Tile
    ) -> None:
        from likely.vocab._triton import _tiles

        left, right = self.factors.left[rows], self.factors.right
        width, count, words = left.shape[1], rows.stop - rows.start, stop - first
        row_tiles, word_tiles = live.shape
        sizes: dict[str, Any] = {
            "rows_count": count,
            "words_count": words,
            "width": width,
            "draw_stride": draw.stride(0),
            "first": first,
            "BN": tile.rows,
            "BV": tile.words,
            "BD": tile.depth if interpreted() else WIDTH,
            # Three stages of both factors fit into the shared memory of any card since Ampere.
            "DEPTH": min(tile.depth, 64 if draw.element_size() < 4 else 32),
            **constants(),
            **({} if interpreted() else {"num_warps": 8, "num_stages": 3}),
        }
        columns = -(-width // sizes["BD"])
        if self.to_left is not None:
            lists, counts = _lists(live)
            total = self.to_left[rows]
            _tiles.to_rows[(row_tiles, columns)](
                draw, right, total, self.order, lists, counts,
                right_stride=right.stride(0), total_stride=total.stride(0),
                word_tiles=word_tiles, **sizes,
            )  # fmt: skip
        if self.to_right is not None:
            lists, counts = _lists(live.T)
            into = self.to_right if self.part is None else self.part
            scatter = self.part is None
            _tiles.to_words[(word_tiles, columns)](
                draw, left, into, self.order, lists, counts,
                left_stride=left.stride(0), total_stride=into.stride(0),
                row_tiles=row_tiles, ADD=not scatter, SCATTER=scatter, **sizes,
            )  # fmt: skip

    def close(self, first: int, stop: int) -> None:
        """The tokens of a block of words are all there.

        Args:
            first: its first word.
            stop: behind its last.
        """
        if self.part is None or self.to_right is None:
            return
        if self.order is None:
            self.to_right[first:stop] = self.part.to(self.to_right.dtype)
        else:
            self.to_right[self.order[first:stop].long()] = self.part.to(self.to_right.dtype)
        self.part = None

    def finish(self) -> list[Tensor | None]:
        """The gradients in their tensors' dtypes."""
        left = None if self.to_left is None else self.to_left.to(self.kinds[0])
        return [left, self.to_right]


def accumulate(total: Tensor, left: Tensor, right: Tensor) -> Tensor:
    """Add a product to float32 sums, each of its own sums in float32 too.

    Args:
        total: added to in place.
        left: one factor.
        right: the other.

    Returns:
        `total`.
    """
    if left.dtype == right.dtype == total.dtype:
        return total.addmm_(left, right)
    if left.is_cuda and left.dtype == right.dtype and widens():
        torch.addmm(total, left, right, out_dtype=torch.float32, out=total)
        return total
    return total.addmm_(left.float(), right.float())


def widens() -> bool:
    """Whether this torch multiplies 16 bits into float32.

    Returns:
        True from 2.8 on.
    """
    return hasattr(torch.ops.aten.addmm, "dtype_out")


def _lists(live: Tensor) -> tuple[Tensor, Tensor]:
    """The numbers of the live tiles of each row, first, and how many there are."""
    lists = live.argsort(dim=1, descending=True, stable=True).to(torch.int32).contiguous()
    return lists, live.sum(1, dtype=torch.int32)
