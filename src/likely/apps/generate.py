"""`likely generate`: text from a model."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from likely.apps._console import print_json, results


def generate_text(
    model: Path,
    /,
    *,
    prompt: Annotated[tuple[str, ...], Parameter(negative=())] = ("",),
    sampler: Annotated[tuple[str, ...], Parameter(negative=())] = ("top_p(p=0.95)",),
    max_new_tokens: int = 200,
    seed: int = 0,
    json: Annotated[bool, Parameter(negative=())] = False,
) -> None:
    """Continue a text.

    Args:
        model: folder of a model, such as quickstart/models/transformer, or hub:NAME for one of the
            Hugging Face hub.
        prompt: text to continue; repeat it for several. The empty one starts a document.
        sampler: a map of logits with its settings, such as "min_p(p=0.05)"; repeat it, or join
            with |, to apply several in order: "temperature(temperature=0.8) | top_k(k=40)".
            `likely list decode` shows all.
        max_new_tokens: tokens to write at most.
        seed: of the random draws.
        json: print JSON: prompt and continuation.
    """
    from likely.apps._write import samplers_of, write
    from likely.models.load import load

    chosen = samplers_of(sampler)
    reader = load(model)
    texts = write(reader, prompt, chosen, max_new_tokens=max_new_tokens, seed=seed)
    if json:
        pairs = [{"prompt": p, "text": t} for p, t in zip(prompt, texts, strict=True)]
        print_json({"sampler": [str(s) for s in chosen], "seed": seed, "texts": pairs})
        return
    console = results()
    for begin, text in zip(prompt, texts, strict=True):
        console.print(begin, style="bold", end="")
        console.print(text)
