"""One file is enough: a new objective is found by the list, the command line and the contracts."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]

SOURCE = '''"""Halved: half of cross-entropy."""

from jaxtyping import Float
from torch import Tensor

LAWS = frozenset({"separable"})


def halved(log_prob: Float[Tensor, "N"], *, share: float = 0.5) -> Float[Tensor, "N"]:
    r"""A share of cross-entropy.

    $$ -s log p $$

    Cost: separable.

    Args:
        log_prob: log p of the target.
        share: s.

    Returns:
        One loss a token.

    Example:
        >>> 1
        1

    References:
        None.
    """
    return -share * log_prob


def dense(z: Tensor, y: Tensor, *, share: float = 0.5) -> Tensor:
    """The same, from the logits."""
    return -share * z.log_softmax(-1).gather(-1, y[:, None])[:, 0]
'''


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


def test_a_file_is_an_objective(tmp_path):
    for part in ("src", "tests/contracts", "tests/goldens", "docs/objectives"):
        shutil.copytree(ROOT / part, tmp_path / part, ignore=shutil.ignore_patterns("__pycache__"))
    for file in ("pyproject.toml", "tests/__init__.py", "tests/conftest.py", "tests/strategies.py"):
        shutil.copy(ROOT / file, tmp_path / file)
    (tmp_path / "src/likely/objectives/halved.py").write_text(SOURCE)
    golden = {"source": "half of the numbers of cross_entropy"}
    golden["cases"] = [{"logits": [[0.0, 0.0]], "target": [1], "values": [0.34657359]}]
    (tmp_path / "tests/goldens/halved.json").write_text(json.dumps(golden))
    (tmp_path / "docs/objectives/halved.md").write_text("# halved\n")

    code, said = run(tmp_path, "-m", "likely", "list", "objectives")
    assert code == 0, said
    assert "halved" in said
    code, said = run(tmp_path, "-m", "likely", "list", "objectives", "--wiring")
    assert code == 0, said
    assert "halved" in said

    contracts = ("-m", "pytest", "-p", "no:cacheprovider", "tests/contracts/test_objectives.py")
    code, said = run(tmp_path, *contracts, "-k", "halved")
    assert code == 0, said
    assert "halved" in run(tmp_path, *contracts, "--collect-only")[1]

    broken = SOURCE.replace("return -share * log_prob", "return -log_prob")
    (tmp_path / "src/likely/objectives/halved.py").write_text(broken)
    code, said = run(tmp_path, *contracts, "-k", "halved and dense_twin")
    assert code == 1, said


def test_the_command_line_takes_its_name(tmp_path):
    code, said = run(
        ROOT, "-m", "likely", "train", "--objective", "focl", "--out", str(tmp_path / "r")
    )
    assert code == 2, said
    assert "Did you mean 'focal'?" in said
    assert "Traceback" not in said
