"""What stands beside the laws: batch sizes, zero-sum learning, sweeps, shares."""

import math

import numpy as np
import pytest
from scipy.optimize import brentq, minimize_scalar

from likely.core.errors import BadInput, BadSetting, ShapeError
from likely.forecast.critical_batch import critical_batch, min_compute, min_steps
from likely.forecast.fit import fit
from likely.forecast.law import law
from likely.forecast.laws.data_constrained import data_constrained
from likely.forecast.laws.kaplan import kaplan
from likely.forecast.laws.kaplan_trajectory import kaplan_trajectory
from likely.forecast.laws.nmt import nmt, optimal_share
from likely.forecast.step_law import best_of_sweep
from likely.forecast.zero_sum import zero_sum

KAPLAN = {
    "N_c": 8.8e13,
    "alpha_N": 0.076,
    "S_c": 2.1e3,
    "alpha_S": 0.76,
    "B_star": 2e8,
    "alpha_B": 0.21,
}


@pytest.mark.parametrize("batch", [1e3, 5e5, 1e8])
@pytest.mark.parametrize("step", [1.0, 100.0, 1e5, 1e9])
def test_a_trajectory_solves_its_own_equation(step, batch):
    def rest(loss):
        critical = critical_batch(loss, B_star=2e8, alpha_B=0.21)
        fewest = min_steps(step, batch, critical)
        return (8.8e13 / 1e9) ** 0.076 + (2.1e3 / fewest) ** 0.76 - loss

    expected = brentq(rest, 1.0, 1e9, xtol=1e-14, rtol=1e-14)
    assert kaplan_trajectory(1e9, step, batch, **KAPLAN) == pytest.approx(expected, rel=1e-11)


def test_at_the_critical_batch_size_steps_and_compute_are_twice_the_fewest():
    assert min_steps(1e4, 1e6, 1e6) == 5e3
    assert min_compute(1e20, 1e6, 1e6) == 5e19
    # A run's tokens are steps times batch: fewest of both obey (S/Smin − 1)(E/Emin − 1) = 1.
    steps, tokens = 1 / min_steps(1.0, 3e5, 2e6), 1 / min_compute(1.0, 3e5, 2e6)
    assert (steps - 1) * (tokens - 1) == pytest.approx(1.0)


def test_kaplan_with_endless_data_or_size_is_a_plain_power():
    given = {"N_c": 8.8e13, "D_c": 5.4e13, "alpha_N": 0.076, "alpha_D": 0.095}
    assert kaplan(1.5e9, 1e60, **given) == pytest.approx((8.8e13 / 1.5e9) ** 0.076, rel=1e-6)
    assert kaplan(1e60, 2e10, **given) == pytest.approx((5.4e13 / 2e10) ** 0.095, rel=1e-6)


def test_curves_of_small_models_foretell_a_large_one_at_another_batch_size():
    rng = np.random.default_rng(0)
    sizes, batches, steps = [1e6, 6e6, 6e7], [6e4, 2.5e5, 1e6], np.geomspace(500, 1e5, 15)
    rows = np.array([(n, s, b) for n in sizes for b in batches for s in steps])
    table = dict(zip(("params", "step", "batch_tokens"), rows.T, strict=True))
    truth = law("kaplan_trajectory")(table, **KAPLAN)
    table["loss"] = truth * np.exp(0.005 * rng.standard_normal(len(truth)))
    found = fit("kaplan_trajectory", table, bootstrap=0)
    large = {"params": 3e10, "step": np.geomspace(1e3, 1e6, 20), "batch_tokens": 4e6}
    foretold = found.law(large, **found.coefficients)
    np.testing.assert_allclose(foretold, found.law(large, **KAPLAN), rtol=0.02)


def test_a_power_law_without_a_floor_is_kaplans_of_one_variable():
    amount = np.geomspace(1e6, 1e9, 12)
    table = {"amount": amount, "loss": (8.8e13 / amount) ** 0.076}
    found = fit("power_law", table, hold={"E": 0.0}, bootstrap=0).coefficients
    assert found["alpha"] == pytest.approx(0.076, rel=1e-6)
    assert found["A"] ** (1 / found["alpha"]) == pytest.approx(8.8e13, rel=1e-4)


C4 = {"E": 1.87, "A": 521.0, "B": 1488.0, "alpha": 0.353, "beta": 0.353}


def test_repeats_are_worth_what_the_paper_says():
    """Endless repetition is worth 16.4 times the data; the best size is .051 parameters a token."""
    unique, small = 1e9, 1e6
    endless = data_constrained(small, 1e16, unique, **C4, R_D=15.387756, R_N=5.309743)
    fresh = law("chinchilla")({"params": small, "tokens": 16.387756 * unique}, **C4)
    assert endless == pytest.approx(float(fresh), rel=1e-9)
    ratio = (521.0 / 1488.0) ** (1 / 0.353)
    assert ratio == pytest.approx(0.051, abs=0.0005)
    none = {"R_D": 1e-9, "R_N": 1e-9}
    excess = data_constrained(1e12, 1e10, 1e10, **C4, **none)
    best = law("chinchilla")({"params": ratio * 1e10, "tokens": 1e10}, **C4)
    assert excess == pytest.approx(float(best), rel=1e-6)


