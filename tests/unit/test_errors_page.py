"""The page of errors is written from the tree, and every error has an example that was raised."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from likely.core.errors import LikelyError

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

import errors_page  # noqa: E402


@pytest.mark.usefixtures("untyped")
def test_the_committed_page_is_current():
    for path, text in errors_page.pages().items():
        assert path.read_text(encoding="utf-8") == text, (
            "docs/errors.md is old: run python scripts/errors_page.py"
        )


def test_every_class_of_the_sources_is_on_the_page():
    text = errors_page.PAGE.read_text(encoding="utf-8")
    names = errors_page._names_of_errors()
    assert {error.__name__ for error in errors_page.errors()} == names
    for name in names:
        assert f"\n## {name}\n" in text
    for error in errors_page.errors():
        assert error.__doc__, error
        assert f"from {error.__module__} import {error.__name__}" in text


@pytest.mark.usefixtures("untyped")
def test_every_error_is_really_raised_once():
    shown = errors_page.examples()
    for error in errors_page.errors():
        if error is not LikelyError:
            assert shown[error.__name__], error
    for pairs in shown.values():
        for _, message in pairs:
            assert message.endswith((".", "?", "first"))


def test_every_name_in_a_raises_section_exists():
    import builtins

    known = errors_page._names_of_errors() | set(dir(builtins))
    assert set(errors_page.raises_sections()) <= known


def test_an_error_that_is_raised_is_one_of_ours_or_a_mistake_in_code():
    """No bare Exception, RuntimeError or SystemExit anywhere below the command line."""
    banned = {"Exception", "RuntimeError", "BaseException"}
    for path in sorted(errors_page.SOURCE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
                name = getattr(node.exc.func, "id", "")
                assert name not in banned, f"{path}, line {node.lineno}"


def test_the_script_checks():
    done = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "errors_page.py"), "--check"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
