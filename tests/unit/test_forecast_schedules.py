"""Schedules as arrays, the two laws of them, the optimal schedule; published curves predicted."""

import csv
from dataclasses import asdict, replace

import numpy as np
import pytest

from likely.core.errors import BadInput, BadSetting, ShapeError
from likely.forecast import schedules
from likely.forecast.fit import fit
from likely.forecast.law import law
from likely.forecast.laws import annealing as annealing_file
from likely.forecast.laws import multi_power as multi_power_file
from likely.forecast.laws._rates import remembered, warmed_up
from likely.forecast.optimal_schedule import optimal_schedule
from likely.train._budgets import never_decays
from likely.train._check import build
from likely.train.recipe import Recipe, Schedule, parse_recipe, to_toml
from likely.train.schedule import learning_rate

POWERS = {"L0": 2.5, "A": 0.5, "alpha": 0.5, "B": 30.0, "C": 1.3, "beta": 0.5, "gamma": 0.6}
ANNEALED = {"L0": 2.5, "A": 0.5, "alpha": 0.5, "C": 2.0}
LAWS = {"multi_power": POWERS, "annealing": ANNEALED}
LINEAR = {"multi_power": {"L0", "A", "B"}, "annealing": {"L0", "A", "C"}}
PARTS = {"multi_power": multi_power_file, "annealing": annealing_file}


def bumpy(steps=90, warmup=9):
    """A cosine with bumps: rises and falls of every size, after a warm-up."""
    rates = schedules.cosine(steps=steps, peak=3e-3, warmup=warmup, floor=0.2)
    rates[warmup + 1 :] *= 1 - 0.05 * np.random.default_rng(0).random(steps - warmup - 1)
    return rates


@pytest.mark.parametrize(
    ("recipe", "made"),
    [
        (Schedule("constant", warmup=7), schedules.constant(steps=50, warmup=7)),
        (Schedule("cosine", warmup=0.1), schedules.cosine(steps=50, warmup=0.1)),
        (Schedule("linear", warmup=0, floor=0.0), schedules.linear(steps=50, floor=0.0)),
        (
            Schedule("wsd", warmup=5, decay_share=0.3, decay="sqrt", floor=0.0),
            schedules.wsd(steps=50, warmup=5, decay_share=0.3, decay="sqrt", floor=0.0),
        ),
        (
            Schedule("wsd", warmup=5, decay="cosine"),
            schedules.wsd(steps=50, warmup=5, decay="cosine"),
        ),
        (
            Schedule("piecewise", warmup=5, knots=((0.0, 1.0), (0.7, 0.9), (1.0, 0.1))),
            schedules.piecewise(steps=50, warmup=5, knots=((0.0, 1.0), (0.7, 0.9), (1.0, 0.1))),
        ),
    ],
)
def test_arrays_are_what_recipes_train_with(recipe, made):
    trained = [learning_rate(recipe, step, 50) for step in range(50)]
    np.testing.assert_allclose(made, trained, rtol=1e-12, atol=1e-15)


def test_no_exponential_ends_at_0_and_shares_rise():
    with pytest.raises(BadSetting, match="floor=0 should be more than 0"):
        schedules.wsd(steps=9, decay="exponential", floor=0.0)
    for knots in (
        (),
        ((0.0, 1.0),),
        ((0.0, 1.0), (0.5, 0.5)),
        ((0.0, 1.0), (0.0, 0.5), (1.0, 0.0)),
    ):
        with pytest.raises(BadSetting, match="shares should rise from 0 to 1"):
            schedules.piecewise(steps=9, knots=knots)


def test_the_branch_of_a_schedule():
    cosine, stays = schedules.cosine(steps=90), schedules.constant(steps=60)
    falls = schedules.two_stage(steps=90, at=40, factor=0.1)
    assert schedules.branch_step(falls, [cosine, stays]) == 41
    assert schedules.branch_step(cosine, [stays]) == 2
    assert schedules.branch_step(schedules.constant(steps=90), [stays, falls]) == 61
    assert schedules.branch_step(stays, [schedules.constant(steps=90)]) == 61
    with pytest.raises(BadInput, match="there are none"):
        schedules.branch_step(cosine, [])


