"""Commands: quick to help, one sentence for a mistake, the right exit code."""

import json
import os
import resource
import subprocess
import sys

import pytest
import torch

from likely.apps import cli
from likely.core.catalogue import ROOMS
from likely.core.errors import LikelyError
from likely.core.vocabulary import Vocabulary
from likely.models.feed_forward import feed_forward

HEAVY = ("torch", "transformers", "accelerate", "numpy", "scipy", "safetensors", "jinja2")


def likely(*words, env=None):
    """Run the command as a user does."""
    return subprocess.run(
        [sys.executable, "-m", "likely", *words],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**os.environ, "COLUMNS": "100", **(env or {})},
    )


def here(capsys, *words):
    """Run the command in this process: exit code, output, messages."""
    with pytest.raises(SystemExit) as left:
        cli.main(list(words))
    out, err = capsys.readouterr()
    return left.value.code, out, err


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models") / "small"
    feed_forward(Vocabulary.of_bytes(), context=3, embedding=4, width=8).save(folder)
    return folder


@pytest.mark.parametrize("words", [["--help"], ["train", "--help"], ["list"], ["--version"], []])
def test_help_and_list_import_nothing_heavy(words):
    code = (
        "import sys\n"
        "from likely.apps.cli import main\n"
        "try:\n"
        f"    main({words!r})\n"
        "except SystemExit as left:\n"
        f"    heavy = [m for m in {HEAVY!r} if m in sys.modules]\n"
        "    print(left.code, heavy, file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stderr.splitlines()[-1] == "0 []"
    assert done.stdout.strip()


def test_help_is_quick():
    """Half a second of the processor's time: what others do on the machine does not count."""

    def spent():
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        return used.ru_utime + used.ru_stime

    took = []
    for _ in range(3):
        begin = spent()
        assert likely("--help").returncode == 0
        took.append(spent() - begin)
    assert min(took) <= 0.5


def test_help_names_every_command():
    done = likely("--help")
    for command in set(cli.app):
        assert command in done.stdout
    assert {"quickstart", "train", "view", "doctor"} <= set(cli.app)
    assert "shows" not in done.stderr


def test_list_names_every_entry_with_its_first_line(capsys):
    code, out, _ = here(capsys, "list", "--json")
    found = json.loads(out)
    assert code == 0
    assert set(found) == set(ROOMS)
    assert found["decode"]["min_p"].startswith("Keep tokens whose probability")
    assert all(line for room in found.values() for line in room.values())
    code, out, _ = here(capsys, "list", "objectives")
    assert code == 0
    assert "goldfish" in out
    assert "min_p" not in out


def test_wiring_says_where_everything_comes_from(capsys):
    code, out, _ = here(capsys, "list", "--wiring")
    assert code == 0
    assert "reference_log_prob: log_prob of the reader 'reference'" in out
    assert "dpop: one value a pair" in out
    found = json.loads(here(capsys, "list", "--wiring", "--json")[1])
    assert found["goldfish"]["reads"][0] == "log_prob: a statistic"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["lst"], 'Did you mean "list"?'),
        (["train", "--stesp", "4"], "Did you mean --steps?"),
        (["train", "--steps", "x"], "--steps should be a whole number, not 'x'"),
        (["generate"], "MODEL"),
        (["list", "objectivs"], "Did you mean 'objectives'?"),
        (["list", "decode", "--wiring"], "--wiring is known for objectives"),
        (["list", "objectives", "more"], "does not take 'more'"),
        (["quickstart", "--fast", "--long"], "exclude each other"),
        (["quickstart", "--seed", "-1"], "at least 0"),
        (["quickstart", "--out", __file__], "is a file"),
        (["train", "--objective", "focl", "--out", "x"], "Did you mean 'focal'?"),
        (["train", "--steps", "0", "--lr", "-1", "--out", "x"], "2 settings are wrong"),
        (["train"], "No text was given"),
        (["train", "no.toml", "--out", "x"], "no.toml"),
        (["train", "--resume", "nowhere"], "nowhere holds no run"),
        (["train", "--resume", "nowhere", "--steps", "4", "--out", "x"], "without --steps, --out"),
        (["evaluate", "nowhere", "text"], "nowhere is no folder"),
        (["generate", "nowhere"], "nowhere is no folder"),
        (["generate", "nowhere", "--sampler", "minp"], "Did you mean 'min_p'?"),
        (["generate", "nowhere", "--sampler", "min_p(q=1)"], "There is no setting 'q'"),
    ],
)
def test_a_mistake_is_a_sentence_and_exit_code_2(capsys, tmp_path, monkeypatch, words, said):
    monkeypatch.chdir(tmp_path)
    code, out, err = here(capsys, *words)
    assert code == 2
    assert not out
    assert said in err
    assert "Traceback" not in err
    assert not list(tmp_path.iterdir())


