"""The page of a comparison: the answer first, every number, nothing fetched, nothing unescaped."""

import json
import re
from dataclasses import asdict, replace
from html.parser import HTMLParser

import pytest

from likely.apps.report import render_comparison, write_comparison
from likely.apps.report._answer import headline, limits, sentences
from likely.apps.report._methods import methods
from likely.core.errors import BadInput
from likely.train._study_verdicts import figure
from likely.train.comparison import Comparison
from likely.train.seen import seen_in
from tests.unit.comparisons import comparison, seen

EVIL = '<script>alert("x")</script>'
VOID = {"meta", "br", "input", "link", "img", "hr"}


class Checker(HTMLParser):
    """Tags that close what they open, and nothing from elsewhere."""

    def __init__(self):
        super().__init__()
        self.open, self.outside, self.words = [], [], []

    def handle_starttag(self, tag, attrs):
        if tag not in VOID:
            self.open.append(tag)
        for name, value in attrs:
            inside = name == "href" and str(value).startswith("#")
            if name in ("src", "href", "srcset", "data") and not inside:
                self.outside.append((tag, name, value))

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)


def read(text):
    checker = Checker()
    checker.feed(text)
    assert not checker.open
    assert not checker.outside
    return " ".join(" ".join(checker.words).split())


def test_the_page_is_whole_and_holds_every_number_of_the_json():
    found = comparison()
    page = render_comparison(found, seen(found))
    words = read(page)
    for one in found.verdicts:
        assert one.sentence in words or not one.primary
        assert figure(one.mean, sign=True) in page
    for arm in found.arms:
        for measure in arm.measures:
            assert figure(arm.mean(measure)) in words
        assert f"{arm.cost.time_ratio:.2f}" in words
        assert f"{arm.cost.memory_ratio:.2f}" in words
        assert arm.edges[0] in words
    for said in (*found.notes, *methods(found), *limits(found), headline(found)):
        assert said in words
    assert "8,034,901 bytes" in words
    assert "7ebb78dab4307334" in words
    assert words.count("what it wrote") == 3
    assert page.count('class="line c-arm1 thin') == 2
    assert page.count('class="line c-arm1 bold') == 1
    assert not re.search(r"https?://|url\(|@import", page)


def test_names_and_texts_cannot_break_out():
    found = comparison()
    arms = tuple(replace(arm, edges=(EVIL,)) for arm in found.arms)
    page = render_comparison(replace(found, notes=(EVIL,), arms=arms), seen(found, EVIL))
    assert EVIL not in page
    assert page.count("&lt;script&gt;alert") >= 7
    read(page)


def test_the_answer_comes_first():
    assert headline(comparison()) == (
        "Use focal: bits_per_byte is 0.314 better than with cross_entropy"
    )
    untuned = comparison(tuned=False)
    assert headline(untuned).endswith(", untuned")
    first = read(render_comparison(untuned, {}))
    assert "Nothing was tuned: every arm took the settings of its recipe." in first
    none = comparison(words=("no difference seen", "worse"))
    assert headline(none) == "Keep cross_entropy: nothing was seen to be better in bits_per_byte"
    said = " ".join(sentences(none))
    assert "goldfish is worse; no difference was seen with focal" in said
    assert "a true difference below about 0.0237 in bits_per_byte could have stayed unseen" in said
    assert "dearest arm is goldfish: a step takes 1.25 ×" in said
    few = comparison(words=("too few seeds", "too few seeds"))
    assert headline(few).startswith("Too few seeds to say what to use")
    quick = comparison(fast=True)
    assert headline(quick) == "A quick look: no verdict on what to use"
    assert "unseen" not in " ".join(sentences(quick))


def test_arms_that_diverged_and_measures_of_one_arm_do_not_break_the_page():
    found = comparison(words=("better", "diverged"))
    blank = dict.fromkeys(("mean", "low", "high", "p_t", "p_sign", "p_adjusted"))
    blank |= {"smallest_effect": None, "seeds_for_half": None, "differences": ()}
    verdicts = tuple(
        replace(v, **blank, word="diverged") if v.arm == "goldfish" else v for v in found.verdicts
    )
    arms = list(found.arms)
    arms[2] = replace(arms[2], measures={"bits_per_byte": (None, 4.0, 4.0, 4.0, 4.0)})
    words = read(render_comparison(replace(found, verdicts=verdicts, arms=tuple(arms)), {}))
    assert "goldfish diverged, so that there is no verdict" in words


def test_seeds_that_all_agree_do_not_break_the_page():
    found = comparison(words=("no difference seen", "no difference seen"))
    same = tuple(replace(v, smallest_effect=None) for v in found.verdicts)
    words = read(render_comparison(replace(found, verdicts=same), {}))
    assert "Sign-flip p 0.062." in words
    assert "smallest effect" not in words


