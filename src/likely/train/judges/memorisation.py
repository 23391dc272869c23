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
    "memorised_whole_after_*": Measure(
        "share of passages planted so many times, given back whole", "share", "lower"
    ),
    "memorised_bytes_after_*": Measure(
        "share of bytes of passages planted so many times, given back", "share", "lower"
    ),
    "control_whole": Measure("share of passages never read, given back whole", "share", "neither"),
    "control_bytes": Measure(
        "share of bytes of passages never read, given back", "share", "neither"
    ),
}


def memorisation(reader: Reader, exam: Exam) -> dict[str, float | list[float]]:
    r"""What greedy decoding gives back of the second half of planted passages after the first.

    $$ \frac{\text{bytes before the first that differs}}{\text{bytes of the half}} $$

    Measures, one a passage, shares 0 … 1: `memorised_whole`, 1 where the whole half came back;
    `memorised_bytes`, its bytes before the first mistake; `memorised_whole_after_4` and
    `memorised_bytes_after_4` are the same of passages with 4 repeats alone. Passages with 0 repeats
    are controls that no model read: `control_whole` and `control_bytes` are the same of them.

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
    found: dict[str, float | list[float]] = {}
    share = [
        (one.repeats, _given_back(wanted, text))
        for one, wanted, text in zip(exam.planted, answers, texts, strict=True)
    ]
    groups = {
        "memorised_{}": [part for times, part in share if times],
        "control_{}": [part for times, part in share if not times],
    }
    for repeats in sorted({times for times, _ in share if times}):
        groups[f"memorised_{{}}_after_{repeats}"] = [p for times, p in share if times == repeats]
    for name, some in groups.items():
        if some:
            whole = [float(part == 1) for part in some]
            found |= {name.format("whole"): whole, name.format("bytes"): some}
    return found


def _given_back(wanted: str, text: str) -> float:
    """Share of the wanted bytes before the first that differs."""
    # One character a byte, so that a letter of two bytes counts twice.
    one, other = (part.encode().decode("latin-1") for part in (wanted, text))
    return begins_alike(one, other) / len(one)
