"""What tasks share: distinct draws, parts that do not meet, chains of carries, words."""

from collections import Counter
from itertools import permutations, product

import numpy as np
import pytest
from scipy.stats import chisquare

from likely.core.errors import BadSetting
from likely.data.tasks._carries import longest_chain, pair, ways
from likely.data.tasks._documents import symbols
from likely.data.tasks._draw import apart, below, digits_of, distinct
from likely.data.tasks._words import word


def test_every_arrangement_is_drawn_equally_often():
    rng = np.random.default_rng(0)
    seen = Counter(tuple(distinct(4, 3, rng)) for _ in range(4800))
    assert set(seen) == set(permutations(range(4), 3))
    assert chisquare(list(seen.values())).pvalue > 1e-3


def test_all_of_a_space_and_some_of_a_huge_one():
    rng = np.random.default_rng(1)
    assert sorted(distinct(500, 500, rng)) == list(range(500))
    huge = 26**60
    drawn = list(distinct(huge, 2000, rng))
    assert len(set(drawn)) == 2000
    assert all(0 <= number < huge for number in drawn)
    halves = Counter(number >= huge // 2 for number in drawn)
    assert chisquare([halves[True], halves[False]]).pvalue > 1e-3
    low = Counter(below(2**62 + 2, rng) % 3 for _ in range(3000))
    assert chisquare([low[digit] for digit in range(3)]).pvalue > 1e-3


def test_parts_do_not_meet_and_use_up_the_space():
    trained, kept = apart("here", 10, 7, 3, np.random.default_rng(2))
    assert sorted(trained + kept) == list(range(10))


@pytest.mark.parametrize("seed", range(5))
def test_twins_of_what_is_held_out_are_not_trained_on(seed):
    def key(number):
        return tuple(sorted(divmod(number, 6)))

    trained, kept = apart("here", 36, 20, 8, np.random.default_rng(seed), key, twins=2)
    assert (len(trained), len(kept)) == (20, 8)
    assert len({*trained, *kept}) == 28
    assert not set(map(key, trained)) & set(map(key, kept))


def test_too_many_is_told_in_one_sentence():
    said = r"^here: documents=9 and held_out=3 should be less: .* 11 different problems\.$"
    with pytest.raises(BadSetting, match=said):
        apart("here", 11, 9, 3, np.random.default_rng(0))
    with pytest.raises(BadSetting, match="each held-out one bars 1 more from training"):
        apart("here", 14, 9, 3, np.random.default_rng(0), lambda n: n // 2, twins=2)


def test_digits_with_radices_of_their_own():
    radices = [2, 3, 5]
    found = [tuple(digits_of(number, radices)) for number in range(30)]
    assert set(found) == set(product(*map(range, radices)))


def chain(a, b, base, digits):
    """The longest chain of carries, from the definition: digit by digit, as text."""
    carried, carry = "", 0
    for place in range(digits):
        low = a // base**place % base + b // base**place % base + carry
        carry = int(low >= base)
        carried += str(carry)
    return max(map(len, carried.split("0")))


@pytest.mark.parametrize(("base", "digits"), [(2, 4), (3, 3), (10, 2)])
def test_chains_of_carries_by_enumeration(base, digits):
    wanted = {}
    for a, b in product(range(base**digits), repeat=2):
        assert longest_chain(a, b, base) == chain(a, b, base, digits)
        wanted.setdefault(chain(a, b, base, digits), set()).add((a, b))
    assert set(wanted) == set(range(digits + 1))
    for length, pairs in wanted.items():
        assert ways(base, length, digits) == len(pairs)
        assert {pair(number, base, length, digits) for number in range(len(pairs))} == pairs


def test_words_and_symbols_differ():
    assert len({word(number) for number in range(10_000)}) == 10_000
    assert len({word(number, 3) for number in range(0, 1_000_000, 97)}) == len(
        range(0, 1_000_000, 97)
    )
    assert len(set(symbols(5000))) == 5000
    assert symbols(12) == "0123456789AB"
