"""Material of a study: planted, asked and halved, so that tuning never sees what verdicts ask."""

import json
from dataclasses import replace

import pytest

from likely.core.errors import BadInput, BadSetting, LikelyError
from likely.core.vocabulary import Vocabulary
from likely.data.corpus import Corpus, Document
from likely.data.tokens import encode
from likely.models.feed_forward import feed_forward
from likely.models.ngram import ngram
from likely.train import _judges, _study_questions, _study_text
from likely.train._references import references_in
from likely.train._study_check import lacking
from likely.train._study_job import StudyJob, begin
from likely.train._study_questions import with_material
from likely.train._study_text import cut_passages, study_text
from likely.train.compare import compare
from likely.train.comparison import Comparison
from likely.train.judge import allowed
from likely.train.recipe import to_toml as recipe_to_toml
from likely.train.study import load_study, to_plain, to_toml
from likely.train.study_material import StudyMaterial, parse_material
from likely.train.study_material import to_toml as material_to_toml
from likely.train.trials import judged_training as training_module
from likely.train.trials.judged_training import judged_training
from tests.unit.tiny_studies import plain, stay_inside, study, text

PLANTED = {"planted": 2, "repeats": (0, 1, 4), "length": 15}
TASK = "arithmetic(digits=1, documents=20, held_out=10)"


@pytest.fixture(autouse=True)
def inside(monkeypatch):
    back = stay_inside(monkeypatch)
    yield
    back()


