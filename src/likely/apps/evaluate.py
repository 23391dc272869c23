"""`likely evaluate`: how likely a text is to a model."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from likely.apps._console import print_json, results, table

if TYPE_CHECKING:
    pass


def evaluate_model(
    model: Path,
    corpus: tuple[str, ...],
    /,
    *,
    field: str = "text",
    on_error: Literal["raise", "skip"] = "raise",
    json: Annotated[bool, Parameter(negative=())] = False,
) -> None:
    """Measure a model on texts: nats per token, bits per byte, perplexity, accuracy.

    Args:
        model: folder of a model, such as quickstart/models/transformer, or hub:NAME for one of the
            Hugging Face hub.
        corpus: files, folders, patterns or addresses of text; or `embedded` for the held-out part
            of the corpus that comes with Python.
        field: the field or column that holds the text.
        on_error: skip what cannot be read, and list it; raise stops there.
        json: print JSON.
    """
    from likely.apps._given import given_texts
    from likely.audit.likelihood import likelihood
    from likely.core.errors import BadSetting
    from likely.data.tokens import encode
    from likely.models.load import load

    if not corpus:
        raise BadSetting("likely evaluate", ["No text was given: name a file or a folder."])
    reader, text = load(model), given_texts(corpus, field, on_error)
    found = likelihood(reader, encode(text, reader.vocabulary))
    row: dict[str, Any] = {
        "model": str(model),
        "kind": reader.kind,
        "corpus": text.name,
        "documents": len(text),
        "bytes": text.bytes,
        "parameters": reader.parameters_count,
        **found.to_dict(),
    }
    if json:
        print_json(row)
        return
    results().print(
        f"{row['kind']} {model} on {text.name}: {len(text):,} documents, {text.bytes:,} bytes"
    )
    low, high = row["interval"]
    spread = f"{low:.4f} to {high:.4f}" if len(text) > 1 else "one document: no interval"
    rows = [
        ["bits per byte", f"{row['bits_per_byte']:.4f}", f"95 % over documents: {spread}"],
        ["nats per token", f"{row['nats_per_token']:.4f}", ""],
        ["perplexity", f"{row['perplexity']:.4f}", "per token"],
        ["accuracy", f"{row['accuracy']:.2%}", "tokens that were the likeliest"],
    ]
    made = table(["measure", "value", ""], rows)
    made.columns[2].justify = "left"
    results().print(made)
    if len(row["per_domain"]) > 1:
        parts = [[name, f"{bits:.4f}"] for name, bits in row["per_domain"].items()]
        results().print(table(["domain", "bits per byte"], parts))
