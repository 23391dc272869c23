"""Rules of the house that no linter knows."""

import ast
import re
from pathlib import Path

import pytest

from likely.core.catalogue import ROOMS, catalogue

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "likely"
FILES = sorted(SOURCE.rglob("*.py"))


def imports(path):
    """Modules a file imports, anywhere in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("room", ROOMS)
def test_entries_never_import_each_other(room):
    entries = set(catalogue(room).values())
    for module in entries:
        path = ROOT / "src" / Path(*module.split(".")).with_suffix(".py")
        assert not (set(imports(path)) & entries - {module}), module


def test_only_the_catalogue_and_the_front_doors_import_by_name():
    doors = {SOURCE / "__init__.py", SOURCE / "vocab" / "__init__.py"}
    allowed = doors | {SOURCE / "core" / "catalogue.py"}
    for path in set(FILES) - allowed:
        assert "import_module" not in path.read_text(encoding="utf-8"), path


def test_nothing_is_unpickled_and_no_global_seed_is_set():
    banned = re.compile(r"\bpickle\b|torch\.load\(|np\.random\.seed|(?<!torch\.)random\.seed\(")
    for path in FILES:
        found = banned.search(path.read_text(encoding="utf-8"))
        assert found is None, f"{path}: {found.group()}"


def test_files_have_words_for_names():
    for path in FILES:
        assert path.stem not in {"utils", "common", "helpers", "base", "misc"}, path


def test_constraints_pin_torch_and_the_package_declares_ranges():
    import tomllib

    pins = (ROOT / "constraints.txt").read_text()
    assert re.search(r"^torch==", pins, re.MULTILINE)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert all(re.search(r">=", need) for need in project["dependencies"])
