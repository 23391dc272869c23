"""Studies of recipes that read examples: pairs and answers, apart by prompt, judged by answers."""

import json
import random
from dataclasses import replace

import numpy as np
import pytest

from likely.core.errors import BadInput, BadSetting
from likely.core.vocabulary import Vocabulary
from likely.data.example import Example
from likely.data.examples import encode_examples
from likely.models.transformer import transformer
from likely.train import _study_examples
from likely.train._answers import asked_in, look
from likely.train._judges import usual_judges
from likely.train._lattice import Point
from likely.train._plans import plan_of, tokens_of_step
from likely.train._study_arms import _best
from likely.train._study_data import data_of, study_data, unequal
from likely.train._study_examples import study_examples
from likely.train._study_job import StudyJob
from likely.train.compare import compare
from likely.train.comparison import Comparison, Tried
from likely.train.exam import Exam
from likely.train.judge import sit
from likely.train.recipe import Recipe, load_recipe, to_toml
from likely.train.seen import seen_in
from likely.train.study import load_study, to_plain
from likely.train.study_material import StudyMaterial
from likely.train.trials.step_costs import step_costs
from tests.unit.tiny_studies import MODEL, plain, stay_inside, study

BYTES = Vocabulary.of_bytes()
ALIGN = {"dpo": "dpop(penalty=0, beta=0.3)", "r_dpo": "r_dpo(beta=0.3, alpha=0.01)"}
ADAPT = {"cross_entropy": "cross_entropy", "focal": "focal(gamma=2)"}


@pytest.fixture
def inside(monkeypatch):
    back = stay_inside(monkeypatch)
    yield
    back()


def examples(folder, kind, prompts=30, of_each=2):
    """Sums of digits with a right answer and a wrong one; several examples of each prompt."""
    draw = random.Random(0)
    rows = [(f"{n}+{n}=", str(2 * n), str(2 * n + k)) for n in range(prompts)
            for k in range(1, of_each + 1)]  # fmt: skip
    draw.shuffle(rows)
    path = folder / f"{kind}.jsonl"
    path.write_text("".join(json.dumps(
        {"prompt": p, "chosen": c, "rejected": r} if kind == "align"
        else {"prompt": p, "completion": c}
    ) + "\n" for p, c, r in rows))  # fmt: skip
    return path


def of(folder, kind, **changes):
    """A study of examples as plain data, judged by what its kind has by default."""
    given = plain(examples(folder, kind))
    arms = ALIGN if kind == "align" else ADAPT
    recipe = {**given["recipe"], "kind": kind, "objective": next(iter(arms.values()))}
    return {**given, "recipe": recipe, "arms": arms, "baseline": next(iter(arms)), **changes}


def made(folder, kind, **changes):
    return study("", **of(folder, kind, **changes))


def test_a_study_of_pairs_ends_with_verdicts_about_preferences(tmp_path, inside):
    given = made(tmp_path, "align", tuning={"trials": 2})
    assert (given.judges, given.primary) == (("answers",), "preferred")
    found = compare(given, tmp_path / "out")
    one = found.verdict("r_dpo")
    assert (one.measure, one.better, len(one.differences)) == ("preferred", "higher", 5)
    assert one.word in ("better", "worse", "no difference seen")
    measures = {"preferred", "answer_nats_per_token", "answer_bits_per_byte", "answer_accuracy",
                "rejected_nats_per_token"}  # fmt: skip
    assert set(found.measures) == measures
    assert found.things == "examples"
    assert found.text["test"]["examples"] == 6
    cost = found.arm("dpo").cost
    # The reference, a copy of the model, is read forward beside it.
    assert cost.flops == 8 * cost.parameters * cost.tokens
    assert cost.memory > cost.plain_memory
    assert found.arm("dpo").steps == int(320 / cost.tokens)
    recipe = load_recipe(tmp_path / "out" / "recipes" / "0-dpo.toml")
    assert (recipe.kind, recipe.objective) == ("align", "dpop(penalty=0, beta=0.3)")
    (seen, *_) = seen_in(tmp_path / "out", found)["dpo"]
    assert len(seen.samples) == 3
    assert all(int(row["prompt"].split("+")[0]) * 2 == int(row["real"]) for row in seen.samples)
    assert Comparison.read(tmp_path / "out") == compare(given, tmp_path / "out")
    assert to_plain(load_study(tmp_path / "out" / "study.toml")) == to_plain(given)