def annealed_by_hand(rates, step, decay, warmup, L0, A, alpha, C):
    """The law as its paper writes it, one addition at a time."""
    trained = fallen = momentum = 0.0
    for i in range(step):
        fall = rates[i - 1] - rates[i] if i > warmup else 0.0
        momentum = decay * momentum + fall
        trained, fallen = trained + rates[i], fallen + momentum
    return L0 + A * trained**-alpha - C * fallen


def powers_by_hand(rates, step, first, L0, A, alpha, B, C, beta, gamma):
    dropped = 0.0
    for k in range(first, step):
        since = sum(rates[k:step])
        fall = (rates[k - 1] if k else 0.0) - rates[k]
        dropped += fall * (1 - (1 + C * rates[k] ** -gamma * since) ** -beta)
    return L0 + A * sum(rates[:step]) ** -alpha - B * dropped


@pytest.mark.parametrize("decay", [0.0, 0.9, 0.999])
def test_annealing_against_a_loop(decay):
    rates, steps = bumpy(), np.array([1, 9, 10, 11, 50, 90])
    found = annealing_file.annealing(steps, [rates] * 6, **ANNEALED, decay=decay)
    wanted = [annealed_by_hand(rates, s, decay, 9, **ANNEALED) for s in steps]
    np.testing.assert_allclose(found, wanted, rtol=1e-12)


@pytest.mark.parametrize(("counts_warmup", "first"), [(True, 0), (False, 10)])
def test_multi_power_against_a_loop(counts_warmup, first):
    rates, steps = bumpy(), np.array([1, 9, 10, 11, 50, 90])
    wanted = [powers_by_hand(rates, s, first, **POWERS) for s in steps]
    for blocks, near in ((24, 1e-5), (400, 3e-6)):
        found = multi_power_file.multi_power(
            steps, [rates] * 6, **POWERS, blocks=blocks, counts_warmup=counts_warmup
        )
        np.testing.assert_allclose(found, wanted, rtol=near)
    for step, value in zip(steps[2:], wanted[2:], strict=True):
        exact, _ = multi_power_file.final_and_slope(
            rates[:step], **POWERS, counts_warmup=counts_warmup
        )
        assert exact == pytest.approx(value, rel=1e-12)


def test_what_is_remembered_and_what_is_a_warmup():
    values = np.random.default_rng(1).normal(size=300)
    wanted = np.zeros(300)
    for i in range(300):
        wanted[i] = values[i] + (0.97 * wanted[i - 1] if i else 0.0)
    np.testing.assert_allclose(remembered(values, 0.97), wanted, rtol=1e-10, atol=1e-12)
    assert warmed_up(schedules.cosine(steps=30, warmup=4)) == 4
    assert warmed_up(schedules.constant(steps=30)) == 0
    assert warmed_up(np.array([1.0])) == 0


@pytest.mark.parametrize("name", LAWS)
def test_derivatives_by_coefficients_and_linear_parts(name):
    one, values = law(name), LAWS[name]
    rates, short = bumpy(), schedules.wsd(steps=60, peak=3e-3, warmup=5, floor=0.0)
    columns = {"step": np.array([20, 90, 6, 60]), "schedule": [rates, rates, short, short]}
    prepared = one.prepare(columns)
    value, slopes = one.derivatives(prepared, values)
    np.testing.assert_allclose(value, one(columns, **values), rtol=1e-13)
    assert set(slopes) == set(one.names)
    for key in one.names:
        up, down = ({**values, key: values[key] * (1 + s)} for s in (1e-6, -1e-6))
        wanted = (one.predict(prepared, up) - one.predict(prepared, down)) / (2e-6 * values[key])
        np.testing.assert_allclose(np.broadcast_to(slopes[key], 4), wanted, rtol=1e-5, atol=1e-9)
    crowd = {key: v * np.array([[1.0], [1.1], [0.7]]) for key, v in values.items()}
    together, by = one.derivatives(prepared, crowd)
    assert together.shape == (3, 4)
    np.testing.assert_allclose(together[0], value)
    np.testing.assert_allclose(by["alpha"][0], slopes["alpha"])
    others = {k: v for k, v in values.items() if k not in LINEAR[name]}
    basis = PARTS[name].linear(*prepared, **others)
    assert set(basis) == LINEAR[name]
    np.testing.assert_allclose(sum(values[k] * factor for k, factor in basis.items()), value)


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("annealing", {}),
        ("annealing", {"decay": 0.9}),
        ("multi_power", {}),
        ("multi_power", {"counts_warmup": False}),
    ],
)
def test_derivatives_by_rates(name, settings):
    final, rates = PARTS[name].final_and_slope, bumpy()
    loss, slope = final(rates, **LAWS[name], **settings)
    step = np.eye(len(rates)) * 1e-7
    wanted = [
        (
            final(rates + d, **LAWS[name], **settings)[0]
            - final(rates - d, **LAWS[name], **settings)[0]
        )
        / 2e-7
        for d in step
    ]
    np.testing.assert_allclose(slope, wanted, atol=1e-6 * np.abs(slope).max())
    own = law(f"{name}(blocks=400)" if name == "multi_power" else name)
    own = replace(own, settings={**own.settings, **settings})
    there = own({"step": np.array([len(rates)]), "schedule": [rates]}, **LAWS[name])
    assert there[0] == pytest.approx(loss, rel=3e-6)


