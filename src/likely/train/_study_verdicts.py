"""Verdicts of a study: what seeds say of each arm and measure, as numbers and as a sentence."""

from collections.abc import Callable, Mapping, Sequence

from likely.audit.against import Against, against
from likely.audit.seeds import paired
from likely.train.comparison import ArmResult, Better, Verdict, Word
from likely.train.study import Study

_WORDS: Mapping[tuple[str, str], Word] = {
    ("above", "higher"): "better",
    ("above", "lower"): "worse",
    ("below", "higher"): "worse",
    ("below", "lower"): "better",
    ("above", ""): "higher",
    ("below", ""): "lower",
}


def verdicts(
    study: Study, arms: Sequence[ArmResult], better: Callable[[str], str]
) -> tuple[Verdict, ...]:
    """Hold every arm against the baseline by every measure that both have.

    Holm's correction is over the arms, for each measure by itself. One measure decides, and it was
    named before; others are looked at, and a reader of many of them will find one by chance.

    Args:
        study: names baseline and primary measure.
        arms: what became of them.
        better: from a measure to the side that is better.

    Returns:
        The verdicts, those of the primary measure first.
    """
    by_name = {arm.name: arm for arm in arms}
    base = by_name[study.baseline]
    others = [arm for arm in arms if arm.name != study.baseline]
    measures = dict.fromkeys([study.primary, *(m for arm in arms for m in arm.measures)])
    made = []
    for measure in measures:
        sitting = [arm for arm in others if _values(arm, measure) or measure == study.primary]
        if not _values(base, measure) and measure != study.primary:
            continue
        made += _of_measure(study, measure, _side(better(measure)), base, sitting)
    return tuple(made)


def _side(said: str) -> Better:
    return "lower" if said == "lower" else "higher" if said == "higher" else ""


def _values(arm: ArmResult, measure: str) -> list[float]:
    """One number a seed; empty where a training diverged or nobody measured it."""
    values = arm.measures.get(measure, ())
    whole = [value for value in values if value is not None]
    return whole if len(whole) == len(values) else []


def _of_measure(
    study: Study, measure: str, side: Better, base: ArmResult, others: Sequence[ArmResult]
) -> list[Verdict]:
    plain = _values(base, measure)
    differences = {
        arm.name: paired(values, plain)
        for arm in others
        if plain and (values := _values(arm, measure))
    }
    found = against(differences) if differences else {}
    return [
        _verdict(study, arm.name, measure, side, differences.get(arm.name, []), found)
        for arm in others
    ]


def _verdict(
    study: Study,
    arm: str,
    measure: str,
    side: Better,
    differences: list[float],
    every: Mapping[str, Against],
) -> Verdict:
    found = every.get(arm)
    one = found.summary if found else None
    word: Word = "diverged"
    if found is not None:
        # Arms whose seeds are all alike in the differences of nothing are no difference.
        plain: Word = "too few seeds" if found.found == "too few seeds" else "no difference seen"
        word = "quick look" if study.fast else _WORDS.get((found.found, side), plain)
    made = Verdict(
        arm=arm,
        measure=measure,
        primary=measure == study.primary,
        better=side,
        differences=tuple(differences),
        mean=one.mean if one else (differences[0] if differences else None),
        low=one.low if one else None,
        high=one.high if one else None,
        p_t=one.p_t if one else None,
        p_sign=one.p_sign if one else None,
        p_adjusted=found.p_adjusted if found and one else None,
        smallest_effect=found.smallest_effect if found else None,
        seeds_for_half=one.seeds_for_half if one else None,
        word=word,
        sentence="",
    )
    return _with_sentence(made, study, len(every))


def _with_sentence(found: Verdict, study: Study, arms: int) -> Verdict:
    from dataclasses import replace

    said = _sentence(found, study.baseline, arms)
    if not study.tuning.trials:
        said = f"Untuned: {said}"
    return replace(found, sentence=said)


def _sentence(found: Verdict, baseline: str, arms: int) -> str:
    arm, measure, count = found.arm, found.measure, len(found.differences)
    if found.word == "diverged":
        return f"{arm} has no verdict in {measure}: a training diverged, or {baseline} did."
    about = f"{measure} {figure(found.mean or 0.0, sign=True)}"
    if found.low is not None and found.high is not None:
        about += f" (95 % {figure(found.low, sign=True)} … {figure(found.high, sign=True)})"
    about += f" over {count} seed{'s' if count > 1 else ''}"
    if found.word == "quick look":
        return f"{arm} against {baseline}: {about}; a quick look never counts."
    if found.word == "too few seeds":
        return f"{arm} against {baseline}: {about}; too few seeds for a verdict, which needs 5."
    p = f"p {found.p_adjusted:.2g} after Holm over {arms} arm{'s' if arms > 1 else ''}"
    if found.word != "no difference seen":
        return f"{arm} is {found.word} than {baseline}: {about}, {p}."
    said = f"{arm} and {baseline}: no difference seen in {about}, {p}; "
    if found.smallest_effect is None:
        return said + "all seeds gave the same, so nobody knows what could have been seen."
    seen = figure(found.smallest_effect)
    return said + f"a difference of {seen} would have been found in 80 % of cases."


_NOTHING = 1e-14
"""What rounding leaves of differences that cancel."""


def figure(value: float, *, sign: bool = False) -> str:
    """A number with three digits that count.

    Args:
        value: the number.
        sign: whether a plus is written.

    Returns:
        It, with a minus that is as wide as a plus.

    Example:
        >>> figure(-0.123456), figure(0.5, sign=True), figure(-1.85e-17, sign=True)
        ('−0.123', '+0.5', '0')
    """
    if abs(value) < _NOTHING:
        value = 0.0
    said = f"{value:.0f}" if abs(value) >= 1000 else f"{value:.3g}"
    return (f"+{said}" if sign and value > 0 else said).replace("-", "−")
