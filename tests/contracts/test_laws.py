"""Every law: derivatives, linear part, what it declares, its page, and planted constants."""

import re
from pathlib import Path

import numpy as np
import pytest

from likely.core.catalogue import catalogue
from likely.forecast.fit import fit
from likely.forecast.law import law as law_of
from tests.contracts.law_cases import CASES, columns, shaken

NAMES = list(catalogue("forecast.laws"))
PAGES = Path(__file__).parents[2] / "docs" / "forecast" / "laws"
DECLARED = [(name, said) for name in NAMES for said in sorted(law_of(name).laws)]


def case_of(name):
    assert name in CASES, f"{name} has no case: add one to tests/contracts/law_cases.py."
    return CASES[name]


def drawn(name, rows=40, seed=0):
    case, rng = case_of(name), np.random.default_rng([seed, NAMES.index(name)])
    law, table = law_of(name), columns(case, rows, rng)
    return law, table, law.prepare(table), shaken(case, rng)


def difference(law, prepared, values, name):
    """Derivative by a central difference of fourth order."""
    step = 1e-3 * abs(values[name])
    at = [
        np.asarray(law.predict(prepared, {**values, name: values[name] + k * step}))
        for k in (-2, -1, 1, 2)
    ]
    return (at[0] - 8 * at[1] + 8 * at[2] - at[3]) / (12 * step)


@pytest.mark.parametrize("name", NAMES)
def test_a_case_names_the_columns_and_coefficients_of_its_law(name):
    law, case = law_of(name), case_of(name)
    assert tuple(case.columns) == law.columns
    assert set(case.values) == set(law.names)
    assert law.output not in law.columns


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("seed", range(3))
def test_derivatives_are_those_of_the_law(name, seed):
    law, table, prepared, values = drawn(name, seed=seed)
    value, slopes = law.derivatives(prepared, values)
    np.testing.assert_allclose(value, law.predict(prepared, values), rtol=1e-13)
    np.testing.assert_allclose(value, law(table, **values), rtol=1e-13)
    assert set(slopes) == set(law.names)
    for coefficient in law.names:
        expected = difference(law, prepared, values, coefficient)
        found = np.broadcast_to(slopes[coefficient], expected.shape)
        size = np.abs(expected).max() + 1e-300
        off = np.abs(found - expected)
        if name == "data_constrained":  # It has a kink where parameters begin to be in excess.
            off = np.sort(off)[:-1]
        np.testing.assert_array_less(off / size, 1e-6, err_msg=coefficient)


@pytest.mark.parametrize("name", NAMES)
def test_the_linear_part_is_the_law(name):
    law, _, prepared, values = drawn(name)
    own = getattr(law.parts, "linear", None)
    if own is None:
        grid = getattr(law.parts, "starts", None)(*prepared, law.predict(prepared, values))
        assert set(grid) == set(law.names), "a law without linear part guesses all coefficients"
        return
    arguments = {k: v for k, v in values.items() if k in own.__annotations__}
    factors = own(*prepared, **arguments)
    assert set(factors) | set(arguments) == set(law.names)
    total = sum(values[k] * factor for k, factor in factors.items())
    np.testing.assert_allclose(total, law.predict(prepared, values), rtol=1e-13)


@pytest.mark.parametrize("name", NAMES)
def test_many_sets_of_coefficients_are_as_one_after_the_other(name):
    law, table, prepared, _ = drawn(name, rows=7)
    sets = [shaken(case_of(name), np.random.default_rng(i)) for i in range(5)]
    stacked = {k: np.array([one[k] for one in sets])[:, None] for k in law.names}
    value, slopes = law.derivatives(prepared, stacked)
    assert np.shape(value) == (5, 7)
    for i, one in enumerate(sets):
        alone, its_slopes = law.derivatives(prepared, one)
        np.testing.assert_allclose(value[i], alone, rtol=1e-12)
        np.testing.assert_allclose(law(table, **one), alone, rtol=1e-12)
        for k in law.names:
            whole = np.broadcast_to(slopes[k], (5, 7))[i]
            expected = np.broadcast_to(its_slopes[k], (7,))
            np.testing.assert_allclose(whole, expected, rtol=1e-9, atol=1e-300)


def moves(law, table, values, column):
    """What the law changes by when a column grows by a tenth of a percent."""
    more = {**table, column: table[column] * 1.001}
    return law(more, **values) - law(table, **values)


def rescales(name, law, table, values):
    case, k = case_of(name), 7.0
    assert set(case.absorbs) == set(law.columns), "say what absorbs each column"
    for column, absorbs in case.absorbs.items():
        other = {**table, column: table[column] * k}
        np.testing.assert_allclose(
            law(other, **{**values, **absorbs(values, k)}), law(table, **values), rtol=1e-10
        )


