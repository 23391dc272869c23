"""The README's Python blocks run, and its commands exist."""

import re
from pathlib import Path

import pytest

from likely.apps.cli import app

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


def test_python_blocks_run_one_after_the_other():
    shared = {}
    for block in BLOCKS:
        exec(compile(block, "README.md", "exec"), shared)


@pytest.mark.parametrize("command", sorted(set(re.findall(r"^likely (\w+)", README, re.MULTILINE))))
def test_commands_exist(command):
    assert command in set(app)


def test_make_targets_exist():
    makefile = (Path(__file__).parents[2] / "Makefile").read_text()
    for target in re.findall(r"^make (\w+)", README, re.MULTILINE):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE)
