"""The n-gram: counts of token sequences, smoothed by Dirichlet back-off or by Kneser–Ney."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, get_args

import numpy as np
from annotated_types import Interval
from numpy.typing import NDArray

from likely.core.errors import BadSetting, did_you_mean
from likely.core.settings import checked
from likely.data.tokens import Tokens
from likely.models._corpus import fitted, judged
from likely.models._ngram import NGram
from likely.models._smoothing import Smoothing
from likely.models._tabulate import tabulate

__all__ = ["NGram", "Smoothing", "judge", "load", "ngram", "sweep"]

HIGHEST_ORDER = 16


def ngram(
    tokens: Tokens,
    validation: Tokens,
    *,
    order: Annotated[int, Interval(ge=1, le=HIGHEST_ORDER)] = 6,
    smoothing: Smoothing = "dirichlet",
) -> NGram:
    r"""Count sequences of up to K tokens and fit the smoothing on validation text.

    $$ p_k(w \mid c) = \frac{n(c, w) + \alpha_k \, p_{k-1}(w \mid c')}{n(c) + \alpha_k} $$
    with c' = c without its oldest token and p_0 uniform; one α a length, in [0.1, 1000]. The
    other smoothing is interpolated modified Kneser–Ney: three discounts a length, and below the
    longest sequences numbers of different tokens before instead of occurrences (a sequence that
    opens a document counts once each time).

    Args:
        tokens: training text.
        validation: text that concentrations or discounts are fitted on.
        order: K, tokens in the longest sequence; K − 1 are looked back at.
        smoothing: `dirichlet` or `kneser_ney`.

    Returns:
        The model.

    Raises:
        BadSetting: an order that is not 1 to 16, or a smoothing that does not exist.
        BadInput: no validation text, or one over another vocabulary.

    Example:
        >>> from likely.core.vocabulary import Vocabulary
        >>> from likely.data.corpus import Corpus, Document
        >>> from likely.data.tokens import encode
        >>> train, held_out = (
        ...     encode(Corpus(n, (Document(n, t),)), Vocabulary.of_bytes())
        ...     for n, t in (("a", "abcabcabcabc"), ("b", "abcab"))
        ... )
        >>> model = ngram(train, held_out, order=3)
        >>> model.log_prob(held_out).mean().round(2), model.correct(held_out).sum()
        (np.float64(-0.91), np.int64(5))

    References:
        MacKay and Bauman Peto 1995, *A hierarchical Dirichlet language model*, Natural Language
        Engineering 1(3); Chen and Goodman 1998, *An empirical study of smoothing techniques for
        language modeling*, Harvard TR-10-98 (modified Kneser–Ney).
    """
    checked(ngram, locals())
    return sweep(tokens, validation, [order], smoothing=smoothing)[order]


def sweep(
    tokens: Tokens,
    validation: Tokens,
    orders: Iterable[int],
    *,
    smoothing: Smoothing = "dirichlet",
) -> dict[int, NGram]:
    """Models of several orders: counted once, each fitted for itself.

    Args:
        tokens: training text.
        validation: text that concentrations or discounts are fitted on.
        orders: K of each model.
        smoothing: `dirichlet` or `kneser_ney`.

    Returns:
        One model an order, sharing their counts.

    Raises:
        BadSetting: an order that is not 1 to 16, or a smoothing that does not exist.
        BadInput: no validation text, or one over another vocabulary.
    """
    checked(sweep, locals())
    wanted = sorted(set(orders))
    if not wanted:
        raise BadSetting("sweep", ["orders must name at least one order, and it is empty."])
    for order in wanted:
        _check(order, smoothing)
    counts = tabulate(tokens, wanted[-1], left=smoothing == "kneser_ney")
    mixtures = fitted(tokens.vocabulary, counts, validation, wanted, smoothing)
    return {k: NGram(tokens.vocabulary, counts, mixture) for k, mixture in mixtures.items()}


def judge(
    models: Mapping[int, NGram], tokens: Tokens
) -> dict[int, tuple[NDArray[np.float64], NDArray[np.bool_]]]:
    """Log-probabilities and hits of several models that share their counts, looked up once.

    Args:
        models: from one `sweep`, by any number.
        tokens: documents, each read from BOS.

    Returns:
        What `log_prob` and `correct` would return, by the same number.

    Raises:
        BadSetting: models that do not share their counts.
        BadInput: tokens over another vocabulary.
    """
    largest = max(models.values(), key=lambda model: model.order)
    if any(model.counts.text is not largest.counts.text for model in models.values()):
        raise BadSetting("judge", ["the models must share their counts: take them from one sweep."])
    mixtures = {name: model.mixture for name, model in models.items()}
    return judged(largest.vocabulary, largest.counts, mixtures, tokens)


def load(folder: Path) -> NGram:
    """Read a model that was saved.

    Args:
        folder: the model's folder.

    Returns:
        An equal model.
    """
    return NGram.load(folder)


def _check(order: int, smoothing: str) -> None:
    problems = []
    if not 1 <= order <= HIGHEST_ORDER:
        problems.append(f"order must be 1 to {HIGHEST_ORDER}, and {order!r} is not.")
    if smoothing not in get_args(Smoothing):
        near = did_you_mean(smoothing, get_args(Smoothing))
        problems.append(f"smoothing must be dirichlet or kneser_ney, not {smoothing!r}.{near}")
    if problems:
        raise BadSetting("ngram", problems)