def lines(path, *rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


def references(folder, name="wanted.jsonl", count=6):
    rows = [{"prompt": f"the cat {n} ", "completion": f"sat on mat {n}"} for n in range(count)]
    return lines(folder / name, *rows, {**rows[0], "completion": "ran"})


def model(folder, seed=1):
    feed_forward(Vocabulary.of_bytes(), width=4, seed=seed).save(folder / "model")
    return str(folder / "model")


def of(given, **changes):
    """The text of a study with other material."""
    material = replace(given.material, **changes)
    return study_text(given.recipe, given.tuning.share, given.held_out, material)


def test_passages_and_documents_are_learned_and_questions_are_halved(tmp_path):
    words = Corpus("words", tuple(Document(str(n), f"the cat sat on mat {n}") for n in range(9)))
    material = StudyMaterial(**PLANTED, task=TASK, references=references(tmp_path))
    grown, asked = with_material(words, material)
    tuning, test = asked["tuning"], asked["test"]
    texts = [document.text for document in grown]
    for part in (tuning, test):
        assert sorted(one.repeats for one in part.planted) == [0, 1, 4]
        assert all(texts.count(one.text) == one.repeats for one in part.planted)
        assert not {one.text for one in part.task.held_out} & set(texts)
        assert part.counts == {"planted": 3, "task": 5, "referenced": 3}
    assert not set(tuning.planted) & set(test.planted)
    assert not set(tuning.task.prompts) & set(test.task.prompts)
    assert not set(tuning.referenced.prompts) & set(test.referenced.prompts)
    wanted = dict(
        pair
        for part in (tuning, test)
        for pair in zip(part.referenced.prompts, part.referenced.wanted, strict=True)
    )
    assert wanted["the cat 0 "] == ("sat on mat 0", "ran")
    assert len(grown) == 9 + 2 * (1 + 4) + 20
    assert [d.text for d in with_material(words, material)[0]] == texts, "nothing is drawn anew"


def test_a_conversation_asks_by_all_turns_but_the_last(tmp_path):
    def talk(*texts):
        return {"messages": [{"role": r, "content": t} for r, t in texts]}

    path = lines(
        tmp_path / "talk.jsonl",
        talk(("user", "2+2?"), ("assistant", "4")),
        talk(("user", "Hi."), ("assistant", "Hello."), ("user", "Bye."), ("assistant", "See you.")),
    )
    assert references_in(path) == {
        "user:\n2+2?\n\nassistant:\n": ("4",),
        "user:\nHi.\n\nassistant:\nHello.\n\nuser:\nBye.\n\nassistant:\n": ("See you.",),
    }


@pytest.fixture
def whole(tmp_path):
    """A study with everything, its folder, and what it is called in trials."""
    given = {**PLANTED, "task": TASK, "references": references(tmp_path)}
    return study(text(tmp_path), material={**given, "features": model(tmp_path)})


def test_judges_of_every_part_sit(whole):
    exam = of(whole).exam("test")
    assert {"memorisation", "task_accuracy", "pass_at_k", "bleu", "rouge"} <= set(allowed(exam))
    judges = ("memorisation", "task_accuracy", "pass_at_k(k=(1,), samples=1)", "bleu", "rouge",
              "mauve(buckets=2, redo=1)")  # fmt: skip
    found = judged_training(
        0,
        recipe=recipe_to_toml(replace(whole.recipe, steps=1)),
        judges=judges,
        material=material_to_toml(whole.material),
    )
    assert len(found["memorised_whole"]) == 2
    assert len(found["memorised_bytes_after_4"]) == len(found["control_bytes"]) == 1
    assert len(found["task_accuracy"]) == 5
    assert len(found["rougeL"]) == 3
    assert set(found) >= {"pass_at_1", "bleu", "mauve", "memorised_bytes_after_1"}


def test_tuning_never_asks_what_verdicts_ask(whole, monkeypatch):
    seen = {}

    def judged(model, judges, exam, seed, features):
        seen[seed] = exam
        return {"bits_per_byte": 1.0}

    monkeypatch.setattr(training_module, "judged", judged)
    for seed, part in enumerate(("tuning", "test")):
        given = {"material": material_to_toml(whole.material), "part": part}
        judged_training(seed, recipe=recipe_to_toml(replace(whole.recipe, steps=1)), **given)
    tuning, test = seen[0], seen[1]
    assert not {p.text for p in tuning.planted} & {p.text for p in test.planted}
    assert not set(tuning.task.prompts) & set(test.task.prompts)
    assert not set(tuning.referenced.prompts) & set(test.referenced.prompts)
    assert tuning.train is test.train, "both learned from the same text"


def test_a_planted_study_ends_with_memory_by_repeats(tmp_path):
    """Tuned by what is remembered of one half of the passages, judged by the other."""
    given = study(
        text(tmp_path),
        material=PLANTED,
        judges=["likelihood", "memorisation"],
        primary="memorised_bytes",
        seeds=2,
        tuning={"trials": 1},
    )
    compare(given, tmp_path / "out")
    found = Comparison.read(tmp_path / "out")
    for arm in found.arms:
        assert {"memorised_whole_after_4", "memorised_bytes_after_1", "control_bytes"} <= set(
            arm.measures
        )
        assert all(len(values) == 2 for values in arm.measures.values())
        assert arm.cost.parameters > 0
    assert found.text["questions"] == {part: {"planted": 3} for part in ("tuning", "test")}
    assert found.study["material"]["planted"] == 2
    plain = json.loads((tmp_path / "out" / "comparison.json").read_text())
    for arm in plain["arms"]:
        arm["cost"].pop("parameters")
    del plain["study"]["material"]
    (tmp_path / "out" / "comparison.json").write_text(json.dumps(plain))
    assert Comparison.read(tmp_path / "out").arms[0].cost.parameters == 0, "written before"


def test_key_and_name_of_a_trial_change_with_all_of_it(whole, tmp_path):
    def name(**changes):
        given = replace(whole, material=replace(whole.material, **changes))
        job = StudyJob(given, tmp_path, "text", "code", "")
        return job.training("focal", given.recipe, 0, tuning=False).path.name

    changes = (
        {},
        {"planted": 0},
        {"planted": 3},
        {"repeats": (0, 1, 5)},
        {"length": 14},
        {"task": ""},
        {"task": TASK.replace("20", "21")},
        {"references": ""},
        {"references": references(tmp_path, "other.jsonl", 7)},
        {"features": ""},
    )
    assert len({of(whole, **one).key for one in changes}) == len(changes)
    assert len({name(**one) for one in changes}) == len(changes)
    none = study_text(whole.recipe, whole.tuning.share, whole.held_out)
    nothing = of(whole, planted=0, task="", references="", features="")
    assert none.key == nothing.key
    assert name() == name()


def test_a_study_does_not_go_on_with_other_files(whole, tmp_path):
    begin(whole, tmp_path / "out", of(whole).sizes, "code")
    for change in (lambda: references(tmp_path, count=8), lambda: model(tmp_path, seed=2)):
        change()
        _study_text._grown.cache_clear()
        _study_text._encoded.cache_clear()
        _study_questions.features_of.cache_clear()
        with pytest.raises(BadInput, match="data are not those that this study began with"):
            begin(whole, tmp_path / "out", of(whole).sizes, "code")
        references(tmp_path)
        model(tmp_path)


def test_material_as_toml_and_studies_from_before_there_was_any(whole, tmp_path):
    path = tmp_path / "study.toml"
    path.write_text(to_toml(whole))
    assert to_plain(load_study(path)) == to_plain(whole)
    assert load_study(path).quick().material == whole.material
    assert parse_material(material_to_toml(whole.material)) == whole.material
    assert material_to_toml(StudyMaterial()) == ""
    old = study(text(tmp_path))
    path.write_text(to_toml(old).partition("[material]")[0])
    assert "[material]" not in path.read_text()
    assert to_plain(load_study(path)) == to_plain(old)


@pytest.mark.parametrize(
    ("judge", "said"),
    [
        ("memorisation", r"needs passages planted in .* text: give --plant or \[material\] plant"),
        ("pass_at_k", r"needs a task whose .*: give --task or \[material\] task\."),
        ("task_accuracy", r"needs a task whose .*: give --task or \[material\] task\."),
        ("mauve", r"needs a model whose .*: give --features or \[material\] features\."),
        ("bleu", r"needs prompts with .*: give --references or \[material\] references\."),
        ("rouge", r"needs prompts with .*: give --references or \[material\] references\."),
    ],
)
def test_a_judge_without_its_material_says_what_to_give(tmp_path, judge, said):
    with pytest.raises(BadSetting, match=f"judges: '{judge}' {said}"):
        study(text(tmp_path), judges=["likelihood", judge])


def test_usual_judges_are_those_whom_material_allows(monkeypatch):
    def usual(**given):
        return _judges.usual_judges(StudyMaterial(**given))

    assert usual() == ("likelihood",)
    assert usual(planted=8) == ("likelihood", "memorisation")
    assert usual(task="arithmetic") == ("likelihood", "pass_at_k", "task_accuracy")
    monkeypatch.setattr(_judges, "find_spec", lambda name: None if name == "sacrebleu" else name)
    assert usual(references="a.jsonl", features="b") == ("likelihood", "mauve", "rouge")


def test_a_library_that_is_not_here_is_told_before_anything_is_trained(whole, monkeypatch):
    monkeypatch.setattr(_judges, "find_spec", lambda name: None)
    assert lacking(replace(whole, judges=("likelihood", "bleu")), {}) == [
        "judges: 'bleu' needs sacrebleu, which is not installed: pip install \"likely[metrics]\", "
        "or leave it out."
    ]


@pytest.mark.parametrize(
    ("material", "said"),
    [
        ({"planted": -1}, "material.planted=-1 should be at least 0"),
        ({"planted": 1}, "material.planted=1 should be 0 or at least 2"),
        ({"planted": 2, "repeats": [0]}, "material.repeats=[0] should hold a number above 0"),
        ({"planted": 2, "length": 3}, "material.length=3 should be at least 8"),
        ({"task": "arithmetc"}, "Did you mean 'arithmetic'?"),
        ({"task": "arithmetic(digit=2)"}, "There is no setting 'digit'. Did you mean 'digits'?"),
        ({"task": "arithmetic(digits=1, documents=5000)"}, "allow 100 different problems"),
        ({"task": "arithmetic(digits=1, documents=5, held_out=1)"}, "held_out=1 should be at leas"),
        ({"task": "markov"}, "'markov' asks nothing that could be answered"),
        ({"plantd": 2}, "There is no field 'material.plantd'. Did you mean 'planted'"),
    ],
)
def test_what_is_wrong_with_material_is_told_when_a_study_is_made(tmp_path, material, said):
    with pytest.raises(BadSetting) as caught:
        study(text(tmp_path), material=material)
    assert said in str(caught.value)


def test_a_wrong_field_has_its_line(tmp_path):
    path = tmp_path / "study.toml"
    path.write_text(to_toml(study(text(tmp_path))).replace('task = ""', 'task = "nothing"'))
    with pytest.raises(BadSetting, match=r"line \d+: material\.task: No task is called 'nothing'"):
        load_study(path)


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([{"text": "no prompt"}], "there is no prompt that a reference answers"),
        ([{"prompt": "a", "completion": " "}], "the answer is empty"),
        ([{"prompt": "a", "completion": "b"}] * 2, "holds one prompt"),
        ([{"prompt": "a", "chosen": "b", "rejected": "c"}], "one answer that is wanted"),
        ([{"prompt": "a"}], "there is a prompt and nothing to learn from it"),
        ([{"messages": [{"role": "assistant", "content": "b"}]}], "behind a turn that asks"),
    ],
)
def test_references_that_are_none(tmp_path, rows, said):
    path = lines(tmp_path / "wanted.jsonl", *rows)
    with pytest.raises(BadInput, match=rf"^material\.references: .*wanted\.jsonl.*{said}"):
        references_in(path)


