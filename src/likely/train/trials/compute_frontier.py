"""Compute frontier: the lowest loss of each text by compute, carried on by a decade."""

from typing import Annotated, Literal

import numpy as np
from annotated_types import Ge, Gt
from jaxtyping import Float

from likely.core.errors import BadSetting
from likely.core.settings import checked
from likely.forecast.fit import fit as fit_law
from likely.train.trials._sizes import Family, Rows, Text, run

Count = Annotated[int, Ge(1)]
Width = Annotated[int, Ge(8)]
_A_DECADE = 12
"""Amounts of compute at which the frontier is read, a decade."""


def compute_frontier(
    seed: int,
    *,
    law: Literal["power_law", "line"] = "power_law",
    texts: tuple[Text, ...] = ("docstrings", "code", "topics"),
    widths: tuple[Width, ...] = (8, 16, 32, 64),
    steps: tuple[Count, ...] = (200, 200, 200, 200),
    decades: Annotated[float, Gt(0)] = 1.5,
    rate: Annotated[float, Gt(0)] = 8e-3,
    rows: Count = 8,
    length: Annotated[int, Ge(8)] = 64,
    documents: Count = 300,
    first: Count = 12,
    checkpoints: Annotated[int, Ge(4)] = 16,
) -> dict[str, float | list[float]]:
    """Train small byte-level transformers on several texts, and carry their frontiers on.

    For each text every width is trained at a constant rate and read at checkpoints from `first` on.
    The frontier is the lowest loss of any of them by compute, six a parameter and token, with lines
    in the logarithms between checkpoints. C is the most that any run took. The law is fitted to the
    `decades` below C / 10, without what no run reached, and asked about all between C / 10 and C.
    `line` is a straight line in logarithms: `power_law` without a constant.

    Measures, by the name of each text and a mean over texts without one: `error`, mean
    |predicted / measured − 1| in the decade that is predicted; `last_error`, at C; `last_shift`,
    the same with its sign. Of each text also `alpha` and, of `power_law`, `floor`, E in nats a
    byte.

    Args:
        seed: of texts, their order and first weights.
        law: what is carried on.
        texts: domains of the embedded corpus, each with runs and a law of its own.
        widths: of the transformers, of two layers.
        steps: of the run of each width.
        decades: of compute that the law is fitted to.
        rate: of AdamW, constant after ten steps.
        rows: rows a step is trained on.
        length: bytes a row.
        documents: stretches of text to train on.
        first: the first step after which validation text is read.
        checkpoints: of every run, evenly spaced in the logarithm of the step.

    Returns:
        The measures by name.

    Raises:
        BadSetting: a setting out of range, not as many steps as widths, a first checkpoint that is
            not before the last step, or too little compute to fit anything below a tenth.

    References:
        Henighan et al., Scaling Laws for Autoregressive Generative Modeling, 2020, §2 and §3.
        arXiv:2010.14701.
    """
    settings = checked(compute_frontier, locals())
    if len(steps) != len(widths):
        problem = f"steps has {len(steps)} numbers and widths {len(widths)}: give one each."
        raise BadSetting("compute_frontier", [problem])
    if first >= min(steps):
        problem = f"first={first} should be below the fewest of steps, {min(steps)}."
        raise BadSetting("compute_frontier", [problem])
    found: dict[str, float | list[float]] = {}
    parts = []
    for text in texts:
        family = Family(seed, text, settings["rate"], length, documents, first, checkpoints)
        runs = [run(family, w, rows, count) for w, count in zip(widths, steps, strict=True)]
        parts.append(_carried_on(law, *_frontier(runs, decades + 1)))
        found |= {f"{text}_{name}": value for name, value in parts[-1].items()}
    shared = ("error", "last_error", "last_shift")
    return {**found, **{one: float(np.mean([part[one] for part in parts])) for one in shared}}


def _frontier(
    runs: list[Rows], decades: float
) -> tuple[Float[np.ndarray, "K"], Float[np.ndarray, "K"]]:
    """Compute as shares of the most, and the lowest loss at each."""
    most = max(one["flops"][-1] for one in runs)
    grid = -np.arange(round(decades * _A_DECADE) + 1)[::-1] / _A_DECADE
    lowest = np.full(len(grid), np.inf)
    for one in runs:
        spent = np.log10(one["flops"] / most)
        # Compute that a run did not see, before or after, is no point of its curve.
        here = np.interp(grid, spent, np.log(one["loss"]), left=np.inf, right=np.inf)
        lowest = np.minimum(lowest, here)
    seen = np.isfinite(lowest)
    return 10.0 ** grid[seen], np.exp(lowest[seen])


def _carried_on(
    law: str, amount: Float[np.ndarray, "K"], loss: Float[np.ndarray, "K"]
) -> dict[str, float]:
    below = amount <= 0.1 * (1 + 1e-9)
    if below.sum() < 4 or below.all():
        problem = f"{below.sum()} points below a tenth of the most compute are too few: take 4."
        raise BadSetting("compute_frontier", [problem])
    if law == "line":
        slope, start = np.polyfit(np.log(amount[below]), np.log(loss[below]), 1)
        predicted = np.exp(start + slope * np.log(amount[~below]))
        of_law = {"alpha": float(-slope)}
    else:
        made = fit_law("power_law", {"amount": amount[below], "loss": loss[below]}, bootstrap=0)
        predicted = made.predict({"amount": amount[~below]}).value
        of_law = {"alpha": made.coefficients["alpha"], "floor": made.coefficients["E"]}
    share = predicted / loss[~below] - 1
    return {
        "error": float(np.abs(share).mean()),
        "last_error": float(abs(share[-1])),
        "last_shift": float(share[-1]),
        **of_law,
    }
