"""Claims: everything wrong is told at once; whatever changes in one, its key changes."""

import copy
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

from likely.core.errors import BadInput, BadSetting, UnknownName
from likely.train.claim import load_claim
from likely.train.claims import claims, claims_folder, files, find_claim
from tests.unit import toy_claims
from tests.unit.toy_claims import CLAIM, TUNING, write

ROOT = Path(__file__).parents[2]

WRONG = """claim = "x"
titel = "y"
source = 5
entry = "objectives.goldfsh"
trial = "toy"
data = "d"
seeds = 0
cpu_minutes = -1
note = ""
[settings]
noisy = 2
[arms.plain]
rate = 3
[arms.shifted]
about = "half"
shift = "much"
[tuning]
grid.rate = [1, "a"]
grid.noise = 3
measure = "loss"
best = "low"
seeds = [3]
[fast]
sedes = 2
settings.pause = "x"
[[decisions]]
says = "one"
measure = "score"
arm = "shiftd"
against = "plane"
side = "above"
margin = 0.25
[[decisions]]
says = "two"
measure = "score"
arm = "shifted"
against = "shifted"
side = "abov"
[[decisions]]
says = "three"
measure = "score"
arm = "shifted"
against = 0.5
against_measure = "loss"
side = "below"
margin = 0
"""
SAID = [
    "  - title must be given: text.",
    "line 2: There is no field 'titel'. Did you mean 'title'",
    "line 3: source=5 should be text, not a whole number.",
    "line 4: entry='objectives.goldfsh' is no entry. Did you mean 'objectives.goldfish'",
    "line 7: seeds=0 should be at least 1.",
    "line 8: cpu_minutes=-1 should be more than 0",
    "line 11: settings.noisy: There is no setting 'noisy'. Did you mean 'noise'?",
    "line 12: arms.plain.about must be given",
    "line 16: arms.shifted.shift='much' should be a number, not text.",
    "line 19: tuning.grid.noise=3 should be a list",
    "line 21: tuning.best='low' should be 'lowest' or 'highest'. Did you mean 'lowest'?",
    "line 24: There is no field 'fast.sedes'. Did you mean 'seeds'?",
    "line 29: decisions.1.arm: no arm is called 'shiftd'. Did you mean 'shifted'?",
    "line 30: decisions.1.against: no arm is called 'plane'. Did you mean 'plain'?",
    "line 33: decisions.2.margin must be given: a number.",
    "line 37: decisions.2.against is the same measure of the same arm",
    "line 38: decisions.2.side='abov' should be 'above' or 'below'.",
    "line 44: decisions.3.against_measure is of an arm",
]


@pytest.fixture(autouse=True, scope="module")
def toys(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        yield toy_claims.install(tmp_path_factory.mktemp("toys"), patch)
    toy_claims.forget()


def test_everything_that_is_wrong_is_told_at_once_with_its_line(tmp_path):
    with pytest.raises(BadSetting) as caught:
        load_claim(write(tmp_path, text=WRONG))
    told = str(caught.value)
    for said in SAID:
        assert said in told, said
    assert len(caught.value.problems) == len(SAID) + 1  # the seeds of tuning
    assert "tuning.seeds=[3] should be at least 1000" in told


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (CLAIM.replace('trial = "toy"', 'trial = "tooy"'), "'tooy'. Did you mean 'toy'?"),
        (CLAIM.replace('entry = "obj', 'entry = "abj'), "entry='abjectives.goldfish' is no entry"),
        (CLAIM.partition("[[")[0], "decisions must be given"),
        (CLAIM.replace("arms.", "fast."), "arms must be given"),
        (CLAIM + "[tuning]\n", "tuning.grid must be given"),
        (CLAIM + TUNING.replace("rate", "shift"), "arms.shifted.shift is tuned: leave it out"),
        (CLAIM + TUNING.replace("0.8", '"a"'), "tuning.grid.rate='a' should be a number"),
        (CLAIM + TUNING.replace("1001", "1000"), "different seeds"),
        (CLAIM.replace('against = "plain"\n', ""), "decisions.1.against must be given"),
        (CLAIM.replace("margin = 0.25", "margin = nan"), "margin=nan should be a finite number"),
        (CLAIM.replace("[arms.plain]", "[settings.arms]"), "settings.arms: There is no setting"),
    ],
)
def test_single_mistakes(tmp_path, text, said):
    with pytest.raises(BadSetting) as caught:
        load_claim(write(tmp_path, text=text))
    assert said in str(caught.value)