@pytest.mark.parametrize("name", LAWS)
def test_rates_in_other_units_are_other_coefficients(name):
    rates, scale = bumpy(), 50.0
    moved = {**LAWS[name], "A": LAWS[name]["A"] * scale ** LAWS[name]["alpha"]}
    if name == "annealing":
        moved["C"] /= scale
    else:
        moved |= {"B": moved["B"] / scale, "C": moved["C"] * scale ** (moved["gamma"] - 1)}
    steps = np.array([30, 90])
    np.testing.assert_allclose(
        law(name)({"step": steps, "schedule": [rates] * 2}, **LAWS[name]),
        law(name)({"step": steps, "schedule": [rates * scale] * 2}, **moved),
    )


def test_a_rate_of_0_and_no_falls_at_all():
    flat = np.full(20, 1e-3)
    ends = schedules.linear(steps=20, peak=1e-3, floor=0.0)
    ends[-3:] = 0.0
    for counts in (True, False):
        prepared = multi_power_file.transform(
            np.array([1, 20, 20]), [flat, flat, ends], counts_warmup=counts
        )
        value, slopes = multi_power_file.value_and_jacobian(*prepared, **POWERS)
        assert all(np.isfinite(part).all() for part in (value, *slopes.values()))
    loss, slope = multi_power_file.final_and_slope(ends, **POWERS)
    assert np.isfinite(loss)
    assert np.isfinite(slope).all()
    alone = multi_power_file.transform(np.array([5]), [flat], counts_warmup=False)
    assert multi_power_file.predict(*alone, **POWERS)[0] == pytest.approx(
        2.5 + 0.5 * 5e-3**-0.5, rel=1e-12
    )


@pytest.mark.parametrize("name", LAWS)
@pytest.mark.parametrize(
    ("step", "schedule", "error", "said"),
    [
        ([5.0], [], ShapeError, "1 steps and 0 schedules"),
        ([5.0, 21.0], 2, BadInput, "Row 2: step 21 is not among the 20 steps"),
        ([0.0], 1, BadInput, "Row 1: step 0 is not among"),
        (
            [5.0],
            [np.array([1.0, -1.0])],
            BadInput,
            "Row 1: its schedule should be one learning rate",
        ),
        ([5.0], [np.zeros(9)], BadInput, "not 0 everywhere"),
    ],
)
def test_what_is_wrong_is_said_by_row(name, step, schedule, error, said):
    rows = [np.ones(20)] * schedule if isinstance(schedule, int) else schedule
    with pytest.raises(error, match=said):
        law(name)({"step": np.array(step), "schedule": rows}, **LAWS[name])


@pytest.mark.parametrize("name", LAWS)
def test_planted_coefficients_come_back(name):
    runs = [
        schedules.cosine(steps=3000, peak=1e-3, warmup=100),
        schedules.constant(steps=3000, peak=1e-3, warmup=100),
        schedules.wsd(steps=3000, peak=1e-3, warmup=100, decay_share=0.3, floor=0.05),
        schedules.two_stage(steps=3000, peak=1e-3, warmup=100, at=1200, factor=0.2),
    ]
    table = {
        "step": np.tile(np.arange(150, 3001, 50), 4),
        "schedule": [rates for rates in runs for _ in range(58)],
    }
    table["loss"] = law(name)(table, **LAWS[name])
    found = fit(name, table, bootstrap=0)
    for key, value in LAWS[name].items():
        assert found.coefficients[key] == pytest.approx(value, rel=0.02), key


