"""`likely measure`: what a model says of every token of a text, kept beside it for training."""

from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from likely.apps._console import print_json, results, tell_skipped

_SEVERAL = Parameter(consume_multiple=True, negative=(), show_default=False)
_FLAG = Parameter(negative=())


def measure_model(
    model: Path,
    data: tuple[str, ...],
    /,
    *,
    out: Path,
    role: str = "reference",
    want: Annotated[tuple[str, ...], _SEVERAL] = (),
    examples: Annotated[bool, _FLAG] = False,
    part: Literal["all", "train"] = "all",
    length: int | None = None,
    rows: int = 16,
    stored: Literal["float32", "float16"] = "float32",
    field: str = "text",
    on_error: Literal["raise", "skip"] = "raise",
    device: str | None = None,
    json: Annotated[bool, _FLAG] = False,
) -> None:
    """Measure a model on every token of a text once, and keep it beside the text as a sidecar.

    A recipe that names the sidecar (sidecars = ["OUT"]) then reads it in place of the model:
    `reference_log_prob` in place of a reference, `teacher_top_ids` and `teacher_top_logits` in
    place of a teacher. Ctrl-C or a crash lose one shard at most; the same command goes on.

    Args:
        model: folder of a model or a run, or hub:NAME for one of the Hugging Face hub.
        data: files, folders, patterns or addresses of text; or `embedded`, the corpus that comes
            with Python.
        out: folder of the sidecar.
        role: what objectives call this model, such as reference or teacher.
        want: statistics, such as log_prob or "top(k=16)"; log_prob, if not said otherwise. `likely
            list vocab.statistics` shows all.
        examples: the data are prompts with answers, or pairs, as for `likely train --kind align`.
        part: train, for the part of a text that `likely train` would learn from; it cuts long
            documents, and then needs this.
        length: tokens of a window; of examples, tokens of a prompt with its answer at most, which
            must be what the recipe says.
        rows: windows read at once.
        stored: type of the log-probabilities of top; float16 takes half the room.
        field: the field or column that holds the text.
        on_error: skip what cannot be read, and list it; raise stops there.
        device: cpu; left out, the best there is.
        json: print JSON.
    """
    from likely.apps import _sidecar
    from likely.models.load import load

    text: Any
    reader = _sidecar.placed(load(model), device)
    if examples:
        text, skipped = _sidecar.examples_of(data, reader, model, length, on_error)
    else:
        text, skipped = _sidecar.text_of(data, reader, part, field, on_error)
    tell_skipped(skipped, len(text.names))
    given: dict[str, Any] = {"role": role, "rows": rows, "stored": stored, "path": str(model)}
    windows = max(text.longest, 2) if examples else length
    made = _sidecar.measured(reader, text, out, want or ("log_prob",), windows, given)
    row = {
        "out": str(out),
        "model": dict(made.model),
        "documents": len(text.names),
        "tokens": len(text.ids),
        "columns": {name: list(kind) for name, kind in made.columns.items()},
        "settings": dict(made.settings),
    }
    if json:
        print_json(row)
        return
    columns = ", ".join(made.columns)
    results().print(
        f"{out}: {columns} of {row['tokens']:,} tokens in {row['documents']:,} "
        f"{'sides of examples' if examples else 'documents'}, by the {reader.kind} {model}."
    )
    results().print(f'In a recipe: sidecars = ["{out}"]')
