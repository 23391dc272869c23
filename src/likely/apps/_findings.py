"""What the numbers say, in sentences: nothing here measures anything."""

from collections.abc import Mapping, Sequence
from typing import Any

Rows = Mapping[str, Mapping[str, Any]]
GIVEN = "xz_given_training_text"


def headline(models: Rows, compressors: Rows) -> str:
    """Who predicts held-out text best, compressors too.

    Args:
        models: name → `label`, `bits_per_byte`.
        compressors: the same.

    Returns:
        One sentence without its full stop.

    Example:
        >>> rows = {"a": {"label": "4-gram", "bits_per_byte": 2.0}}
        >>> headline(rows, {"xz": {"label": "xz alone", "bits_per_byte": 1.5}})
        'A compressor wins: xz alone needs 1.50 bits per byte, the best model (4-gram) 2.00'
    """
    best, *others = sorted(models.values(), key=lambda row: row["bits_per_byte"])
    packer = min(compressors.values(), key=lambda row: row["bits_per_byte"], default=None)
    if packer is not None and packer["bits_per_byte"] < best["bits_per_byte"]:
        return (
            f"A compressor wins: {packer['label']} needs {packer['bits_per_byte']:.2f} bits per "
            f"byte, the best model ({best['label']}) {best['bits_per_byte']:.2f}"
        )
    rest = " and ".join(f"the {row['label']} ({row['bits_per_byte']:.2f})" for row in others)
    behind = f", before {rest}" if rest else ""
    return (
        f"The {best['label']} predicts held-out text best: "
        f"{best['bits_per_byte']:.2f} bits per byte{behind}"
    )


def table_sentence(models: Rows, compressors: Rows) -> str:
    """How models and compressors compare; stands above the table.

    Args:
        models: name → `label`, `bits_per_byte`.
        compressors: the same.

    Returns:
        One or two sentences.
    """
    best = min(models.values(), key=lambda row: row["bits_per_byte"])
    bits, name = best["bits_per_byte"], best["label"]
    ahead = sorted(
        (row for row in compressors.values() if row["bits_per_byte"] < bits),
        key=lambda row: row["bits_per_byte"],
    )
    if ahead:
        said = ", ".join(f"{row['label']}, with {row['bits_per_byte']:.3f}" for row in ahead)
        behind = [row for row in compressors.values() if row["bits_per_byte"] >= bits]
        rest = f" The other {len(behind)} need more than it." if behind else ""
        return (
            f"No model is first: the best of them, the {name}, needs {bits:.3f} bits per byte and "
            f"is beaten by {said}. A compressor may point back into held-out text that it has "
            f"passed, where the table says “as one text”; a model reads each document by "
            f"itself.{rest}"
        )
    if GIVEN in compressors:
        other = compressors[GIVEN]["bits_per_byte"]
        return (
            f"No compressor is ahead of the best model, the {name}, with {bits:.3f} bits per byte: "
            f"xz given the training text needs {other:.3f}."
        )
    return f"The best model, the {name}, needs {bits:.3f} bits per byte."


def overtaking_order(orders: Rows, bits: float) -> int | None:
    """The lowest order whose n-gram needs fewer bits than a model.

    Args:
        orders: order → `bits_per_byte`.
        bits: of the model.

    Returns:
        The order; None where the model is below all.

    Example:
        >>> rows = {"2": {"bits_per_byte": 3.0}, "5": {"bits_per_byte": 1.9}}
        >>> overtaking_order(rows, 2.0), overtaking_order(rows, 1.0)
        (5, None)
    """
    below = [int(order) for order, row in orders.items() if row["bits_per_byte"] < bits]
    return min(below, default=None)


