"""`likely mix`: several models as one."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from likely.apps._console import messages, print_json, results, table
from likely.core.errors import BadSetting

if TYPE_CHECKING:
    pass


def mix_models(
    models: Annotated[tuple[Path, ...], Parameter(negative=())],
    /,
    *,
    fit_on: Annotated[tuple[str, ...], Parameter(consume_multiple=True, negative=())] = (),
    field: str = "text",
    on_error: Literal["raise", "skip"] = "raise",
    out: Path | None = None,
    limit: int = 200_000,
    json: Annotated[bool, Parameter(negative=())] = False,
) -> None:
    """Mix models: a weighted mean of their probabilities, often better than each of them.

    The weights are those that make a text likeliest which no member was trained on. OUT is a
    model like any other: evaluate it, write with it, mix it again.

    Args:
        models: folders of models over one vocabulary, two or more.
        fit_on: files or folders of text to fit the weights on; or `embedded` for the validation
            part of the corpus that comes with Python.
        field: the field or column that holds the text.
        on_error: skip what cannot be read, and list it; raise stops there.
        out: folder of the new model; must not be there yet.
        limit: bytes of that text to read at most, in pieces spread over all of it.
        json: print JSON.
    """
    folder = _checked(models, fit_on, out, limit)
    import numpy as np

    from likely.apps._given import given_texts
    from likely.apps._pieces import pieces
    from likely.audit.likelihood import from_tokens, likelihood
    from likely.data.tokens import encode
    from likely.models._weights import fit_weights
    from likely.models.load import load
    from likely.models.mixture import Mixture, check_members

    members = [load(path) for path in models]
    check_members(members)
    text = pieces(given_texts(fit_on, field, on_error, part="validation"), limit)
    tokens = encode(text, members[0].vocabulary)
    messages().print(f"Fitting weights on {text.bytes:,} bytes of {text.name} …", style="dim")
    judged = [member.judge(tokens) for member in members]
    weights = fit_weights(np.stack([log_prob for log_prob, _ in judged]))
    # What has no weight would only take room on the disk.
    used = [member for member, weight in zip(members, weights, strict=True) if weight > 0]
    mixed = Mixture(used, weights[weights > 0])
    mixed.save(folder)
    rows = [
        {
            "model": str(path),
            "kind": member.kind,
            "weight": float(weight),
            "bits_per_byte": from_tokens(tokens, *found).bits_per_byte,
        }
        for path, member, weight, found in zip(models, members, weights, judged, strict=True)
    ]
    whole = {"model": str(folder), "bits_per_byte": likelihood(mixed, tokens).bits_per_byte}
    if json:
        print_json({**whole, "kind": mixed.kind, "bytes": text.bytes, "members": rows})
        return
    _print(rows, whole)


def _print(rows: list[dict[str, Any]], whole: dict[str, Any]) -> None:
    cells = [
        [
            row["model"],
            row["kind"],
            f"{row['weight']:.3f}" if row["weight"] else "left out",
            f"{row['bits_per_byte']:.4f}",
        ]
        for row in rows
    ]
    cells.append([whole["model"], "mixture", "", f"{whole['bits_per_byte']:.4f}"])
    results().print(table(["model", "kind", "weight", "bits per byte"], cells))
    results().print(
        "These bits are of the text that the weights were fitted on. On text that nothing was "
        f"fitted on: likely evaluate {whole['model']} TEXT"
    )


def _checked(
    models: tuple[Path, ...], fit_on: tuple[str, ...], out: Path | None, limit: int
) -> Path:
    """Where the model goes; everything that is missing is told at once."""
    problems = []
    if len(models) < 2:
        problems.append(f"Give two models or more to mix, and here is {len(models)}.")
    if not fit_on:
        problems.append(
            "Name text that no member was trained on, to fit the weights on it: --fit-on TEXT."
        )
    if limit < 1:
        problems.append(f"limit={limit} should be at least 1 byte.")
    if out is None:
        problems.append("Where to? Name a folder for the new model, such as --out mixed.")
    elif out.exists():
        problems.append(f"{out} is there already: name another --out, or remove it.")
    if problems or out is None:
        raise BadSetting("likely mix", problems)
    return out
