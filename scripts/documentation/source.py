"""What is public, read from the source: modules, functions, classes, their methods."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "likely"
ROOMS = ("core", "vocab", "data", "models", "objectives", "decode", "forecast", "audit", "train")
"""Rooms with a reference page; the public face of `apps` is the command line."""

HOOKS = {
    *("advance", "closed", "dense", "infinite", "start", "wants"),
    *("final_and_slope", "linear", "predict", "starts", "transform", "value_and_jacobian"),
}
"""What the file of an entry holds beside the entry: for tests and for the binding, not for callers."""

Function = ast.FunctionDef | ast.AsyncFunctionDef
Definition = Function | ast.ClassDef


@dataclass(frozen=True)
class Symbol:
    """Something with a docstring.

    Args:
        module: dotted path it is imported from.
        name: dotted within the module: `Batch.to`.
        node: its source.
        owner: the class of a method.
    """

    module: str
    name: str
    node: Definition
    owner: ast.ClassDef | None = None

    @property
    def text(self) -> str:
        """The docstring, empty where there is none."""
        return ast.get_docstring(self.node) or ""

    @property
    def is_property(self) -> bool:
        """True for what is read without brackets."""
        return "property" in {ast.unparse(d) for d in self.node.decorator_list}


def modules(room: str) -> Iterator[tuple[str, Path]]:
    """Public modules of a room.

    Args:
        room: folder below `src/likely`.

    Yields:
        Dotted path and file, by name.
    """
    for path in sorted((SOURCE / room).rglob("*.py")):
        parts = path.relative_to(SOURCE.parent).with_suffix("").parts
        if not any(part.startswith("_") for part in parts):
            yield ".".join(parts), path


def symbols(module: str, path: Path) -> list[Symbol]:
    """Public functions and classes of a module, with their methods.

    What the module lists in `__all__` and takes from another one counts as its own.

    Args:
        module: dotted path.
        path: its file.

    Returns:
        In the order of the source.
    """
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found = [*_taken(tree), *definitions(tree)]
    return [s for node in found for s in _with_methods(module, node)]


def definitions(tree: ast.Module) -> list[Definition]:
    """Functions and classes of a file whose names do not begin with an underscore.

    Args:
        tree: the file.

    Returns:
        Their nodes; `HOOKS` are left out.
    """
    kinds = (*Function.__args__, ast.ClassDef)
    found = [n for n in tree.body if isinstance(n, kinds) and n.name not in HOOKS]
    return [n for n in found if not n.name.startswith("_")]


def _taken(tree: ast.Module) -> list[Definition]:
    """Definitions that `__all__` names and another module of likely holds."""
    own = {n.name for n in definitions(tree)}
    wanted: set[str] = set()
    for node in tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            wanted = set(ast.literal_eval(node.value)) - own
    found = []
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("likely."):
            names = {alias.name for alias in node.names} & wanted
            path = SOURCE.parent.joinpath(*node.module.split(".")).with_suffix(".py")
            if names and path.is_file():
                other = ast.parse(path.read_text(encoding="utf-8"))
                found += [n for n in definitions(other) if n.name in names]
    return found


def _with_methods(module: str, node: Definition) -> Iterator[Symbol]:
    yield Symbol(module, node.name, node)
    if isinstance(node, ast.ClassDef):
        for part in node.body:
            if isinstance(part, Function) and not part.name.startswith("_"):
                yield Symbol(module, f"{node.name}.{part.name}", part, node)


def parameters(symbol: Symbol) -> list[tuple[str, str, str]]:
    """What a function takes, or what makes an object of a class.

    Args:
        symbol: the function, method or class.

    Returns:
        Name, annotation and default of each, as written; `self` and `cls` are left out.
    """
    node = symbol.node
    if isinstance(node, ast.ClassDef):
        begin = [n for n in node.body if isinstance(n, Function) and n.name == "__init__"]
        return _of_function(begin[0], bound=True) if begin else _of_fields(node)
    static = "staticmethod" in {ast.unparse(d) for d in node.decorator_list}
    return _of_function(node, bound=symbol.owner is not None and not static)


def _of_function(node: Function, bound: bool) -> list[tuple[str, str, str]]:
    given = node.args
    plain = [*given.posonlyargs, *given.args]
    defaults = [None] * (len(plain) - len(given.defaults)) + list(given.defaults)
    pairs = list(zip(plain, defaults, strict=True))[1 if bound else 0 :]
    pairs += [(given.vararg, None)] if given.vararg else []
    pairs += list(zip(given.kwonlyargs, given.kw_defaults, strict=True))
    pairs += [(given.kwarg, None)] if given.kwarg else []
    return [(a.arg, _said(a.annotation), _said(d)) for a, d in pairs if a.arg != "_"]


def _of_fields(node: ast.ClassDef) -> list[tuple[str, str, str]]:
    """Fields of a dataclass, a named tuple or a typed dictionary."""
    said = " ".join(map(ast.unparse, [*node.decorator_list, *node.bases]))
    if not any(word in said for word in ("dataclass", "NamedTuple", "TypedDict")):
        return []
    fields = [n for n in node.body if isinstance(n, ast.AnnAssign)]
    return [(ast.unparse(n.target), _said(n.annotation), _said(n.value)) for n in fields]


def _said(node: ast.expr | None) -> str:
    return "" if node is None else ast.unparse(node)


def axes() -> dict[str, str]:
    """Letters of axes in jaxtyping annotations, anywhere in the source.

    Returns:
        Letter → a file that uses it.
    """
    found: dict[str, str] = {}
    for path in sorted(SOURCE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if (
                isinstance(node, ast.Subscript)
                and isinstance(node.slice, ast.Tuple)
                and node.slice.elts
            ):
                last = node.slice.elts[-1]
                shaped = re.match(r"(Float|Int|Bool|Shaped|Num|UInt8|Complex)\b", _said(node.value))
                if shaped and isinstance(last, ast.Constant) and isinstance(last.value, str):
                    for word in re.findall(r"[A-Za-z]\w*", last.value):
                        found.setdefault(word, str(path.relative_to(SOURCE)))
    return found
