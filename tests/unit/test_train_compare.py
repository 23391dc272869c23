"""Comparisons: equal trials, paired seeds, fixed compute, verdicts that say what was not seen."""

import csv
import io
import json
import re
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from likely.core.bind import bind
from likely.core.errors import BadInput, BadSetting, LikelyError
from likely.data.corpus import Corpus, Document
from likely.train import _study_arms, _trials
from likely.train._budgets import flops_of_step, steps_of, with_steps
from likely.train._comparison_tables import to_csv, to_latex
from likely.train._lattice import edges, points, rates
from likely.train._study_check import build, lacking
from likely.train._study_job import begin, with_knobs
from likely.train._study_text import study_text
from likely.train._study_verdicts import verdicts
from likely.train.compare import compare
from likely.train.comparison import ArmResult, Comparison, Cost, Tried
from likely.train.errors import Diverged, StoppedTrials
from likely.train.recipe import Recipe, Schedule, parse_recipe
from likely.train.study import Arm, Budget, Reference, load_study, to_plain, to_toml
from likely.train.trials import judged_training as training_module
from likely.train.trials.judged_training import judged_training
from tests.unit.tiny_studies import plain, stay_inside, study, text

COST = Cost(0.2, 0.1, 300.0, 200.0, 5e6, 100)


@pytest.fixture(autouse=True)
def inside(monkeypatch):
    back = stay_inside(monkeypatch)
    yield
    back()


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """One comparison that ran to its end, and where it lies."""
    place = tmp_path_factory.mktemp("whole")
    with pytest.MonkeyPatch.context() as patch:
        back = stay_inside(patch)
        found = compare(study(text(place)), place / "study")
        back()
    return found, place / "study"


def kept(folder):
    """Every finished trial: what it was and what it found."""
    paths = sorted((folder / "trials").glob("*.json"))
    return {path: json.loads(path.read_text()) for path in paths}


def numbers(found):
    """What must be equal however often it was stopped."""
    said = json.loads(found.to_json())
    for name in ("date", "cpu_minutes", "environment"):
        said.pop(name)
    for arm in said["arms"]:
        arm.pop("seconds")
    return said


def test_every_arm_has_the_same_trials_and_its_own_choice(whole):
    found, folder = whole
    rows = [row for row in kept(folder).values() if row["trial"] == "judged_training"]
    for arm, objective in (("cross_entropy", "cross_entropy"), ("focal", "focal")):
        result = found.arm(arm)
        assert [one.rate for one in result.tried] == [0.25, 1.0, 4.0]
        best = min(result.tried, key=lambda one: one.mean)
        assert result.chosen == {"learning rate": pytest.approx(0.01 * best.rate), **best.knobs}
        assert result.recipe["optimizer"]["lr"] == pytest.approx(0.01 * best.rate)
        assert result.objective == with_knobs(objective, best.knobs)
    tuned = [row for row in rows if row["settings"]["part"] == "tuning"]
    judged = [row for row in rows if row["settings"]["part"] == "test"]
    assert {row["seed"] for row in tuned} == {1000}
    assert sorted(row["seed"] for row in judged) == sorted([0, 1, 2, 3, 4] * 2)
    assert len(tuned) == 2 * 3
    assert found.arm("focal").tried[1].knobs == {"gamma": 2.0}, "the arm as it was written"
    assert {one.knobs["gamma"] for one in found.arm("focal").tried} > {2.0}


def test_no_text_is_shared_by_training_tuning_and_verdict(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps({"text": f"{n:04d} " * 30}) + "\n" for n in range(200)))
    parts = study_text(Recipe(data=(str(path),)), 0.1, 0.2)
    names = [set(part.names) for part in (parts.train, parts.tuning, parts.test)]
    assert all(names)
    assert not names[0] & names[1] | names[0] & names[2] | names[1] & names[2]
    assert not parts.cut
    sizes = np.array([part.total_bytes for part in (parts.train, parts.tuning, parts.test)])
    assert sizes / sizes.sum() == pytest.approx([0.7, 0.1, 0.2], abs=0.03)


