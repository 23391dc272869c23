"""The answer of a comparison in words: what to use, what it costs, what could not be seen."""

from likely.apps.report._numbers import joined
from likely.train._study_verdicts import figure
from likely.train.comparison import Comparison, Verdict


def headline(found: Comparison) -> str:
    """What to use.

    Args:
        found: the comparison.

    Returns:
        One sentence without a full stop.
    """
    if found.fast:
        return "A quick look: no verdict on what to use"
    best = chosen(found)
    untuned = "" if found.tuned else ", untuned"
    if best is not None:
        gain = figure(abs(best.mean or 0.0))
        return (
            f"Use {best.arm}: {found.primary} is {gain} better than with {found.baseline}{untuned}"
        )
    if all(one.word == "too few seeds" for one in primary(found)):
        return f"Too few seeds to say what to use; {found.baseline} stays the baseline"
    return f"Keep {found.baseline}: nothing was seen to be better in {found.primary}{untuned}"


def chosen(found: Comparison) -> Verdict | None:
    """The arm that is better by the most; None where none is.

    Args:
        found: the comparison.

    Returns:
        Its verdict in the measure that decides.
    """
    better = [one for one in primary(found) if one.word == "better" and one.mean is not None]
    return max(better, key=lambda one: abs(one.mean or 0.0), default=None)


def primary(found: Comparison) -> list[Verdict]:
    """Verdicts in the measure that decides, in the order of the arms."""
    return [one for one in found.verdicts if one.primary]


def side_of(found: Comparison) -> str:
    """The side of the measure that decides that is better: `lower`, `higher` or nothing."""
    return primary(found)[0].better if primary(found) else ""


def sentences(found: Comparison) -> list[str]:
    """What it costs, what else came out, and what could not be seen.

    Args:
        found: the comparison.

    Returns:
        A few sentences.
    """
    said = [_others(found), _cost(found), _unseen(found)]
    return [one for one in said if one]


def _others(found: Comparison) -> str:
    if found.fast:
        return "Seeds are too few and nothing was tuned: this shows that everything runs."
    best = chosen(found)
    by_word: dict[str, list[str]] = {}
    for one in primary(found):
        if one is not best:
            by_word.setdefault(one.word, []).append(one.arm)
    phrases = {
        "better": "{} better too",
        "worse": "{} worse",
        "no difference seen": "no difference was seen with {}",
        "diverged": "{} diverged, so that there is no verdict",
        "too few seeds": "of {} there are too few seeds for a verdict",
    }
    verb = {"better", "worse"}
    parts = []
    for word, phrase in phrases.items():
        arms = by_word.get(word, [])
        if arms:
            names = joined(arms)
            if word in verb:
                names += " is" if len(arms) == 1 else " are"
            parts.append(phrase.format(names))
    return f"Against {found.baseline}, {'; '.join(parts)}." if parts else ""


def _cost(found: Comparison) -> str:
    best = chosen(found)
    arm = found.arm(best.arm if best else found.baseline)
    others = [one for one in found.arms if one.name != arm.name]
    said = f"A step of {arm.name} takes {_times(arm.cost.time_ratio)} the time and "
    said += f"{_times(arm.cost.memory_ratio)} the peak memory of plain cross-entropy"
    if best is None and others:
        dearest = max(others, key=lambda one: one.cost.time_ratio)
        return (
            f"The dearest arm is {dearest.name}: a step takes {_times(dearest.cost.time_ratio)} "
            f"the time and {_times(dearest.cost.memory_ratio)} the peak memory of plain "
            "cross-entropy."
        )
    return said + "."


def _times(ratio: float) -> str:
    return f"{ratio:.2f} ×"


def _unseen(found: Comparison) -> str:
    sizes = [one.smallest_effect for one in primary(found) if one.smallest_effect is not None]
    if found.fast or not sizes:
        return ""
    count = len(found.seeds)
    return (
        f"With {count} {'seed' if count == 1 else 'seeds'} a true difference below about "
        f"{figure(max(sizes))} in {found.primary} could have stayed unseen (it would be found in "
        "80 % of cases)."
    )


def limits(found: Comparison) -> list[str]:
    """What the study cannot say, beside what its notes say.

    Args:
        found: the comparison.

    Returns:
        Sentences, those of the study first.
    """
    recipes = [arm.recipe for arm in found.arms]
    models = joined(list(dict.fromkeys(str(one.get("start") or one["model"]) for one in recipes)))
    said = list(found.notes)
    if not found.tuned:
        said.append("Nothing was tuned: an arm may have lost by its settings alone.")
    others = [one for one in found.verdicts if not one.primary]
    if others:
        count = len({one.measure for one in others})
        said.append(
            f"{found.primary} decides. The other {count} {'measure' if count == 1 else 'measures'} "
            "were only looked at: among so many, some differ by chance."
        )
    said += [
        f"One {'set of examples' if found.things == 'examples' else 'text'}, one size of model "
        f"({models}) and one budget: what wins here may lose at another scale or on other "
        f"{found.things}.",
        "Intervals are over seeds. They say how another training of the same kind would come out, "
        f"not how {'others' if found.things == 'examples' else 'another text'} would.",
    ]
    return said
