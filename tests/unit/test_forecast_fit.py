"""The engine: optima, refits, profiles, priors, cautions, roll-outs, files."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from likely.core.errors import BadInput, BadSetting, UnknownName
from likely.forecast import files
from likely.forecast._problem import problem_of
from likely.forecast._resample import resampled, units_of
from likely.forecast._solve import look, minimise
from likely.forecast.fit import fit, fit_by, rows_of
from likely.forecast.law import law as law_of
from likely.forecast.profile import profile
from likely.forecast.rollout import compare_laws, predict_rows, roll_out, seed_noise

TRUE = {"E": 1.8, "A": 480.0, "B": 2085.0, "alpha": 0.348, "beta": 0.366}
LAW = law_of("chinchilla")


def table_of(rows=40, noise=0.005, seed=0, params=None, tokens=None):
    rng = np.random.default_rng(seed)
    params = 10 ** rng.uniform(7.3, 9.3, rows) if params is None else np.asarray(params)
    tokens = params * 10 ** rng.uniform(0.5, 2, rows) if tokens is None else np.asarray(tokens)
    table = {"params": params, "tokens": tokens}
    loss = LAW(table, **TRUE) * np.exp(rng.normal(0, noise, len(params)))
    return {**table, "loss": loss}


def huber_of(table, values, delta=1e-3):
    """Huber's loss written out, float64."""
    residual = np.log(LAW(table, **values)) - np.log(table["loss"])
    size = np.abs(residual)
    return np.where(size <= delta, residual**2 / 2, delta * (size - delta / 2)).sum()


@pytest.mark.parametrize("seed", range(4))
def test_the_optimum_is_that_of_another_optimiser(seed):
    table = table_of(seed=seed)
    found = fit("chinchilla", table, bootstrap=0)
    assert found.objective == pytest.approx(huber_of(table, found.coefficients), rel=1e-12)

    def plain(point):
        e, a, b, alpha, beta = point
        values = {"E": np.exp(e), "A": np.exp(a), "B": np.exp(b), "alpha": alpha, "beta": beta}
        return 1e6 * huber_of(table, values)

    best = found.coefficients
    start = [np.log(best["E"]), np.log(best["A"]), np.log(best["B"]), best["alpha"], best["beta"]]
    rng = np.random.default_rng(seed)
    for _ in range(3):
        nearby = np.array(start) * (1 + 0.01 * rng.standard_normal(5))
        other = minimize(plain, nearby, method="Nelder-Mead", options={"maxiter": 4000})
        assert found.objective <= other.fun / 1e6 * (1 + 1e-9)


def test_slopes_are_those_of_differences():
    table = table_of()
    problem = problem_of(LAW, table, held={}, priors={"alpha": (0.3, 0.02)}, delta=1e-3)
    object.__setattr__(problem, "prior_scale", 1e-5)
    rng = np.random.default_rng(1)
    point = problem.coordinates(np.array([[1.7, 400.0, 1500.0, 0.34, 0.35]]))
    point = point + 0.01 * rng.standard_normal(point.shape)
    _, slope, _ = look(problem, point)
    for i in range(5):
        step = np.zeros((1, 5))
        step[0, i] = 1e-6
        up, down = look(problem, point + step)[0][0], look(problem, point - step)[0][0]
        assert slope[0, i] == pytest.approx((up - down) / 2e-6, rel=1e-4, abs=1e-9)


def test_a_weight_is_a_repeated_row():
    table = table_of(20)
    counts = np.random.default_rng(3).multinomial(20, np.full(20, 1 / 20))
    problem = problem_of(LAW, table, held={}, delta=1e-3)
    start = problem.coordinates(np.array([[TRUE[name] for name in LAW.names]]))
    weighed = minimise(problem, start, counts[None].astype(float))
    again = problem_of(LAW, rows_of(table, np.repeat(np.arange(20), counts)), held={}, delta=1e-3)
    repeated = minimise(again, start)
    assert weighed.objectives[0] == pytest.approx(repeated.objectives[0], rel=1e-6)