def test_tuning_reads_tuning_text_and_verdicts_test_text(tmp_path, monkeypatch):
    read = []
    monkeypatch.setattr(training_module, "judged", lambda model, judges, exam, seed, features: (
        read.append(exam.test), {"bits_per_byte": 1.0})[1])  # fmt: skip
    recipe = parse_recipe(to_recipe(study(text(tmp_path)).recipe, steps=1))
    parts = study_text(recipe, 0.08, 0.12)
    for part in ("tuning", "test"):
        judged_training(0, recipe=to_recipe(recipe, steps=1), part=part)
    assert np.array_equal(read[0].ids, parts.tuning.ids)
    assert np.array_equal(read[1].ids, parts.test.ids)


def to_recipe(recipe, **changes):
    from likely.train.recipe import to_toml

    return to_toml(replace(with_steps(recipe, changes["steps"])))


def test_arms_are_paired_by_seed(tmp_path):
    """Two names of one loss: same seed, same order, same weights, so the same model to the bit."""
    arms = {"plain": "cross_entropy", "same": "focal(gamma=0)"}
    given = {"arms": arms, "baseline": "plain", "tuning": {"trials": 0}, "seeds": 3}
    found = compare(study(text(tmp_path), **given), tmp_path / "out")
    one = found.verdict("same")
    assert max(map(abs, one.differences)) < 1e-6
    values = found.arm("plain").measures["bits_per_byte"]
    assert len({round(value, 6) for value in values}) == 3, "seeds differ"
    assert one.sentence.startswith("Untuned: ")
    assert not found.tuned
    assert found.arm("plain").tried == ()


def test_stopped_anywhere_it_goes_on_and_repeats_nothing(tmp_path, whole):
    complete, where = whole
    recipe = load_study(where / "study.toml")
    seen = []

    def stop(now):
        seen.append(now)
        if now.done - now.found == 4:
            raise KeyboardInterrupt

    with pytest.raises(StoppedTrials, match=r"4 of 17 trials.*compare --resume --out"):
        compare(recipe, tmp_path / "out", progress=stop)
    # Costs are a measurement, which no two machines repeat; steps in tokens do not depend on it.
    times = {path: path.stat().st_mtime_ns for path in kept(tmp_path / "out")}
    assert len(times) == 4
    found = compare(recipe, tmp_path / "out")
    assert {path: path.stat().st_mtime_ns for path in times} == times
    ours, theirs = numbers(found), numbers(complete)
    for said in (ours, theirs):
        said["budget"].pop("step_seconds_here")
        for table in (said["budget"], said["study"]["budget"]):
            table.pop("reference")
        for arm in said["arms"]:
            arm.pop("cost")
    assert ours == theirs
    again = compare(recipe, tmp_path / "out", progress=lambda now: pytest.fail("did something"))
    assert again.to_json() == found.to_json()


def test_a_lost_trial_is_done_again_alone(tmp_path):
    given = study(text(tmp_path), tuning={"trials": 0}, seeds=2)
    first = compare(given, tmp_path / "out")
    lost, *others = [p for p in kept(tmp_path / "out") if "focal.test" in p.name]
    times = {path: path.stat().st_mtime_ns for path in others}
    lost.unlink()
    (tmp_path / "out" / "comparison.json").unlink()
    assert numbers(compare(given, tmp_path / "out")) == numbers(first)
    assert lost.exists()
    assert {path: path.stat().st_mtime_ns for path in others} == times


def test_another_study_another_text_and_another_source_are_refused(tmp_path, monkeypatch):
    path = text(tmp_path)
    given = study(path, tuning={"trials": 0}, seeds=1)
    compare(given, tmp_path / "out")
    with pytest.raises(BadSetting, match="another study in this folder"):
        compare(replace(given, seeds=2), tmp_path / "out")
    (tmp_path / "out" / "comparison.json").unlink()
    with pytest.raises(BadSetting, match="another study in this folder"):
        compare(replace(given, seeds=2), tmp_path / "out")
    sizes = json.loads((tmp_path / "out" / "begun.json").read_text())["text"]
    with pytest.raises(BadInput, match="another version of likely"):
        begin(given, tmp_path / "out", sizes, "other")
    with pytest.raises(BadInput, match="data are not those"):
        begin(given, tmp_path / "out", {**sizes, "fingerprint": "other"}, "other")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "diary.txt").write_text("mine")
    with pytest.raises(BadSetting, match="not an empty folder, and no study"):
        begin(given, tmp_path / "full", sizes, "code")


