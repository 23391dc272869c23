"""Every public name has its place in the reference, and every letter in the glossary."""

import ast
import inspect
import re
from importlib import import_module
from pathlib import Path

import pytest

import likely
from likely.core.catalogue import ROOMS, catalogue
from scripts.documentation import command_line, reference
from scripts.documentation.docstring import parse
from scripts.documentation.papers import cited
from scripts.documentation.site import navigation
from scripts.documentation.source import HOOKS, Symbol, axes, modules
from scripts.documentation.source import ROOMS as PAGES

REFERENCE = Path(__file__).parents[2] / "docs" / "reference"


def headings(room):
    text = (REFERENCE / f"{room}.md").read_text(encoding="utf-8")
    return set(re.findall(r"^#{3,4} (.+)$", text, re.MULTILINE))


@pytest.mark.parametrize("room", PAGES)
def test_every_public_symbol_has_a_heading(room):
    """By import, where the script reads the source: two ways to the same names."""
    have = headings(room)
    for name, _ in modules(room):
        for key, value in vars(import_module(name)).items():
            made_here = getattr(value, "__module__", None) == name
            if key.startswith("_") or key in HOOKS or not made_here:
                continue
            if inspect.isclass(value) or inspect.isfunction(value):
                assert key in have, f"{name}.{key}"


def test_the_front_door_and_the_entries_are_in_the_reference():
    everything = set().union(*map(headings, PAGES))
    assert set(likely.__all__) - {"__version__"} <= everything
    for room in ROOMS:
        own = {name for name, module in catalogue(room).items() if module.startswith("likely.")}
        assert own <= everything


def test_what_is_public_must_say_what_it_is(monkeypatch):
    bare = Symbol("likely.somewhere", "bare", ast.parse("def bare(): ...").body[0])
    monkeypatch.setattr(reference, "symbols", lambda *_: [bare])
    with pytest.raises(SystemExit, match=r"likely\.somewhere\.bare is public and has no docstring"):
        reference.pages()


def test_the_front_door_must_lead_somewhere(monkeypatch):
    monkeypatch.setattr(reference, "front_door", lambda: {"hidden": "decode.md#hidden"})
    with pytest.raises(SystemExit, match=r"likely\.hidden has no place"):
        reference.pages()


def test_every_axis_is_in_the_glossary():
    text = (REFERENCE.parent / "glossary.md").read_text(encoding="utf-8")
    known = set(re.findall(r"^\| (\w+) \|", text, re.MULTILINE))
    used = axes()
    assert {"N", "V", "D"} <= set(used)
    missing = {f"{axis} ({where})" for axis, where in used.items() if axis not in known}
    assert not missing, f"put them into docs/glossary.md, or name the axis otherwise: {missing}"


def test_a_docstring_in_its_parts():
    found = parse("A line.\n\nProse: more.\n\nArgs:\n    a: one\n        two.\n    b: x: y.\n\n"
                  "Returns:\n    Something.\n")  # fmt: skip
    assert (found.line, found.prose) == ("A line.", "Prose: more.")
    assert found.arguments == {"a": "one two.", "b": "x: y."}
    assert found.sections["Returns"] == "Something."


def test_papers_are_told_apart():
    assert cited("A, 2020. arXiv:2001.00001 (this); B, 2019;\nC, 2018. arXiv:1801.00001.") == [
        "A, 2020. arXiv:2001.00001 (this)", "B, 2019", "C, 2018. arXiv:1801.00001"]  # fmt: skip
    two = cited("A, 2020. arXiv:2001.00001. Bell et al., 2019. arXiv:1901.00002.")
    assert two == ["A, 2020. arXiv:2001.00001", "Bell et al., 2019. arXiv:1901.00002"]


def test_formulas_become_mathml_and_code_stays():
    pytest.importorskip("latex2mathml", reason='the site needs: pip install ".[docs]"')
    from scripts.documentation.mathematics import drawn

    text = "See $p_y$ and `$HOME`.\n\n```math\n\\frac{a}{b}\n```\n\n```sh\necho $A $B\n```\n"
    made = drawn(text)
    assert made.count("<math") == 2
    assert "`$HOME`" in made
    assert "echo $A $B" in made


def test_help_does_not_depend_on_the_terminal(monkeypatch):
    plain = command_line.page()
    for name, value in (("COLUMNS", "40"), ("FORCE_COLOR", "1"), ("TERM", "xterm-256color")):
        monkeypatch.setenv(name, value)
    assert command_line.page() == plain
    assert "\x1b" not in plain


def test_the_order_of_the_site_is_that_of_the_index():
    index = (
        "# D\n\n## One\n\n- [Log](log.md): x.\n- [Out](../README.md)\n\n## Two\n\n- [No](no.md)\n"
    )
    assert navigation(index) == [{"Documentation": "README.md"}, {"One": [{"Log": "log.md"}]}]
    (_, section) = navigation("## Why\n\n- [Decisions](decisions/README.md): x.\n")
    first, *others = section["Why"][0]["Decisions"]
    assert first == "decisions/README.md"
    assert {
        "12. Plain pages, built by Zensical, executed by Sybil": "decisions/0012-docs.md"
    } in others