def test_a_study_of_answers_has_references_too(tmp_path, inside):
    asked = tmp_path / "asked.jsonl"
    asked.write_text(
        "".join(f'{{"prompt": "{n}+1=", "completion": "{n + 1}"}}\n' for n in range(4))
    )
    material = {"references": str(asked)}
    judges = ["answers", "rouge"]
    assert usual_judges(StudyMaterial(**material), "adapt") == ("answers", "bleu", "rouge")
    given = made(tmp_path, "adapt", material=material, judges=judges, tuning={"trials": 0}, seeds=2)
    found = compare(given, tmp_path / "out")
    assert found.primary == "answer_nats_per_token"
    assert set(found.measures) == {
        "answer_nats_per_token", "answer_bits_per_byte", "answer_accuracy", "rougeL"
    }  # fmt: skip
    assert found.text["questions"]["test"] == {"referenced": 2}
    assert found.arm("focal").cost.flops == 6 * found.arm("focal").cost.parameters * (
        found.arm("focal").cost.tokens
    )


def test_of_trials_that_prefer_as_many_the_usual_rate_is_taken(tmp_path):
    job = StudyJob(made(tmp_path, "align"), tmp_path / "out", "", "", "")
    tried = [Point(rate, {}) for rate in (0.25, 1.0, 4.0)]
    for means, rate in (((0.5, 0.5, 0.5), 1.0), ((0.5, 0.5, 0.75), 4.0), ((0.5, None, 0.25), 0.25)):
        rows = [Tried(one.rate, {}, (mean,), mean) for one, mean in zip(tried, means, strict=True)]
        recipe = job.study.recipe_of("dpo")
        assert _best(job, "dpo", recipe, tried, rows).best.rate == rate


def forget():
    """As a process that has read no examples yet."""
    _study_examples._parts.cache_clear()
    _study_examples._encoded.cache_clear()


def test_the_split_leaks_no_prompt_and_is_the_same_for_all(tmp_path):
    path = examples(tmp_path, "align", prompts=50, of_each=3)
    recipe = Recipe(kind="align", data=(str(path),), length=32)
    found = study_examples(recipe, 0.1, 0.2)
    parts = (found.train, found.tuning, found.test)
    asked = [set(asked_in(part, 1000).prompts) for part in parts]
    assert [len(one) for one in asked] == [35, 5, 10]
    assert len(set().union(*asked)) == 50
    assert [len(part) for part in parts] == [105, 15, 30]
    again = study_examples(replace(recipe, seed=7, length=64, steps=3), 0.1, 0.2)
    assert again.test.names == found.test.names
    assert again.key == found.key
    assert study_data(recipe, 0.1, 0.2).exam("test").answers is found.test
    assert found.exam("tuning").answers is found.tuning


def test_examples_without_prompts_are_apart_by_what_they_say(tmp_path):
    path = tmp_path / "texts.jsonl"
    path.write_text("".join(json.dumps({"text": f"line {n % 20}"}) + "\n" for n in range(40)))
    found = study_examples(Recipe(kind="adapt", data=(str(path),)), 0.1, 0.1)
    texts = [{*asked_in(part, 99).wanted} for part in (found.train, found.tuning, found.test)]
    assert [len(one) for one in texts] == [16, 2, 2]
    assert len(set().union(*texts)) == 20


def test_tokens_of_a_step_are_those_of_its_batches(tmp_path):
    path = examples(tmp_path, "align")
    recipe = Recipe(kind="align", data=(str(path),), length=32, rows=4)
    train = study_examples(recipe, 0.1, 0.2).train
    plan = plan_of(recipe, train, recipe.rows)
    epoch = len(train) // 4
    read = sum(int((plan.batch(n).segment >= 0).sum()) for n in range(epoch))
    assert tokens_of_step(recipe, train) == pytest.approx(read / epoch, abs=1)
    assert tokens_of_step(replace(recipe, accumulate=3), train) == pytest.approx(
        3 * read / epoch, abs=2
    )


def test_costs_of_pairs_count_the_reference(tmp_path):
    path = examples(tmp_path, "align")
    dpo = Recipe(kind="align", model=MODEL, data=(str(path),), length=16, rows=2)
    plain_step = replace(dpo, kind="adapt", objective="cross_entropy")
    found = step_costs(0, recipes=tuple(map(to_toml, (plain_step, dpo))), seconds=0.0)
    assert found["second_parameters"] == [0.0, found["parameters"][1]]
    assert found["tokens"][0] == found["tokens"][1]


