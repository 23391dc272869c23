"""Plans, purchases, valleys: against closed forms and by doing what was advised."""

import numpy as np
import pytest

from likely.core.errors import BadInput
from likely.forecast.buy import runs_to_buy
from likely.forecast.fit import fit
from likely.forecast.isoflop import isoflop
from likely.forecast.law import law as law_of
from likely.forecast.plan import for_compute, for_loss

TRUE = {"E": 1.8, "A": 480.0, "B": 2085.0, "alpha": 0.348, "beta": 0.366}
LAW = law_of("chinchilla")


def table_of(rows=60, noise=0.005, seed=0):
    rng = np.random.default_rng(seed)
    params = 10 ** rng.uniform(7.3, 9.3, rows)
    tokens = params * 10 ** rng.uniform(0.5, 2, rows)
    table = {"params": params, "tokens": tokens}
    return {**table, "loss": LAW(table, **TRUE) * np.exp(rng.normal(0, noise, rows))}


@pytest.fixture(scope="module")
def made():
    return fit("chinchilla", table_of(), bootstrap=300)


@pytest.fixture(scope="module")
def exact():
    return fit("chinchilla", table_of(noise=0.0), bootstrap=0)


def closed_form(flops, E, A, B, alpha, beta):
    """Hoffmann's equation 4."""
    scale = (alpha * A / (beta * B)) ** (1 / (alpha + beta))
    params = scale * (flops / 6) ** (beta / (alpha + beta))
    return params, flops / 6 / params


@pytest.mark.parametrize("flops", [1e18, 1e20, 3e22])
def test_the_split_of_a_budget_is_that_of_the_closed_form(exact, flops):
    plan = for_compute(exact, flops=flops)
    params, tokens = closed_form(flops, **exact.coefficients)
    assert plan.params.value == pytest.approx(params, rel=2e-3)
    assert plan.tokens.value == pytest.approx(tokens, rel=2e-3)
    loss = LAW({"params": params, "tokens": tokens}, **exact.coefficients)
    assert plan.loss.value == pytest.approx(float(loss), rel=1e-7)


def test_refits_have_optima_of_their_own(made):
    plan = for_compute(made, flops=1e20)
    rows = [closed_form(1e20, **dict(zip(LAW.names, row, strict=True)))[0] for row in made.samples]
    low, high = np.quantile(rows, [0.025, 0.975])
    assert plan.params.low == pytest.approx(low, rel=0.01)
    assert plan.params.high == pytest.approx(high, rel=0.01)
    assert plan.flops.low == plan.flops.high == 1e20


def test_the_cheapest_way_to_a_loss_is_the_way_of_its_budget(made):
    there = for_compute(made, flops=1e20)
    back = for_loss(made, loss=there.loss.value)
    assert back.flops.value == pytest.approx(1e20, rel=2e-3)
    assert back.params.value == pytest.approx(there.params.value, rel=0.1)


def test_a_given_size_needs_more(made):
    free = for_loss(made, loss=2.6)
    given = for_loss(made, loss=2.6, params=free.params.value * 3)
    assert given.flops.value > free.flops.value
    assert given.params.low == given.params.high
    exact = LAW({"params": given.params.value, "tokens": given.tokens.value}, **made.coefficients)
    assert float(exact) == pytest.approx(2.6, rel=1e-6)


def test_inference_makes_models_smaller(made):
    plain = for_compute(made, flops=1e20)
    used = for_compute(made, flops=1e20, inference_tokens=1e11)
    assert used.params.value < plain.params.value
    assert used.loss.value > plain.loss.value
    spent = used.params.value * (6 * used.tokens.value + 2e11)
    assert spent == pytest.approx(1e20, rel=1e-6)


def test_what_cannot_be_had_is_said(made):
    with pytest.raises(BadInput, match=r"never reaches 1\.7"):
        for_loss(made, loss=1.7, params=1e9)
    with pytest.raises(BadInput, match="no model reaches 1"):
        for_loss(made, loss=1.0)
    with pytest.raises(BadInput, match="do not even pay"):
        for_compute(made, flops=1e10, inference_tokens=1e12)
    power = fit("power_law", {"amount": np.geomspace(1, 9, 9), "loss": np.geomspace(9, 3, 9)})
    with pytest.raises(BadInput, match="params and tokens; power_law reads amount"):
        for_compute(power, flops=1e20)