@settings(max_examples=8)
@given(st.integers(6, 30), st.integers(0, 10**6))
def test_any_table_of_enough_runs_can_be_fitted(rows, seed):
    made = fit("chinchilla", table_of(rows, seed=seed), bootstrap=0)
    assert np.isfinite(made.objective)
    assert all(np.isfinite(value) for value in made.coefficients.values())
    assert made.residuals.shape == (rows,)


def test_units_of_the_columns_change_nothing_but_scales():
    table = table_of()
    one = fit("chinchilla", table, bootstrap=0)
    two = fit("chinchilla", {**table, "params": table["params"] / 1e6}, bootstrap=0)
    assert two.objective == pytest.approx(one.objective, rel=1e-6)
    assert two.coefficients["alpha"] == pytest.approx(one.coefficients["alpha"], rel=1e-3)


def test_more_starts_and_a_polish_find_nothing_better():
    table = table_of()
    plain = fit("chinchilla", table, bootstrap=0)
    for more in ({"starts": 64}, {"polish": True}):
        assert fit("chinchilla", table, bootstrap=0, **more).objective == pytest.approx(
            plain.objective, rel=1e-6
        )


def test_what_is_held_stays_and_what_is_believed_pulls():
    table = table_of(8, noise=0.02)
    held = fit("chinchilla", table, hold={"alpha": 0.348}, bootstrap=0)
    assert held.coefficients["alpha"] == 0.348
    assert "alpha" not in held.fitted
    free = fit("chinchilla", table, bootstrap=0).coefficients["alpha"]
    loose, tight = (
        fit("chinchilla", table, priors={"alpha": (0.5, width)}, bootstrap=0).coefficients["alpha"]
        for width in (10.0, 1e-4)
    )
    assert loose == pytest.approx(free, rel=0.02)
    assert tight == pytest.approx(0.5, rel=0.01)


def test_a_law_of_ones_own_needs_no_derivatives():
    def falling(params, *, floor, scale, rate):
        return floor + scale * params**-rate

    params = np.geomspace(1e3, 1e6, 12)
    made = fit(falling, {"params": params, "loss": 2 + 9 * params**-0.4}, bootstrap=0)
    assert made.coefficients == pytest.approx({"floor": 2, "scale": 9, "rate": 0.4}, rel=1e-3)


def test_parts_of_a_table_have_laws_of_their_own():
    first, second = table_of(seed=1), table_of(seed=2)
    both = {name: np.concatenate([first[name], second[name]]) for name in first}
    both["domain"] = np.repeat(["code", "prose"], 40)
    found = fit_by("chinchilla", both, group="domain", bootstrap=0)
    assert list(found) == ["code", "prose"]
    alone = fit("chinchilla", second, bootstrap=0)
    assert found["prose"].objective == pytest.approx(alone.objective, rel=1e-9)


def test_refits_are_drawn_by_run():
    assert units_of(None, 3).tolist() == [0, 1, 2]
    runs = np.repeat(np.arange(10), 3)
    assert units_of(runs, 30).tolist() == runs.tolist()
    curve = units_of(np.zeros(100), 100)
    assert curve.max() == 9
    assert (np.diff(curve) >= 0).all()
    drawn = resampled(runs, 50, np.random.default_rng(0))
    assert (drawn.reshape(50, 10, 3) == drawn.reshape(50, 10, 3)[:, :, :1]).all()
    assert (drawn.sum(axis=1) == 30).all()


def test_seeds_decide_refits():
    table = table_of()
    one, same, other = (fit("chinchilla", table, bootstrap=20, seed=seed) for seed in (1, 1, 2))
    assert np.array_equal(one.samples, same.samples)
    assert not np.array_equal(one.samples, other.samples)


def test_standard_errors_are_the_spread_over_new_tables():
    spread = np.std(
        [fit("chinchilla", table_of(80, seed=s), bootstrap=0).coefficients["E"] for s in range(25)]
    )
    said = np.mean(
        [
            fit("chinchilla", table_of(80, seed=s), bootstrap=200).standard_errors["E"]
            for s in range(3)
        ]
    )
    assert said == pytest.approx(spread, rel=0.5)


