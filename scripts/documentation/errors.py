"""The page of errors, from the tree: every error, when it is raised, and what it really says."""

import ast
import contextlib
import inspect
import tempfile
from collections import defaultdict
from functools import cache
from textwrap import fill

from scripts.documentation.docstring import items, parse
from scripts.documentation.error_cases import cases
from scripts.documentation.source import SOURCE

HEAD = """# Errors

Everything that `likely` raises on purpose is a `likely.core.errors.LikelyError`, so one `except`
catches all of it, and nothing else. A message says what was wrong, what was given, what to do, and
the near miss where there is one. Where several settings are wrong, all are told at once; of a TOML
file, each with its line.

On the command line an error is one sentence on standard error, never a traceback, and the exit code
is 2: nothing was written that is not whole. Ctrl-C leaves with 130, and what was finished stays. A
traceback is a bug of ours: please report it with the output of `likely doctor --json`, which holds
no names and no paths. `likely doctor` is also the first thing to try when you are stuck.

In Python, settings are checked where they are chosen: by `bind`, by a recipe, and by functions that
take them directly (`split`, `ngram`, …). An objective, sampler or statistic that is called as a
plain function checks nothing, because it runs at every step.

*This page is written by `make docs`; the messages below were raised meanwhile, the two of a run with
made-up numbers.*
"""


def page():
    """The generated page.

    Returns:
        Markdown.
    """
    raised = raises_sections()
    parts = [HEAD, tree()]
    for error in errors():
        parts.append(section(error, raised.get(error.__name__, [])))
    return "\n".join(parts)


@cache
def errors():
    """Every public subclass of `LikelyError`, each after its parent.

    Returns:
        Classes.
    """
    from likely.core.errors import LikelyError

    for path in sorted(SOURCE.rglob("*.py")):  # Only files that define an error are imported.
        tree_of = ast.parse(path.read_text(encoding="utf-8"))
        bases = {
            b.id
            for n in tree_of.body
            if isinstance(n, ast.ClassDef)
            for b in n.bases
            if isinstance(b, ast.Name)
        }
        if bases & _names_of_errors():
            __import__(_module(path))
    found, queue = [], [LikelyError]
    while queue:
        one = queue.pop(0)
        found.append(one)
        own = [k for k in one.__subclasses__() if k.__module__.startswith("likely.")]
        queue = [*sorted(own, key=lambda k: (k.__module__, k.__name__)), *queue]
    return tuple(found)


@cache
def _names_of_errors():
    """Names that an error of ours can inherit from, gathered from the sources alone."""
    classes = {}
    for path in SOURCE.rglob("*.py"):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef):
                classes[node.name] = {b.id for b in node.bases if isinstance(b, ast.Name)}
    known = {"LikelyError"}
    while True:
        grown = known | {name for name, bases in classes.items() if bases & known}
        if grown == known:
            return known
        known = grown


def tree():
    """The errors as an indented list.

    Returns:
        Markdown.
    """
    from likely.core.errors import LikelyError

    lines = []
    for error in errors():
        depth = [k for k in error.__mro__ if issubclass(k, LikelyError)]
        own = [k.__name__ for k in error.__bases__ if not issubclass(k, LikelyError)]
        also = f" (also a `{'`, `'.join(own)}`)" if own and error is not LikelyError else ""
        link = f"[`{error.__name__}`](#{error.__name__.lower()})"
        lines.append(f"{'  ' * (len(depth) - 1)}- {link}: {_first_line(error)}{also}")
    return "\n".join(lines) + "\n"


def section(error, raised):
    """What one error means, what it says, and who raises it.

    Args:
        error: the class.
        raised: pairs of who raises it and when.

    Returns:
        Markdown.
    """
    code = 130 if error.__name__ == "Interrupted" else 2
    lines = [f"## {error.__name__}", "", f"{_first_line(error)} Exit code {code}.", ""]
    lines += [f"`from {error.__module__} import {error.__name__}`", ""]
    for shown, message in examples().get(error.__name__, []):
        lines += ["```text", f"{shown}", *message.splitlines(), "```", ""]
    if raised:
        lines += ["Raised by", ""]
        lines += [f"- `{who}`: {when}" for who, when in sorted(raised)]
        lines += [""]
    return "\n".join(lines)


def raises_sections():
    """When errors are raised, as the docstrings of the package say.

    Returns:
        Name of an error → pairs of who and when.
    """
    found = defaultdict(list)
    for path in sorted(SOURCE.rglob("*.py")):
        for owner, node in _public(ast.parse(path.read_text(encoding="utf-8")), _module(path)):
            raises = parse(ast.get_docstring(node) or "").sections.get("Raises", "")
            for name, when in items(raises):
                found[name].append((owner.removeprefix("likely."), when))
    return found


def _public(tree_of, prefix):
    for node in tree_of.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            if node.name.startswith("_") or any(p.startswith("_") for p in prefix.split(".")):
                continue
            yield f"{prefix}.{node.name}", node
            if isinstance(node, ast.ClassDef):
                yield from _public(node, f"{prefix}.{node.name}")


def _module(path):
    parts = path.relative_to(SOURCE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _first_line(error):
    return inspect.cleandoc(error.__doc__ or "").splitlines()[0]


@cache
def examples():
    """What really was raised by small cases.

    Returns:
        Name of an error → pairs of the case and its message.
    """
    from likely.core.errors import LikelyError

    found = defaultdict(list)
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        for shown, case in cases():
            try:
                case()
            except LikelyError as problem:
                text = "\n".join(_wrapped(line) for line in str(problem).splitlines())
                found[type(problem).__name__].append((f">>> {shown}", text))
            else:
                raise AssertionError(f"nothing was raised by {shown}")
    return found


def _wrapped(line):
    indent = "    " if line.startswith("  - ") else ""
    return fill(line, 96, subsequent_indent=indent, break_long_words=False)
