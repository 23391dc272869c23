"""What `summary.json` says: every number of the main job and the sentences about them."""

import math
from collections.abc import Mapping
from dataclasses import asdict
from datetime import date
from typing import Any

from likely.apps import _findings
from likely.apps._budget import Budget
from likely.apps._half_time import HalfTime
from likely.apps._ngrams import TITLES
from likely.train.run import environment

CAUTION = "All of it is one seed: another start of the training would move the trained models too."


def summary_of(
    numbers: Mapping[str, Any],
    ngrams: tuple[Mapping[str, Any], Mapping[str, Any]],
    apart: list[str],
    budget: Budget,
    seed: int,
    stages: Mapping[str, float],
    seconds: float,
) -> dict[str, Any]:
    """Numbers and what they say.

    Args:
        numbers: `models`, `compressors`, `data`, `memorisation`.
        ngrams: every order with Dirichlet and with Kneser–Ney smoothing.
        apart: how far each model is behind the best.
        budget: how much was done.
        seed: of everything random.
        stages: seconds of each.
        seconds: of this start, which may have taken up finished stages.

    Returns:
        Plain JSON values.
    """
    models, packed, card = numbers["models"], numbers["compressors"], numbers["data"]
    total, orders = card["total"]["bytes"], ngrams[0]["orders"]
    by_smoothing = {TITLES["dirichlet"]: orders, TITLES["kneser_ney"]: ngrams[1]["orders"]}
    overtaken = _findings.overtaking_orders(by_smoothing, models["transformer"])
    known = environment()
    names = ("likely", "python", "torch", "transformers", "system", "machine", "device", "threads")
    return {
        "format": 1,
        "headline": _findings.headline(models, packed),
        "lead": f"Three byte-level language models read {total['train'] / 1e6:.1f} MB of "
        f"{card['name']}, the text of Python's own standard library, and were measured on "
        f"{total['held_out'] / 1e6:.2f} MB that they had not seen, and on which nothing was tuned. "
        f"A byte drawn blindly would cost {math.log2(256):.0f} bits.",
        "table_sentence": _findings.table_sentence(models, packed),
        "caution": CAUTION,
        "differences": apart,
        "foreseen": _foreseen(models),
        "seed": seed,
        "budget": asdict(budget),
        **numbers,
        "ngram_orders": orders,
        "ngram_orders_kneser_ney": ngrams[1]["orders"],
        "ngram_order_that_overtakes": min(overtaken.values(), default=None),
        "overtaking": _findings.overtaking(
            by_smoothing, models, ngrams[0]["order"], longer=budget.name != "long"
        ),
        "environment": {"date": date.today().isoformat(), **{n: known[n] for n in names}},
        "stages": {name: round(value, 2) for name, value in stages.items()},
        "seconds": round(seconds, 2),
    }


def _foreseen(models: Mapping[str, Any]) -> list[str]:
    """How the forecasts at half time did, a sentence a model."""
    found = []
    for row in models.values():
        if half := row.get("half_time"):
            found.append(f"Forecast of the {row['label']} at half time: {HalfTime(**half)}")
    return found