def test_the_best_share_of_the_encoder_is_where_the_loss_is_lowest():
    fitted = {"E": 1.0, "A": 0.5, "encoder_exponent": 0.18, "decoder_exponent": 0.31}

    def loss(share):
        return float(nmt(share * 1e9, (1 - share) * 1e9, **fitted))

    lowest = minimize_scalar(loss, bounds=(0.01, 0.99), method="bounded", options={"xatol": 1e-10})
    found = optimal_share(encoder_exponent=0.18, decoder_exponent=0.31)
    assert lowest.x == pytest.approx(found, abs=1e-5)


def test_references_of_a_translation_law_move_its_scale_alone():
    given = {"E": 1.0, "A": 0.5, "encoder_exponent": 0.2, "decoder_exponent": 0.3}
    table = {"encoder_params": np.array([1e7, 1e9]), "decoder_params": np.array([3e8, 2e8])}
    other = law("nmt(encoder_reference=1.0, decoder_reference=1.0)")
    scale = 0.5 * 1e8**0.2 * 1e8**0.3
    np.testing.assert_allclose(
        law("nmt")(table, **given), other(table, **{**given, "A": scale}), rtol=1e-12
    )


def test_zero_sum_has_its_extremes_and_splits_the_mean_change():
    rng = np.random.default_rng(0)
    before, after = rng.uniform(2, 5, (40, 30)), rng.uniform(2, 5, (40, 30))
    found = zero_sum(before, after)
    moved = after - before
    assert found.interference == pytest.approx(1 - abs(moved.sum()) / np.abs(moved).sum())
    product = found.magnitude * (1 - found.interference)
    assert abs(found.change) == pytest.approx(product)
    assert abs(found.change) == pytest.approx(abs(moved.mean()))
    assert found.worse == (moved > 0).mean()
    assert zero_sum(before, before - 0.25).interference == pytest.approx(0.0, abs=1e-12)
    assert zero_sum(before, before).interference == 0.0
    swapped = zero_sum(np.array([1.0, 2.0]), np.array([2.0, 1.0]))
    assert (swapped.interference, swapped.change, swapped.magnitude) == (1.0, 0.0, 1.0)


def test_zero_sum_says_what_it_cannot_use():
    one = np.array([1.0, 2.0])
    with pytest.raises(ShapeError, match=r"shape \[2\] .* shape \[3\]: both checkpoints need"):
        zero_sum(one, np.array([1.0, 2.0, 3.0]))
    with pytest.raises(BadInput, match="of 2 here 1 are not finite"):
        zero_sum(one, np.array([1.0, math.nan]))
    with pytest.raises(BadInput, match="of 0 here 0 are not finite"):
        zero_sum(np.empty(0), np.empty(0))


SWEEP = {
    "params": [1e8, 1e8, 1e8, 5e8, 5e8],
    "tokens": [1e9] * 5,
    "learning_rate": [1e-3, 2e-3, 8e-3, 1e-3, 5e-4],
    "batch_tokens": [1e5, 1e5, 4e5, 2e5, 2e5],
    "loss": [3.00, 2.99, 3.40, 2.71, 2.70],
}


def test_the_best_cell_of_every_sweep():
    best = best_of_sweep(SWEEP)
    assert best["params"].tolist() == [1e8, 5e8]
    assert best["learning_rate"].tolist() == [2e-3, 5e-4]
    assert best["loss"].tolist() == [2.99, 2.70]
    assert (best["runs"].tolist(), best["near"].tolist()) == ([3, 2], [1, 1])
    near = best_of_sweep(SWEEP, within=0.01)
    np.testing.assert_allclose(near["learning_rate"], [math.sqrt(2e-6), math.sqrt(5e-7)])
    assert near["near"].tolist() == [2, 2]
    by_size = best_of_sweep({**SWEEP, "tokens": range(1, 6)}, by=("params",))
    assert len(by_size["loss"]) == 2
    assert "tokens" not in by_size


def test_a_sweep_that_cannot_be_read_says_where():
    with pytest.raises(ShapeError, match="batch_tokens is missing"):
        best_of_sweep({k: v for k, v in SWEEP.items() if k != "batch_tokens"})
    with pytest.raises(BadInput, match="Row 1 of the sweep has no finite loss"):
        best_of_sweep({**SWEEP, "loss": [3.0, math.nan, 3.0, 3.0, 3.0]})
    with pytest.raises(BadInput, match=r"Row 0 of the sweep has learning_rate=0\.0: not above 0"):
        best_of_sweep({**SWEEP, "learning_rate": [0.0, 1.0, 1.0, 1.0, 1.0]})
    with pytest.raises(ShapeError, match="need the same rows"):
        best_of_sweep({**SWEEP, "loss": [3.0]})
    with pytest.raises(BadSetting, match=r"within=-1\.0 should be at least 0"):
        best_of_sweep(SWEEP, within=-1.0)