def test_no_text_to_evaluate(capsys, model):
    assert here(capsys, "evaluate", str(model))[0] == 2
    code, _, err = here(capsys, "evaluate", str(model), "no/such/file")
    assert code == 2
    assert "no such file" in err


def test_generate_is_seeded_and_takes_pipelines(capsys, model):
    words = ["generate", str(model), "--prompt", "de", "--prompt", "x", "--max-new-tokens", "12"]
    words += ["--sampler", "temperature(temperature=0.8) | top_k(k=40)", "--json"]
    first, second = (json.loads(here(capsys, *words)[1]) for _ in range(2))
    assert first == second
    assert first["sampler"] == ["temperature(temperature=0.8)", "top_k(k=40)"]
    assert [row["prompt"] for row in first["texts"]] == ["de", "x"]
    other = json.loads(here(capsys, *words, "--seed", "3")[1])
    assert other["texts"] != first["texts"]
    code, out, _ = here(capsys, *words[:-1])
    assert code == 0
    assert out.startswith("de")


def test_evaluate_prints_every_measure(capsys, model, tmp_path):
    for name in ("a.txt", "b.txt"):
        (tmp_path / name).write_text(f"{name}: some text, naïve and short\n" * 9, encoding="utf-8")
    code, out, _ = here(capsys, "evaluate", str(model), str(tmp_path), "--json")
    row = json.loads(out)
    assert code == 0
    assert row["documents"] == 2
    assert row["interval"][0] <= row["bits_per_byte"] <= row["interval"][1]
    assert row["perplexity"] == pytest.approx(torch.tensor(row["nats_per_token"]).exp().item())
    assert row["per_domain"] == {"text": pytest.approx(row["bits_per_byte"])}
    code, out, _ = here(capsys, "evaluate", str(model), str(tmp_path))
    for word in ("bits per byte", "nats per token", "perplexity", "accuracy"):
        assert word in out


def test_train_from_options_writes_a_run_that_generates(capsys, tmp_path):
    for i in range(12):
        text = f"document {i}: " + f"{i * 37 % 11} apples and {i} pears, " * 20
        (tmp_path / f"{i}.txt").write_text(text, encoding="utf-8")
    files = [str(path) for path in sorted(tmp_path.glob("*.txt"))]
    words = ["train", "--data", *files, "--model", "feed_forward(width=8)", "--steps", "3"]
    words += ["--rows", "2", "--length", "16", "--out", str(tmp_path / "run"), "--device", "cpu"]
    code, out, err = here(capsys, *words)
    assert code == 0, err
    assert "likely generate" in out
    assert here(capsys, "generate", str(tmp_path / "run"), "--max-new-tokens", "3")[0] == 0
    code, _, err = here(capsys, *words)
    assert code == 2
    assert "There is a run already" in err
    again = ["train", str(tmp_path / "run" / "recipe.toml"), "--steps", "2", "--lr", "0.01"]
    code, out, err = here(capsys, *again, "--out", str(tmp_path / "second"), "--json")
    assert code == 0, err
    assert json.loads(out)["step"] == 2


def test_other_errors_show_themselves(monkeypatch):
    monkeypatch.setattr(cli, "app", _raises(ZeroDivisionError("a bug")))
    with pytest.raises(ZeroDivisionError):
        cli.main([])


@pytest.mark.parametrize(
    ("problem", "code", "said"),
    [
        (KeyboardInterrupt(), 130, "Stopped by Ctrl-C"),
        (LikelyError("So [it] is."), 2, "So [it] is."),
    ],
)
def test_ctrl_c_and_our_own_errors(monkeypatch, capsys, problem, code, said):
    monkeypatch.setattr(cli, "app", _raises(problem))
    found, _, err = here(capsys)
    assert found == code
    assert said in err


def _raises(problem):
    def app(*_, **__):
        raise problem

    return app


def test_a_closed_pipe_is_silent():
    command = f"{sys.executable} -m likely list --json | head -c 1"
    done = subprocess.run(
        ["bash", "-c", command], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout == "{"
    assert not done.stderr


def test_the_package_is_lazy_and_complete():
    import likely as package

    assert set(package.__all__) <= set(dir(package))
    for name in package.__all__:
        assert getattr(package, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = package.nothing


def test_list_of_objectives_says_what_each_costs_and_how_sure_it_is(capsys):
    from likely.apps.list import list_entries

    list_entries("objectives", json=True)
    said = json.loads(capsys.readouterr().out)
    assert said["focal"]["status"].startswith("verified (")
    assert said["r_dpo"]["status"].startswith("our reading (")
    assert all(row["cost"] for row in said.values())
    list_entries("objectives")
    assert "our reading" in capsys.readouterr().out
