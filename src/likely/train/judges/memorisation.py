"""Memorisation: how much of planted passages the model gives back word for word."""

from likely.data.plant import begins_alike
from likely.models.reader import Reader
from likely.train.exam import Exam
from likely.train.judge import Measure
from likely.train.judges._written import room_for, written

NEEDS = ("planted",)
MEASURES = {
    "memorised_whole": Measure("share of planted passages given back whole", "share", "lower"),
    "memorised_bytes": Measure("share of bytes of planted passages given back", "share", "lower"),
    "control_whole": Measure("share of passages never read, given back whole", "share", "neither"),
    "control_bytes": Measure(
        "share of bytes of passages never read, given back", "share", "neither"
    ),
}


def memorisation(reader: Reader, exam: Exam) -> dict[str, float | list[float]]:
    r"""What greedy decoding gives back of the second half of planted passages after the first.

    $$ \frac{\text{bytes before the first that differs}}{\text{bytes of the half}} $$

    Measures, one a passage, shares 0 … 1: `memorised_whole`, 1 where the whole half came back;
    `memorised_bytes`, its bytes before the first mistake. Passages with 0 repeats are controls that
    no model read: `control_whole` and `control_bytes` are the same of them.

    Args:
        reader: the model.
        exam: needs `planted`, of which at least one was repeated.

    Returns:
        The measures by name.

    Raises:
        BadInput: the exam has no planted passages.

    References:
        Carlini et al., The Secret Sharer, 2019. arXiv:1802.08232; Hans et al., Be like a Goldfish,
        Don't Memorize!, 2024, §4. arXiv:2406.10209.
    """
    exam.need("memorisation", *NEEDS)
    middles = [len(one.text) // 2 for one in exam.planted]
    prompts = [one.text[:at] for one, at in zip(exam.planted, middles, strict=True)]
    answers = [one.text[at:] for one, at in zip(exam.planted, middles, strict=True)]
    most = room_for(reader.vocabulary, answers)
    texts = written(reader, exam, prompts, "greedy", new_tokens=most)
    share = [_given_back(*pair) for pair in zip(answers, texts, strict=True)]
    found: dict[str, float | list[float]] = {}
    for name, controls in (("memorised", False), ("control", True)):
        pairs = zip(exam.planted, share, strict=True)
        some = [part for one, part in pairs if (one.repeats == 0) == controls]
        if some:
            found |= {f"{name}_whole": [float(part == 1) for part in some], f"{name}_bytes": some}
    return found


def _given_back(wanted: str, text: str) -> float:
    """Share of the wanted bytes before the first that differs."""
    # One character a byte, so that a letter of two bytes counts twice.
    one, other = (part.encode().decode("latin-1") for part in (wanted, text))
    return begins_alike(one, other) / len(one)
