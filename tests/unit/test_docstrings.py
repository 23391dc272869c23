"""One docstring form: a first line, Args equal to the signature, Returns; more for entries."""

import ast
import inspect
from pathlib import Path

import pytest

from likely.core.catalogue import catalogue, get
from scripts.documentation.docstring import parse
from scripts.documentation.source import SOURCE, Symbol, definitions, parameters

METHODS = ("objectives", "decode", "models", "vocab.statistics", "audit.metrics", "forecast.laws")
ENTRIES = [
    (room, name)
    for room in METHODS
    for name, module in catalogue(room).items()
    if module.startswith("likely.")
]
FILES = sorted(SOURCE.rglob("*.py"))


def symbols(path):
    for node in definitions(ast.parse(path.read_text(encoding="utf-8"))):
        yield Symbol(path.stem, node.name, node)
        for part in node.body if isinstance(node, ast.ClassDef) else ():
            if isinstance(part, ast.FunctionDef) and not part.name.startswith("_"):
                yield Symbol(path.stem, f"{node.name}.{part.name}", part, node)


def returns_something(node):
    if not isinstance(node, ast.FunctionDef) or node.returns is None:
        return False
    return ast.unparse(node.returns) not in ("None", "NoReturn", "Never")


def problems(one, private=False):
    """What is wrong with the docstring of one symbol, in words.

    In files whose names begin with an underscore a docstring may end with its first lines; where it
    has Args, they are those of the signature there too.
    """
    doc = parse(one.text)
    if private and not doc.sections:
        return
    if not doc.line.endswith((".", "?", "`")):
        yield f"its first line is {doc.line!r}, and should be one sentence"
    is_error = isinstance(one.node, ast.ClassDef) and "Error" in "".join(
        map(ast.unparse, one.node.bases)
    )
    given = [] if is_error and not doc.arguments else [name for name, _, _ in parameters(one)]
    if list(doc.arguments) != given and not one.is_property:
        yield f"its Args are {list(doc.arguments)} and its signature has {given}"
    said = {"Returns", "Yields"} & set(doc.sections)
    # What takes nothing may say what it gives in its first line.
    if returns_something(one.node) and given and not said:
        yield "it returns something and has no Returns"


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.relative_to(SOURCE).as_posix())
def test_the_form_holds(path):
    private = any(part.startswith("_") for part in path.relative_to(SOURCE).parts)
    found = [f"{one.name}: {said}" for one in symbols(path) for said in problems(one, private)]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(("room", "name"), ENTRIES)
def test_entries_show_an_example_and_name_their_source(room, name):
    doc = parse(inspect.getdoc(get(room, name)) or "")
    for part in ("Args", "Returns", "Example", "References"):
        assert part in doc.sections, f"{name} lacks {part}"
    assert "$$" in doc.prose, f"{name} lacks a formula"
    assert ">>>" in doc.sections["Example"]


def test_the_test_sees_what_is_wrong():
    text = '''
def f(a: int, b: int = 2, *, c: str) -> int:
    """No stop

    Args:
        b: two.
        a: one.
    """
'''
    node = ast.parse(text).body[0]
    said = " ".join(problems(Symbol("m", "f", node)))
    assert "one sentence" in said
    assert "['a', 'b', 'c']" in said
    assert "no Returns" in said


def test_every_file_is_looked_at():
    assert Path(SOURCE / "objectives" / "focal.py") in FILES
    assert sum(len(list(symbols(path))) for path in FILES) > 200
