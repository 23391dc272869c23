"""Laws on real measurements: the numbers that they must reach."""

from itertools import permutations

import numpy as np
import polars
import pytest

from likely.forecast.fit import fit, fit_by
from likely.forecast.laws.deceleration import deceleration_point
from likely.forecast.step_law import best_of_sweep

SQUARES = {"delta": 1.0, "bootstrap": 0, "starts": 4}
"""Huber's loss that is square everywhere: least squares in logarithms."""


def away(found, table, name="loss"):
    """Logarithm of predicted over measured."""
    return np.log(found.law(table, **found.coefficients) / table[name])


@pytest.fixture(scope="module")
def curves(measurements):
    frame = polars.read_csv(measurements / "loss_deceleration" / "curves.csv")
    frame = frame.filter(polars.col("step") > 100)
    return {
        model: {"step": part["step"].to_numpy() * 1.0, "loss": part["loss"].to_numpy()}
        for (model,), part in frame.group_by("model")
    }


def test_the_smallest_curve_decelerates_where_its_authors_say(curves):
    found = fit("deceleration", curves["14M"], **SQUARES)
    published = {"b": 18.42, "c0": 0.175, "c1": -0.162, "d1": 5877}
    for name, value in published.items():
        assert found.coefficients[name] == pytest.approx(value, rel=0.01), name
    step, loss, _ = deceleration_point(found.coefficients)
    assert (step, loss) == pytest.approx((5877, 4.050), rel=0.002)
    assert found.arrived == 1.0


def test_every_curve_is_two_lines_to_one_and_a_half_percent(curves):
    points = {}
    for model in ("14M", "37M", "78M", "144M"):
        found = fit("deceleration", curves[model], **SQUARES)
        off = away(found, curves[model])
        assert 0.008 <= np.sqrt((off**2).mean()) <= 0.015, model
        points[model] = deceleration_point(found.coefficients)
    losses, rates = ([points[m][i] for m in points] for i in (1, 2))
    # What the paper says of scale: deceleration at a lower loss, and a faster loss after it.
    assert losses == sorted(losses, reverse=True)
    assert rates == sorted(rates)


@pytest.fixture(scope="module")
def sweep(measurements):
    return polars.read_csv(measurements / "loss_to_loss" / "sweep.csv")


def runs(frame, column):
    return {
        "params": frame["params"].to_numpy() * 1.0,
        "tokens": frame["tokens"].to_numpy(),
        "loss": frame[column].to_numpy(),
    }


def test_a_corpus_has_the_hoffmann_constants_of_the_notebook(sweep):
    part = sweep.filter(polars.col("data") == "smollm-corpus")
    found = fit("chinchilla", runs(part, "eval/c4_val/CrossEntropyLoss"), bootstrap=0)
    published = {"E": 2.4913, "A": 1437.6, "B": 9950.0, "alpha": 0.4206, "beta": 0.4688}
    for name, value in published.items():
        assert found.coefficients[name] == pytest.approx(value, rel=1e-3), name


def explained(sweep, column, pairs):
    """Share of the variance that the law explains, floors held at the laws of each corpus."""
    corpora = {name: part for (name,), part in sweep.group_by("data")}
    floors = {
        name: fit("chinchilla", runs(part, column), bootstrap=0, starts=4).coefficients["E"]
        for name, part in corpora.items()
    }
    keys, shares = ["params", "iso_flop"], {}
    for one, other in pairs:
        left = corpora[one].select(*keys, from_loss=column)
        both = left.join(corpora[other].select(*keys, loss=column), on=keys)
        assert len(both) >= 75
        table = {name: both[name].to_numpy() for name in ("from_loss", "loss")}
        held = {"E0": floors[one], "E1": floors[other]}
        found = fit("loss_to_loss", table, hold=held, bootstrap=0, starts=1)
        rest = found.law(table, **found.coefficients) - table["loss"]
        shares[one, other] = 1 - (rest**2).mean() / table["loss"].var()
    return shares


def test_the_loss_of_a_corpus_on_itself_says_that_of_any_other(sweep):
    """All ordered pairs of six corpora, models matched by size and compute."""
    shares = explained(sweep, "val_loss", permutations(sorted(set(sweep["data"])), 2))
    assert len(shares) == 30
    assert min(shares.values()) >= 0.99


def test_the_loss_on_another_text_carries_over_too(sweep):
    """From smollm's models to those of five corpora, on C4; slimpajama is the worst of them."""
    base = "smollm-corpus"
    pairs = [(base, other) for other in set(sweep["data"]) - {base}]
    shares = explained(sweep, "eval/c4_val/CrossEntropyLoss", pairs)
    assert min(shares.values()) >= 0.98
    assert min(shares, key=shares.get)[1] == "slimpajama-chunk1"


