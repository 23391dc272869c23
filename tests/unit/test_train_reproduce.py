"""Trying claims: paired, tuned elsewhere, kept whatever happens, never counted twice."""

import json
import os
import random
import signal
import statistics
import subprocess
import sys
import time
from pathlib import Path

import pytest

from likely.core.errors import BadInput, BadSetting, LikelyError
from likely.train import ledger
from likely.train._waiting import waiting
from likely.train.claim import load_claim
from likely.train.ledger import read_result, results, standing
from likely.train.reproduce import reproduce
from tests.unit import toy_claims
from tests.unit.toy_claims import CLAIM, TUNING, write

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True, scope="module")
def toys(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        yield toy_claims.install(tmp_path_factory.mktemp("toys"), patch)
    toy_claims.forget()


def logged(folder, text=CLAIM, **changes):
    """A claim whose trials write a line each, and what they wrote."""
    log = folder / "log.txt"
    text = text.replace("[settings]", f'[settings]\nlog = "{log}"')
    claim = load_claim(write(folder, text=text, **changes))
    return claim, lambda: log.read_text().splitlines() if log.exists() else []


def content(result):
    """What must be equal however it was computed."""
    varies = ("cpu_minutes", "cpu_seconds_now", "wall_seconds", "date", "environment")
    kept = {k: v for k, v in result.content.items() if k not in varies}
    for arm in kept["arms"].values():
        arm.pop("cpu_seconds")
    return kept


def test_tuned_paired_and_the_same_with_one_process_and_two(tmp_path):
    claim, log = logged(tmp_path, CLAIM + TUNING)
    alone = reproduce(claim, out=tmp_path / "one", processes=1)
    lines = log()
    assert len(lines) == len(set(lines)) == 2 * (6 + 3 * 2)
    assert {int(line.split()[0]) for line in lines} == {0, 1, 2, 3, 4, 5, 1000, 1001}
    both = reproduce(claim, out=tmp_path / "two", processes=2)
    assert content(alone) == content(both)
    found = alone.content
    assert found["tuned"] == {"plain": {"rate": 0.3}, "shifted": {"rate": 0.8}}
    assert [row["mean"] for row in found["tuning"]["tried"][:3]] == pytest.approx([0.49, 0, 0.25])
    assert found["arms"]["shifted"]["settings"]["rate"] == 0.8
    assert found["arms"]["plain"]["documents"] == {"score": [4] * 6, "loss": None, "seed": None}
    (row,) = found["decisions"]
    means = [found["arms"][arm]["measures"]["score"] for arm in ("shifted", "plain")]
    assert row["differences"] == pytest.approx([a - b for a, b in zip(*means, strict=True)])
    assert row["low"] < statistics.mean(row["differences"]) < row["high"]
    assert (found["outcome"], alone.outcome) == ("held", "held")
    assert found["claim"] == claim.content
    assert found["environment"]["threads"] >= 1


def test_equally_good_settings_leave_the_first(tmp_path):
    text = TUNING.replace("[1.0, 0.3, 0.8]", "[1.0, 0.8, 0.6]").replace("loss", "seed")
    claim = load_claim(write(tmp_path, text=CLAIM + text.replace("lowest", "highest")))
    found = reproduce(claim, out=tmp_path / "out", seeds=1).content
    assert found["tuned"] == {"plain": {"rate": 1.0}, "shifted": {"rate": 1.0}}
    assert {row["mean"] for row in found["tuning"]["tried"]} == {1000.5}


def test_results_are_kept_and_superseded(tmp_path):
    claim, log = logged(tmp_path)
    with pytest.raises(BadSetting, match="seeds=9 should be at most 6"):
        reproduce(claim, out=tmp_path, seeds=9)
    few = reproduce(claim, out=tmp_path, seeds=4)
    assert (few.outcome, few.number, few.content["supersedes"]) == ("no verdict", 1, None)
    five = reproduce(claim, out=tmp_path, seeds=5)
    assert five.outcome == "undecided"
    assert "fixes 6 seeds, and 5 were tried" in five.content["reason"]
    assert five.content["supersedes"] == "0001"
    first = reproduce(claim, out=tmp_path)
    text = first.path.read_bytes()
    assert (first.outcome, first.content["supersedes"]) == ("held", "0002")
    count = len(log())
    assert count == 12
    assert reproduce(claim, out=tmp_path).path == first.path
    again = reproduce(claim, out=tmp_path, again=True)
    assert len(log()) == 2 * count
    assert (again.number, again.content["supersedes"]) == (4, "0003")
    more = reproduce(claim, out=tmp_path, seeds=8)
    assert "fixes 6 seeds, and with these it was held; here are 8" in more.content["notes"][0]
    late = reproduce(claim, out=tmp_path, seeds=3)
    assert late.content["supersedes"] is None
    assert standing(results(tmp_path, claim), claim).path == more.path
    assert first.path.read_bytes() == text
    assert [one.number for one in results(tmp_path, claim)] == [1, 2, 3, 4, 5, 6]


def test_a_number_that_is_taken_is_never_written_over(tmp_path, monkeypatch):
    claim = load_claim(write(tmp_path))
    folder = tmp_path / claim.name
    folder.mkdir()
    (folder / "0001.json").write_text("somebody was quicker")
    monkeypatch.setattr(Path, "glob", lambda *_: iter(()))
    kept = {"claim_key": "", "seeds": [], "fast": False, "outcome": "", "decisions": [], "code": ""}
    assert ledger.write_result(tmp_path, claim, kept).number == 2
    assert (folder / "0001.json").read_text() == "somebody was quicker"


def test_a_quick_look_never_counts(tmp_path):
    claim = load_claim(write(tmp_path, text=CLAIM + TUNING))
    for seeds in (None, 8):
        look = reproduce(claim, out=tmp_path, fast=True, seeds=seeds)
        assert (look.fast, look.outcome) == (True, "no verdict")
        assert look.content["reason"] == "A quick look never counts."
        assert look.content["tuning"] is None
        assert look.content["arms"]["plain"]["settings"]["documents"] == 2
    found = results(tmp_path, claim)
    assert standing(found, claim) is None
    assert waiting([claim], tmp_path)[0].untried
    real = reproduce(claim, out=tmp_path)
    assert real.content["supersedes"] is None
    assert standing(results(tmp_path, claim), claim).path == real.path


def test_a_changed_claim_makes_results_invalid_and_keeps_its_trials(tmp_path):
    claim, log = logged(tmp_path)
    first = reproduce(claim, out=tmp_path)
    write(tmp_path, text=claim.path.read_text() + "# a comment\n")
    assert reproduce(load_claim(claim.path), out=tmp_path).path == first.path
    changed = load_claim(write(tmp_path, text=claim.path.read_text(), margin="0.3"))
    assert standing(results(tmp_path, changed), changed) is None
    second = reproduce(changed, out=tmp_path)
    assert second.number == 2
    assert "The claim has changed since 0001" in second.content["notes"][0]
    assert second.content["cpu_seconds_now"] == 0
    assert len(log()) == 12


def test_changed_code_is_never_mixed(tmp_path, toys):
    claim, log = logged(tmp_path)
    reproduce(claim, out=tmp_path, seeds=1)
    source = toys / "toy_trial.py"
    before = source.read_text()
    try:
        source.write_text(before + "# changed\n")
        assert reproduce(claim, out=tmp_path, seeds=1).number == 2
        assert len(log()) == 4
    finally:
        source.write_text(before)
    assert reproduce(claim, out=tmp_path, seeds=2).number == 3
    assert len(log()) == 6


def child(folder, toys, *more):
    """`likely reproduce` in a process of its own."""
    path = os.pathsep.join([str(toys), str(ROOT / "src")])
    return subprocess.Popen(
        [sys.executable, "-m", "likely", "reproduce", str(folder / "7_toy.toml"), *more],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def until(ready, seconds=60):
    begin = time.monotonic()
    while not ready():
        assert time.monotonic() - begin < seconds
        time.sleep(0.01)


def alive(number):
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    state = Path(f"/proc/{number}/stat")
    return not state.exists() or ") Z" not in state.read_text()


@pytest.mark.skipif(os.name == "nt", reason="signals are of POSIX")
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_stopped_in_the_middle_it_goes_on(tmp_path, toys, how):
    claim, log = logged(tmp_path, CLAIM.replace("noise = 0.2", "noise = 0.2\npause = 0.1"))
    trials = tmp_path / "ledger" / claim.name / ".trials"
    process = child(tmp_path, toys, "--processes", "1")
    least = random.SystemRandom().randint(1, 6)
    until(lambda: len(list(trials.glob("*.json"))) >= least)
    process.send_signal(how)
    _, told = process.communicate(timeout=60)
    kept = {path.name: path.read_bytes() for path in trials.glob("*.json")}
    if how == signal.SIGINT:
        assert process.returncode == 130
        assert f"Stopped with {len(kept)} of 12 trials finished" in told
        assert "Go on with: likely reproduce" in told
    begun = len(log())
    assert begun - len(kept) in (0, 1)
    time.sleep(0.3)
    assert len(log()) == begun, "a worker outlived its parent"
    result = reproduce(claim, out=tmp_path / "ledger")
    assert result.outcome == "held"
    assert len(log()) == begun + 12 - len(kept)
    assert all((trials / name).read_bytes() == text for name, text in kept.items())
    whole = reproduce(claim, out=tmp_path / "whole")
    assert content(result) == content(whole)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("setting", "Trial 'toy', arm 'plain', seed 1: toy: a made up problem."),
        ("bug", r"Trial 'toy', arm 'plain', seed 1 stopped at toy_trial.py, line \d+: "
                "ZeroDivisionError: a bug."),
        ("nan", "Trial 'toy', arm 'plain', seed 1: the measure 'loss' is nan"),
        ("killed", "ended from outside in the middle"),
    ],
)  # fmt: skip
def test_what_a_trial_can_do_wrong_is_a_sentence_and_the_rest_stays(tmp_path, wrong, said):
    claim, log = logged(tmp_path, CLAIM.replace("noise = 0.2", f'noise = 0.2\nwrong = "{wrong}"'))
    with pytest.raises(LikelyError, match=said) as caught:
        reproduce(claim, out=tmp_path)
    assert "\n" not in str(caught.value)
    assert len(list((tmp_path / claim.name / ".trials").glob("*.json"))) == 2
    assert len(log()) == 3
    assert not results(tmp_path, claim)


