"""A training curve that is two straight lines in logarithms, with a bend between them."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from likely.forecast.columns import Coefficient, Column, Positive
from likely.forecast.laws._starts import best, pairs

DELTA = 1.0
"""Squares throughout: the fit was published by least squares of logarithms."""
LAWS = {"two_lines", "rescales"}


def deceleration(
    step: Column,
    *,
    b: Positive,
    c0: Coefficient,
    c1: Coefficient,
    d1: Positive,
    f1: Positive,
) -> Column:
    r"""Loss at a step, where the loss falls by one power early and by another later.

    $$ \ln L = \ln b - c_0 \ln s - c_1 f_1 \ln\!\left(1 + (s / d_1)^{1 / f_1}\right) $$

    Before step d1 the slope in logarithms is −c0, after it −(c0 + c1): a curve that decelerates has
    a negative c1. f1 is how long the bend takes. Leave the first hundred steps out, as the authors
    do; fit one curve at a time.

    Args:
        step: s, from 1.
        b: loss at the first step, were the first line true from there.
        c0: rate at which the loss falls before the bend.
        c1: what the bend adds to the rate.
        d1: step of the bend.
        f1: its width, in natural logarithms of the step.

    Returns:
        Loss, one a step, `[R]`.

    Example:
        >>> smallest = {"b": 18.42, "c0": 0.175, "c1": -0.162, "d1": 5877.0, "f1": 0.3}
        >>> deceleration(np.array([1e3, 1e5]), **smallest).round(2).tolist()
        [5.5, 3.89]

    References:
        Mircea et al., Training Dynamics Underlying Language Model Scaling Laws: Loss Deceleration
        and Zero-Sum Learning, 2025. arXiv:2506.05447;
        Caballero et al., Broken Neural Scaling Laws, 2022, eq. 1. arXiv:2210.14891 (the form)
    """
    return b * linear(step, c0=c0, c1=c1, d1=d1, f1=f1)["b"]


def linear(
    step: Column, *, c0: Coefficient, c1: Coefficient, d1: Positive, f1: Positive
) -> dict[str, Column]:
    """What b is multiplied with.

    Args:
        step: s.
        c0: rate before the bend.
        c1: what the bend adds to it.
        d1: step of the bend.
        f1: its width.

    Returns:
        Coefficient → its factor.
    """
    past = (np.log(step) - np.log(d1)) / f1
    return {"b": np.exp(-c0 * np.log(step) - c1 * f1 * np.logaddexp(0.0, past))}


def value_and_jacobian(
    step: Column, *, b: Positive, c0: Coefficient, c1: Coefficient, d1: Positive, f1: Positive
) -> tuple[Column, dict[str, Column]]:
    """The law, and its derivative by every coefficient.

    Args:
        step: s.
        b: scale.
        c0: rate before the bend.
        c1: what the bend adds to it.
        d1: step of the bend.
        f1: its width.

    Returns:
        The loss, and coefficient → derivative.
    """
    past = (np.log(step) - np.log(d1)) / f1
    bent = np.logaddexp(0.0, past)
    gate = np.exp(past - bent)
    factor = np.exp(-c0 * np.log(step) - c1 * f1 * bent)
    value = b * factor
    return value, {
        "b": factor,
        "c0": -np.log(step) * value,
        "c1": -f1 * bent * value,
        "d1": c1 * gate / d1 * value,
        "f1": -c1 * (bent - past * gate) * value,
    }


def starts(step: Column, target: Column) -> dict[str, Any]:
    """Bends at many steps, with both lines by least squares in logarithms; the best four.

    Args:
        step: s.
        target: the loss.

    Returns:
        Coefficient → grid.
    """
    s, loss = np.log(np.asarray(step, np.float64)), np.log(np.asarray(target, np.float64))
    places = np.linspace(s.min(), s.max(), 22)[2:-2]
    found = []
    for place, f1 in pairs(places, (0.05, 0.15, 0.4, 1.0)):
        bent = f1 * np.logaddexp(0.0, (s - place) / f1)
        columns = np.stack([np.ones_like(s), -s, -bent], axis=1)
        (_, c0, c1), *_ = np.linalg.lstsq(columns, loss, rcond=None)
        rest = loss - columns @ np.linalg.lstsq(columns, loss, rcond=None)[0]
        guess = {"c0": float(c0), "c1": float(c1), "d1": float(np.exp(place)), "f1": f1}
        found.append((float(rest @ rest), guess))
    return best(found, 4)


def deceleration_point(coefficients: Mapping[str, Any]) -> tuple[Any, Any, Any]:
    r"""Where the two lines of a fitted curve meet, and how fast the loss falls after that.

    $$ t_d = d_1, \qquad L_d = b \, d_1^{-c_0}, \qquad r_d = c_0 + c_1 $$

    Args:
        coefficients: what was fitted, by name.

    Returns:
        Step t_d, loss L_d, and rate r_d: the loss falls as step^−r_d.

    Example:
        >>> smallest = {"b": 18.42, "c0": 0.175, "c1": -0.162, "d1": 5877.0, "f1": 0.3}
        >>> [round(float(one), 3) for one in deceleration_point(smallest)]
        [5877.0, 4.034, 0.013]

    References:
        Mircea et al., Training Dynamics Underlying Language Model Scaling Laws, 2025.
        arXiv:2506.05447
    """
    b, c0, c1, d1 = (np.asarray(coefficients[name]) for name in ("b", "c0", "c1", "d1"))
    return d1[()], (b * np.exp(-c0 * np.log(d1)))[()], (c0 + c1)[()]
