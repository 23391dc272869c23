"""Tables of what the scan costs on a GPU, from `benchmarks/results/scan_gpu.json`."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from scripts.documentation.source import ROOT

RESULT = ROOT / "benchmarks" / "results" / "scan_gpu.json"
ABSENT = "Not measured: no GPU was at hand."
COMMAND = "python -m benchmarks.scan_gpu"
ENTROPY_GOAL, MEMORY_GOAL = 1.03, 64
STEP = {"likely": "likely", "dense": "dense logits", "liger": "Liger's loss"}


def heads_on_page(path: Path = RESULT) -> str:
    """Heads, or that nothing was measured.

    Args:
        path: the file.

    Returns:
        Markdown.
    """
    found = _read(path)
    if not any(True for _ in every_head(found)):
        return _absent("heads trained")
    return f"{taken_on(found)}\n\n{heads(found)}"


def steps_on_page(path: Path = RESULT) -> str:
    """Training steps, or that nothing was measured.

    Args:
        path: the file.

    Returns:
        Markdown.
    """
    found = _read(path)
    return steps(found) if found.get("end_to_end") else _absent("end-to-end")


def _read(path: Path) -> Any:
    if not path.is_file():
        return {}
    found = json.loads(path.read_text(encoding="utf-8"))
    if found["toy"]:
        raise SystemExit(f"{path.name} was made by --toy: its figures mean nothing. Delete it.")
    return found


def _absent(parts: str) -> str:
    return f"{ABSENT}\n\n```sh\n{COMMAND} --only {parts}\n```"


def every_head(found: Any) -> Iterator[tuple[str, Any]]:
    """Random and trained heads.

    Args:
        found: what the file holds.

    Returns:
        Names and what was found.
    """
    for part in ("heads", "trained"):
        yield from found.get(part, {}).items()


def taken_on(found: Any) -> str:
    """The card and the versions.

    Args:
        found: what the file holds.

    Returns:
        A sentence or two.
    """
    card = found["machine"]["card"] or {"name": "a processor"}
    said = f"{card['name']}"
    if "gibibytes" in card:
        said += f", {card['gibibytes']} GiB, driver {card.get('driver_version', 'unknown')}"
    named = [f"{name} {number}" for name, number in found["versions"].items() if number]
    return (
        f"{said}; {', '.join(named)}. bfloat16; medians of {found['rounds']} rounds with quartiles, "
        "the cache of the card written over before each call. “Above gradients” is the most memory "
        "that forward and backward hold beyond inputs and the two gradients. “Off” is the "
        "distance from float64: of the mean loss, and the largest of both gradients over their "
        "largest entry."
    )


def heads(found: Any) -> str:
    """A table and a few lines for each head.

    Args:
        found: what the file holds.

    Returns:
        Markdown.
    """
    return "\n\n".join(_head(found, name, one) for name, one in every_head(found))


def _head(found: Any, name: str, one: Any) -> str:
    if "failed" in one:
        return f"**{name}**: not measured ({one['failed']})."
    n, d, v = (one["shape"][key] for key in ("tokens", "width", "words"))
    rows = []
    for method, says in found["methods"].items():
        if not any(method in one.get(part, {}) for part in ("train", "forward")):
            continue
        error = one["errors"].get(method)
        off = _number(error["nats"], "{:.1g}") if error else ""
        worst = _worst(error) if error else ""
        backend = one["ran"].get(method, "")
        rows.append(
            [
                f"{says} ({backend})" if backend not in ("", "triton") else says,
                _milliseconds(one["forward"].get(method)),
                _milliseconds(one["train"].get(method)),
                _against(one, method),
                _number(one["mebibytes"].get(method), "{:,.0f}"),
                *(f"**{said}**" if method in one["red"] else said for said in (off, worst)),
            ]
        )
    header = [
        "",
        "forward, ms",
        "with gradients, ms",
        "× four products",
        "MiB above gradients",
        "nats off",
        "gradients off",
    ]
    parts = [
        f"**{name}**: {n:,} × {d:,} × {v:,}{_what(one)}",
        _table(header, rows),
        _told(found, name, one),
    ]
    return "\n\n".join(part for part in parts if part)


def _what(one: Any) -> str:
    if "what" not in one:
        return ", random states and head."
    numbers = [f"{key} {value}" for key, value in one["what"].items() if _is_measure(key)]
    return f", {one['what']['kind']}. {'; '.join(numbers)}."


def _is_measure(key: str) -> bool:
    return key.startswith(("nats", "entropy", "share", "words"))


def _told(found: Any, name: str, one: Any) -> str:
    lines = []
    rates = [f"{key} {value:.0f}" for key, value in one["teraflops"].items()]
    if rates:
        lines.append(f"- Teraflop/s of bare products: {', '.join(rates)}.")
    entropy = one["train_ratios"].get("entropy / exact")
    if entropy is not None:
        lines.append(f"- With entropy / without: {entropy:.3f} (goal: at most {ENTROPY_GOAL}).")
    memory = one["mebibytes"].get("exact")
    if memory is not None:
        goal = 4 * one["shape"]["tokens"] * one["shape"]["width"] / 2**20 + MEMORY_GOAL
        lines.append(f"- Memory above gradients: {memory:,.0f} MiB (goal: at most {goal:,.0f}).")
    if "filtered" in one["errors"]:
        lost = (
            _number(one["errors"]["filtered"][f"{k}_norm"], "{:.2g}") for k in ("hidden", "weight")
        )
        said = "- Filtered, error over norm: {} of the states' gradient, {} of the head's"
        ratio = one["train_ratios"].get("filtered / exact")
        lines.append(said.format(*lost) + (f"; time over exact: {ratio:.2f}." if ratio else "."))
    lines += [f"- Refused, its gate is red: {found['methods'][m]}." for m in one["refused"]]
    others = [m for m in one["red"] if m not in one["refused"]]
    if others:
        said = ", ".join(found["methods"][m] for m in others)
        lines.append(f"- In bold, further from float64 than plain torch and an allowance: {said}.")
    left = [f"{_says(found, m)} ({why})" for m, why in one["skipped"].items()]
    lines += [f"- Not run: {'; '.join(left)}."] if left else []
    known = found["public"].get(name)
    if known:
        rows = [
            f"{who} {row['ms']} ms, {row['gigabytes']} GB" for who, row in known["rows"].items()
        ]
        lines.append(f"- On an {known['card']}, {known['of']}: {'; '.join(rows)}.")
    return "\n".join(lines)


def _says(found: Any, method: str) -> str:
    name, _, part = method.partition(", ")
    return found["methods"].get(name, name) + (f", {part}" if part else "")


def _worst(error: Any) -> str:
    values = [error["hidden"], error["weight"]]
    words = [value for value in values if isinstance(value, str)]
    return words[0] if words else f"{max(values):.1g}"


def _milliseconds(found: Any) -> str:
    return f"{found[0]:.4g} ({found[1]:.4g}–{found[2]:.4g})" if found else ""


def _against(one: Any, method: str) -> str:
    bar = one["train"].get("four products")
    mine = one["train"].get(method)
    return f"{mine[0] / bar[0]:.2f}" if bar and mine else ""


def _number(value: Any, form: str) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    return form.format(value)


def steps(found: Any) -> str:
    """A table of training steps.

    Args:
        found: what the file holds.

    Returns:
        Markdown.
    """
    kept = found.get("end_to_end")
    if not kept:
        return ABSENT
    ways = list(dict.fromkeys((p["objective"], p["method"]) for p in kept["points"]))
    lengths = sorted({p["length"] for p in kept["points"]})
    at = {(p["objective"], p["method"], p["length"]): p for p in kept["points"]}
    rows = [
        [f"`{o}`", STEP[m], *(_step(at.get((o, m, length))) for length in lengths)] for o, m in ways
    ]
    size = kept["model"]
    return _table(["objective", "", *(f"{length:,} tokens" for length in lengths)], rows) + (
        f"\n\nSeconds a step, GiB at most. A Llama of width {size['hidden_size']:,}, "
        f"{size['layers']} layers and {size['vocab_size']:,} words with random weights; LoRA of rank "
        f"{kept['rank']} on all layers but the head, gradient checkpointing, bfloat16. `dpop` reads "
        "two rows of half the length, and its reference in the same step. Each entry is a process of its own."
    )


def _step(point: Any) -> str:
    if point is None:
        return ""
    if "why" in point:
        return str(point["why"])
    peak = point.get("peak_gibibytes")
    return f"{point['seconds']:.3g} s" + (f", {peak:.1f} GiB" if peak else "")


def _table(header: list[str], rows: list[list[str]]) -> str:
    rule = "|" + "---|" * len(header)
    cells = [[cell.replace("|", "\\|") for cell in row] for row in rows]
    return "\n".join([f"| {' | '.join(header)} |", rule, *(f"| {' | '.join(r)} |" for r in cells)])
