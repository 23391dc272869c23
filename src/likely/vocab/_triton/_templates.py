"""The frames of the kernels that are written for a sweep; `Kernel.write` fills them."""

IMPORTS = """import triton
import triton.language as tl
from triton.language import constexpr

from likely.vocab._triton._tiles import gumbel, locate, place_in_grid, product
"""

TARGET = """
@triton.jit
def $name(
    $arguments
    targets, first_row, count, first_id,
    BN: constexpr, BV: constexpr, BD: constexpr,
    EVEN: constexpr, UPCAST: constexpr, PRECISION: constexpr,
):
    # By the same product as in the tiles, so that a target that ties is not above itself.
    row = first_row + tl.arange(0, BN)
    rows = tl.minimum(row, count - 1).to(tl.int64)
    found = tl.zeros((BN,), dtype=tl.float32)
    $head
    for start in tl.static_range(0, BN, BV):
        number = start + tl.arange(0, BV)
        whose = tl.minimum(first_row + number, count - 1)
        place = tl.load(targets + whose).to(tl.int64) - first_id
        $tile
        own = number[None, :] == tl.arange(0, BN)[:, None]
        found += tl.sum(tl.where(own, z0, 0.0), 1)
    return found
"""

FORWARD = """
@triton.jit
def $name(
    $arguments
    targets, out, whole, count, size, first_id, tiles, out_rows, whole_rows,
    BN: constexpr, BV: constexpr, BD: constexpr,
    EVEN: constexpr, UPCAST: constexpr, PRECISION: constexpr,
):
    first_row = tl.program_id(0) * BN
    row = first_row + tl.arange(0, BN)
    row_in = row < count
    rows = tl.minimum(row, count - 1).to(tl.int64)
    target = tl.load(targets + rows).to(tl.int32)
    split = tl.program_id(1)
    $head
    for tile in range(split * tiles, tl.minimum((split + 1) * tiles, tl.cdiv(size, BV))):
        start_word = tile * BV
        column = tl.arange(0, BV)
        word = start_word + column
        word_in = word < size
        place = tl.minimum(word, size - 1).to(tl.int64)
        ids = word + first_id
        $tile
    out_here = out + split.to(tl.int64) * out_rows * count + row
    whole_here = whole + split.to(tl.int64) * whole_rows * count + row
    $tail
"""

BACKWARD = """
@triton.jit
def $name(
    $arguments
    targets, order, inverse, flat, live, limit, by_word, by_row,
    count, words_count, size, first, first_id, flat_stride, row_tiles, word_tiles,
    BN: constexpr, BV: constexpr, BD: constexpr, GROUP: constexpr,
    SORTED: constexpr, FILTER: constexpr,
    EVEN: constexpr, UPCAST: constexpr, PRECISION: constexpr,
):
    i, j = place_in_grid(tl.program_id(0), row_tiles, word_tiles, GROUP)
    first_row = i * BN
    row = first_row + tl.arange(0, BN)
    row_in = row < count
    rows = tl.minimum(row, count - 1).to(tl.int64)
    target = tl.load(targets + rows).to(tl.int32)
    column = tl.arange(0, BV)
    word = j * BV + column
    start_word = first + j * BV
    word_in = word < words_count
    place = tl.minimum(first + word, size - 1).to(tl.int64)
    ids = first + word + first_id
    if SORTED:
        place = tl.load(order + place).to(tl.int64)
        ids = place.to(tl.int32) + first_id
    inside = row_in[:, None] & word_in[None, :]
    $head
    $tile
    by_word_here = by_word + i * words_count + word
    by_row_here = by_row + j * count + row
    $tail
"""