@pytest.mark.parametrize("floor", [0.0, 0.1])
@pytest.mark.parametrize("name", LAWS)
def test_the_optimal_schedule(name, floor):
    published = {
        "multi_power": dict(zip(POWERS, PUBLISHED[25], strict=True)),
        "annealing": {"L0": 3.158, "A": 0.5136, "alpha": 0.513, "C": 0.4019},
    }[name]
    run = {"steps": 6000, "peak": 3e-4, "warmup": 500}
    best = optimal_schedule(name, published, **run, floor=floor, knots=24)
    assert best.loss < min(best.others.values())
    assert set(best.others) == {"cosine", "linear", "wsd"}
    after = best.rates[500:]
    assert len(best.rates) == 6000
    assert after[0] == 3e-4
    assert (np.diff(after) <= 0).all()
    assert after.min() >= 3e-4 * floor * (1 - 1e-9)
    np.testing.assert_array_equal(best.rates, schedules.piecewise(**run, knots=best.knots))
    assert ("drops at once" in " ".join(best.cautions)) == (name == "annealing")
    said = law(name)({"step": np.array([6000]), "schedule": [best.rates]}, **published)
    assert said[0] == pytest.approx(best.loss, abs=2e-4)
    # No other schedule of straight lines nearby is better: each knot moved alone.
    final = PARTS[name].final_and_slope
    for place in range(1, len(best.knots)):
        for step in (-0.01, 0.01):
            factors = np.array([factor for _, factor in best.knots])
            factors[place] = np.clip(factors[place] + step, floor, 1.0)
            if (np.diff(factors) > 0).any():
                continue
            shares = [share for share, _ in best.knots]
            moved = tuple(zip(shares, factors.tolist(), strict=True))
            assert final(schedules.piecewise(**run, knots=moved), **published)[0] > best.loss - 1e-6


@pytest.mark.parametrize(("size", "authors"), [(25, 3.14974), (100, 2.79412)])
def test_the_optimum_of_the_authors(size, authors):
    """10,000 steps of Adam in their repository end there; their optimum counts no warm-up."""
    best = optimal_schedule(
        "multi_power(counts_warmup=False)",
        dict(zip(POWERS, PUBLISHED[size], strict=True)),
        steps=24000,
        peak=3e-4,
        warmup=2160,
    )
    assert best.loss == pytest.approx(authors, abs=1e-4)


def test_a_law_without_a_derivative_by_rates_is_refused():
    with pytest.raises(BadSetting, match="take 'multi_power' or 'annealing'"):
        optimal_schedule("chinchilla", {}, steps=10, peak=1.0)
    with pytest.raises(BadSetting, match="coefficients are L0, A, alpha, C; given: L0"):
        optimal_schedule("annealing", {"L0": 1.0}, steps=10, peak=1.0)


def test_the_optimum_is_trained_by_a_recipe(tmp_path):
    best = optimal_schedule(
        "multi_power",
        dict(zip(POWERS, PUBLISHED[25], strict=True)),
        steps=400,
        peak=3e-4,
        warmup=20,
        knots=8,
    )
    recipe = Recipe(steps=400, schedule=Schedule("piecewise", warmup=20, knots=best.knots))
    assert parse_recipe(to_toml(recipe)) == recipe
    assert build(asdict(recipe), "here") == recipe
    trained = [3e-4 * learning_rate(recipe.schedule, step, 400) for step in range(400)]
    np.testing.assert_allclose(trained, best.rates, rtol=1e-12, atol=1e-18)
    assert not never_decays(recipe)
    level = Schedule("piecewise", knots=((0.0, 0.5), (1.0, 0.5)))
    assert never_decays(replace(recipe, schedule=level))


# The published curves: 25 and 100 million parameters, nine schedules each.

PUBLISHED = {
    25: (3.04045406, 0.52468604, 0.50786857, 363.78751622, 2.06560812, 0.58279013, 0.64142257),
    100: (2.6514477, 0.60115152, 0.45295811, 437.9464276, 2.13245612, 0.59785199, 0.65523644),
}
"""L0, A, alpha, B, C, beta, gamma, from the configuration of the authors' repository."""
FITTED = ("cosine_24000", "constant_24000", "wsdcon_9")
UNSEEN = (
    "constant_72000",
    "cosine_72000",
    "wsd_20000_24000",
    "wsdld_20000_24000",
    "wsdcon_3",
    "wsdcon_18",
)


