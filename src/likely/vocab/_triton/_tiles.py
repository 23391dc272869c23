"""What every kernel is made of, and the two products behind a filter. Imports Triton."""

import inspect

import triton
import triton.language as tl
from triton.language import constexpr


def kernel(function):
    """A kernel, whatever a checker of types (in tests) has put around its function."""
    return triton.jit(inspect.unwrap(function))


@kernel
def product(
    left,
    right,
    rows,
    places,
    width,
    left_stride,
    right_stride,
    BN: constexpr,
    BV: constexpr,
    BD: constexpr,
    EVEN: constexpr,
    UPCAST: constexpr,
    PRECISION: constexpr,
):
    """Rows of `left` times rows of `right`, `[BN, BV]` in float32."""
    total = tl.zeros((BN, BV), dtype=tl.float32)
    left_rows = left + rows[:, None] * left_stride
    right_rows = right + places[None, :] * right_stride
    for start in range(0, width, BD):
        k = start + tl.arange(0, BD)
        if EVEN:
            a = tl.load(left_rows + k[None, :])
            b = tl.load(right_rows + k[:, None])
        else:
            a = tl.load(left_rows + k[None, :], mask=(k < width)[None, :], other=0.0)
            b = tl.load(right_rows + k[:, None], mask=(k < width)[:, None], other=0.0)
        if UPCAST:
            # The interpreter multiplies bfloat16 wrongly.
            a = a.to(tl.float32)
            b = b.to(tl.float32)
        total = tl.dot(a, b, total, input_precision=PRECISION)
    return total


@kernel
def place_in_grid(number, row_tiles, word_tiles, GROUP: constexpr):
    """The tile of a program, so that programs that run together share rows and words."""
    group = number // (GROUP * word_tiles)
    first = group * GROUP
    height = tl.minimum(row_tiles - first, GROUP)
    inside = number % (GROUP * word_tiles)
    return first + inside % height, inside // height


@kernel
def locate(ids, inverse, first_id, size, SORTED: constexpr):
    """Where words stand among those held here; far away where they lie on another process."""
    place = ids.to(tl.int32) - first_id
    if SORTED:
        here = (place >= 0) & (place < size)
        place = tl.load(inverse + place, mask=here, other=-(2**30))
    return place


@kernel
def mix(bits):
    """A 32-bit finaliser, as in `moments/_gumbel.py`."""
    bits = bits ^ (bits >> 16)
    bits = bits * 0x7FEB352D
    bits = bits ^ (bits >> 15)
    bits = bits * 0x846CA68B
    return bits ^ (bits >> 16)


@kernel
def gumbel(row, ids, SEED: constexpr):
    """Standard Gumbel noise that is a function of (seed, row, id), `[BN, BV]`."""
    rows = mix(mix(row) ^ SEED)
    words = mix(ids.to(tl.uint32) + 0x9E3779B9)
    bits = mix(rows[:, None] ^ words[None, :])
    u = tl.minimum((bits.to(tl.float32) + 0.5) * 2.3283064365386963e-10, 1 - 5.960464477539063e-08)
    # log1p(−u), exact where u is so small that 1 − u rounds.
    one = 1.0 - u
    slip = tl.where(one == 1.0, 1.0, one - 1.0)
    log = tl.where(one == 1.0, -u, tl.log(one) * (-u) / slip)
    return -tl.log(-log)


@kernel
def to_rows(
    draw,
    right,
    total,
    order,
    lists,
    counts,
    rows_count,
    words_count,
    width,
    draw_stride,
    right_stride,
    total_stride,
    word_tiles,
    first,
    BN: constexpr,
    BV: constexpr,
    BD: constexpr,
    DEPTH: constexpr,
    UPCAST: constexpr,
    PRECISION: constexpr,
):
    """Adds `draw @ right` to `total`, over the tiles of words that each row tile's list names.

    `DEPTH` words are multiplied at once: whole tiles of them would not fit into shared memory.
    """
    i = tl.program_id(0)
    row = i * BN + tl.arange(0, BN)
    column = tl.program_id(1) * BD + tl.arange(0, BD)
    row_in, column_in = row < rows_count, column < width
    rows = row.to(tl.int64)
    here = total + rows[:, None] * total_stride + column[None, :]
    mask = row_in[:, None] & column_in[None, :]
    sums = tl.load(here, mask=mask, other=0.0)
    parts: constexpr = BV // DEPTH
    for n in range(tl.load(counts + i) * parts):
        tile = tl.load(lists + i * word_tiles + n // parts)
        word = tile * BV + n % parts * DEPTH + tl.arange(0, DEPTH)
        word_in = word < words_count
        place = tl.load(order + first + word, mask=word_in, other=0).to(tl.int64)
        a = tl.load(
            draw + rows[:, None] * draw_stride + word[None, :],
            mask=row_in[:, None] & word_in[None, :],
            other=0.0,
        )
        b = tl.load(
            right + place[:, None] * right_stride + column[None, :],
            mask=word_in[:, None] & column_in[None, :],
            other=0.0,
        )
        if UPCAST:
            a = a.to(tl.float32)
            b = b.to(tl.float32)
        sums = tl.dot(a, b, sums, input_precision=PRECISION)
    tl.store(here, sums, mask=mask)


@kernel
def to_words(
    draw,
    left,
    total,
    order,
    lists,
    counts,
    rows_count,
    words_count,
    width,
    draw_stride,
    left_stride,
    total_stride,
    row_tiles,
    first,
    BN: constexpr,
    BV: constexpr,
    BD: constexpr,
    DEPTH: constexpr,
    ADD: constexpr,
    SCATTER: constexpr,
    UPCAST: constexpr,
    PRECISION: constexpr,
):
    """Writes `drawᵀ @ left`, over the tiles of rows that a list names for each tile of words."""
    j = tl.program_id(0)
    word = j * BV + tl.arange(0, BV)
    column = tl.program_id(1) * BD + tl.arange(0, BD)
    word_in, column_in = word < words_count, column < width
    place = word.to(tl.int64)
    if SCATTER:
        place = tl.load(order + first + word, mask=word_in, other=0).to(tl.int64)
    here = total + place[:, None] * total_stride + column[None, :]
    mask = word_in[:, None] & column_in[None, :]
    if ADD:
        sums = tl.load(here, mask=mask, other=0.0).to(tl.float32)
    else:
        sums = tl.zeros((BV, BD), dtype=tl.float32)
    parts: constexpr = BN // DEPTH
    for n in range(tl.load(counts + j) * parts):
        tile = tl.load(lists + j * row_tiles + n // parts)
        row = tile * BN + n % parts * DEPTH + tl.arange(0, DEPTH)
        row_in = row < rows_count
        rows = row.to(tl.int64)
        a = tl.load(
            draw + rows[None, :] * draw_stride + word[:, None],
            mask=row_in[None, :] & word_in[:, None],
            other=0.0,
        )
        b = tl.load(
            left + rows[:, None] * left_stride + column[None, :],
            mask=row_in[:, None] & column_in[None, :],
            other=0.0,
        )
        if UPCAST:
            a = a.to(tl.float32)
            b = b.to(tl.float32)
        sums = tl.dot(a, b, sums, input_precision=PRECISION)
    tl.store(here, sums.to(total.dtype.element_ty), mask=mask)
