"""The index of papers: every `References` section, with the entry and its settings."""

import ast
import re

from scripts.documentation.docstring import parse
from scripts.documentation.reference import NOTE, linked
from scripts.documentation.source import ROOMS, Symbol, modules, parameters, symbols


def page() -> str:
    """Papers by the name of their first author.

    Returns:
        The text of `papers.md`.
    """
    rows: dict[str, list[str]] = {}
    for room in ROOMS:
        for name, path in modules(room):
            for one in symbols(name, path):
                for paper in cited(parse(one.text).sections.get("References", "")):
                    rows.setdefault(paper, []).append(_link(room, one))
    lines = [
        f"| {linked(paper)} | {', '.join(dict.fromkeys(links))} |"
        for paper, links in sorted(rows.items(), key=lambda row: row[0].lower())
    ]
    return (
        f"# Papers\n\n{NOTE}\n\nWhat stands behind each name, and the settings it has when none "
        "are given. Where code and paper disagree, the page of the entry says so.\n\n"
        "| paper | here |\n|---|---|\n" + "\n".join(lines) + "\n"
    )


def cited(section: str) -> list[str]:
    """The papers of one section.

    Args:
        section: its text; a paper ends at `;`, behind its arXiv number, or with the section.

    Returns:
        One line a paper.
    """
    flat = " ".join(section.split())
    ended = re.sub(r"(arXiv:[\d.]*\d(?: \([^)]*\))?)[.;]?\s+(?=[A-Z])", r"\1;", flat)
    return [part.strip().rstrip(".").strip() for part in ended.split(";") if part.strip()]


def _link(room: str, one: Symbol) -> str:
    name = one.name.rpartition(".")[2]
    if isinstance(one.node, ast.ClassDef):
        shown = name
    else:
        begin = len([*one.node.args.posonlyargs, *one.node.args.args]) - (one.owner is not None)
        chosen = [
            f"{p}={default}"
            for p, _, default in parameters(one)[begin:]
            if default not in ("", "None")
        ]
        shown = f"{name}({', '.join(chosen)})" if chosen else name
    return f"[`{shown}`](reference/{room}.md#{one.name.lower().replace('.', '')})"