def rebuilt(name):
    """The rates of a published run, by the rules that come with the data."""
    kind, *numbers = name.split("_")
    run = {"peak": 3e-4, "warmup": 2160}
    if kind == "constant":
        return schedules.constant(steps=int(numbers[0]), **run)
    if kind == "cosine":
        return schedules.cosine(steps=int(numbers[0]), **run)
    if kind == "wsdcon":
        return schedules.two_stage(steps=16000, at=8000, factor=int(numbers[0]) / 30, **run)
    decay = "exponential" if kind == "wsd" else "linear"
    return schedules.wsd(steps=24000, decay_share=1 / 6, decay=decay, **run)


@pytest.fixture(scope="module")
def curves(measurements):
    with (measurements / "mpl_curves" / "curves.csv").open() as file:
        rows = list(csv.DictReader(file))
    rates = {name: rebuilt(name) for name in {row["schedule"] for row in rows}}

    def table(size, names):
        some = [r for r in rows if r["model_m"] == str(size) and r["schedule"] in names]
        return {
            "step": np.array([int(row["step"]) for row in some]),
            "schedule": [rates[row["schedule"]] for row in some],
            "loss": np.array([float(row["loss"]) for row in some]),
            "run": np.array([row["schedule"] for row in some]),
            "lr": np.array([float(row["lr"]) for row in some]),
        }

    return table


def errors(table, predicted, after_branch=False):
    """Mean absolute errors, and R², one a curve."""
    absolute, explained = [], []
    for name in UNSEEN:
        rows = table["run"] == name
        if after_branch:
            branch = schedules.branch_step(rebuilt(name), [rebuilt(other) for other in FITTED])
            rows &= table["step"] >= branch
        loss, off = table["loss"][rows], (table["loss"] - predicted)[rows]
        absolute.append(np.abs(off).mean())
        explained.append(1 - (off**2).sum() / ((loss - loss.mean()) ** 2).sum())
    return np.mean(absolute), np.mean(explained)


def test_every_published_schedule_is_rebuilt(curves):
    table = curves(25, FITTED + UNSEEN)
    for rates, step, logged in zip(table["schedule"], table["step"], table["lr"], strict=True):
        if step < len(rates):  # They log the rate of the next step.
            assert rates[step] == pytest.approx(logged, rel=1e-6)


@pytest.mark.parametrize(
    ("size", "absolute", "explained"), [(25, 0.00376, 0.9988), (100, 0.00435, 0.9983)]
)
def test_published_coefficients_give_the_published_errors(curves, size, absolute, explained):
    table = curves(size, UNSEEN)
    predicted = law("multi_power")(table, **dict(zip(POWERS, PUBLISHED[size], strict=True)))
    found = errors(table, predicted)
    assert found == pytest.approx((absolute, explained), abs=1e-4)


@pytest.mark.parametrize(
    ("name", "size", "bar"),
    [
        ("multi_power", 25, 0.006),
        ("multi_power", 100, 0.0085),
        ("annealing", 25, 0.00795),
        ("annealing", 100, 0.00775),
    ],
)
def test_unseen_schedules_are_predicted_after_their_branch(curves, name, size, bar):
    found = fit(name, curves(size, FITTED), bootstrap=0)
    table = curves(size, UNSEEN)
    assert errors(table, found.law(table, **found.coefficients), after_branch=True)[0] <= bar
    assert found.arrived == 1
    ends = {
        end: found.law(
            {"step": np.array([24000]), "schedule": [rebuilt(end)]}, **found.coefficients
        )
        for end in ("wsd_20000_24000", "wsdld_20000_24000", "cosine_24000", "constant_24000")
    }
    if name == "multi_power":
        assert list(ends) == sorted(ends, key=ends.get)


@pytest.mark.parametrize("size", [25, 100])
def test_blocks_move_the_objective_by_less_than_1_percent(curves, size):
    table = curves(size, FITTED)
    found = fit("multi_power", table, bootstrap=0)
    exact = [
        multi_power_file.final_and_slope(rates[:step], **found.coefficients)[0]
        for step, rates in zip(table["step"], table["schedule"], strict=True)
    ]
    off = np.abs(np.log(exact) - np.log(table["loss"]))
    objective = np.where(off <= 1e-3, off**2 / 2, 1e-3 * (off - 5e-4)).sum()
    assert found.objective == pytest.approx(objective, rel=0.01)