def test_files_that_others_read(whole):
    found, folder = whole
    rows = list(csv.DictReader(io.StringIO((folder / "comparison.csv").read_text())))
    assert len(rows) == 2 * 5 * len(found.measures)
    for arm in found.arms:
        mine = [row for row in rows if (row["arm"], row["measure"]) == (arm.name, "bits_per_byte")]
        assert [float(row["value"]) for row in mine] == list(arm.measures["bits_per_byte"])
        assert {row["primary"] for row in mine} == {"1"}
    latex = (folder / "comparison.tex").read_text()
    assert latex.count(r"\\") == 1 + 2
    body = [line for line in latex.splitlines() if line.endswith(r"\\")]
    assert {line.count("&") - line.count(r"\&") for line in body} == {6}
    assert latex.count("{") == latex.count("}")
    assert not re.search(r"(?<!\\)_", latex)
    assert Comparison.read(folder).to_json() == found.to_json()
    for arm, path in zip(found.arms, sorted((folder / "recipes").iterdir()), strict=True):
        recipe = parse_recipe(path.read_text())
        assert (recipe.objective, recipe.steps) == (arm.objective, arm.steps)
    assert not (folder / "running").exists()
    assert load_study(folder / "study.toml").arms.keys() == {"cross_entropy", "focal"}


def test_a_comparison_that_is_none(tmp_path):
    with pytest.raises(BadInput, match="cannot be read"):
        Comparison.read(tmp_path)
    (tmp_path / "comparison.json").write_text('{"format": 1}')
    with pytest.raises(BadInput, match="is damaged"):
        Comparison.read(tmp_path)
    (tmp_path / "comparison.json").write_text('{"format": 99}')
    with pytest.raises(BadInput, match="format 99"):
        Comparison.read(tmp_path)


@pytest.mark.parametrize(
    ("budget", "steps"),
    [
        (Budget("tokens", 5000.0), 50),
        (Budget("flops", 5e8), 100),
        (Budget("seconds", 10.0), 50),
        # A machine that takes three times as long for a plain step: a third of the steps.
        (Budget("seconds", 10.0, Reference("slow", 0.3)), 16),
        (Budget("tokens", 1.0), 1),
    ],
)
def test_steps_by_cost(budget, steps):
    assert steps_of(budget, COST, 0.1) == steps
    dearer = replace(COST, seconds=0.4)
    half = steps if budget.unit != "seconds" else steps // 2
    assert steps_of(budget, dearer, 0.1) == half


def test_second_models_scoring_and_rollouts_count():
    alone = flops_of_step(300, 1000, {})
    assert alone == 6 * 1000 * 300
    assert flops_of_step(300, 1000, {"reference": 1000}) == pytest.approx(alone * 4 / 3)
    assert flops_of_step(300, 1000, {}, scored={1000: 150.0}) == alone + 2 * 1000 * 150


def test_a_schedule_ends_with_its_own_steps():
    long = Recipe(steps=1000, schedule=Schedule(warmup=50))
    assert with_steps(long, 40).schedule.warmup == 4
    assert with_steps(long, 400).schedule.warmup == 50
    assert with_steps(Recipe(schedule=Schedule(warmup=0.1)), 7).schedule.warmup == 0.1


def test_a_dearer_arm_takes_fewer_steps(tmp_path):
    """In reference time, by the costs that were measured and kept."""
    budget = {"unit": "seconds", "amount": 0.05}
    given = study(text(tmp_path), budget=budget, tuning={"trials": 0}, seeds=1)
    found = compare(given, tmp_path / "out")
    plain_here = found.budget["step_seconds_here"]
    assert found.budget["reference"]["step_seconds"] == plain_here
    for arm in found.arms:
        assert arm.steps == max(int(0.05 / arm.cost.seconds * (1 + 1e-9)), 1)
        assert arm.recipe["steps"] == arm.steps
    assert found.arm("cross_entropy").cost.time_ratio == 1.0
    assert 0.3 < found.arm("focal").cost.time_ratio < 3


