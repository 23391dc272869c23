"""`likely reproduce`: what a sceptical reader sees."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from likely.apps import _verdict
from likely.train.ledger import read_result
from tests.unit import toy_claims
from tests.unit.test_apps_cli import here
from tests.unit.toy_claims import CLAIM, TUNING, write

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True, scope="module")
def toys(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        yield toy_claims.install(tmp_path_factory.mktemp("toys"), patch)
    toy_claims.forget()


def likely(capsys, *words):
    return here(capsys, "reproduce", *words, "--claims", "claims", "--processes", "1")


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "claims", text=CLAIM + TUNING)
    return tmp_path


def test_a_claim_is_tried_and_shown(capsys, place):
    code, out, err = likely(capsys, "7")
    assert code == 0, err
    for said in (
        "A shift of a half is found.",
        "“Toys”, Nobody, 2020, arXiv:2001.00001",
        "1. the shifted arm scores more than a quarter higher",
        "score of shifted − of plain: ",
        "to hold, all of it above 0.25",
        "(Student's t, Holm)",
        "0.031 (sign flips)",
        "found in 80 % of cases",
        "Tuned on seeds 1000, 1001 by loss: plain: rate=0.3; shifted: rate=0.8.",
        "7_toy held: every interval over 6 seeds lies beyond its margin.",
        "The result: ledger/7_toy/0001.json",
    ):
        assert said in out, said
    assert "7_toy: 24/24 trials" in err
    code, out, err = likely(capsys, "toy", "--json")
    assert code == 0
    assert "tried already with these seeds and this code" in err
    found = json.loads(out)
    assert found["file"] == "ledger/7_toy/0001.json"
    assert found["outcome"] == "held"
    code, out, err = likely(capsys, "claims/7_toy.toml", "--fast")
    assert code == 0
    assert "Not tuned" in out
    assert "a quick look with 5 seeds; it never counts" in out
    assert [path.name for path in sorted((place / "ledger/7_toy").glob("*.json"))] == [
        "0001.json",
        "0002.json",
    ]


def test_an_interval_can_go_the_other_way(capsys, place):
    write(place / "claims", side='"below"', margin="0.1")
    _, out, _ = likely(capsys, "7")
    assert "7_toy failed: over 6 seeds, this is not so: the shifted arm scores" in out
    write(place / "claims", margin="0.65")
    _, out, _ = likely(capsys, "7")
    assert "7_toy is undecided" in out
    assert re.search(r"\d+ seeds would find \d\.\d+, half of what 6 do", out)
    _, out, _ = likely(capsys, "7", "--seeds", "1")
    assert "with one seed: no interval" in out
    assert "7_toy has no verdict" in out


def test_all_claims_within_a_budget(capsys, place):
    write(place / "claims", "1_dear", cpu_minutes="5")
    write(place / "claims", "2_cheap", cpu_minutes="0.2")
    write(place / "claims", "3_broken", cpu_minutes="0.3", noise='0.2\nwrong = "bug"')
    code, out, err = likely(capsys, "--all", "--budget", "1m")
    assert code == 2
    assert "4 of 4 claims wait, about 6 minutes" in err
    at = [err.index(f"{name}:") for name in ("2_cheap", "3_broken", "7_toy")]
    assert at == sorted(at)
    assert "3_broken: Trial 'toy', arm 'plain', seed 1 stopped" in err
    assert "1 claims could not be tried" in err
    assert "Left, with the minutes each takes: 1_dear (5.0)" in err
    assert "likely reproduce --all --budget 6m" in err
    for name, outcome in (("1_dear", "not tried"), ("2_cheap", "held"), ("7_toy", "held")):
        assert re.search(rf"{name} .* {outcome}", out)
    code, out, _ = likely(capsys, "--all", "--budget", "10s", "--json")
    assert (code, json.loads(out)) == (0, [])
    (place / "claims/3_broken.toml").unlink()
    code, out, _ = likely(capsys, "--all", "--json")
    assert code == 0
    assert [row["name"] for row in json.loads(out)] == ["1_dear"]
    _, out, err = likely(capsys, "--all")
    assert "None of 3 claims waits" in err


def test_the_list(capsys, place):
    code, out, _ = likely(capsys)
    assert code == 0
    assert "not tried" in out
    assert "reproduce 7" in out
    (row,) = json.loads(likely(capsys, "--json")[1])
    assert row["outcome"] is None
    (place / "claims/7_toy.toml").unlink()
    assert "There are no claims here" in likely(capsys)[1]


def test_listing_and_trying_need_no_torch_of_their_own(place, toys):
    code = (
        "import sys\n"
        "from likely.apps.cli import main\n"
        "try:\n"
        "    main(['reproduce', '--claims', 'claims'])\n"
        "except SystemExit as left:\n"
        "    print(left.code, 'torch' in sys.modules, file=sys.stderr)\n"
    )
    path = os.pathsep.join([str(toys), str(ROOT / "src")])
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=place,
        env={**os.environ, "PYTHONPATH": path},
    )
    assert done.stderr.splitlines()[-1] == "0 False"


@pytest.mark.parametrize(
    ("low", "high", "margin", "side"),
    [(-1, 3, 0.5, "above"), (2, 3, 0, "above"), (0, 0, 0, "below"), (-9, -8, 100, "below")],
)
def test_the_bar_shows_zero_the_margin_and_the_interval(low, high, margin, side):
    row = {"low": low, "high": high, "mean": (low + high) / 2, "margin": margin, "side": side}
    line = _verdict.bar(row).partition(" ")[0]
    assert len(line) == _verdict._WIDE
    assert line.count("●") == 1
    if high - low > 0.1 * max(abs(low), abs(high), margin):  # Wider than a character.
        assert line.index("├") <= line.index("●") <= line.index("┤")
    if margin:
        assert (line.index("┊") > line.index("0")) == (side == "above")


def test_results_are_read_back(capsys, place):
    likely(capsys, "7", "--seeds", "2")
    result = read_result(place / "ledger/7_toy/0001.json")
    assert result.seeds == 2
    assert result.seeds_needed is None
