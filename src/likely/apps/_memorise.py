"""What an objective lets a model learn by heart: passages planted a known number of times."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from likely.apps._budget import Memory
from likely.apps._pieces import pieces
from likely.audit.likelihood import likelihood
from likely.core.bind import bind
from likely.data.corpus import Corpus, Document
from likely.data.plant import Planted, begins_alike, plant
from likely.data.tokens import encode
from likely.decode._generate import generate
from likely.models.reader import Reader

Train = Callable[[str, Corpus, Corpus, Path], Reader]


def memorise(
    train: Corpus, validation: Corpus, memory: Memory, seed: int, folder: Path, run: Train
) -> dict[str, Any]:
    """Train the same model on the same small text by several objectives, and ask for the passages.

    Args:
        train: training text; a part of it is the background.
        validation: text for the learning curve.
        memory: sizes.
        seed: of the passages.
        folder: where the runs go, one folder an objective.
        run: trains a model by an objective on a corpus, in a folder.

    Returns:
        `repeats`, and by objective its `label` and `by_repeats`.
    """
    planted_in, passages = plant(
        pieces(train, memory.background),
        passages=memory.passages,
        repeats=memory.repeats,
        length=memory.length,
        seed=seed,
    )
    found = {}
    for objective in memory.objectives:
        name = objective.split("(")[0]
        reader = run(objective, planted_in, validation, folder / name)
        found[name] = {"label": objective, "by_repeats": ask(reader, passages)}
    return {
        "repeats": list(memory.repeats),
        "passages": memory.passages,
        "length": memory.length,
        "background_bytes": planted_in.bytes,
        "steps": memory.training.steps,
        "objectives": found,
    }


def ask(reader: Reader, passages: Sequence[Planted]) -> list[dict[str, Any]]:
    """Give the first half of every passage and compare what greedy decoding writes.

    Args:
        reader: a byte-level model.
        passages: of equal length; some of them never read.

    Returns:
        One row a number of repeats: `exact` counts passages whose second half comes back whole;
        `bytes_share` is the share of its bytes before the first mistake; `bits_per_byte` is of
        whole passages, and `minus_control` compares it with passages that were never read.
    """
    halves = [(p.text[: len(p.text) // 2], p.text[len(p.text) // 2 :]) for p in passages]
    longest = max(len(answer) for _, answer in halves)
    greedy = [bind("greedy", room="decode")]
    prompts = [prompt for prompt, _ in halves]
    written = generate(reader, prompts, samplers=greedy, max_new_tokens=longest)
    bits = _bits(reader, passages)
    rows = []
    for times in sorted({p.repeats for p in passages}):
        places = [i for i, p in enumerate(passages) if p.repeats == times]
        right = [begins_alike(halves[i][1], written[i]) / len(halves[i][1]) for i in places]
        rows.append(
            {
                "repeats": times,
                "passages": len(places),
                "exact": sum(share == 1 for share in right),
                "bytes_share": sum(right) / len(right),
                "bits_per_byte": sum(bits[i] for i in places) / len(places),
            }
        )
    fresh = next(row["bits_per_byte"] for row in rows if row["repeats"] == 0)
    return [{**row, "minus_control": row["bits_per_byte"] - fresh} for row in rows]


def _bits(reader: Reader, passages: Sequence[Planted]) -> list[float]:
    documents = tuple(Document(str(i), p.text, "planted") for i, p in enumerate(passages))
    found = likelihood(reader, encode(Corpus("planted", documents), reader.vocabulary))
    return [float(x) for x in found.nats / (np.log(2) * found.bytes)]
