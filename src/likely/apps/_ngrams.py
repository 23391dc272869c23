"""N-grams of every order for the main job."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from likely.audit.likelihood import Likelihood, from_tokens
from likely.data.tokens import Tokens
from likely.models.ngram import Smoothing, judge, sweep

TITLES: dict[Smoothing, str] = {"dirichlet": "Dirichlet", "kneser_ney": "Kneser–Ney"}


def count(
    train: Tokens,
    validation: Tokens,
    held_out: Tokens,
    orders: Sequence[int],
    folder: Path,
    smoothing: Smoothing,
) -> tuple[dict[str, Any], Likelihood]:
    """Count and fit n-grams, measure them all and keep the one that validation text chooses.

    Args:
        train: training text.
        validation: text that smoothing is fitted on and the order is chosen by.
        held_out: text that results are reported on.
        orders: orders to try.
        folder: where the chosen model goes.
        smoothing: how counts become probabilities.

    Returns:
        `orders`: order → `bits_per_byte`, `parameters`, `validation_bits_per_byte`; `order`: the
        chosen one; `row`: its row of the table. And its likelihood of held-out text.
    """
    begin = time.perf_counter()
    models = sweep(train, validation, orders, smoothing=smoothing)
    seconds = time.perf_counter() - begin
    known = {k: from_tokens(validation, *v) for k, v in judge(models, validation).items()}
    fresh = {k: from_tokens(held_out, *v) for k, v in judge(models, held_out).items()}
    chosen = min(models, key=lambda k: known[k].bits_per_byte)
    models[chosen].save(folder)
    rows = {
        str(k): {
            "bits_per_byte": fresh[k].bits_per_byte,
            "validation_bits_per_byte": known[k].bits_per_byte,
            "parameters": models[k].parameters_count,
        }
        for k in sorted(models)
    }
    row = {
        "label": f"{TITLES[smoothing]} {chosen}-gram",
        **fresh[chosen].to_dict(),
        "parameters": models[chosen].parameters_count,
        "seconds": seconds,
    }
    return {"orders": rows, "order": chosen, "row": row}, fresh[chosen]
