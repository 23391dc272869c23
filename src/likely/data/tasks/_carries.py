"""Pairs of numbers by the longest chain of carries in their sum: counted, and named by a number."""

from functools import cache


def longest_chain(a: int, b: int, base: int) -> int:
    """The most digits in a row at which adding two numbers carries."""
    carry = run = longest = 0
    while a or b:
        a, low = divmod(a, base)
        b, other = divmod(b, base)
        carry = int(low + other + carry >= base)
        run = run + 1 if carry else 0
        longest = max(longest, run)
    return longest


@cache
def _pairs(base: int, incoming: bool, carrying: bool) -> tuple[tuple[int, int], ...]:
    """Pairs of digits that carry, or do not, when something or nothing is carried in."""
    return tuple(
        (x, y) for x in range(base) for y in range(base) if (x + y + incoming >= base) == carrying
    )


@cache
def ways(base: int, chain: int, left: int, run: int = 0, met: bool = False) -> int:
    """How often `left` more digits, the lowest first, end with a longest chain of `chain`.

    `run` is the chain at hand, `met` whether one of this length has been seen.
    """
    met = met or run == chain
    if run > chain:
        return 0
    if left == 0:
        return int(met)
    stop = len(_pairs(base, run > 0, False)) * ways(base, chain, left - 1, 0, met)
    go = len(_pairs(base, run > 0, True)) * ways(base, chain, left - 1, run + 1, met)
    return stop + go


def pair(number: int, base: int, chain: int, digits: int) -> tuple[int, int]:
    """The pair of this number, below `ways(base, chain, digits)`; each number has another one."""
    a = b = run = 0
    met, weight = False, 1
    for left in range(digits - 1, -1, -1):
        met = met or run == chain
        stopped = ways(base, chain, left, 0, met)
        carrying = number >= len(_pairs(base, run > 0, False)) * stopped
        if carrying:
            number -= len(_pairs(base, run > 0, False)) * stopped
        place, number = divmod(
            number, ways(base, chain, left, run + 1, met) if carrying else stopped
        )
        x, y = _pairs(base, run > 0, carrying)[place]
        run = run + 1 if carrying else 0
        a, b, weight = a + x * weight, b + y * weight, weight * base
    return a, b