def test_a_power_law_a_corpus_foretells_more_than_twice_the_compute(sweep):
    best = sweep.group_by("data", "iso_flop").agg(loss=polars.col("val_loss").min())
    best = best.sort("data", "iso_flop")
    largest = best["iso_flop"].max()
    small = best.filter(polars.col("iso_flop") < largest)
    table = {name: small[name].to_numpy() for name in ("data", "loss")}
    table["amount"] = small["iso_flop"].to_numpy()
    fits = fit_by("power_law", table, group="data", bootstrap=0)
    truth = dict(best.filter(polars.col("iso_flop") == largest).select("data", "loss").rows())
    off = {
        name: abs(one.law({"amount": np.array([largest])}, **one.coefficients)[0] / truth[name] - 1)
        for name, one in fits.items()
    }
    assert len(off) == 6
    assert max(off.values()) < 0.025
    assert sorted(off.values())[4] < 0.015


def test_the_step_law_of_the_lowest_cells(measurements):
    """By the smoothed loss, as the authors chose; theirs are medians of 1,000 fits and differ."""
    frame = polars.read_csv(measurements / "steplaw" / "dense.csv")
    names = {"N": "params", "D": "tokens", "lr": "learning_rate", "smooth loss": "loss"}
    table = {new: frame[old].to_numpy() * 1.0 for old, new in names.items()}
    table["batch_tokens"] = frame["bs"].to_numpy() * 2048.0
    best = best_of_sweep(table)
    assert len(best["loss"]) == 17
    assert best["runs"].sum() == len(frame)
    rate = fit("learning_rate_law", best, **SQUARES).coefficients
    assert rate["params_exponent"] == pytest.approx(0.823, abs=0.002)
    assert rate["tokens_exponent"] == pytest.approx(0.288, abs=0.002)
    batch = fit("batch_size_law", best, **SQUARES).coefficients
    assert batch["tokens_exponent"] == pytest.approx(0.498, abs=0.002)
    near = fit("batch_size_law", best_of_sweep(table, within=0.003), **SQUARES).coefficients
    assert near["tokens_exponent"] == pytest.approx(0.571, abs=0.02)


@pytest.fixture(scope="module")
def repeated(measurements):
    """Ends of 21 runs on C4, of 1 to 14 epochs; 44 epochs did harm, of which the law knows none."""
    frame = polars.read_parquet(measurements / "colpret" / "datablations_c4.parquet")
    ends = frame.group_by("num_params", "epochs", "tokens_per_epoch").agg(
        tokens=polars.col("token_num").max(),
        loss=polars.col("loss").sort_by("token_num").tail(5).mean(),
    )
    ends = ends.filter(polars.col("epochs") <= 14).sort("num_params", "epochs")
    return {
        "params": np.array([float(size[:-1]) * 1e9 for size in ends["num_params"]]),
        "tokens": ends["tokens"].to_numpy() * 1.0,
        "unique_tokens": ends["tokens_per_epoch"].to_numpy(),
        "loss": ends["loss"].to_numpy(),
    }


def test_repetition_explains_what_hoffmann_cannot(repeated):
    assert len(repeated["loss"]) == 21
    exponents = {"alpha": 0.3526596, "beta": 0.3526596}
    held = {**exponents, "R_N": 5.309743}
    found = fit("data_constrained", repeated, hold=held, **SQUARES)
    assert np.abs(away(found, repeated)).mean() < 0.005
    assert found.coefficients["E"] == pytest.approx(1.87, abs=0.05)
    assert 3 < found.coefficients["R_D"] < 16
    plain = fit("chinchilla", repeated, hold=exponents, **SQUARES)
    assert np.abs(away(plain, repeated)).mean() > 0.01


def test_three_sizes_at_one_ratio_do_not_say_seven_constants_and_we_are_told(repeated):
    found = fit("data_constrained", repeated, bootstrap=0)
    kinds = {caution.kind for caution in found.cautions}
    assert kinds & {"bound", "condition", "starts"}


def test_kaplans_form_fits_hoffmanns_runs_worse(measurements):
    frame = polars.read_csv(measurements / "chinchilla_epoch" / "runs.csv").sort("loss").head(240)
    table = {name: frame[name].to_numpy() for name in ("params", "tokens", "loss")}
    both = {name: fit(name, table, bootstrap=0) for name in ("kaplan", "chinchilla")}
    assert both["kaplan"].arrived > 0.5
    assert both["kaplan"].objective > 1.2 * both["chinchilla"].objective
    assert np.abs(away(both["kaplan"], table)).mean() < 0.02
