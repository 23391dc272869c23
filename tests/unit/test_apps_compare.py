"""`likely compare`: what a sceptic reads in a minute, and what is said when words do not fit."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace

import pytest

from likely.apps import _compared, _comparing
from likely.apps.compare import _listed
from likely.core.vocabulary import Vocabulary
from likely.models.transformer import transformer
from likely.train.comparison import Comparison
from tests.unit.test_apps_cli import here
from tests.unit.tiny_studies import MODEL, stay_inside, text


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text(tmp_path)
    back = stay_inside(monkeypatch)
    monkeypatch.setattr(_comparing, "tokens_per_second", lambda *given: 10_000.0)
    yield tmp_path
    back()


def likely(capsys, *words, model=MODEL):
    return here(capsys, "compare", *words, "--data", "text.txt", "--model", model)


TWO = ("--objectives", "cross_entropy,focal")
TINY = ("--tokens", "640", "--trials", "2")


@pytest.fixture
def done(capsys, place):
    code, out, err = likely(capsys, *TWO, *TINY, "--seeds", "5", "--out", "out")
    assert code == 0, err
    return place, out, err


def test_a_sceptic_reads_what_to_use_what_it_costs_and_what_was_not_seen(capsys, done):
    place, out, err = done
    for said in (
        "Arms: cross_entropy, focal; each has 2 to tune and 5 to judge: 14 trainings.",
        "One training: 640 tokens, about",
        "All of it: ",
        "Folder: out",
        "compare: 15/15 trials",
        "none is shared",
    ):
        assert said in err, said
    for said in (
        "bits_per_byte of test text, lower is better; 5 seeds each, tuned by 2 trials each, "
        "640 tokens a training.",
        "against cross_entropy (95 %)",
        "p (Holm)",
        "could have seen",
        "1.00×",
        "also looked at (decides nothing)",
        "Chosen by tuning: cross_entropy: learning rate ",
        "gamma ",
        "of the processor. Everything: out",
        "train out/recipes/",
    ):
        assert said in out, said
    found = Comparison.read(place / "out")
    assert found.verdict("focal").sentence in out
    assert _compared.advice(found) in out
    for name in ("comparison.csv", "comparison.tex", "study.toml", "begun.json", "report.html"):
        assert (place / "out" / name).is_file()
    report = (place / "out" / "report.html").read_text(encoding="utf-8")
    assert report.count(" bold fine") == 2
    assert "What they write" in report
    code, again, err = likely(capsys, *TWO, *TINY, "--seeds", "5", "--out", "out", "--json")
    assert code == 0, err
    assert json.loads(again)["folder"] == "out"
    assert json.loads(again)["verdicts"][0]["arm"] == "focal"
    code, out, err = here(capsys, "compare", "--resume", "--out", "out")
    assert code == 0, err
    assert "tuned by 2 trials each" in out
    code, out, err = likely(capsys, *TWO, *TINY, "--seeds", "6", "--out", "out")
    assert code == 2
    assert "another study in this folder" in err
    assert "compare --resume --out out" in err


def test_the_same_command_finds_its_study_again(capsys, place):
    words = (*TWO, "--tokens", "64", "--no-tune", "--seeds", "2")
    code, out, err = likely(capsys, *words)
    assert code == 0, err
    assert "2 seeds give numbers and no verdict" in err
    assert "too few seeds" in out
    assert "take 5 at least" in out
    assert "Untuned: focal against cross_entropy" in out
    (folder,) = (place / "studies").iterdir()
    times = {path: path.stat().st_mtime_ns for path in (folder / "trials").iterdir()}
    (folder / "comparison.json").unlink()
    assert likely(capsys, *words)[0] == 0
    assert list((place / "studies").iterdir()) == [folder]
    assert {path: path.stat().st_mtime_ns for path in times} == times
    assert likely(capsys, *words, "--fast")[0] == 0
    assert len(list((place / "studies").iterdir())) == 2


def test_a_quick_look_has_no_verdict(capsys, place):
    code, out, err = likely(capsys, *TWO, "--fast", "--minutes", "1")
    assert code == 0, err
    assert "2 to judge: 4 trainings" in err
    assert "quick look" in out
    assert "says nothing about what to use" in out


def test_material_allows_judges_and_is_found_again(capsys, place):
    (place / "wanted.jsonl").write_text(
        "".join(f'{{"prompt": "the cat {n} ", "completion": "sat"}}\n' for n in range(4))
    )
    words = (*TWO, "--tokens", "64", "--no-tune", "--seeds", "1", "--out", "out", "--plant", "2",
             "--task", "arithmetic(digits=1, documents=20, held_out=6)",
             "--references", "wanted.jsonl")  # fmt: skip
    code, out, err = likely(capsys, *words)
    assert code == 0, err
    assert (
        "Beside it: 2 passages of 15 bytes, planted 0, 1, 4 and 16 times each; the task "
        "arithmetic(digits=1, documents=20, held_out=6); references from wanted.jsonl. Half of "
        "what is asked is for tuning."
    ) in err
    found = Comparison.read(place / "out")
    judges = ["likelihood", "bleu", "memorisation", "pass_at_k", "rouge", "task_accuracy"]
    assert list(found.study["judges"]) == judges
    for measure in ("memorised_bytes_after_16", "pass_at_4", "task_accuracy", "rougeL", "bleu"):
        assert measure in out
    report = " ".join((place / "out" / "report.html").read_text(encoding="utf-8").split())
    assert "2 passages of 15 bytes, of shuffled words of the text, were planted" in report
    assert "Verdicts rest on 4 passages, 3 questions and 2 prompts, which tuning never" in report
    times = {path: path.stat().st_mtime_ns for path in (place / "out" / "trials").iterdir()}
    (place / "out" / "comparison.json").unlink()
    assert likely(capsys, *words)[0] == 0
    assert {path: path.stat().st_mtime_ns for path in times} == times
    code, _, err = likely(capsys, *words[:-2])
    assert (code, "another study in this folder" in err) == (2, True)
    code, _, err = here(capsys, "compare", "--resume", "--out", "out", "--plant", "2")
    assert (code, "A study goes on as it began" in err) == (2, True)


def test_recipes_are_arms_too(capsys, place):
    for name, rate in (("slow", 0.001), ("quick", 0.01)):
        (place / f"{name}.toml").write_text(
            f'model = "{MODEL}"\ndata = ["text.txt"]\nlength = 16\nrows = 2\nsteps = 3\n'
            f"schedule.warmup = 0.1\noptimizer.lr = {rate}\n"
        )
    words = ("slow.toml", "quick.toml", "--no-tune", "--seeds", "2", "--out", "out", "--json")
    code, out, err = here(capsys, "compare", *words)
    assert code == 0, err
    found = json.loads(out)
    assert [(a["name"], a["recipe"]["optimizer"]["lr"], a["steps"]) for a in found["arms"]] == [
        ("slow", 0.001, 3),
        ("quick", 0.01, 3),
    ]
    assert (found["baseline"], found["budget"]["amount"]) == ("slow", 96.0)
    code, _, err = here(capsys, "compare", "slow.toml", "--objectives", "cross_entropy,focal",
                        "--tokens", "64", "--no-tune", "--seeds", "1", "--out", "two")  # fmt: skip
    assert code == 0, err


def test_pairs_from_a_model_that_is_there(capsys, place):
    pairs(place)
    words = ("--kind", "align", "--objectives", "dpop(penalty=0),dpop,r_dpo", "--start", "base",
             "--data", "pairs.jsonl", "--trials", "1", "--seeds", "2",
             "--minutes", "0.1")  # fmt: skip
    code, out, err = here(capsys, "compare", *words)
    assert code == 0, err
    assert "Pairs: 25 to train on, 2 to tune by, 3 to judge by; no prompt is shared." in err
    assert "Model: base, all weights; steps of adamw at rate 1e-05." in err
    assert "passes over the examples" in err
    assert "preferred of test examples, higher is better" in out
    (folder,) = (place / "studies").iterdir()
    found = Comparison.read(folder)
    assert [arm.name for arm in found.arms] == ["dpop(penalty=0)", "dpop", "r_dpo"]
    assert (found.study["judges"], found.primary) == (["answers"], "preferred")
    report = " ".join((folder / "report.html").read_text(encoding="utf-8").split())
    assert "after prompts of test examples" in report
    assert "The training examples (pairs.jsonl) had 25 examples (" in report
    assert "all examples of a prompt are in one part" in report
    assert "(reference the model as it starts)" in report
    times = {path: path.stat().st_mtime_ns for path in (folder / "trials").iterdir()}
    (folder / "comparison.json").unlink()
    assert here(capsys, "compare", *words)[0] == 0
    assert list((place / "studies").iterdir()) == [folder]
    assert {path: path.stat().st_mtime_ns for path in times} == times
    code, out, err = here(capsys, "compare", "--resume", "--out", str(folder), "--json")
    assert (code, json.loads(out)["primary"]) == (0, "preferred")
    code, out, err = here(capsys, "compare", *words, "--fast")
    assert (code, "quick look" in out) == (0, True)


def pairs(place):
    rows = [{"prompt": f"{n}+{n}=", "chosen": f"{2 * n}", "rejected": f"{2 * n + 1}"}
            for n in range(30)]  # fmt: skip
    (place / "pairs.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    transformer(Vocabulary.of_bytes(), layers=1, width=8, heads=2, context=16).save(place / "base")


def test_recipes_of_pairs_are_arms(capsys, place):
    pairs(place)
    for name, objective in (("dpo", "dpop(penalty=0)"), ("r", "r_dpo")):
        (place / f"{name}.toml").write_text(
            f'kind = "align"\nstart = "base"\ndata = ["pairs.jsonl"]\nobjective = "{objective}"\n'
            "length = 16\nrows = 2\nsteps = 3\nschedule.warmup = 0\n"
        )
    words = ("dpo.toml", "r.toml", "--no-tune", "--seeds", "1", "--out", "out", "--json")
    code, out, err = here(capsys, "compare", *words)
    assert code == 0, err
    found = json.loads(out)
    assert [arm["steps"] for arm in found["arms"]] == [3, 3]
    assert found["budget"]["amount"] == 3 * found["arms"][0]["cost"]["tokens"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--kind", "align", "--objectives", "dpop,r_dpo"), "name one with --start"),
        (("--objectives", "cross_entropy,focl"), "Did you mean 'focal'?"),
        (("--objectives", "cross_entropy"), "needs two arms at least"),
        (("--objectives", "focal,focal"), "was given twice"),
        (("--objectives", "focal(gamma=2),focal(gamma=2.0)"), "is the same as"),
        (("--objectives", "cross_entropy,dpop"), "compares pairs of answers"),
        ((*TWO, "--baseline", "cros_entropy"), "Did you mean 'cross_entropy'?"),
        ((*TWO, "--seeds", "0"), "--seeds 0 should be at least 1"),
        ((*TWO, "--tokens", "5", "--flops", "7"), "One budget at a time: --tokens and --flops"),
        ((*TWO, "--tokens", "-5"), "--tokens -5 should be more than 0"),
        ((*TWO, "--judges", "likelihod"), "Did you mean 'likelihood'?"),
        ((*TWO, "--resume"), "compare --resume --out DIR"),
        ((*TWO, "--data", "nowhere.txt"), "nowhere.txt"),
        (("text.txt", *TWO), "text.txt is no recipe"),
        ((*TWO, "--judges", "memorisation"), "give --plant or [material] planted"),
        ((*TWO, "--plant", "1"), "should be 0 or at least 2"),
        ((*TWO, "--plant", "x"), "--plant"),
        ((*TWO, "--task", "arithmetc"), "Did you mean 'arithmetic'?"),
        ((*TWO, "--references", "nowhere.jsonl"), "nowhere.jsonl"),
        ((*TWO, "--references", "text.txt"), "neither JSONL nor Parquet"),
        ((*TWO, "--features", "nowhere"), "nowhere is no folder"),
    ],
)
def test_what_is_wrong_is_one_sentence_and_exit_code_2(capsys, place, words, said):
    code, _, err = likely(capsys, *words)
    assert code == 2
    assert said in err
    assert not (place / "studies").exists()


def test_without_text_or_into_a_full_folder(capsys, place):
    code, _, err = here(capsys, "compare", *TWO)
    assert (code, "--data" in err) == (2, True)
    (place / "full").mkdir()
    (place / "full" / "diary.txt").write_text("mine")
    code, _, err = likely(capsys, *TWO, "--out", "full")
    assert (code, "not an empty folder" in err) == (2, True)
    code, _, err = here(capsys, "compare", "--resume", "--out", "full")
    assert (code, "holds no study" in err) == (2, True)


def test_commas_inside_brackets_stay():
    assert _listed(("a,goldfish(k=4, context=9)", "b")) == ("a", "goldfish(k=4, context=9)", "b")


def test_advice_never_says_more_than_the_verdicts(done):
    found = Comparison.read(done[0] / "out")
    one = found.verdict("focal")

    def advice(**changes):
        verdicts = (replace(one, **changes), *found.verdicts[1:])
        return _compared.advice(replace(found, verdicts=verdicts))

    better = advice(word="better", mean=-0.2)
    assert better.startswith("Use focal: it is better than cross_entropy, and a step costs ")
    assert "× the time and " in better
    none = advice(word="no difference seen", smallest_effect=0.0123)
    assert none == (
        "Nothing here is seen to be better than cross_entropy: keep it. Differences below 0.0123 "
        "could not have been seen."
    )
    assert advice(word="worse").endswith("keep it.")
    untuned = _compared.advice(replace(found, tuned=False, verdicts=(replace(one, word="better"),)))
    assert untuned.startswith("Untuned: Use focal")


@pytest.mark.slow
def test_killed_and_interrupted_it_goes_on(tmp_path):
    """Real processes: SIGKILL in the middle, then Ctrl-C, then to the end, nothing twice."""
    text(tmp_path)
    words = [sys.executable, "-m", "likely", "compare", *TWO, "--data", "text.txt", "--no-tune",
             "--model", MODEL, "--tokens", "20000", "--seeds", "5", "--processes", "2"]  # fmt: skip
    folder = tmp_path / "studies"

    def finished():
        return {p: p.stat().st_mtime_ns for p in folder.glob("*/trials/[!.]*.json")}

    def until(count, how):
        started = subprocess.Popen(words, cwd=tmp_path, stderr=subprocess.PIPE, text=True,
                                   env={**os.environ, "OMP_NUM_THREADS": "1"})  # fmt: skip
        end = time.monotonic() + 180
        while len(finished()) < count and time.monotonic() < end and started.poll() is None:
            time.sleep(0.1)
        started.send_signal(how)
        return started.communicate(timeout=120)[1], started.returncode

    until(3, signal.SIGKILL)
    first = finished()
    assert len(first) >= 3
    said, code = until(6, signal.SIGINT)
    assert code == 130
    assert "Go on with: " in said
    second = finished()
    assert {path: second[path] for path in first} == first
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "against cross_entropy" in done.stdout
    last = finished()
    assert {path: last[path] for path in second} == second
    assert len(last) == 11
