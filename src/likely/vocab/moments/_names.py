"""The moments a statistic can name, and those it can ask for in its `wants`."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from likely.vocab.moments._accumulator import LOWEST, Moment
from likely.vocab.moments._extreme import Above, MassAbove, Pick, Top
from likely.vocab.moments._gumbel import Gumbel
from likely.vocab.moments._log_sum import Mixture, Rest, SubsetColumns
from likely.vocab.moments._rows import (
    Between,
    ColumnSums,
    Row,
    TopBetween,
)
from likely.vocab.moments._tilted import Below, Columns, LowRank, Plain, Tilted

PLAIN: dict[str, Moment] = {
    "log_sum": Moment(Tilted(), lambda s: s[0].log()),
    "first": Moment(Tilted(order=1), lambda s: s[1] / s[0]),
    "second": Moment(Tilted(order=2), lambda s: s[2] / s[0]),
    "log_sum_2": Moment(Tilted(tilt=2.0), lambda s: s[0].log()),
    "target": Moment(Pick(), lambda s: excluded_are_gone(s[0][:, 0])),
    "rest": Moment(Rest(), lambda s: s[0]),
    "plain_sum": Moment(Plain(), lambda s: s[0]),
    "plain_square_sum": Moment(Plain(), lambda s: s[1]),
    "largest": Moment(Top(), lambda s: s[0][:, 0]),
    "likeliest": Moment(Top(), lambda s: s[1][:, 0]),
    "best_wrong": Moment(Top(wrong=True), lambda s: excluded_are_gone(s[0][:, 0])),
    "below": Moment(Below(), lambda s: s[0]),
    "above": Moment(Above(), lambda s: s[0]),
    "above_mass": Moment(MassAbove(), lambda s: s[0] / s[1]),
}
"""Moments without arguments; `shift`, the largest logit without gradient, is the scan's own."""


def tilted(tilt: float) -> Moment:
    """Log Σ e^{tilt·x}.

    Args:
        tilt: above 0.

    Returns:
        A moment, `[N]`.
    """
    return Moment(Tilted(tilt=tilt), lambda s: s[0].log())


def pick(ids: Tensor) -> Moment:
    """X of chosen ids.

    Args:
        ids: words, `[N, C]`.

    Returns:
        A moment, `[N, C]`.
    """
    return Moment(Pick(target=False), lambda s: excluded_are_gone(s[0]), (ids,))


def expect(u: Tensor, power: int = 0) -> Moment:
    """Σ eˣ x^power u, not yet divided by Σ eˣ: pair it with `log_sum`.

    Args:
        u: fixed columns over the vocabulary, `[V, K]`.
        power: of x.

    Returns:
        A moment, `[N, K]`.
    """
    return Moment(Columns(order=power), lambda s: s[power], (u,))


def low_rank(a: Tensor, b: Tensor) -> Moment:
    """Σ eˣ a·b, not yet divided by Σ eˣ: pair it with `log_sum`.

    Args:
        a: one vector a token, `[N, R]`.
        b: one vector a word, `[V, R]`.

    Returns:
        A moment, `[N]`.
    """
    return Moment(LowRank(), lambda s: s[0], (a, b))


def top(k: int) -> Moment:
    """X and ids of the k largest.

    Args:
        k: how many.

    Returns:
        A moment: x `[N, k]` and ids `[N, k]`.
    """
    return Moment(Top(k=k), lambda s: (excluded_are_gone(s[0]), s[1]))


def gumbel(rows: Tensor, seed: int, temperature: float) -> Moment:
    """The word that wins with noise.

    Args:
        rows: the number of each token, `[N]`.
        seed: of the noise.
        temperature: divides the logits.

    Returns:
        A moment: ids, `[N]`.
    """
    return Moment(Gumbel(seed=seed, temperature=temperature), lambda s: s[1][:, 0], (rows,))


def rest_of(ids: Tensor) -> Moment:
    """Log Σ eˣ over all words but some.

    Args:
        ids: words, `[N, C]`; negative ones are ignored.

    Returns:
        A moment, `[N]`.
    """
    return Moment(Rest("ids"), lambda s: s[0], (ids,))


def within(mask: Tensor) -> Moment:
    """Log Σ eˣ over the words of a mask.

    Args:
        mask: True for words that stay, `[V]`.

    Returns:
        A moment, `[N]`.
    """
    return Moment(Rest("mask"), lambda s: s[0], (mask,))


def of_role(role: str, *names: str) -> dict[str, Moment]:
    """Moments about a second reader's q, x̃ being its logits about its own shift.

    Args:
        role: the reader's name.
        names: some of `other_log_sum` log Σ e^x̃, `other_first` E_q[x̃], `taught` E_q[x], `seen`
            E_p[x̃].

    Returns:
        Those moments by name.
    """
    every = {
        "other_log_sum": Moment(Tilted(weigher=role, reader=role), lambda s: s[0].log()),
        "other_first": Moment(Tilted(1.0, 1, role, role), lambda s: s[1] / s[0]),
        "taught": Moment(Tilted(1.0, 1, role), lambda s: s[1] / s[0]),
        "seen": Moment(Tilted(1.0, 1, reader=role), lambda s: s[1] / s[0]),
    }
    return {name: every[name] for name in names}


def mixture(a: float, b: float, role: str) -> Moment:
    """Log Σ e^{a·x + b·x̃}.

    Args:
        a: power of the model.
        b: power of the second reader.
        role: that reader's name.

    Returns:
        A moment, `[N]`.
    """
    return Moment(Mixture(a, b, role), lambda s: s[0])


def expect_within(mask: Tensor, u: Tensor) -> Moment:
    """E_p[u] given that the word is one of a mask.

    Args:
        mask: True for the words that count, `[V]`.
        u: fixed columns over the vocabulary, `[V, K]`.

    Returns:
        A moment, `[N, K]`.
    """
    return Moment(
        SubsetColumns(),
        lambda s: torch.where(s[0].isfinite()[:, None], s[1], torch.nan),
        (mask, u),
    )


def column_sums(weight: Tensor) -> Moment:
    """Σ_n w_n p_{n,v}.

    Args:
        weight: w, `[N]`.

    Returns:
        A moment, `[V]`.
    """
    return Moment(ColumnSums(), lambda s: s[0], (weight,))


def between(f: Callable[[Tensor, Tensor], Tensor], role: str) -> Moment:
    """Σ_v f(log p_v, log q_v).

    Args:
        f: element by element; equal ones are summed and compiled once.
        role: the second reader's name.

    Returns:
        A moment, `[N]`.
    """
    return Moment(Between(f, role), lambda s: s[0])


def top_between(k: int, rest: bool, role: str) -> Moment:
    """KL(q‖p) on the k likeliest words of q.

    Args:
        k: how many.
        rest: whether the rest counts as one more word.
        role: the second reader's name.

    Returns:
        A moment, `[N]`.
    """
    return Moment(TopBetween(k, rest, role), lambda s: s[0])


def row(f: Callable[[Tensor, Tensor], Any]) -> Moment:
    """What a function makes of whole rows.

    Args:
        f: of logits `[n, V]` and targets `[n]`.

    Returns:
        A moment, one row a token.
    """
    return Moment(Row(f), lambda s: s[0])


def excluded_are_gone(x: Tensor) -> Tensor:
    """Put −∞ back where the scan clamped it.

    Args:
        x: logits about the shift.

    Returns:
        The same, with −∞ for words that cannot come.
    """
    return x.where(x > LOWEST / 2, torch.tensor(-torch.inf, dtype=x.dtype, device=x.device))