@given(
    trials=st.integers(1, 25),
    span=st.floats(1.5, 100),
    sizes=st.lists(st.integers(1, 6), max_size=3),
)
def test_every_arm_tries_the_same_rates_and_every_value_about_as_often(trials, span, sizes):
    grid = {f"knob{n}": tuple(range(size)) for n, size in enumerate(sizes)}
    usual = dict.fromkeys(grid, 0)
    made = points(trials, span, grid, usual)
    assert [one.rate for one in made] == rates(trials, span)
    assert len(made) == trials
    assert sum(one.rate == 1.0 for one in made) == 1
    assert next(one for one in made if one.rate == 1.0).knobs == usual
    logs = np.log([one.rate for one in made])
    assert np.ptp(np.diff(logs)) < 1e-9 if trials > 2 else True
    assert max(one.rate for one in made) <= span * (1 + 1e-9)
    for knob, values in grid.items():
        others = [one.knobs[knob] for one in made if one.rate != 1.0]
        counts = [others.count(value) for value in values]
        assert max(counts) - min(counts) <= 1
    assert made == points(trials, span, grid, usual), "nothing is drawn"


def test_knobs_are_not_in_line_with_the_rate():
    values = [one.knobs["k"] for one in points(13, 4.0, {"k": (1, 2, 3, 4)}, {"k": 2})]
    steps = [b - a for a, b in pairwise(values)]
    assert min(steps) < 0 < max(steps)


def test_edges_are_told():
    tried = points(5, 4.0, {"gamma": (0.5, 1.0, 2.0, 4.0)}, {"gamma": 2.0})
    assert edges("focal", tried[2], tried, 0.01) == ()
    low = next(one for one in tried if one.knobs["gamma"] == 0.5)
    said = edges("focal", low, tried, 0.01)
    assert "focal: the gamma chosen, 0.5, is the lowest tried." in said
    last = edges("focal", tried[-1], tried, 0.01)
    assert "focal: the learning rate chosen, 0.04, is the highest tried." in last
    words = points(3, 4.0, {"anchor": ("a", "b")}, {"anchor": "a"})
    assert edges("emo", words[1], words, 0.01) == ()


def arm(name, values, **changes):
    """An arm whose numbers are given."""
    recipe = {"objective": name, "tokenizer": "bytes"}
    given = {"bits_per_byte": tuple(values)}
    made = ArmResult(name, recipe, (), {}, (), 10, COST, given, (0.0,) * len(values))
    return replace(made, **changes)


def judged(tmp_path, *arms, **changes):
    names = {one.name: Arm({"objective": "focal"}) for one in arms}
    made = study(text(tmp_path), seeds=len(arms[0].seconds))
    tuning = replace(made.tuning, trials=changes.pop("trials", 5))
    made = replace(made, arms=names, baseline=arms[0].name, tuning=tuning, **changes)
    side = {"bits_per_byte": "lower", "accuracy": "higher"}
    return verdicts(made, arms, lambda name: side.get(name, ""))


BASE = [1.0, 1.1, 0.9, 1.05, 0.95, 1.0]
NOISE = np.array([0.01, -0.01, 0.02, -0.02, 0.005, -0.005])


