"""MAUVE: how near the distribution of written texts is to that of human ones."""

from collections.abc import Callable
from typing import Annotated, Any

import numpy as np
from annotated_types import Ge, Gt
from numpy.typing import NDArray
from torch import Tensor

from likely.audit.metrics._given import as_array, needs, together
from likely.audit.metrics._quiet import without
from likely.core.errors import BadInput, BadSetting, ShapeError
from likely.core.settings import checked

BOUNDS = (0.0, 1.0)
LAWS = frozenset({"perfect"})
Features = NDArray[Any] | Tensor
_WARNING = b"WARNING clustering "


def mauve(
    features: Features,
    reference_features: Features,
    *,
    buckets: Annotated[int, Ge(2)] | None = None,
    scale: Annotated[float, Gt(0)] = 5.0,
    redo: Annotated[int, Ge(1)] = 5,
    seed: Annotated[int, Ge(0)] = 25,
) -> float:
    r"""Area under the curve of two kinds of error: unlikely text written, likely text left out.

    $$ \mathrm{area}\,\big\{\big(e^{-c\,\mathrm{KL}(q \| r_\lambda)},
    e^{-c\,\mathrm{KL}(p \| r_\lambda)}\big)\big\}, \quad r_\lambda = \lambda p + (1 - \lambda) q $$

    p and q are histograms of the two sets over clusters of their features, λ runs over 0 … 1. Take
    features of a model at hand from `likely.audit.features.features`; nothing is fetched. Values
    compare only for the same model, number of texts, length and settings: with few texts the same
    source seems farther from itself, and the paper uses 5,000. Run it over several seeds.

    Args:
        features: of the texts that were written, `[M, D]`.
        reference_features: of the texts they should be like, `[M, D]`; their number may differ.
        buckets: clusters; None for a tenth of the smaller set, at least 2.
        scale: the paper's c, by which divergences are multiplied.
        redo: how often clustering starts anew; the best one is kept.
        seed: of the clustering.

    Returns:
        0 … 1, one number for all texts; 1 for the same distribution.

    Raises:
        BadSetting: settings out of range, or more buckets than texts.
        BadInput: no texts, features that are not finite, or that are all the same.
        ShapeError: no rows of features, or of different widths.
        Unsupported: mauve-text is not installed.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> one, other = rng.normal(size=(200, 4)), rng.normal(size=(200, 4))
        >>> mauve(one, other) > 0.9, mauve(one, other + 5) < 0.1
        (True, True)

    References:
        Pillutla et al., MAUVE: Measuring the Gap Between Neural Text and Human Text using
        Divergence Frontiers, 2021, section 2. arXiv:2102.01454.
    """
    checked(mauve, locals())
    together("mauve", features=features)
    together("mauve", reference_features=reference_features)
    written = _rows("features", features)
    wanted = _rows("reference_features", reference_features)
    if written.shape[1] != wanted.shape[1]:
        raise ShapeError(
            f"mauve: features are {written.shape[1]} wide and reference_features "
            f"{wanted.shape[1]}; take both from one model."
        )
    both = np.concatenate([written, wanted])
    if (both == both[0]).all():
        raise BadInput("mauve: all features are the same, so there is nothing to compare.")
    if (buckets or 2) > len(both):
        problem = f"buckets={buckets} should be at most the number of texts, {len(both)}."
        raise BadSetting("mauve", [problem])
    compute = _library()
    with without(_WARNING):  # faiss wants 39 texts a cluster; the paper has 20
        found = compute(
            p_features=wanted,
            q_features=written,
            num_buckets="auto" if buckets is None else buckets,
            mauve_scaling_factor=scale,
            kmeans_num_redo=redo,
            seed=seed,
        )
    # Its own area takes points of equal x in any order, and then equal histograms may get 0.75.
    curve = np.asarray(found.divergence_curve)
    return min(1.0, (_area(curve) + _area(curve[:, ::-1])) / 2)


def _area(curve: NDArray[np.float64]) -> float:
    x, y = curve.T
    order = np.lexsort((-y, x))
    return float(np.trapezoid(y[order], x[order]))


def _rows(name: str, values: Features) -> NDArray[np.float64]:
    found = as_array(values).astype(np.float64)
    if found.ndim != 2:
        raise ShapeError(
            f"mauve: {name} should be one row of numbers a text, [M, D], and their shape is "
            f"{found.shape}."
        )
    if not np.isfinite(found).all():
        row = int(np.argmax(~np.isfinite(found).all(axis=1)))
        raise BadInput(f"mauve: row {row} of {name} holds a number that is not finite.")
    return found


def _library() -> Callable[..., Any]:
    try:
        from mauve.compute_mauve import compute_mauve
    except ImportError as problem:
        raise needs("mauve-text", "mauve", "mauve") from problem
    compute: Callable[..., Any] = compute_mauve
    return compute
