"""Numbers that others published of their data, from our engine; skipped without the data."""

import numpy as np
import pytest

from likely.forecast.fit import fit
from likely.forecast.isoflop import isoflop
from likely.forecast.plan import for_compute, for_loss
from likely.forecast.read_table import read_table
from likely.forecast.rollout import predict_rows, roll_out


@pytest.fixture(scope="module")
def runs(measurements):
    """The 240 runs that the published fits are of: the five of the highest loss are left out."""
    table = read_table(measurements / "chinchilla_epoch" / "runs.csv")
    return table.take(np.sort(np.argsort(table["loss"])[:240]))


@pytest.fixture(scope="module")
def chinchilla(runs):
    return fit("chinchilla", runs)


def test_the_optimum_of_the_replication(chinchilla):
    assert chinchilla.objective <= 1.01828e-3
    assert chinchilla.arrived == 1.0
    found = chinchilla.coefficients
    assert found["E"] == pytest.approx(1.81722, abs=5e-4)
    assert found["alpha"] == pytest.approx(0.347311, abs=5e-4)
    assert found["beta"] == pytest.approx(0.367172, abs=5e-4)
    assert found["A"] == pytest.approx(477.83, abs=1)
    assert found["B"] == pytest.approx(2143.42, abs=10)


def test_the_rounded_numbers_that_are_quoted_are_not_the_optimum(runs, chinchilla):
    quoted = {"E": 1.8172, "A": 482.01, "B": 2085.43, "alpha": 0.3478, "beta": 0.3658}
    held = fit("chinchilla", runs, hold=quoted, bootstrap=0)
    assert held.objective == pytest.approx(1.02284e-3, rel=1e-5)
    assert held.objective > chinchilla.objective


def test_standard_errors_and_intervals_of_the_bootstrap(chinchilla):
    errors = chinchilla.standard_errors
    assert errors["E"] == pytest.approx(0.025, abs=0.004)
    assert errors["alpha"] == pytest.approx(0.0149, abs=0.002)
    assert errors["beta"] == pytest.approx(0.0200, abs=0.003)
    samples = dict(zip(chinchilla.law.names, chinchilla.samples.T, strict=True))
    exponent = samples["beta"] / (samples["alpha"] + samples["beta"])
    assert exponent.std() == pytest.approx(0.0191, abs=0.003)
    low, high = chinchilla.intervals()["E"]
    assert low == pytest.approx(1.772, abs=0.006)
    assert high == pytest.approx(1.871, abs=0.006)


def test_all_runs_move_the_fit_and_it_is_said(measurements):
    table = read_table(measurements / "chinchilla_epoch" / "runs.csv")
    found = fit("chinchilla", table, bootstrap=500)
    assert found.coefficients["E"] == pytest.approx(1.8913, abs=0.002)
    assert found.coefficients["beta"] == pytest.approx(0.4530, abs=0.002)
    said = next(one.says for one in found.cautions if one.kind == "outlier")
    assert "runs.csv, line 2," in said
    assert "runs.csv, line 246" in said


def test_plans_of_the_replication(chinchilla):
    plan = for_compute(chinchilla, flops=5.76e23)
    assert plan.params.value == pytest.approx(7.32e10, rel=0.01)
    assert plan.tokens.value == pytest.approx(1.312e12, rel=0.01)
    assert plan.tokens_per_param.value == pytest.approx(17.9, rel=0.01)
    assert plan.params.low < plan.params.value < plan.params.high
    assert [one.kind for one in plan.cautions] == ["extrapolation"]
    plan = for_compute(chinchilla, flops=1e21)
    assert plan.params.value == pytest.approx(2.79e9, rel=0.01)
    assert plan.tokens.value == pytest.approx(5.97e10, rel=0.01)
    assert plan.loss.value == pytest.approx(2.3045, abs=5e-4)
    assert not plan.cautions
    back = for_loss(chinchilla, loss=plan.loss.value)
    assert back.flops.value == pytest.approx(1e21, rel=0.01)


@pytest.mark.parametrize(
    ("below", "held_out", "mean", "largest"),
    [(1e21, 23, 0.0105, 0.028), (1e20, 104, 0.0089, 0.041)],
)
def test_cheap_runs_predict_dear_ones(runs, below, held_out, mean, largest):
    found = roll_out("chinchilla", runs, below=below, bootstrap=0)
    assert len(found.rows) == held_out
    assert found.mean_error == pytest.approx(mean, abs=3e-4)
    assert found.largest_error == pytest.approx(largest, abs=1e-3)


@pytest.mark.parametrize(
    ("where", "exponent"),
    [
        ("hparams == 'base' and warmup == 'long' and param_count == 'kaplan'", 0.834),
        ("hparams == 'tuned' and param_count == 'standard'", 0.50),
    ],
)
def test_the_exponent_of_isoflop_valleys_moves_with_conventions(measurements, where, exponent):
    table = read_table(measurements / "porian_isoflop" / "isoflop_points.csv", where=where)
    found = isoflop(table)
    assert found.params_exponent.value == pytest.approx(exponent, abs=0.035)
    assert found.params_exponent.low < found.params_exponent.value < found.params_exponent.high


def test_mixed_conventions_are_said(measurements):
    table = read_table(measurements / "porian_isoflop" / "isoflop_points.csv")
    kinds = [one.kind for one in fit("chinchilla", table, bootstrap=0).cautions]
    assert "parameters" in kinds


@pytest.mark.parametrize("dataset", ["c4_original", "rpj"])
def test_seven_billion_parameters_are_foretold_too_low_and_with_a_caution(measurements, dataset):
    """Fitted below 1.2B and 16 ×, the law is 1 to 6 % too low at 7B; it must be said to be far."""
    table = read_table(
        measurements / "gadre_overtrain" / "runs.csv",
        columns={"loss": "loss_c4_val"},
        where=f"dataset == '{dataset}'",
        needs=("params", "tokens", "loss"),
    )
    dear = (table["params"] > 1.2e9) | (table["chinchilla_multiplier"] > 16)
    found = predict_rows("chinchilla", table, held_out=dear, bootstrap=300)
    largest = int(np.argmax(table["params"][found.rows] * table["tokens"][found.rows]))
    assert -0.07 < found.errors[largest] < -0.005
    assert found.cautioned[largest]
    assert found.inside.all()
