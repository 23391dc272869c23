"""The page of errors is written from the tree, and every error has an example that was raised."""

import ast

import pytest

from likely.core.errors import LikelyError
from scripts.documentation import errors as page


@pytest.mark.usefixtures("untyped")
def test_every_class_of_the_sources_is_on_the_page():
    text = page.page()
    names = page._names_of_errors()
    assert {error.__name__ for error in page.errors()} == names
    for name in names:
        assert f"\n## {name}\n" in text
    for error in page.errors():
        assert error.__doc__, error
        assert f"from {error.__module__} import {error.__name__}" in text


@pytest.mark.usefixtures("untyped")
def test_every_error_is_really_raised_once():
    shown = page.examples()
    for error in page.errors():
        if error is not LikelyError:
            assert shown[error.__name__], error
    for pairs in shown.values():
        for _, message in pairs:
            assert message.endswith((".", "?", "first", "goldfish"))


def test_every_name_in_a_raises_section_exists():
    import builtins

    known = page._names_of_errors() | set(dir(builtins))
    assert set(page.raises_sections()) <= known


def test_an_error_that_is_raised_is_one_of_ours_or_a_mistake_in_code():
    """No bare Exception, RuntimeError or SystemExit anywhere below the command line."""
    banned = {"Exception", "RuntimeError", "BaseException"}
    for path in sorted(page.SOURCE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
                name = getattr(node.exc.func, "id", "")
                assert name not in banned, f"{path}, line {node.lineno}"
