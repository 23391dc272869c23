"""What a test needs to know of each law: where its columns lie, and constants that make sense.

A law that is added to the room is added here, and every test of `test_laws.py` holds for it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from likely.forecast import schedules

Scaled = Callable[[Mapping[str, float], float], dict[str, float]]


@dataclass(frozen=True)
class Case:
    """One law.

    Args:
        columns: column → lowest and highest value that is drawn, evenly in logarithms.
        values: coefficients of the planted table.
        recovers: coefficient → relative error that is allowed after a fit of the planted table.
        absorbs: column → the coefficients that make up for its multiplication by k.
        hold: coefficients that are held in that fit.
        draw: makes the table from a number of rows and a generator, where columns are no numbers
            that could be drawn each by itself.
    """

    columns: Mapping[str, tuple[float, float]]
    values: Mapping[str, float]
    recovers: Mapping[str, float] = field(default_factory=dict)
    absorbs: Mapping[str, Scaled] = field(default_factory=dict)
    hold: tuple[str, ...] = ()
    draw: Callable[[int, np.random.Generator], dict[str, Any]] | None = None


def power(scale: str, exponent: str, sign: float = 1.0) -> Scaled:
    """A scale that takes up a factor k of a column as k to an exponent."""
    return lambda given, k: {scale: given[scale] * k ** (sign * given[exponent])}


def times(*names: str) -> Scaled:
    """Scales in the unit of the column."""
    return lambda given, k: {name: given[name] * k for name in names}


def along_schedules(rows: int, rng: np.random.Generator) -> dict[str, Any]:
    """Steps of four runs of other schedules; rows of a run share its rates."""
    run = {"steps": 3000, "peak": 1e-3, "warmup": 100}
    runs = [
        schedules.cosine(**run),
        schedules.constant(**run),
        schedules.wsd(**run, decay_share=0.3, floor=0.05),
        schedules.two_stage(**run, at=1200, factor=0.2),
    ]
    return {
        "step": rng.integers(150, 3000, rows, endpoint=True),
        "schedule": [runs[which] for which in rng.integers(len(runs), size=rows)],
    }


ALONG = {"step": (150.0, 3000.0), "schedule": (5e-5, 1e-3)}
SIZES, TOKENS = (3e7, 3e9), (1e9, 1e11)
TWO_POWERS = {"E": 1.8, "A": 480.0, "B": 2100.0, "alpha": 0.35, "beta": 0.37}
TOLERANCE = {"E": 0.05, "alpha": 0.15, "beta": 0.15}

CASES = {
    "chinchilla": Case(
        {"params": SIZES, "tokens": TOKENS},
        TWO_POWERS,
        TOLERANCE,
        {"params": power("A", "alpha"), "tokens": power("B", "beta")},
    ),
    "annealing": Case(
        ALONG,
        {"L0": 2.5, "A": 0.5, "alpha": 0.5, "C": 2.0},
        {"L0": 0.03, "alpha": 0.1, "C": 0.1},
        draw=along_schedules,
    ),
    "multi_power": Case(
        ALONG,
        {"L0": 2.5, "A": 0.5, "alpha": 0.5, "B": 300.0, "C": 1.3, "beta": 0.5, "gamma": 0.6},
        {"L0": 0.05, "alpha": 0.1},
        draw=along_schedules,
    ),
    "average_params": Case(
        {"average_params": SIZES, "tokens": TOKENS},
        TWO_POWERS,
        TOLERANCE,
        {"average_params": power("A", "alpha"), "tokens": power("B", "beta")},
    ),
    "power_law": Case(
        {"amount": (1e6, 1e10)},
        {"E": 2.2, "A": 60.0, "alpha": 0.25},
        {"E": 0.02, "alpha": 0.1},
        {"amount": power("A", "alpha")},
    ),
    "nmt": Case(
        {"encoder_params": (1e7, 3e9), "decoder_params": (1e7, 3e9)},
        {"E": 0.9, "A": 0.45, "encoder_exponent": 0.22, "decoder_exponent": 0.3},
        {"E": 0.05, "encoder_exponent": 0.1, "decoder_exponent": 0.1},
        {
            "encoder_params": power("A", "encoder_exponent"),
            "decoder_params": power("A", "decoder_exponent"),
        },
    ),
    "kaplan": Case(
        {"params": (1e6, 1e9), "tokens": (2e7, 2e10)},
        {"N_c": 8.8e13, "D_c": 5.4e13, "alpha_N": 0.076, "alpha_D": 0.095},
        {"alpha_N": 0.05, "alpha_D": 0.05},
        {"params": times("N_c"), "tokens": times("D_c")},
    ),
    "kaplan_trajectory": Case(
        {"params": (1e6, 1e9), "step": (1e3, 3e5), "batch_tokens": (3e4, 3e6)},
        {
            "N_c": 8.8e13,
            "alpha_N": 0.076,
            "S_c": 2.1e3,
            "alpha_S": 0.76,
            "B_star": 2e8,
            "alpha_B": 0.21,
        },
        {"alpha_N": 0.05, "alpha_S": 0.1, "alpha_B": 0.15},
        {"params": times("N_c"), "step": times("S_c"), "batch_tokens": times("B_star")},
    ),
    "critical_batch_size": Case(
        {"loss": (2.0, 7.0)},
        {"B_star": 2e8, "alpha_B": 0.21},
        {"B_star": 0.05, "alpha_B": 0.01},
        {"loss": lambda given, k: {"B_star": given["B_star"] * k ** (1 / given["alpha_B"])}},
    ),
    "data_constrained": Case(
        {"params": (1e7, 1e10), "tokens": (1e9, 1e11), "unique_tokens": (1e8, 1e11)},
        {
            "E": 1.87,
            "A": 521.0,
            "B": 1488.0,
            "alpha": 0.353,
            "beta": 0.353,
            "R_D": 15.387756,
            "R_N": 5.309743,
        },
        {"E": 0.05, "alpha": 0.15, "beta": 0.15, "R_D": 0.3, "R_N": 0.5},
    ),
    "loss_to_loss": Case(
        {"from_loss": (2.6, 5.0)},
        {"E0": 2.0, "E1": 1.6, "K": 0.8, "kappa": 1.2},
        {"K": 0.02, "kappa": 0.02},
        hold=("E0", "E1"),
    ),
    "deceleration": Case(
        {"step": (100.0, 3e5)},
        {"b": 18.4, "c0": 0.175, "c1": -0.14, "d1": 6000.0, "f1": 0.3},
        {"b": 0.05, "c0": 0.05, "c1": 0.05, "d1": 0.15},
        {
            "step": lambda given, k: {
                "b": given["b"] * k ** given["c0"],
                "d1": given["d1"] * k,
            }
        },
    ),
    "learning_rate_law": Case(
        {"params": SIZES, "tokens": TOKENS},
        {"c": 1.79, "params_exponent": 0.713, "tokens_exponent": 0.307},
        {"c": 0.2, "params_exponent": 0.01, "tokens_exponent": 0.02},
        {
            "params": power("c", "params_exponent"),
            "tokens": power("c", "tokens_exponent", -1.0),
        },
    ),
    "batch_size_law": Case(
        {"tokens": TOKENS},
        {"c": 0.58, "tokens_exponent": 0.571},
        {"c": 0.1, "tokens_exponent": 0.01},
        {"tokens": power("c", "tokens_exponent", -1.0)},
    ),
}


def columns(case: Case, rows: int, rng: np.random.Generator) -> dict[str, Any]:
    """A table without its output."""
    if case.draw is not None:
        return case.draw(rows, rng)
    return {
        name: np.exp(rng.uniform(np.log(low), np.log(high), rows))
        for name, (low, high) in case.columns.items()
    }


def shaken(case: Case, rng: np.random.Generator, by: float = 0.15) -> dict[str, float]:
    """Coefficients near the planted ones."""
    return {name: value * np.exp(rng.uniform(-by, by)) for name, value in case.values.items()}
