"""Which accumulators a kernel can sum, and as what."""

from collections.abc import Sequence
from typing import Any

from likely.vocab._triton._extremes import AboveTerm, GumbelTerm, MassAboveTerm, PickTerm, TopTerm
from likely.vocab._triton._log_sums import MixtureTerm, RestTerm, SubsetTerm
from likely.vocab._triton._sums import BelowTerm, ColumnsTerm, LowRankTerm, PlainTerm, TiltedTerm
from likely.vocab._triton._term import Term
from likely.vocab.moments._accumulator import Accumulator
from likely.vocab.moments._extreme import Above, MassAbove, Pick, Top
from likely.vocab.moments._gumbel import Gumbel
from likely.vocab.moments._log_sum import Mixture, Rest, SubsetColumns
from likely.vocab.moments._tilted import Below, Columns, LowRank, Plain, Tilted

MOST_COLUMNS = 16
"""So many columns of `u` are summed in registers."""
MOST_IDS = 256
"""So many ids a token are compared with every word."""
MOST_TOP = 64
"""So many of the largest logits are kept in registers."""

TERMS: dict[type[Accumulator], type[Term]] = {
    Tilted: TiltedTerm,
    Columns: ColumnsTerm,
    LowRank: LowRankTerm,
    Below: BelowTerm,
    Plain: PlainTerm,
    Above: AboveTerm,
    MassAbove: MassAboveTerm,
    Rest: RestTerm,
    Mixture: MixtureTerm,
    SubsetColumns: SubsetTerm,
    Pick: PickTerm,
    Top: TopTerm,
    Gumbel: GumbelTerm,
}
"""Every accumulator that a kernel can sum; the rest goes by whole rows of logits."""


def fits(one: Accumulator, given: Sequence[Any]) -> bool:
    """Whether a kernel can hold an accumulator's state in registers.

    Args:
        one: the accumulator.
        given: its tensors.

    Returns:
        True or False.
    """
    if type(one) not in TERMS:
        return False
    widths = [t.shape[1] if t.ndim == 2 else 1 for t in given]
    if isinstance(one, Columns | SubsetColumns):
        return 0 < widths[-1] <= MOST_COLUMNS
    if isinstance(one, Top):
        return one.k <= MOST_TOP
    if isinstance(one, LowRank):
        return given[0].is_floating_point() and widths[0] > 0
    return isinstance(one, Gumbel) or not widths or 0 < widths[0] <= MOST_IDS