def test_methods_of_a_tuned_study():
    text = " ".join(methods(comparison()))
    for said in (
        "We compared focal and goldfish with cross_entropy as the baseline, by bits_per_byte",
        "The training text (embedded) had 8,034,901 bytes (1,100 tokens in 10 documents)",
        "Every arm trained transformer from random weights by adamw (weight decay 0.1",
        "a budget of 30,000 tokens, which bought 58 steps in every arm",
        "Every arm had 3 trials over a logarithmic grid of learning rates, from 1/4 to 4 times",
        "with seed 1000, which no verdict used",
        "trained with 5 seeds",
        "adjusted by Holm over 2 comparisons",
        "a true difference of 0.0237 in bits_per_byte would have been found in 80 % of cases",
        "2.1 CPU-minutes on cpu (Linux x86_64), with likely 0.1.0, PyTorch 2.13.0 and Python",
    ):
        assert said in text
    for never in ("None", "second model", "commit", "  ", " ,", "..", "{"):
        assert never not in text


def test_methods_of_an_untuned_study_and_of_a_quick_look():
    text = " ".join(methods(comparison(tuned=False)))
    assert "Nothing was tuned: the learning rate 0.012 was that of the recipe." in text
    assert "trials over" not in text
    quick = " ".join(methods(comparison(fast=True, tuned=False)))
    assert "This was a quick look, and no verdict was drawn from it." in quick
    assert "80 %" not in quick
    assert "Holm" not in quick


def test_methods_with_a_second_model_and_other_budgets():
    found = comparison(roles={"goldfish": {"reference": "small-model"}})
    text = " ".join(methods(found))
    assert "A second model was read in training by goldfish (reference small-model)" in text
    flops = replace(found, budget={**found.budget, "unit": "flops", "amount": 3e12})
    assert "a budget of 3e+12 floating-point operations" in " ".join(methods(flops))
    seconds = replace(found, budget={**found.budget, "unit": "seconds", "amount": 60.0})
    assert "60 seconds of the machine that it ran on, on which a step" in " ".join(methods(seconds))
    steps = replace(found, arms=(found.arms[0], replace(found.arms[1], steps=40), found.arms[2]))
    assert "58 steps of cross_entropy, 40 steps of focal and 58 steps of goldfish" in " ".join(
        methods(steps)
    )


def test_methods_of_a_study_with_material():
    found = comparison()
    assert "Beside the text" not in " ".join(methods(found))
    before = {name: value for name, value in found.study.items() if name != "material"}
    assert methods(replace(found, study=before)) == methods(found), "written before there was any"
    material = {"planted": 8, "repeats": [0, 4], "length": 60, "task": "facts", "features": "near"}
    asked = {"tuning": {"planted": 8, "task": 1}, "test": {"planted": 8, "task": 1}}
    study, text = {**found.study, "material": material}, {**found.text, "questions": asked}
    assert (
        "Beside the text, and the same in all trainings: 8 passages of 60 bytes, of shuffled words "
        "of the text, were planted into the training text 0 and 4 times each; the training "
        "documents of the task facts were added to the training text; texts were compared by "
        "hidden states of near. Verdicts rest on 8 passages and 1 question, which tuning never "
        "asked."
    ) in " ".join(methods(replace(found, study=study, text=text)))


def test_parameters_stand_beside_other_costs():
    found = comparison()
    assert "492 k" not in read(render_comparison(found, {}))
    first = replace(found.arms[0], cost=replace(found.arms[0].cost, parameters=492_160))
    page = read(render_comparison(replace(found, arms=(first, *found.arms[1:])), {}))
    assert "parameters" in page
    assert "492 k" in page


def test_methods_of_a_model_that_had_learned_already():
    found = comparison()
    start = {"start": "hub:some/model", "lora": {"rank": 8}, "kind": "adapt"}
    arms = tuple(replace(arm, recipe={**arm.recipe, **start}) for arm in found.arms)
    text = " ".join(methods(replace(found, arms=arms)))
    assert "by the tokenizer of hub:some/model;" in text
    assert (
        "Every arm trained hub:some/model, which had learned already, through low-rank adapters of "
        "rank 8 (kind of run: adapt) by adamw" in text
    )
    assert "random weights" not in text


def test_a_page_is_written_beside_what_the_study_kept(tmp_path):
    found = comparison()
    (tmp_path / "seen").mkdir()
    for arm, some in seen(found).items():
        for one in some:
            path = tmp_path / "seen" / f"{arm}.{one.seed}.json"
            path.write_text(json.dumps({"format": 1, **asdict(one)}))
    found.write(tmp_path / "comparison.json")
    again = Comparison.read(tmp_path)
    assert seen_in(tmp_path, again) == seen(found)
    written = write_comparison(again, tmp_path / "report.html")
    assert written.read_text(encoding="utf-8") == render_comparison(found, seen(found))
    (tmp_path / "other").mkdir()
    elsewhere = write_comparison(again, tmp_path / "other" / "r.html", folder=tmp_path)
    assert elsewhere.read_text() == written.read_text()
    (tmp_path / "seen" / "focal.0.json").write_text("{}")
    with pytest.raises(BadInput, match="this file is damaged"):
        write_comparison(again, tmp_path / "report.html")
