"""Reference pages, one a room, as plain Markdown."""

import ast
import re

from scripts.documentation.docstring import Docstring, items, parse
from scripts.documentation.source import ROOMS, SOURCE, Symbol, modules, parameters, symbols

NOTE = "<!-- Written by `make docs` from the docstrings; change those. -->"


def pages() -> dict[str, str]:
    """Every reference page.

    Returns:
        Path below `docs` → text.

    Raises:
        SystemExit: something public has no docstring, or something at the front door no page.
    """
    made = {f"reference/{room}.md": _page(room) for room in ROOMS}
    for name, link in front_door().items():
        if f"\n### {name}\n" not in made.get(f"reference/{link.partition('#')[0]}", ""):
            raise SystemExit(f"likely.{name} has no place in the reference: is its module public?")
    return {"reference/README.md": _index(), **made}


def _index() -> str:
    rows = []
    for room in ROOMS:
        tree = ast.parse((SOURCE / room / "__init__.py").read_text(encoding="utf-8"))
        line = (ast.get_docstring(tree) or "").splitlines()[0]
        count = sum(len(symbols(name, path)) for name, path in modules(room))
        rows.append(f"| [{room}]({room}.md) | {line} | {count} |")
    front = "\n".join(f"- [`likely.{name}`]({link})" for name, link in front_door().items())
    return (
        f"# Reference\n\n{NOTE}\n\nEvery public function and class, room by room. The commands "
        "are in [cli](../cli.md).\n\n| room | what it holds | names |\n|---|---|---|\n"
        + "\n".join(rows)
        + f"\n\n## `import likely`\n\nWhat most programs need is at the front door:\n\n{front}\n"
    )


def front_door() -> dict[str, str]:
    """Names that `likely` itself offers.

    Returns:
        Name → link below `docs/reference`.
    """
    tree = ast.parse((SOURCE / "__init__.py").read_text(encoding="utf-8"))
    for node in tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "_HOME":
            home = ast.literal_eval(node.value)
            return {n: f"{m.split('.')[0]}.md#{n.lower()}" for n, m in sorted(home.items())}
    raise SystemExit("src/likely/__init__.py has no _HOME to read the front door from.")


def _page(room: str) -> str:
    parts = [f"# {room}", NOTE]
    for name, path in modules(room):
        found = symbols(name, path)
        if not found:
            continue
        doc = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
        parts += [f"## {name}", doc.split("\n\n")[0]]
        parts += [_symbol(one) for one in found]
    return "\n\n".join(parts) + "\n"


def _symbol(one: Symbol) -> str:
    if not one.text:
        raise SystemExit(f"{one.module}.{one.name} is public and has no docstring.")
    doc = parse(one.text)
    given = parameters(one)
    level = "####" if one.owner else "###"
    parts = [f"{level} {one.name}", f"```py\n{signature(one)}\n```", doc.line]
    parts += [mathematics(doc.prose)] if doc.prose else []
    parts += [_table(given, doc)] if given and doc.arguments else []
    for name in ("Returns", "Yields"):
        if name in doc.sections:
            parts.append(f"**{name}** {_flat(doc.sections[name])}")
    if "Raises" in doc.sections:
        rows = [f"- `{kind}`: {why}" for kind, why in items(doc.sections["Raises"])]
        parts.append("**Raises**\n\n" + "\n".join(rows))
    if "Example" in doc.sections:
        parts.append(f"```pycon\n{doc.sections['Example']}\n```")
    if "References" in doc.sections:
        parts.append(f"**References** {linked(_flat(doc.sections['References']))}")
    return "\n\n".join(parts)


def signature(one: Symbol) -> str:
    """How it is called, one parameter a line where one line would be long.

    Args:
        one: function, method or class.

    Returns:
        Python, without a body.
    """
    name = one.name.rpartition(".")[2]
    if isinstance(one.node, ast.ClassDef):
        bases = ", ".join(map(ast.unparse, one.node.bases))
        return f"class {name}({bases})" if bases else f"class {name}"
    back = f" -> {ast.unparse(one.node.returns)}" if one.node.returns else ""
    if one.is_property:
        return f"{one.name}{back}"
    inside = ast.unparse(one.node.args)
    inside = re.sub(r"^(self|cls)(, |$)", "", inside) if one.owner else inside
    parts = [re.sub(r"^(\w+: .*[^=<>!])=(?!=)", r"\1 = ", part) for part in _split(inside)]
    whole = f"{name}({', '.join(parts)}){back}"
    if len(whole) <= 96:
        return whole
    lines = [f"    {part}," for part in parts]
    return "\n".join([f"{name}(", *lines, f"){back}"])


def _split(inside: str) -> list[str]:
    """Parameters of a signature, cut at the commas outside brackets."""
    depth, parts = 0, [""]
    for letter in inside:
        depth += (letter in "([{") - (letter in ")]}")
        if letter == "," and not depth:
            parts.append("")
        else:
            parts[-1] += letter
    return [part.strip() for part in parts]


def _table(given: list[tuple[str, str, str]], doc: Docstring) -> str:
    rows = ["| argument | type | default | meaning |", "|---|---|---|---|"]
    for name, kind, default in given:
        meaning = doc.arguments.get(name, "").replace("|", "&#124;")
        cells = [f"`{text.replace(' | ', ' or ')}`" if text else "" for text in (kind, default)]
        rows.append(f"| `{name}` | {cells[0]} | {cells[1]} | {meaning} |")
    return "\n".join(rows)


def _flat(text: str) -> str:
    return " ".join(text.split())


def mathematics(text: str) -> str:
    """Formulas between `$$` as fenced blocks, which GitHub shows without reading them as prose.

    Args:
        text: prose of a docstring.

    Returns:
        Markdown.
    """
    blocks = re.sub(
        r"\s*\$\$\s*(.*?)\s*\$\$\s*",
        lambda found: f"\n\n```math\n{found[1]}\n```\n\n",
        text,
        flags=re.DOTALL,
    )
    return blocks.strip("\n")


def linked(text: str) -> str:
    """ArXiv numbers as links.

    Args:
        text: of a `References` section.

    Returns:
        Markdown.
    """
    return re.sub(r"arXiv:(\d{4}\.\d{4,5})", r"[arXiv:\1](https://arxiv.org/abs/\1)", text)
