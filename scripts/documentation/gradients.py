"""Tables of `docs/gradients.md`: what `benchmarks/results/gradients.json` holds, for a reader."""

from collections import Counter
from typing import Any

Table = tuple[list[str], list[list[str]]]
ROUNDED = "°"
SHORT = {"float64": "float64", "float32": "float32", "bfloat16": "bf16", "float16": "fp16"}
QUANTITIES = {"value": "the loss", "hidden": "d states", "weight": "d head", "bias": "d bias"}


def counts(kept: Any) -> Table:
    """How many cells of each way to call a library came out how.

    Args:
        kept: what the file holds.

    Returns:
        Header and rows.
    """
    rows = []
    for name, rival in kept["rivals"].items():
        found = Counter(
            one["verdict"] for row in kept["cells"][name].values() for one in row.values()
        )
        told = [str(found[verdict] or "") for verdict in ("right", "rounded", "wrong", "refused")]
        told[2] = f"**{told[2]}**" if told[2] else ""
        version = kept["versions"].get(rival["package"]) or ""
        rows.append([_called(rival), version, *told, str(found["not run"] or "")])
    return ["", "version", "right", f"right{ROUNDED}", "wrong", "refused", "not run"], rows


def matrix(kept: Any) -> Table:
    """One row an option, one column a library, all dtypes and all its ways that take part.

    Args:
        kept: what the file holds.

    Returns:
        Header and rows. A way that refuses is left out where another way of the library does not.
    """
    ways: dict[str, list[str]] = {}
    for name, rival in kept["rivals"].items():
        ways.setdefault(rival["library"], []).append(name)
    rows = [
        [said, *(_column(kept, option, names) for names in ways.values())]
        for option, said in kept["options"].items()
    ]
    return ["", *ways], rows


def _column(kept: Any, option: str, names: list[str]) -> str:
    found = {name: _entry(kept["cells"][name][option]) for name in names}
    silent = ("refused", "not run")
    taking = {name: said for name, said in found.items() if said not in silent}
    if not taking:
        return "refused" if "refused" in found.values() else "not run"
    if all(said.startswith("right") for said in taking.values()):
        return max(taking.values(), key=len)
    groups: dict[str, list[str]] = {}
    for name, said in taking.items():
        groups.setdefault(said, []).append(kept["rivals"][name]["mode"])
    return " · ".join(f"{said} ({', '.join(modes)})" for said, modes in groups.items())


def wrong(kept: Any) -> Table:
    """Every cell that is wrong, with its number and what would have passed.

    Args:
        kept: what the file holds.

    Returns:
        Header and rows: of each cell the worst quantity, of several dtypes the last.
    """
    told: dict[tuple[str, str, str], list[tuple[str, Any]]] = {}
    for name, cells in kept["cells"].items():
        for option, row in cells.items():
            for dtype, one in row.items():
                if one["verdict"] == "wrong":
                    key = (name, option, one["worst"][0])
                    told.setdefault(key, []).append((SHORT[dtype], one))
    rows = []
    for (name, option, what), found in told.items():
        _, error, allowed = found[-1][1]["worst"]
        said = "no gradient came" if what in found[-1][1].get("missing", []) else _number(error)
        said += f" ({_number(found[-1][1]['nats'])} nats)" if what == "value" else ""
        dtypes = ", ".join(dtype for dtype, _ in found)
        who = _called(kept["rivals"][name])
        rows.append(
            [who, kept["options"][option], dtypes, QUANTITIES[what], said, _number(allowed)]
        )
    return ["", "option", "dtype", "what", "error", "would pass"], rows


def refused(kept: Any) -> Table:
    """What is refused and in which words.

    Args:
        kept: what the file holds.

    Returns:
        Header and rows, one for each way and sentence.
    """
    told: dict[tuple[str, str, str], list[str]] = {}
    for name, cells in kept["cells"].items():
        sentences: dict[str, list[str]] = {}
        for option, row in cells.items():
            for words in {one["words"] for one in row.values() if "words" in one}:
                sentence = "no such argument" if words.startswith("Refused") else f"`{words}`"
                sentences.setdefault(sentence, []).append(kept["options"][option])
        rival = kept["rivals"][name]
        for sentence, options in sentences.items():
            key = (rival["library"], sentence, _list(options, kept["options"]))
            told.setdefault(key, []).append(rival["mode"])
    rows = [[f"{who}: {' · '.join(modes)}", *rest] for (who, *rest), modes in told.items()]
    return ["", "in its words", "options"], rows


def _called(rival: Any) -> str:
    return f"{rival['library']}, {rival['mode']}"


def _entry(row: Any) -> str:
    verdicts = {dtype: one["verdict"] for dtype, one in row.items()}
    bad = [dtype for dtype, verdict in verdicts.items() if verdict == "wrong"]
    if bad:
        single = row[bad[-1]]
        what, error, _ = single["worst"]
        number = "none" if what in single.get("missing", []) else _number(error)
        where = "" if len(bad) == len(row) else f" in {', '.join(SHORT[d] for d in bad)}"
        return f"**wrong**: {QUANTITIES[what]} {number}{where}"
    if set(verdicts.values()) <= {"right", "rounded"}:
        return "right" + (ROUNDED if "rounded" in verdicts.values() else "")
    return (
        "refused"
        if set(verdicts.values()) == {"refused"}
        else ", ".join(sorted(set(verdicts.values())))
    )


def _number(error: Any) -> str:
    return error if isinstance(error, str) else f"{error:.2g}"


def _list(options: list[str], everything: Any) -> str:
    if len(options) < len(everything) / 2:
        return "; ".join(options)
    left = [said for said in everything.values() if said not in options]
    return "all" + (f" but: {'; '.join(left)}" if left else "")