def test_arms_with_other_documents_cannot_be_paired(tmp_path):
    text = CLAIM.replace("noise = 0.2", 'noise = 0.2\nwrong = "documents"')
    with pytest.raises(LikelyError, match=r"quarter higher.*same documents"):
        reproduce(load_claim(write(tmp_path, text=text)), out=tmp_path)


def test_a_measure_that_nothing_returns_is_told_after_the_first_trial(tmp_path):
    claim, log = logged(tmp_path, CLAIM.replace('"score"', '"scores"'))
    for _ in range(2):  # From the trial itself, and from the file it left.
        with pytest.raises(LikelyError, match=r"'scores'.*Did you mean 'score'.*score, loss, seed"):
            reproduce(claim, out=tmp_path)
    assert len(log()) == 1


def test_damaged_results_are_told_and_damaged_trials_done_again(tmp_path):
    claim, log = logged(tmp_path)
    result = reproduce(claim, out=tmp_path, seeds=1)
    trial = next((tmp_path / claim.name / ".trials").glob("*.json"))
    trial.write_text(trial.read_text()[:40])
    reproduce(claim, out=tmp_path, seeds=2)
    assert len(log()) == 2 + 3
    result.path.write_text("{}")
    with pytest.raises(BadInput, match="damaged"):
        read_result(result.path)
    result.path.write_text(json.dumps({"format": 99}))
    with pytest.raises(BadInput, match="format 99"):
        read_result(result.path)


def test_the_order_in_which_claims_wait(tmp_path):
    costs = {"1_dear": 9, "2_cheap": 1, "3_held": 0.1, "4_open": 0.1}
    loaded = {
        name: load_claim(write(tmp_path, name, cpu_minutes=cost)) for name, cost in costs.items()
    }
    loaded["4_open"] = load_claim(write(tmp_path, "4_open", margin="0.65"))
    open_ = reproduce(loaded["4_open"], out=tmp_path)
    assert open_.outcome == "undecided"
    reproduce(loaded["3_held"], out=tmp_path)
    found = waiting(loaded.values(), tmp_path)
    assert [one.claim.name for one in found] == ["2_cheap", "1_dear", "4_open"]
    assert found[-1].seeds == open_.seeds_needed > 6
    assert 0 <= found[-1].cpu_minutes < 0.1
    reproduce(loaded["2_cheap"], out=tmp_path, seeds=5)
    assert [one.untried for one in waiting(loaded.values(), tmp_path)] == [True, True, False]