def test_the_four_verdicts_and_their_sentences(tmp_path):
    lower, higher, like = np.array(BASE) - 0.3 + NOISE, np.array(BASE) + 0.3 + NOISE, BASE + NOISE
    found = judged(tmp_path, arm("a", BASE), arm("b", lower), arm("c", higher), arm("d", like))
    assert [one.word for one in found] == ["better", "worse", "no difference seen"]
    better, worse, none = (one.sentence for one in found)
    assert better.startswith("b is better than a: bits_per_byte −0.3 (95 % −0.31")
    assert "over 6 seeds, p " in better
    assert "after Holm over 3 arms." in better
    assert worse.startswith("c is worse than a: bits_per_byte +0.3")
    assert none.startswith("d and a: no difference seen in bits_per_byte 0")
    assert re.search(r"; a difference of 0\.0\d+ would have been found in 80 % of cases\.$", none)
    # Holm's strictest level asks for more than 95 % alone would.
    deviation = float(np.std(NOISE, ddof=1))
    assert found[2].smallest_effect > 1.43 * deviation
    same = judged(tmp_path, arm("a", BASE), arm("b", BASE))[0]
    assert same.smallest_effect is None
    assert same.sentence.endswith("so nobody knows what could have been seen.")
    few = judged(tmp_path, arm("a", BASE[:4]), arm("b", lower[:4]))[0]
    assert (few.word, "needs 5" in few.sentence) == ("too few seeds", True)
    one = judged(tmp_path, arm("a", BASE[:1]), arm("b", lower[:1]))[0]
    assert (one.word, one.low, one.p_t) == ("too few seeds", None, None)
    assert one.mean == pytest.approx(-0.29)


def test_untuned_fast_diverged_and_measures_without_a_side(tmp_path):
    lower = np.array(BASE) - 0.3 + NOISE
    said = judged(tmp_path, arm("a", BASE), arm("b", lower), trials=0)[0].sentence
    assert said.startswith("Untuned: b is better")
    look = judged(tmp_path, arm("a", BASE[:2]), arm("b", lower[:2]), fast=True)[0]
    assert (look.word, "never counts" in look.sentence) == ("quick look", True)
    gone = judged(tmp_path, arm("a", BASE), arm("b", [None, *BASE[1:]]), arm("c", lower))
    assert [one.word for one in gone] == ["diverged", "better"]
    assert "a training diverged" in gone[0].sentence
    base = arm("a", BASE, measures={"bits_per_byte": tuple(BASE), "entropy": tuple(BASE)})
    other = arm("b", BASE, measures={"bits_per_byte": tuple(BASE), "entropy": tuple(lower)})
    same, entropy = judged(tmp_path, base, other)
    assert (same.word, same.p_t) == ("no difference seen", 1.0)
    assert (entropy.word, entropy.primary) == ("lower", False)


def test_holm_takes_a_verdict_back(tmp_path):
    """p = 0.03 alone is a difference, and among ten arms it is none."""
    shift = np.array([0.2, 0.25, -0.03, 0.3, 0.1, 0.05])
    alone = judged(tmp_path, arm("a", BASE), arm("b", BASE + shift))
    assert alone[0].word == "worse"
    many = [arm(f"x{n}", BASE + NOISE * n) for n in range(1, 10)]
    found = judged(tmp_path, arm("a", BASE), arm("b", BASE + shift), *many)
    assert found[0].p_t == alone[0].p_t < 0.05 < found[0].p_adjusted
    assert found[0].word == "no difference seen"


def test_a_training_that_diverges_is_a_result(tmp_path, monkeypatch):
    def gone(*args, **settings):
        raise Diverged("loss", float("inf"), 3, 1.0, None)

    recipe = to_recipe(study(text(tmp_path)).recipe, steps=2)
    monkeypatch.setattr(training_module, "run", gone)
    assert judged_training(0, recipe=recipe) == {"diverged": 1.0}
    made = study(text(tmp_path))
    job = _study_arms.StudyJob(made, tmp_path, "", "", "")
    tried = points(3, 4.0, {}, {})
    rows = [
        Tried(0.25, {}, (1.0,), 1.0),
        Tried(1.0, {}, (None,), None),
        Tried(4.0, {}, (2.0,), 2.0),
    ]
    best = _study_arms._best(job, "focal", made.recipe, tried, rows)
    assert best.best.rate == 0.25
    with pytest.raises(LikelyError, match="diverged in every trial"):
        _study_arms._best(job, "focal", made.recipe, tried, rows[1:2] * 3)