def overtaking(orders: Rows, models: Rows, chosen: int) -> list[str]:
    """Where n-grams overtake the trained models, and why.

    Args:
        orders: order → `bits_per_byte`, `parameters`.
        models: name → `label`, `bits_per_byte`, `parameters`.
        chosen: the order that validation text chose.

    Returns:
        Paragraphs.
    """
    first, last = min(map(int, orders)), max(map(int, orders))
    best = min(orders, key=lambda order: orders[order]["bits_per_byte"])
    said = [
        f"An n-gram of order k looks k − 1 bytes back and knows nothing but counts; how far it "
        f"trusts each length was fitted on validation text. From order {first} to {last}, it goes "
        f"from {orders[str(first)]['bits_per_byte']:.3f} to {orders[best]['bits_per_byte']:.3f} "
        f"bits per byte (order {best}); validation text chose order {chosen}."
    ]
    for name in ("feed_forward", "transformer"):
        if name in models:
            said.append(_overtakes(orders, models[name]))
    size = orders[str(chosen)]["parameters"]
    said.append(
        f"Long orders do not generalise better, they remember more: most sequences of eight bytes "
        f"or longer occur once or not at all, and where one does come back (an idiom, a licence, "
        f"a signature), what followed it last time is a good guess. The {chosen}-gram holds "
        f"{size:,} counts for that. The trained models have far fewer numbers and few minutes, "
        f"and spend them on what holds everywhere; more steps bring them further "
        f"(likely quickstart --long)."
    )
    return said


def other_smoothing(orders: Rows, model: Mapping[str, Any]) -> str:
    """The same n-grams with Kneser–Ney smoothing, the strongest that counts give here.

    Args:
        orders: order → `bits_per_byte`, of the n-grams with Kneser–Ney smoothing.
        model: `label`, `bits_per_byte` of the model to compare with.

    Returns:
        A paragraph.
    """
    best = min(orders, key=lambda order: orders[order]["bits_per_byte"])
    order = overtaking_order(orders, model["bits_per_byte"])
    where = (
        f"it is below the {model['label']} from order {order} on"
        if order is not None
        else f"the {model['label']} stays below every order of it"
    )
    return (
        f"With Kneser–Ney smoothing, which asks in how many contexts a byte was seen rather than "
        f"how often, the same counts reach {orders[best]['bits_per_byte']:.3f} bits per byte "
        f"(order {best}); {where}."
    )


def _overtakes(orders: Rows, model: Mapping[str, Any]) -> str:
    order = overtaking_order(orders, model["bits_per_byte"])
    name = f"the {model['label']} ({model['bits_per_byte']:.3f}, {model['parameters']:,} numbers)"
    if order is None:
        return f"No n-gram overtakes {name}: it is below every order up to {max(map(int, orders))}."
    if order == min(map(int, orders)):
        return f"Even the shortest n-gram, order {order}, is below {name}."
    return f"From order {order} on, the n-gram is below {name}."


def differences(found: Sequence[tuple[str, str, Sequence[float]]]) -> list[str]:
    """How far models are apart on the same documents.

    Args:
        found: label of the better one, label of the other, difference and its interval.

    Returns:
        One sentence a pair.
    """
    said = []
    for best, other, (value, low, high) in found:
        sure = "" if low > 0 else " This interval holds 0: another sample could turn it round."
        said.append(
            f"The {other} needs {value:.3f} bits per byte more than the {best}; over the same "
            f"documents drawn again, {low:.3f} to {high:.3f}.{sure}"
        )
    return said


def memory_sentences(memory: Mapping[str, Any]) -> list[str]:
    """What the planted passages show.

    Args:
        memory: what `memorise` returned.

    Returns:
        Paragraphs.
    """
    times = memory["repeats"][-1]
    parts = []
    for row in memory["objectives"].values():
        last = row["by_repeats"][-1]
        parts.append(
            f"{row['label']} gives back {last['bytes_share']:.0%} of the bytes "
            f"({last['exact']} of {last['passages']} passages whole)"
        )
    return [
        f"Passages of {memory['length']} bytes, words in random order, were planted "
        f"{', '.join(map(str, memory['repeats']))} times in {memory['background_bytes']:,} bytes "
        f"of training text. The same small transformer was trained on it for {memory['steps']:,} "
        f"steps by each objective, with the same start and the same batches; it is not the one in "
        f"the table above. Then it was given the first half of each passage and wrote on, always "
        f"the likeliest byte. “Bytes back” counts those before the first mistake; “minus fresh” "
        f"compares a passage's bits per byte with passages that were never read.",
        f"Planted {times} times: {'; '.join(parts)}. Goldfish never trains on one token in four, "
        f"the same ones after the same words, so that nothing can be recited without guessing. "
        f"One seed is no claim.",
    ]