def test_the_judge_says_what_a_look_says():
    reader = transformer(BYTES, layers=1, width=8, heads=2, context=16)
    pairs = [Example(str(n), f"{n}+{n}=", (str(2 * n), str(2 * n + 1))) for n in range(9)]
    held_out = encode_examples(pairs, BYTES)
    found, looked = sit(reader, Exam(answers=held_out), ["answers"]), look(reader, held_out, 5)
    assert np.mean(found["preferred"]) == looked["preferred"]
    assert len(found["preferred"]) == 9
    for name in ("nats_per_token", "bits_per_byte", "accuracy"):
        assert found[f"answer_{name}"] == pytest.approx(looked[name], rel=1e-6)
    rejected = encode_examples([replace(p, answers=p.answers[1:]) for p in pairs], BYTES)
    assert found["rejected_nats_per_token"] == pytest.approx(
        look(reader, rejected, 5)["nats_per_token"], rel=1e-6
    )
    with pytest.raises(BadInput, match="The judge 'likelihood' needs 'test'"):
        sit(reader, Exam(answers=held_out), ["likelihood"])


def wrong(folder, kind="align", **changes):
    with pytest.raises(BadSetting) as caught:
        made(folder, kind, **changes)
    return " ".join(caught.value.problems)


def test_what_does_not_go_together_is_said(tmp_path):
    mixed = {"one": "dpop", "other": {"kind": "adapt", "objective": "cross_entropy"}}
    assert "kind='adapt' reads something else than kind='align'" in wrong(
        tmp_path, arms=mixed, baseline="one"
    )
    both = {"kind": "adapt", "objective": "cross_entropy"}
    said = wrong(tmp_path, "sharpen", arms={"one": both, "two": {**both, "objective": "focal"}},
                 baseline="one")  # fmt: skip
    assert "kind='sharpen' draws its own answers" in said
    assert "judges: 'likelihood' needs text that no model was trained on, which recipes of kind "\
        "'align' do not read: take 'answers'" in wrong(tmp_path, judges=["likelihood"])  # fmt: skip
    with pytest.raises(BadSetting, match=r"'answers' needs prompts with answers .* of kind "
                       "'pretrain' do not read: take 'likelihood'"):  # fmt: skip
        study(tmp_path / "text.txt", judges=["answers"])
    assert "give --references" in wrong(tmp_path, judges=["answers", "rouge"])
    for field, value in (("planted", 2), ("task", "arithmetic(digits=1)"), ("features", "folder")):
        said = wrong(tmp_path, material={field: value})
        assert f"material.{field} stands beside plain text" in said
    assert "Did you mean 'preferred'?" in wrong(tmp_path, primary="prefered")


def test_too_few_prompts_and_the_wrong_file(tmp_path):
    path = examples(tmp_path, "align", prompts=5)
    with pytest.raises(
        BadInput, match=r"10 examples have 5 different prompts, .*: give 13 at least"
    ):
        study_examples(Recipe(kind="align", data=(str(path),)), 0.08, 0.12)
    given = of(tmp_path, "align")
    answers = examples(tmp_path, "adapt")
    given["recipe"]["data"] = [str(answers)]
    with pytest.raises(BadInput, match="take kind='adapt'"):
        data_of(study("", **given))


def test_arms_must_hold_the_same_examples(tmp_path):
    arms = {"long": {"length": 16}, "short": {"length": 4, "model": MODEL, "rows": 3}}
    given = made(tmp_path, "adapt", arms=arms, baseline="long")
    assert unequal(given) == []
    path = tmp_path / "adapt.jsonl"
    path.write_text(path.read_text() + '{"prompt": "a", "completion": "1234567"}\n')
    forget()
    (said,) = unequal(given)
    assert "arms.short and arms.long do not hold the same examples" in said


def test_what_another_file_says_is_another_study(tmp_path):
    given = made(tmp_path, "align")
    before = data_of(given).key
    path = tmp_path / "align.jsonl"
    path.write_text(path.read_text().replace('"chosen": "8"', '"chosen": "7"'))
    forget()
    assert data_of(given).key != before