def test_files_that_are_not_there_or_are_no_model(tmp_path):
    given = study(text(tmp_path))
    with pytest.raises(BadInput, match=r"^material\.references: .*nowhere\.jsonl"):
        of(given, references="nowhere.jsonl")
    for folder in ("nowhere", str(tmp_path)):
        with pytest.raises(BadInput, match=rf"^material\.features: {folder}"):
            of(given, features=folder)
    tokens = encode(Corpus("c", (Document("a", "one two"),)), Vocabulary.of_bytes())
    ngram(tokens, tokens, order=2).save(tmp_path / "counted")
    with pytest.raises(LikelyError, match="of kind 'ngram', which has no hidden states"):
        of(given, features=str(tmp_path / "counted"))


def test_passages_that_no_window_holds(tmp_path):
    given = study(text(tmp_path), material={"planted": 2, "length": 40})
    with pytest.raises(BadSetting) as caught:
        compare(given, tmp_path / "out")
    assert (
        "arms.focal: a planted passage of material.length=40 bytes is 41 tokens with its end, and "
        "a window holds length=16"
    ) in str(caught.value)
    assert not (tmp_path / "out").exists()
    longer = plain(text(tmp_path))["recipe"] | {"length": 48}
    assert not cut_passages(
        study(text(tmp_path), material={"planted": 2, "length": 40}, recipe=longer)
    )
