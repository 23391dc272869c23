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
    rest = [f"the {row['label']} ({row['bits_per_byte']:.2f})" for row in others]
    listed = " and ".join([", ".join(rest[:-1]), *rest[-1:]] if rest[1:] else rest)
    behind = f", before {listed}" if rest else ""
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


def overtaking(orders: Mapping[str, Rows], models: Rows, chosen: int, *, longer: bool) -> list[str]:
    """Where n-grams overtake the trained models, and why.

    Args:
        orders: smoothing → order → `bits_per_byte`, `parameters`.
        models: name → `label`, `bits_per_byte`, `parameters`.
        chosen: the order that validation text chose.
        longer: whether a longer job is left to try.

    Returns:
        Paragraphs: what was counted, each trained model, the explanation.
    """
    trained = [models[name] for name in ("feed_forward", "transformer") if name in models]
    first, last = _ends(orders)
    reached = " and ".join(_reached(smoothing, rows) for smoothing, rows in orders.items())
    size = next(iter(orders.values()))[str(chosen)]["parameters"]
    overtaken = any(overtaking_orders(orders, model) for model in trained[-1:])
    rest = (
        "; more steps bring them further (likely quickstart --long)"
        if overtaken and longer
        else ", and the transformer also looks back further than any n-gram here"
    )
    return [
        f"An n-gram of order k looks k − 1 bytes back and knows nothing but counts; how far it "
        f"trusts each length was fitted on validation text. Of the orders {first} to {last}, "
        f"{reached}. Kneser–Ney smoothing asks in how many contexts a byte was seen rather than "
        f"how often.",
        *(_overtakes(orders, model) for model in trained),
        f"Long orders do not generalise better, they remember more: most sequences of eight bytes "
        f"or longer occur once or not at all, and where one does come back (an idiom, a licence, "
        f"a signature), what followed it last time is a good guess. The {chosen}-gram holds "
        f"{size:,} counts for that. The trained models have far fewer numbers and spend them on "
        f"what holds everywhere{rest}.",
    ]


def _ends(orders: Mapping[str, Rows]) -> tuple[int, int]:
    known = [int(order) for rows in orders.values() for order in rows]
    return min(known), max(known)


def _reached(smoothing: str, rows: Rows) -> str:
    best = min(rows, key=lambda order: rows[order]["bits_per_byte"])
    return (
        f"{smoothing} smoothing does best at order {best}, with {rows[best]['bits_per_byte']:.3f} "
        f"bits per byte"
    )


def overtaking_orders(orders: Mapping[str, Rows], model: Mapping[str, Any]) -> dict[str, int]:
    """The lowest order that is below a model, for each smoothing that has one.

    Args:
        orders: smoothing → order → `bits_per_byte`.
        model: its `bits_per_byte`.

    Returns:
        Smoothing → order.
    """
    found = {s: overtaking_order(rows, model["bits_per_byte"]) for s, rows in orders.items()}
    return {smoothing: order for smoothing, order in found.items() if order is not None}


def _overtakes(orders: Mapping[str, Rows], model: Mapping[str, Any]) -> str:
    name = f"the {model['label']} ({model['bits_per_byte']:.3f}, {model['parameters']:,} numbers)"
    first, last = _ends(orders)
    below = overtaking_orders(orders, model)
    if not below:
        return f"No n-gram overtakes {name}: it is below every order up to {last}."
    if len(below) == len(orders) and set(below.values()) == {first}:
        return f"Even the shortest n-gram, order {first}, is below {name}."
    if len(below) == len(orders) > 1 and len(set(below.values())) == 1:
        return f"From order {min(below.values())} on, n-grams are below {name} with any smoothing."
    where = " and ".join(f"{order} on with {smoothing}" for smoothing, order in below.items())
    never = [smoothing for smoothing in orders if smoothing not in below]
    but = f"; none is with {' or '.join(never)} smoothing" if never else ""
    return f"N-grams are below {name} from order {where} smoothing{but}."


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