# Profiles


def test_a_profile_holds_the_truth_and_is_narrower_with_more_runs():
    widths = []
    for rows in (20, 80):
        table = table_of(rows)
        made = fit("chinchilla", table, bootstrap=0)
        found = profile(made, table, name="alpha")
        assert found.low < TRUE["alpha"] < found.high
        assert not found.open_below
        assert not found.open_above
        widths.append(found.high - found.low)
    assert widths[1] < widths[0]


def test_a_profile_of_normal_residuals_is_that_of_least_squares():
    """Where Huber's loss is square all over, W is n · log-ratio of sums of squares, nearly."""
    table = table_of(200)
    made = fit("chinchilla", table, bootstrap=0, delta=1.0)
    found = profile(made, table, name="beta")
    for value, statistic in zip(found.values, found.statistic, strict=True):
        if not 0.01 < statistic < 3:
            continue
        held = fit("chinchilla", table, hold={"beta": float(value)}, bootstrap=0, delta=1.0)
        exact = 200 * np.log((held.residuals**2).sum() / (made.residuals**2).sum())
        assert statistic == pytest.approx(exact, rel=0.12)


def test_what_two_sizes_cannot_say_is_open():
    table = table_of(params=np.repeat([1e8, 1e9], 6), tokens=np.tile(np.geomspace(1e9, 1e11, 6), 2))
    made = fit("chinchilla", table, bootstrap=50)
    found = profile(made, table, name="alpha")
    assert found.open_below or found.open_above
    assert {one.kind for one in made.cautions} >= {"sizes", "condition"}


def test_only_fitted_coefficients_have_profiles():
    table = table_of()
    made = fit("chinchilla", table, bootstrap=0, hold={"beta": 0.366})
    with pytest.raises(BadSetting, match="'beta' was not fitted"):
        profile(made, table, name="beta")


# Cautions


def kinds(table, law="chinchilla", **settings):
    return {one.kind for one in fit(law, table, **{"bootstrap": 100, **settings}).cautions}


def test_a_good_table_has_nothing_against_it():
    assert not kinds(table_of(60))


def with_outlier():
    """One run on far less data than all others, with a loss that is not the law's."""
    rng = np.random.default_rng(0)
    params, tokens = 10 ** rng.uniform(7.5, 9.5, 80), 10 ** rng.uniform(9.5, 11, 80)
    tokens[4] = 3e8
    table = table_of(params=params, tokens=tokens, noise=0.002)
    table["loss"][4] *= 1.25
    return table


def with_copies():
    table = table_of(30)
    return {name: np.concatenate([values, values[:4]]) for name, values in table.items()}


def with_two_counts():
    table = table_of(60)
    flops = 6 * table["params"] * table["tokens"]
    return {**table, "flops": flops * np.where(table["params"] < 1e8, 2.0, 1.0)}


def with_long_warmup():
    table = table_of(60)
    return {**table, "steps": table["tokens"] / 1e6, "warmup": np.full(60, 3000.0)}


def with_checkpoints():
    table = table_of(60)
    return {**table, "run": np.repeat(np.arange(12), 5).astype(str), "step": np.arange(60.0)}


def bent():
    table = table_of(80, noise=0.002)
    table["loss"] = table["loss"] + 0.03 * np.log(table["params"] / 1e8).clip(0) ** 2
    return table


