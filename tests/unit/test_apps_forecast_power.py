"""`likely forecast power`: planted noise comes back, and what is seen is what the t test sees."""

import json
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from likely.apps import _earlier_noise
from likely.apps._forecast_power import Question, noise_of
from likely.apps.forecast import forecast
from likely.core.errors import BadInput, BadSetting
from likely.train.study import Study
from tests.unit.comparisons import comparison, recipe

ASKED = Question(effect=0.02, seeds=6, power=0.8, level=0.95)


def repeats(runs=200, steps=(100, 200, 400), seed=0):
    rng = np.random.default_rng(seed)
    rows = [
        (r, s, step, 2 + 0.5 * (r == "b") + rng.normal(0, 0.01 * 400 / step))
        for r in "ab"
        for s in range(runs)
        for step in steps
    ]
    names = ("recipe", "seed", "step", "loss")
    return dict(zip(names, (np.array(one) for one in zip(*rows, strict=True)), strict=True))


def command(capsys, *words):
    with pytest.raises(SystemExit) as ended:
        forecast(["power", *map(str, words)])
    assert ended.value.code in (0, None)
    return capsys.readouterr().out


def test_planted_noise_comes_back_at_every_step():
    found = noise_of(repeats(), "recipe")
    assert [one.step for one in found] == [100, 200, 400]
    assert [one.runs for one in found] == [400] * 3
    for one in found:
        assert one.low < 0.01 * 400 / one.step < one.high
    # Two recipes that are taken for one look far noisier than either.
    mixed = noise_of({k: v for k, v in repeats(2).items() if k != "recipe"}, None)
    assert mixed[-1].runs == 2


def test_few_runs_have_a_wide_interval():
    values = np.array([2.0, 2.01, 2.03])
    found = noise_of({"seed": np.arange(3), "loss": values}, None)[0]
    deviation = values.std(ddof=1)
    assert found.deviation == pytest.approx(deviation)
    ends = np.sqrt(2 * deviation**2 / stats.chi2.ppf([0.975, 0.025], 2))
    assert [found.low, found.high] == pytest.approx(ends)


def test_what_is_seen_is_what_simulated_tests_see():
    rng = np.random.default_rng(1)
    effect = ASKED.smallest(0.01)
    runs = rng.normal(0, 0.01, (4000, 2, ASKED.seeds)) + np.array([0.0, effect])[:, None]
    seen = stats.ttest_1samp(runs[:, 1] - runs[:, 0], 0, axis=1).pvalue < 0.05
    assert seen.mean() == pytest.approx(0.8, abs=0.025)
    assert ASKED.needed(0.01) == 7


def test_the_command_on_a_table(tmp_path, capsys):
    table = repeats(8)
    lines = ["recipe,seed,step,loss"]
    lines += [",".join(map(str, row)) for row in zip(*table.values(), strict=True)]
    (tmp_path / "runs.csv").write_text("\n".join(lines) + "\n")
    words = (tmp_path / "runs.csv", "--recipe", "recipe", "--effect", "0.02", "--seeds", "8")
    said = json.loads(command(capsys, *words, "--json"))
    assert [row["step"] for row in said["along"]] == [100, 200, 400]
    assert said["noise"] == said["along"][-1]["deviation"] == pytest.approx(0.01, rel=0.4)
    assert said["along"][0]["seeds_needed"] > said["seeds_needed"] >= 5
    chances = [row["power"] for row in said["designs"]]
    assert chances == sorted(chances)
    shown = " ".join(command(capsys, *words).split())
    assert "The noise falls from" in shown
    assert "is seen with 8 seeds from step 400 on" in shown


def test_the_command_on_a_number(capsys):
    said = json.loads(command(capsys, "--noise", "0.01", "--effect", "0.02", "--json"))
    assert (said["along"], said["seeds_needed"]) == ([], 7)
    assert "Seeds of each recipe that see 0.02 nats in 80% of cases: 7" in command(
        capsys, "--noise", "0.01", "--effect", "0.02"
    )


def test_what_is_wrong_is_said_at_once():
    with pytest.raises(BadSetting, match=r"(?s)--power 2 .*--seeds 1 .*--effect -1 "):
        Question(effect=-1.0, seeds=1, power=2.0, level=0.95).check()
    with pytest.raises(BadInput, match="No two runs"):
        noise_of({"seed": np.arange(2), "step": np.array([1, 2]), "loss": np.ones(2)}, None)
    with pytest.raises(BadInput, match=r"no column 'recipes'.*recipe"):
        noise_of(repeats(2), "recipes")
    with pytest.raises(BadInput, match="no column 'seed'"):
        noise_of({"loss": np.ones(2)}, None)


def test_a_comparison_is_told_what_an_earlier_one_of_its_kind_could_see(tmp_path):
    before = comparison()
    (tmp_path / "before").mkdir()
    before.write(tmp_path / "before" / "comparison.json")
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "comparison.json").write_text("{}")
    study = Study(recipe=recipe("cross_entropy"), arms={}, baseline="cross_entropy", seeds=6)
    study = replace(study, primary=before.study["primary"])
    said = _earlier_noise.earlier_noise(study, tmp_path / "now")
    noise = np.std([-0.02, 0.01, 0.01, 0.0, 0.0], ddof=1)
    assert len(said) == 1
    assert f"varied by {noise:.2g} bits per byte" in said[0]
    assert f"6 seeds would see {noise * 1.4347:.2g}" in said[0]
    other = replace(study, recipe=recipe("cross_entropy", model="feed_forward"))
    assert _earlier_noise.earlier_noise(other, tmp_path / "now") == []
    assert _earlier_noise.earlier_noise(study, tmp_path / "elsewhere" / "now") == []
