"""`likely quickstart`: the main job on the corpus that everybody has."""

from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from likely.apps._console import Clock, messages, print_json, program, results, table
from likely.core.errors import BadSetting


def quickstart(
    *,
    fast: Annotated[bool, Parameter(negative=())] = False,
    long: Annotated[bool, Parameter(negative=())] = False,
    out: Path = Path("quickstart"),
    seed: int = 0,
    json: Annotated[bool, Parameter(negative=())] = False,
) -> None:
    """Train three language models on Python's own standard library and write a report.

    An n-gram of every order from 2 to 16, a feed-forward model and a transformer read bytes of
    the same text and are measured on the same held-out bytes, beside zlib, bz2 and xz. OUT then
    holds report.html, summary.json and models/, which `likely generate` and `likely evaluate` open.
    Stopped at any moment, the same command goes on.

    Args:
        fast: less text and fewer steps: about a minute.
        long: many more steps: about twenty minutes.
        out: folder for the results.
        seed: of the split, the models and the samples.
        json: print the summary as JSON in place of the table.
    """
    if fast and long:
        raise BadSetting("likely quickstart", ["--fast and --long exclude each other: give one."])
    if seed < 0:
        raise BadSetting("likely quickstart", [f"seed={seed} should be at least 0."])
    if out.exists() and not out.is_dir():
        raise BadSetting("likely quickstart", [f"--out {out} is a file: name a folder."])
    clock = Clock(messages())
    clock.say("Reading the standard library of this Python")
    from likely.apps._budget import DEFAULT, FAST, LONG
    from likely.apps._job import main_job
    from likely.data.embedded import embedded
    from likely.train.errors import Interrupted

    budget = FAST if fast else LONG if long else DEFAULT
    try:
        report = main_job(embedded(), budget, out, seed=seed, clock=clock)
    except Interrupted as stopped:
        raise KeyboardInterrupt from stopped
    _show(report, as_json=json)


def _show(report: Path, *, as_json: bool) -> None:
    import json

    summary = json.loads((report.parent / "summary.json").read_text(encoding="utf-8"))
    if as_json:
        print_json(summary)
        messages().print(f"Report: {report}")
        return
    console = results()
    console.print()
    console.print(summary["headline"] + ".", style="bold")
    console.print(summary["table_sentence"])
    domains = [row["domain"] for row in summary["data"]["domains"]]
    header = ["model", "bits/byte", "95 %", "nats/token", "perplexity", "accuracy", "parameters"]
    rows = [*summary["models"].values(), *summary["compressors"].values()]
    rows.sort(key=lambda row: row["bits_per_byte"])
    lines = [_line(row, domains) for row in rows]
    console.print(table([*header, "seconds", *domains], lines))
    for sentence in (
        *summary["differences"],
        *summary["overtaking"][1:],
        *summary["foreseen"],
        summary["caution"],
    ):
        console.print(sentence)
    console.print()
    console.print(f"Report: {report}", style="bold")
    begin, model = program(), report.parent / "models" / "transformer"
    console.print("Next, with text of your own:")
    console.print(f"  {begin} train --data YOUR-FILES")
    console.print(f"  {begin} view {model} ONE-OF-THEM")
    console.print(f'  {begin} generate {model} --prompt "def "')


def _line(row: dict[str, Any], domains: list[str]) -> list[str]:
    parts = [f"{row['per_domain'][d]:.3f}" if d in row["per_domain"] else "" for d in domains]
    seconds = f"{row['seconds']:.1f}"
    if "interval" not in row:
        return [row["label"], f"{row['bits_per_byte']:.3f}", *[""] * 5, seconds, *parts]
    low, high = row["interval"]
    return [
        row["label"],
        f"{row['bits_per_byte']:.3f}",
        f"{low:.3f}–{high:.3f}",
        f"{row['nats_per_token']:.4f}",
        f"{row['perplexity']:.3f}",
        f"{row['accuracy']:.1%}",
        f"{row['parameters']:,}",
        seconds,
        *parts,
    ]
