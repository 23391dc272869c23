"""Laws of sizes, batches and compute: planted ones are found, real runs have the right columns."""

import numpy as np
import pytest

from likely.core.errors import BadSetting
from likely.forecast.laws.chinchilla import chinchilla
from likely.forecast.laws.kaplan import kaplan
from likely.forecast.laws.kaplan_trajectory import kaplan_trajectory
from likely.train.trials import _sizes, compute_frontier, size_curves
from tests.unit.tiny_texts import small_docstrings

KAPLAN = {"N_c": 5e4, "D_c": 2e5, "alpha_N": 0.3, "alpha_D": 0.2}
CHINCHILLA = {"E": 1.2, "A": 30.0, "B": 100.0, "alpha": 0.45, "beta": 0.4}
TRAJECTORY = {"N_c": 1e4, "alpha_N": 0.2, "S_c": 2e2, "alpha_S": 0.6, "B_star": 8e3, "alpha_B": 0.5}


def rows_by(loss):
    """Runs of N = 12 · width² whose loss is a function of their columns."""

    def run(family, width, rows, steps):
        step = np.unique(np.geomspace(family.first, steps, family.checkpoints).round())
        params, batch = np.full(len(step), 12.0 * width**2), np.full(len(step), 64.0 * rows)
        columns = {"params": params, "step": step, "batch_tokens": batch, "tokens": batch * step}
        columns["flops"] = 6 * params * columns["tokens"]
        return {**columns, "loss": loss(columns)}

    return run


def test_a_planted_law_of_size_and_data_is_found_by_its_own_form(monkeypatch):
    planted = {
        "kaplan": lambda c: kaplan(c["params"], c["tokens"], **KAPLAN),
        "chinchilla": lambda c: chinchilla(c["params"], c["tokens"], **CHINCHILLA),
    }
    exponents = {"kaplan": 0.2 / 0.5, "chinchilla": 0.4 / 0.85}
    for name, loss in planted.items():
        monkeypatch.setattr(size_curves, "run", rows_by(loss))
        found = {one: size_curves.size_curves(0, law=one) for one in planted}
        assert found[name]["error"] < 1e-3
        assert found[name]["size_exponent"] == pytest.approx(exponents[name], rel=0.02)
        other = next(one for one in planted if one != name)
        assert found[other]["fit_error"] > 3 * found[name]["fit_error"]


def test_a_planted_trajectory_is_predicted_at_another_batch_size(monkeypatch):
    def loss(c):
        return kaplan_trajectory(c["params"], c["step"], c["batch_tokens"], **TRAJECTORY)

    monkeypatch.setattr(size_curves, "run", rows_by(loss))
    given = {"batches": (4, 16), "target_width": 64}
    found = size_curves.size_curves(0, law="kaplan_trajectory", **given)
    assert found["error"] < 2e-3
    assert "size_exponent" not in found
    near = size_curves.size_curves(0, law="nearest", **given)
    assert near["last"] == found["last"]
    assert near["error"] > 10 * found["error"]


def test_the_nearest_run_is_the_largest_at_the_same_steps(monkeypatch):
    monkeypatch.setattr(size_curves, "run", rows_by(lambda c: c["batch_tokens"] * c["params"]))
    found = size_curves.size_curves(0, law="nearest", batches=(4, 16))
    # The mean over 4 and 16 rows is that of 8, and 32 has four ninths of the parameters of 48.
    assert found["last_shift"] == pytest.approx(4 / 9 - 1)
    assert found["error"] == found["last_error"] == pytest.approx(5 / 9)


def test_a_planted_frontier_is_carried_on_with_its_constant(monkeypatch):
    monkeypatch.setattr(
        compute_frontier, "run", rows_by(lambda c: 1.5 + (c["flops"] / 1e6) ** -0.4)
    )
    given = {"texts": ("code", "topics"), "checkpoints": 100}
    found = compute_frontier.compute_frontier(0, **given)
    assert found["error"] < 2e-3
    assert found["code_floor"] == pytest.approx(1.5, rel=0.01)
    assert found["topics_alpha"] == pytest.approx(0.4, rel=0.02)
    line = compute_frontier.compute_frontier(0, law="line", **given)
    assert line["last_shift"] < -0.005
    assert line["code_last_shift"] == line["topics_last_shift"] == line["last_shift"]
    assert "code_floor" not in line


def test_the_frontier_is_the_lowest_of_those_who_spent_so_much():
    first = {"flops": np.array([1e2, 1e4]), "loss": np.array([4.0, 1.0])}
    second = {"flops": np.array([1e3, 1e5]), "loss": np.array([3.0, 0.5])}
    amount, loss = compute_frontier._frontier([first, second], 4.0)
    np.testing.assert_allclose(amount[[0, -1]], [1e-3, 1.0])
    at = {round(float(np.log10(x)), 3): y for x, y in zip(amount, loss, strict=True)}
    assert at[-3.0] == pytest.approx(4.0)
    assert at[-2.0] == pytest.approx(2.0)
    assert at[-1.0] == pytest.approx(1.0)
    assert at[0.0] == pytest.approx(0.5)


def test_runs_have_rows_of_real_models(monkeypatch):
    def clear():
        for one in (_sizes.run, _sizes.part):
            one.cache_clear()

    clear()
    monkeypatch.setattr(_sizes, "docstrings", small_docstrings)
    monkeypatch.setattr(_sizes, "_ALONG", 256)
    small = {"documents": 6, "length": 16, "rate": 1e-2, "first": 1, "checkpoints": 4}
    found = _sizes.run(_sizes.Family(0, "docstrings", 1e-2, 16, 6, 1, 4), 8, 2, 12)
    assert found["step"].tolist() == [1, 2, 5, 12]
    assert found["tokens"].tolist() == [32, 64, 160, 384]
    # Two layers of four 8 × 8 and three 8 × 24 matrices and two norms, and the last norm.
    assert found["params"][0] == 2 * (4 * 64 + 3 * 192 + 16) + 8
    assert found["flops"][-1] == 6 * found["params"][0] * 384
    assert found["loss"][-1] < found["loss"][0]
    # The trials' own calls: the same run of width 8, and one more of width 16.
    sizes = {"widths": (8,), "target_width": 16, "batches": (2,), "target_batch": 2}
    made = size_curves.size_curves(0, law="nearest", steps=12, **sizes, **small)
    assert made["last"] * (1 + made["last_shift"]) == pytest.approx(found["loss"][-1])
    frontier = {"widths": (8, 16), "steps": (12, 12), "texts": ("docstrings",), "rows": 2}
    carried = compute_frontier.compute_frontier(0, **frontier, **small)
    assert carried["error"] == carried["docstrings_error"] > 0
    clear()


def test_what_cannot_be_asked():
    with pytest.raises(BadSetting, match="target_width=32 should be above all of widths, 32"):
        size_curves.size_curves(0, target_width=32)
    with pytest.raises(BadSetting, match="first=300 should be below steps=300"):
        size_curves.size_curves(0, first=300)
    with pytest.raises(BadSetting, match="steps has 2 numbers and widths 4: give one each"):
        compute_frontier.compute_frontier(0, steps=(10, 20))
    with pytest.raises(BadSetting, match="first=12 should be below the fewest of steps, 10"):
        compute_frontier.compute_frontier(0, widths=(8, 16), steps=(10, 20))
    few = np.geomspace(0.09, 1, 20)
    with pytest.raises(BadSetting, match="1 points below a tenth of the most compute are too few"):
        compute_frontier._carried_on("line", np.append(0.05, few[few > 0.1]), np.ones(20))
