"""The corpus everybody has: the standard library of the Python that runs."""

import ast
import os
import platform
import sysconfig
import tokenize
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path

from likely.core.errors import BadInput
from likely.data.corpus import Corpus, Document

SKIPPED_FOLDERS = frozenset(
    {
        "__pycache__",
        "dist-packages",
        "encodings",
        "idle_test",
        "lib-dynload",
        "pydoc_data",
        "site-packages",
        "test",
        "tests",
    }
)
_GENERATED = ("_sysconfigdata", "sitecustomize", "usercustomize")
_INSTALL = (
    "use a Python with its standard library in source form (python.org, uv, pyenv, conda; on "
    "Debian install libpython3-stdlib), or name your own text files"
)
_HasDocstring = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def embedded() -> Corpus:
    """Code, docstrings and reference prose of this Python's own standard library.

    Three domains that do not overlap: `code` (modules without tests, codecs, generated tables and
    installed packages, and without their docstrings), `docstrings` (those of a module, one
    document) and `topics` (the language reference that `help("topics")` shows, one document a
    topic). The order is that of the sorted module paths, then of the sorted topics.

    Returns:
        The corpus; the same for the same Python version.

    Raises:
        BadInput: this Python carries no sources or no topics (stripped or zipped).
    """
    code, docstrings = [], []
    for path, source in _modules(_library()):
        tree = _parse(source)
        if tree is None:
            continue
        found = _docstrings(tree)
        bare = without_docstrings(source, found)
        spoken = [ast.get_docstring(owner) or "" for owner, _ in found]
        bundle = "\n\n".join(text for text in spoken if text.strip())
        if bare.strip():
            code.append(Document(path, bare, "code"))
        if bundle:
            docstrings.append(Document(f"docstrings/{path}", f"{bundle}\n", "docstrings"))
    if not code or not docstrings:
        lacking = "modules" if not code else "docstrings"
        raise BadInput(f"The standard library of this Python holds no {lacking}: {_INSTALL}.")
    topics = [
        Document(f"topics/{name}", text, "topics")
        for name, text in sorted(_topics().items())
        if text.strip()
    ]
    return Corpus(f"python-{platform.python_version()}", (*code, *docstrings, *topics))


def without_docstrings(
    source: str, found: list[tuple[_HasDocstring, ast.Expr]] | None = None
) -> str:
    r"""Python source with its docstrings cut out.

    A line that held nothing else goes with them; `...` takes the place of a docstring that was a
    whole body, so that the result is still Python.

    Args:
        source: the text of a module, with `\n` at its line ends.
        found: docstrings with their owners, where they are known already.

    Returns:
        The source without docstrings.

    Raises:
        SyntaxError: `source` is no Python.

    Example:
        >>> without_docstrings('def f():\n    "Doc."\n    return 1\n')
        'def f():\n    return 1\n'
    """
    found = _docstrings(ast.parse(source)) if found is None else found
    lines = source.encode().splitlines(keepends=True)
    for owner, node in sorted(found, key=lambda pair: pair[1].lineno, reverse=True):
        first, last = node.lineno - 1, (node.end_lineno or node.lineno) - 1
        before, after = lines[first][: node.col_offset], lines[last][node.end_col_offset :]
        if len(owner.body) == 1 and not isinstance(owner, ast.Module):
            lines[first : last + 1] = [before + b"..." + after]
        elif not before.strip() and not after.strip():
            lines[first : last + 1] = []
        else:
            lines[first : last + 1] = [before + after.lstrip(b"; \t")]
    return b"".join(lines).decode()


def _parse(source: str) -> ast.Module | None:
    """The syntax tree; nothing where the text is no Python of this version."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return ast.parse(source)
        except (SyntaxError, ValueError):
            return None


def _docstrings(tree: ast.Module) -> list[tuple[_HasDocstring, ast.Expr]]:
    """Owners and docstring expressions, in the order of the source."""
    found = []
    for owner in ast.walk(tree):
        if isinstance(owner, _HasDocstring) and owner.body:
            node = owner.body[0]
            if (
                isinstance(node, ast.Expr)
                and isinstance(node.value, ast.Constant)
                and isinstance(node.value.value, str)
            ):
                found.append((owner, node))
    return sorted(found, key=lambda pair: pair[1].lineno)


def _library() -> Path:
    """The folder of the standard library."""
    for place in (sysconfig.get_paths()["stdlib"], os.path.dirname(os.__file__)):
        folder = Path(place)
        if (folder / "os.py").is_file():
            return folder
    raise BadInput(
        f"This Python keeps no sources of its standard library on disk (no os.py in "
        f"{sysconfig.get_paths()['stdlib']}): {_INSTALL}."
    )


def _modules(library: Path) -> Iterator[tuple[str, str]]:
    """Path within the library and source, sorted, of what belongs to the corpus."""
    for folder, inner, names in os.walk(library):
        inner[:] = sorted(
            name for name in inner if name not in SKIPPED_FOLDERS and not name.startswith("config-")
        )
        for name in sorted(names):
            if name.endswith(".py") and not name.startswith(_GENERATED):
                path = Path(folder) / name
                yield path.relative_to(library).as_posix(), _source(path)


def _source(path: Path) -> str:
    """The text of a module; nothing where its encoding is not what it says."""
    try:
        with tokenize.open(path) as file:
            return file.read()
    except (OSError, SyntaxError, UnicodeDecodeError):
        return ""


def _topics() -> Mapping[str, str]:
    """Name → text of every help topic."""
    try:
        from pydoc_data import topics
    except ImportError as problem:
        raise _no_topics() from problem
    found = {str(name): str(text) for name, text in getattr(topics, "topics", {}).items()}
    if not found:
        raise _no_topics()
    return found


def _no_topics() -> BadInput:
    return BadInput(f"This Python has no help topics (pydoc_data/topics.py): {_INSTALL}.")