def test_what_is_no_file_or_no_toml(tmp_path):
    write(tmp_path)
    with pytest.raises(BadInput, match=r"Did you mean '7_toy\.toml'"):
        load_claim(tmp_path / "7_tyo.toml")
    with pytest.raises(BadInput, match=r"no TOML.*line 2"):
        load_claim(write(tmp_path, text="a = 1\nb = = 2\n"))


def test_comments_and_layout_do_not_count(tmp_path):
    plain = load_claim(write(tmp_path / "a"))
    other = CLAIM.replace("\n", "  # a comment\n").replace(" = ", "=")
    head, mark, rest = other.partition("seeds=6")
    moved = f"{mark}\n{head.lstrip()}\n{rest.lstrip()}"
    assert load_claim(write(tmp_path / "b", text=moved)).key == plain.key


def leaves(content, path=()):
    pairs = content.items() if isinstance(content, dict) else enumerate(content)
    for name, value in pairs:
        if isinstance(value, dict | list):
            yield from leaves(value, (*path, name))
        else:
            yield (*path, name)


def test_every_change_counts(tmp_path):
    claim = load_claim(write(tmp_path, text=CLAIM + TUNING))
    keys = {claim.key}
    places = list(leaves(claim.content))
    for path in places:
        changed = copy.deepcopy(claim.content)
        inner = changed
        for name in path[:-1]:
            inner = inner[name]
        inner[path[-1]] = f"{inner[path[-1]]}!"
        keys.add(replace(claim, content=changed).key)
    for gone in claim.content:
        left = {name: value for name, value in claim.content.items() if name != gone}
        keys.add(replace(claim, content=left).key)
    assert len(keys) == 1 + len(places) + len(claim.content)
    assert len(places) > 20


def test_what_a_claim_holds(tmp_path):
    text = CLAIM.replace('against = "plain"', 'against_measure = "loss"')
    claim = load_claim(
        write(tmp_path, text=text + TUNING.replace("best", "grid.pause = [0, 1]\nbest"))
    )
    (decision,) = claim.decisions
    assert decision.against == "shifted"
    assert claim.measures("shifted") == ["score", "loss"]
    assert claim.measures("plain") == []
    assert claim.number == 7
    assert [tuple(one.values()) for one in claim.tuning.combinations] == [
        (1.0, 0), (1.0, 1), (0.3, 0), (0.3, 1), (0.8, 0), (0.8, 1),
    ]  # fmt: skip
    assert dict(claim.arms["shifted"].settings) == {"shift": 0.5}


def test_claims_are_found_by_number_name_or_path(tmp_path):
    for name in ("7_toy", "12_other_thing", "100_last"):
        write(tmp_path, name)
    (tmp_path / "notes.toml").write_text("")
    assert [claim.name for claim in claims(tmp_path)] == ["7_toy", "12_other_thing", "100_last"]
    for text, name in (("7", "7_toy"), ("007", "7_toy"), ("other_thing", "12_other_thing"),
                       ("100_last", "100_last")):  # fmt: skip
        assert find_claim(text, tmp_path).stem == name
    assert find_claim("mine/x.toml") == Path("mine/x.toml")
    for text, near in (("70", "'7'"), ("tyo", "toy"), ("otherthing", "other_thing")):
        with pytest.raises(UnknownName, match=f"Did you mean .*{near}") as caught:
            find_claim(text, tmp_path)
        assert str(caught.value).count("Did you mean") == 1
    with pytest.raises(BadInput, match="no folder"):
        find_claim("7", tmp_path / "nowhere")


@pytest.mark.parametrize("path", files(), ids=lambda path: path.stem)
def test_claims_that_come_with_likely_can_be_tried(path):
    claim = load_claim(path)
    assert claim.claim.endswith(".")
    assert claim.seeds >= 6


def test_claims_travel_with_the_package():
    build = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]
    assert build["targets"]["wheel"]["force-include"] == {"claims": "likely/claims"}
    assert claims_folder() == ROOT / "claims"