def test_a_study_as_toml_and_everything_wrong_at_once(tmp_path):
    path = text(tmp_path)
    made = study(path, arms={
        "ce": "cross_entropy",
        "focal": {"objective": "focal", "grid": {"gamma": [1.0, 2.0]}},
        "wide": {"objective": "focal(gamma=1)", "optimizer": {"lr": 0.1}},
    }, baseline="ce")  # fmt: skip
    (tmp_path / "study.toml").write_text(to_toml(made))
    assert to_plain(load_study(tmp_path / "study.toml")) == to_plain(made)
    assert made.grid_of("focal") == {"gamma": (1.0, 2.0)}
    assert made.grid_of("wide") == {}
    assert made.recipe_of("wide").optimizer.lr == 0.1
    wrong = plain(
        path,
        arms={
            "a": "focl",
            "b": {"objective": "focal(gamma=1)", "grid": {"gamma": [-1.0], "beta": [1]}},
            "c": {"objective": "cross_entropy", "data": ["x"]},
            "d": "cross_entropy",
            "e": "cross_entropy()",
        },
        baseline="cross_entrpy",
        seeds=99,
        judges=["likelihod"],
        tuning={"trials": 3, "seeds": [5], "spam": 1},
    )
    with pytest.raises(BadSetting) as caught:
        build(wrong, "study")
    said = str(caught.value)
    for words in (
        "No objective is called 'focl'. Did you mean 'focal'?",
        "arms.b.grid.gamma: 'focal(gamma=1)' says it already",
        "gamma=-1.0 should be at least 0",
        "There is no setting 'beta'",
        "arms.c.data cannot be an arm's own",
        "arms.e is the same as arms.d",
        "baseline='cross_entrpy' is none of the arms.",
        "seeds=99 should be",
        "Did you mean 'likelihood'?",
        "tuning.seeds",
        "There is no field 'tuning.spam'",
    ):
        assert words in said, words
    with pytest.raises(BadSetting, match="needs two at least"):
        build({**plain(path), "arms": {"a": "focal"}}, "study")


def test_the_measure_that_decides_is_one_of_the_judges(tmp_path):
    with pytest.raises(BadSetting, match=r"primary='acuracy'.*Did you mean 'accuracy'"):
        study(text(tmp_path), primary="acuracy")
    assert study(text(tmp_path), primary="accuracy").primary == "accuracy"


def test_inputs_that_the_text_does_not_have(tmp_path):
    arms = {"cross_entropy": "cross_entropy", "dpop": "dpop"}
    with pytest.raises(BadSetting, match="compares pairs of answers"):
        study(text(tmp_path), arms=arms)
    arms["distilled"] = arms.pop("dpop").replace("dpop", "knowledge_distillation")
    said = lacking(study(text(tmp_path), arms=arms), {})
    assert len(said) == 1
    assert "arms.distilled: knowledge_distillation needs a second model in the role" in said[0]
    with pytest.raises(BadSetting, match="in the role 'teacher'"):
        compare(study(text(tmp_path), arms=arms), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_changed_text_stops_a_training(tmp_path):
    recipe = to_recipe(study(text(tmp_path)).recipe, steps=1)
    with pytest.raises(BadInput, match="data are not those"):
        judged_training(0, recipe=recipe, text="0000")


def test_knobs_in_words_that_bind_reads():
    said = with_knobs("goldfish(k=3, hash='official')", {"k": 8})
    assert bind(said).settings == {"k": 8, "context": 13, "hash": "official"}


def test_csv_of_a_training_that_diverged(whole):
    found, _ = whole
    gone = replace(found.arms[0], measures={"bits_per_byte": (None, 1.0, 1.0, 1.0, 1.0)})
    some = replace(found, arms=(gone, *found.arms[1:]))
    rows = list(csv.reader(io.StringIO(to_csv(some))))
    assert rows[1][4] == ""
    assert "--" in to_latex(some)


def test_trials_are_those_of_the_ledger(whole):
    """Kept by the same code, with the same fields, so that one reader serves both."""
    _, folder = whole
    for path in kept(folder):
        assert _trials.read(path) is not None


def test_a_corpus_too_small_for_three_parts(tmp_path):
    path = tmp_path / "small.txt"
    path.write_text("too little")
    with pytest.raises(BadInput, match="bytes"):
        study_text(Recipe(data=(str(path),)), 0.08, 0.12)
    assert Corpus("c", (Document("a", "x"),)).bytes == 1
