"""One file is enough: what `likely new` writes is found by the list and passes the contracts."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def run(where, *command):
    environment = {**os.environ, "PYTHONPATH": f"{where / 'src'}{os.pathsep}{where}"}
    environment["OMP_NUM_THREADS"] = "1"
    done = subprocess.run(
        [sys.executable, *command],
        cwd=where,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def copy_of_the_checkout(where):
    for part in ("src", "tests/contracts", "tests/goldens", "docs/objectives", "docs/decode"):
        shutil.copytree(ROOT / part, where / part, ignore=shutil.ignore_patterns("__pycache__"))
    for file in (
        "pyproject.toml",
        "tests/__init__.py",
        "tests/conftest.py",
        "tests/oracle.py",
        "tests/strategies.py",
    ):
        shutil.copy(ROOT / file, where / file)


def test_a_new_entry_passes_its_contracts(tmp_path):
    copy_of_the_checkout(tmp_path)
    for kind, name in (
        ("objective", "half_loss"),
        ("sampler", "halfway"),
        ("statistic", "halfness"),
    ):
        code, said = run(tmp_path, "-m", "likely", "new", kind, name)
        assert code == 0, said
        room = {"objective": "objectives", "sampler": "decode"}.get(kind, "vocab.statistics")
        code, said = run(tmp_path, "-m", "likely", "list", room)
        assert code == 0, said
        assert name in said
    code, said = run(tmp_path, "-m", "likely", "list", "objectives", "--wiring")
    assert code == 0, said
    assert "half_loss" in said

    pytest = ("-m", "pytest", "-p", "no:cacheprovider")
    rooms = ("objectives", "decode", "vocab/statistics")
    sources = [
        f"src/likely/{room}/{name}.py"
        for room, name in zip(rooms, ("half_loss", "halfway", "halfness"), strict=True)
    ]
    rules = [f"tests/contracts/test_{room}.py" for room in ("objectives", "decode", "statistics")]
    code, said = run(tmp_path, *pytest, *rules, *sources, "-k", "half")
    assert code == 0, said
    # 7 contracts of an objective, 5 of a sampler, 1 of a statistic, and the docstrings.
    assert int(said.split(" passed")[0].split()[-1]) == 10 + 5 + 1 + len(sources), said
    # The rest of a statistic's contract measures all statistics at once.
    code, said = run(
        tmp_path, *pytest, rules[-1], "-k", "test_equals_its_dense_twin_with_gradients and 1"
    )
    assert code == 0, said
    path = tmp_path / "src/likely/vocab/statistics/halfness.py"
    whole = path.read_text()
    path.write_text(
        whole.replace("def dense(", "def dense(z, y):\n    return z.sum(-1)\n\n\ndef other(")
    )
    code, said = run(
        tmp_path, *pytest, rules[-1], "-k", "test_equals_its_dense_twin_with_gradients and 1"
    )
    assert code == 1, said
    path.write_text(whole)

    path = tmp_path / "src/likely/objectives/half_loss.py"
    text = path.read_text()
    assert "return -(power * log_prob).expm1() / power" in text
    path.write_text(text.replace("expm1() / power", "expm1()"))
    contracts = (*pytest, "tests/contracts/test_objectives.py")
    code, said = run(tmp_path, *contracts, "-k", "half_loss and dense_twin")
    assert code == 1, said


def test_the_command_line_takes_its_name(tmp_path):
    code, said = run(
        ROOT, "-m", "likely", "train", "--objective", "focl", "--out", str(tmp_path / "r")
    )
    assert code == 2, said
    assert "Did you mean 'focal'?" in said
    assert "Traceback" not in said