@pytest.mark.parametrize(
    ("kind", "table"),
    [
        ("stray", with_outlier()),
        ("trunk", with_copies()),
        ("parameters", with_two_counts()),
        ("parameters", {**table_of(60), "param_count": np.tile(["all", "no embeddings"], 30)}),
        ("horizon", with_long_warmup()),
        ("horizon", with_checkpoints()),
        ("bent", bent()),
        ("few", table_of(7)),
        ("together", table_of(params=(sizes := np.geomspace(1e7, 1e9, 12)), tokens=20 * sizes)),
        ("sizes", table_of(params=np.full(12, 1e8), tokens=np.geomspace(1e9, 1e11, 12))),
        ("sizes", table_of(params=np.tile([1e8, 2e8, 3e8], 4), tokens=np.geomspace(1e9, 1e11, 12))),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_money_could_be_lost_by_is_said(kind, table):
    found = fit("chinchilla", table, bootstrap=100)
    said = [one for one in found.cautions if one.kind == kind]
    assert said, found.cautions
    assert said[0].says.endswith(".")
    assert said[0].do.endswith(".")


def test_a_bound_that_is_reached_is_said():
    params = np.geomspace(1e6, 1e9, 10)
    rising = {"amount": params, "loss": 2 + 0.1 * np.log(params)}
    assert "bound" in kinds(rising, law="power_law")


def test_starts_that_disagree_are_said():
    sizes = np.geomspace(1e7, 1e9, 12)
    assert "starts" in kinds(table_of(params=sizes, tokens=20 * sizes))


def test_the_row_of_an_outlier_is_named():
    table = with_outlier()
    squares = fit("chinchilla", table, bootstrap=100, delta=1.0)
    assert "Without row 5, " in next(c.says for c in squares.cautions if c.kind == "outlier")
    robust = fit("chinchilla", table, bootstrap=100)
    assert "row 5 is 1" in next(c.says for c in robust.cautions if c.kind == "stray")


def test_far_predictions_carry_a_caution_and_near_ones_none():
    made = fit("chinchilla", table_of(60), bootstrap=50)
    near = {"params": 1e9, "tokens": 2e10}
    far = {"params": 1e11, "tokens": 2e12}
    assert not made.predict(near).cautions
    assert [one.kind for one in made.predict(far).cautions] == ["extrapolation"]


def test_intervals_widen_where_the_law_bends_and_not_where_it_holds():
    straight = fit("chinchilla", table_of(80, noise=0.002), bootstrap=200)
    curved = fit("chinchilla", bent(), bootstrap=200)
    assert straight.stretch < 1.5 < curved.stretch
    assert straight.tested
    assert curved.tested
    few = fit("chinchilla", table_of(8), bootstrap=50)
    assert not few.tested
    assert few.stretch == pytest.approx((8 / 3) ** 0.5)


# Predictions


def test_intervals_are_ordered_and_a_run_is_less_sure_than_its_law():
    made = fit("chinchilla", table_of(), bootstrap=300)
    said = made.predict({"params": np.geomspace(1e7, 1e11, 5), "tokens": np.full(5, 1e10)})
    assert (said.low <= said.high).all()
    assert (said.run_low <= said.low).all()
    assert (said.run_high >= said.high).all()
    assert (said.run_low < said.value).all()
    wide = made.predict({"params": 1e9, "tokens": 1e10}, level=0.99)
    narrow = made.predict({"params": 1e9, "tokens": 1e10}, level=0.5)
    assert wide.low < narrow.low < narrow.high < wide.high


def test_without_refits_there_is_a_value_and_no_interval():
    made = fit("chinchilla", table_of(), bootstrap=0)
    said = made.predict({"params": 1e9, "tokens": 1e10})
    assert said.low == said.value == said.run_high
    assert made.standard_errors == {}
    assert made.intervals() == {}


# Roll-outs


def test_dear_runs_are_predicted_from_cheap_ones():
    table = table_of(60)
    found = roll_out("chinchilla", table, bootstrap=100)
    compute = 6 * table["params"] * table["tokens"]
    assert len(found.rows) == 12
    assert compute[found.rows].min() > np.delete(compute, found.rows).max()
    assert found.errors == pytest.approx(found.value / found.observed - 1)
    assert found.mean_error < 0.02
    limit = float(np.quantile(compute, 0.5))
    assert len(roll_out("chinchilla", table, below=limit, bootstrap=0).rows) == 30


def test_laws_are_ranked_by_what_they_predict():
    found = compare_laws(["kaplan", "chinchilla"], table_of(60), bootstrap=50)
    assert next(iter(found.rollouts)) == "chinchilla"
    errors = [one.mean_error for one in found.rollouts.values()]
    assert errors == sorted(errors)
    assert found.noise is None
    with pytest.raises(BadInput, match="coefficients"):
        compare_laws(["chinchilla"], table_of(5), bootstrap=0)


def test_a_limit_that_leaves_nothing_is_said():
    table = table_of(20)
    with pytest.raises(BadInput, match="choose another limit"):
        roll_out("chinchilla", table, below=1.0, bootstrap=0)
    with pytest.raises(BadInput, match="choose another limit"):
        predict_rows("chinchilla", table, held_out=np.zeros(20, bool), bootstrap=0)


def test_the_noise_of_seeds_is_that_of_repeats():
    rng = np.random.default_rng(0)
    table = {"params": np.repeat(np.geomspace(1e7, 1e9, 50), 4)}
    table["loss"] = 3 * np.exp(rng.normal(0, 0.01, 200))
    assert seed_noise(table, columns=("params",)) == pytest.approx(0.01, rel=0.15)
    assert seed_noise({**table, "params": np.arange(200.0)}, columns=("params",)) is None
    copies = {"params": np.ones(3), "loss": np.full(3, 2.0)}
    assert seed_noise(copies, columns=("params",)) is None


# Files and errors


def test_a_fit_comes_back_from_its_file(tmp_path):
    made = fit("chinchilla", table_of(8), bootstrap=50, hold={"beta": 0.36})
    files.save(made, tmp_path / "fit.json")
    again = files.load(tmp_path / "fit.json")
    assert again.coefficients == made.coefficients
    assert again.cautions == made.cautions
    assert again.stretch == made.stretch
    asked = {"params": 1e9, "tokens": 1e11}
    one, two = made.predict(asked), again.predict(asked)
    for name in ("value", "low", "high", "run_low", "run_high"):
        assert getattr(one, name) == pytest.approx(getattr(two, name), rel=1e-5)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "is no JSON"),
        ("[]", "is no fit"),
        ('{"law": "chinchilla", "format": 99}', "format 99"),
        ('{"law": "chinchilla", "format": 1}', "damaged"),
    ],
)
def test_files_that_are_no_fits(tmp_path, text, said):
    path = tmp_path / "fit.json"
    path.write_text(text)
    with pytest.raises(BadInput, match=said):
        files.load(path)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"loss": None}, "has no column 'loss'"),
        ({"params": None}, "has no column 'params'"),
        ({"loss": np.zeros(40)}, "should be above 0 and finite; row 1 has 0"),
        ({"tokens": np.full(40, np.nan)}, "'tokens' should be above 0"),
        ({"loss": np.full(40, "3.1")}, "should hold one number a run"),
    ],
)
@pytest.mark.usefixtures("untyped")
def test_tables_that_cannot_be_fitted(change, said):
    table = {k: v for k, v in {**table_of(), **change}.items() if v is not None}
    with pytest.raises(BadInput, match=said):
        fit("chinchilla", table)


def test_near_misses():
    with pytest.raises(UnknownName, match="Did you mean 'chinchilla'"):
        fit("chinchila", table_of())
    with pytest.raises(BadSetting, match="Did you mean 'alpha'"):
        fit("chinchilla", table_of(), hold={"alfa": 0.3})
    with pytest.raises(BadInput, match="5 coefficients to fit, and the table has 4"):
        fit("chinchilla", table_of(4))
    with pytest.raises(BadSetting, match="is fitted, not chosen"):
        law_of("chinchilla(E=2)")
    parts = {**table_of(24), "domain": np.repeat(["a", "b"], [20, 4])}
    with pytest.raises(BadInput, match=r"domain = b: .*4 rows"):
        fit_by("chinchilla", parts, group="domain", bootstrap=0)


def test_forecasts_need_no_torch():
    code = (
        "import sys, likely.forecast.fit, likely.forecast.plan, likely.forecast.table\n"
        "from likely.forecast.law import law; law('chinchilla')\n"
        "heavy = ('torch', 'transformers', 'scipy.optimize', 'pyarrow')\n"
        "print([m for m in heavy if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"