def is_chinchilla(name, law, table, values):
    plain = dict(zip(("params", "tokens"), table.values(), strict=True))
    np.testing.assert_allclose(
        law(table, **values), law_of("chinchilla")(plain, **values), rtol=1e-13
    )


def one_epoch(name, law, table, values):
    """Each token once, and no more parameters than these tokens are good for."""
    ratio = values["alpha"] * values["A"] / (values["beta"] * values["B"])
    best = (ratio * table["tokens"] ** values["beta"]) ** (1 / values["alpha"])
    table = {**table, "params": 0.9 * best, "unique_tokens": 2 * table["tokens"]}
    plain = {k: v for k, v in values.items() if k in ("E", "A", "B", "alpha", "beta")}
    np.testing.assert_allclose(
        law(table, **values), law_of("chinchilla")(table, **plain), rtol=1e-12
    )


def large_batches(name, law, table, values):
    """At endless batch size the fewest steps are the steps."""
    table = {**table, "batch_tokens": np.full_like(table["step"], 1e30)}
    size = (values["N_c"] / table["params"]) ** values["alpha_N"]
    steps = (values["S_c"] / table["step"]) ** values["alpha_S"]
    np.testing.assert_allclose(law(table, **values), size + steps, rtol=1e-12)


def is_a_power(name, law, table, values):
    """Straight lines in logarithms, in every column."""
    for column in law.columns:
        once = np.log(moves_by(law, table, values, column, 3.0))
        np.testing.assert_allclose(
            np.log(moves_by(law, table, values, column, 9.0)), 2 * once, atol=1e-10
        )


def moves_by(law, table, values, column, k):
    return law({**table, column: table[column] * k}, **values) / law(table, **values)


def two_lines(name, law, table, values):
    """Slopes in logarithms far before the bend and far behind it."""
    for far, rate in ((1e-12, values["c0"]), (1e12, values["c0"] + values["c1"])):
        place = {"step": np.array([values["d1"] * far])}
        found = np.log(moves_by(law, place, values, "step", 2.0)) / np.log(2.0)
        np.testing.assert_allclose(found, -rate, atol=1e-10)


def a_power_at_constant_rate(name, law, table, values):
    """Where the rate neither rises nor falls, only the power of its sum is left."""
    plain = law_of("multi_power(counts_warmup=False)") if name == "multi_power" else law
    step = np.array([10.0, 100.0, 3000.0])
    flat = {"step": step, "schedule": [np.full(3000, 1e-3)] * 3}
    wanted = values["L0"] + values["A"] * (1e-3 * step) ** -values["alpha"]
    np.testing.assert_allclose(plain(flat, **values), wanted, rtol=1e-9)


KNOWN = {
    one.__name__: one
    for one in (
        rescales,
        is_chinchilla,
        one_epoch,
        large_batches,
        is_a_power,
        two_lines,
        a_power_at_constant_rate,
    )
}


@pytest.mark.parametrize(("name", "said"), DECLARED)
def test_what_a_law_declares_holds(name, said):
    law, table, _, values = drawn(name, seed=3)
    falls = re.fullmatch(r"(falls|rises)_in_(\w+)", said)
    above = re.fullmatch(r"above_(\w+)", said)
    if falls:
        assert falls[2] in law.columns
        change = moves(law, table, values, falls[2])
        change = -change if falls[1] == "falls" else change
        assert (change >= 0).all()
        assert (change > 0).mean() > 0.3
    elif above:
        assert (law(table, **values) >= values[above[1]]).all()
    else:
        assert said in KNOWN, f"{said} is not known here: say in test_laws.py what it means."
        KNOWN[said](name, law, table, values)


@pytest.mark.parametrize("name", NAMES)
def test_each_law_has_a_page_that_names_what_it_reads(name):
    page = (PAGES / f"{name}.md").read_text(encoding="utf-8")
    law = law_of(name)
    assert page.startswith(f"# {name}\n")
    for word in (*law.columns, *law.names):
        assert f"`{word}`" in page, f"the page of {name} does not name {word}"
    for part in ("**Choose it**", "**Identified by**", "**Does not say**", "**Columns**"):
        assert part in page, part


@pytest.mark.parametrize("name", NAMES)
def test_planted_constants_are_found_under_noise(name):
    law, case = law_of(name), case_of(name)
    rng = np.random.default_rng([5, NAMES.index(name)])
    table = columns(case, 150, rng)
    truth = law(table, **case.values)
    table[law.output] = truth * np.exp(0.005 * rng.standard_normal(150))
    held = {k: case.values[k] for k in case.hold}
    found = fit(name, table, hold=held, bootstrap=0)
    errors = np.abs(np.log(law(table, **found.coefficients) / truth))
    assert errors.mean() < 0.002
    assert case.recovers, "say which coefficients a table of 150 runs identifies"
    for coefficient, tolerance in case.recovers.items():
        off = abs(found.coefficients[coefficient] / case.values[coefficient] - 1)
        assert off < tolerance, (coefficient, found.coefficients)