def test_what_is_bought_narrows_as_much_as_was_said(made):
    target = {"params": 2e10, "tokens": 4e11}
    bought = runs_to_buy(made, target, runs=3)
    widths = [bought[0].width_before, *(one.width_after for one in bought)]
    assert (np.diff(widths) < 0).all()
    before, after = [], []
    for seed in range(6):
        table = table_of(seed=seed)
        rng = np.random.default_rng(seed)
        extra = {
            name: np.array([one.columns[name] for one in bought]) for name in ("params", "tokens")
        }
        extra["loss"] = LAW(extra, **TRUE) * np.exp(rng.normal(0, 0.005, 3))
        more = {name: np.concatenate([table[name], extra[name]]) for name in table}
        for kept, rows in ((before, table), (after, more)):
            said = fit("chinchilla", rows, bootstrap=150, stretch=False).predict(target)
            kept.append(np.log(said.high[0] / said.low[0]))
    # Their own advice, made for another table of the same kind, must help here as well.
    assert np.mean(after) < np.mean(before)


def test_purchases_keep_to_a_budget_and_to_ratios_of_the_table(made):
    target = {"params": 2e10, "tokens": 4e11}
    bought = runs_to_buy(made, target, runs=5, flops=1e18)
    assert sum(one.flops for one in bought) <= 1e18
    low, high = made.spans["tokens_per_param"]
    assert all(low <= one.columns["tokens"] / one.columns["params"] <= high for one in bought)
    with pytest.raises(BadInput, match="costs less"):
        runs_to_buy(made, target, flops=1e3)
    with pytest.raises(BadInput, match="fit with bootstrap"):
        runs_to_buy(fit("chinchilla", table_of(), bootstrap=0), target)


def valleys(width, noise=0.0, budgets=(1e18, 1e19, 1e20, 1e21)):
    """Runs of several budgets, from narrow to wide about the best size of each."""
    rng = np.random.default_rng(0)
    rows = {"params": [], "tokens": [], "flops": []}
    for flops in budgets:
        best, _ = closed_form(flops, **TRUE)
        params = best * np.exp(np.linspace(-width, width, 7))
        rows["params"] += list(params)
        rows["tokens"] += list(flops / 6 / params)
        rows["flops"] += [flops] * 7
    table = {name: np.array(values) for name, values in rows.items()}
    return {
        **table,
        "loss": LAW(table, **TRUE) * np.exp(rng.normal(0, noise, len(table["params"]))),
    }


def test_narrow_valleys_have_the_exponent_of_the_law():
    found = isoflop(valleys(0.1), points=7)
    exponent = TRUE["beta"] / (TRUE["alpha"] + TRUE["beta"])
    assert found.params_exponent.value == pytest.approx(exponent, abs=1e-4)
    assert found.tokens_exponent.value == pytest.approx(1 - exponent, abs=1e-4)
    best, _ = closed_form(1e20, **TRUE)
    assert found.params_for(1e20) == pytest.approx(best, rel=0.01)


def test_the_bias_that_is_shown_is_that_of_the_parabolas():
    table = valleys(3.0)
    table = {k: np.concatenate([v[:7], v[7:][table["params"][7:] > 1e8]]) for k, v in table.items()}
    law = fit("chinchilla", table, bootstrap=0)
    found = isoflop(table, points=7, law=law)
    exponent = TRUE["beta"] / (TRUE["alpha"] + TRUE["beta"])
    assert found.law_exponent == pytest.approx(exponent, abs=2e-3)
    # The data are the law's own, so that the whole error of the method is its bias.
    assert found.biased_exponent == pytest.approx(found.params_exponent.value, abs=1e-3)


def test_intervals_of_the_exponent_hold_it():
    exponent = TRUE["beta"] / (TRUE["alpha"] + TRUE["beta"])
    found = isoflop(valleys(0.8, noise=0.003), points=7)
    assert found.params_exponent.low < exponent < found.params_exponent.high


def test_budgets_without_a_valley_are_named():
    table = valleys(0.8)
    one = np.flatnonzero(table["flops"] == 1e21)
    table["loss"][one] = np.linspace(3, 2, 7)
    found = isoflop(table, points=7)
    assert len(found.valleys) == 3
    assert found.left_out == ("1.00e+21 FLOPs: the lowest loss is that of the largest model",)
    assert "few" in {caution.kind for caution in found.cautions}
    with pytest.raises(BadInput, match="1 of 1 budgets have a valley"):
        isoflop(valleys(0.8, budgets=(1e18,)))
    with pytest.raises(BadInput, match="flops, or tokens"):
        isoflop({"params": np.ones(4), "loss": np.ones(4)})
