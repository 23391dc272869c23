"""The methods paragraph of a comparison: what a paper must say, from what the study holds."""

from collections.abc import Mapping
from typing import Any

from likely.apps.report._apparatus import material_of, text_of, training_of
from likely.apps.report._numbers import joined, many, plain
from likely.train.comparison import Comparison


def methods(found: Comparison) -> tuple[str, ...]:
    """Say how a study was done, so that somebody else could do it again.

    Args:
        found: the comparison.

    Returns:
        Paragraphs of plain English; nothing in them that the comparison does not hold.
    """
    done = (_what(found), text_of(found), material_of(found), training_of(found))
    return (
        " ".join(part for part in done if part),
        " ".join((_tuning(found), _verdict(found), _machine(found))),
    )


def _what(found: Comparison) -> str:
    others = [arm.name for arm in found.arms if arm.name != found.baseline]
    said = f"We compared {joined(others)} with {found.baseline} as the baseline, by {found.primary}"
    judges = [judge for judge in found.study["judges"] if judge]
    return f"{said} (judges: {joined(judges)})."


def _tuning(found: Comparison) -> str:
    tuning = found.study["tuning"]
    if not found.tuned:
        rates = {f"{arm.chosen['learning rate']:g}" for arm in found.arms}
        one = f"the learning rate {next(iter(rates))} was that of the recipe"
        said = one if len(rates) == 1 else "learning rates were those of the recipes"
        return f"Nothing was tuned: {said}."
    chosen = [f"{arm.name}: {_settings(arm.chosen)}" for arm in found.arms]
    knobs = {
        arm.name: joined(sorted(name for name in arm.chosen if name != "learning rate"))
        for arm in found.arms
        if len(arm.chosen) > 1
    }
    own = joined([f"{names} of {arm}" for arm, names in knobs.items()])
    beside = f" together with settings of the objective ({own})" if knobs else ""
    trials, span = tuning["trials"], tuning["span"]
    seeds = tuple(tuning["seeds"])
    return (
        f"Every arm had {trials} {many('trial', trials)} over a logarithmic grid of learning "
        f"rates, from 1/{span:g} to {span:g} times that of its recipe,{beside} on the tuning text "
        f"and with {many('seed', len(seeds))} {joined(list(map(str, seeds)))}, which no verdict "
        f"used; chosen were {'; '.join(chosen)}."
    )


def _settings(chosen: Mapping[str, Any]) -> str:
    return joined([f"{name} {plain(value)}" for name, value in chosen.items()])


def _verdict(found: Comparison) -> str:
    count = len(found.seeds)
    others = len(found.arms) - 1
    said = (
        f"Each arm was then trained with {count} {many('seed', count)}, which decided first "
        "weights and the order of the data, the same for all arms. "
    )
    if found.fast:
        return said + "This was a quick look, and no verdict was drawn from it."
    said += (
        "The seed is the unit: measures were averaged within a seed, and differences to the "
        "baseline paired by seed; we give 95 % intervals by Student's t, and p-values of the t "
        f"test adjusted by Holm over {others} {many('comparison', others)} for each measure, "
        f"beside the exact sign-flip test. The measure that decides, {found.primary}, was "
        "named before; others are exploratory."
    )
    seen = {
        one.arm: one.smallest_effect
        for one in found.verdicts
        if one.primary and one.smallest_effect is not None
    }
    if not seen:
        return said
    least, most = min(seen.values()), max(seen.values())
    size = f"{least:.3g}" if f"{least:.3g}" == f"{most:.3g}" else f"{least:.3g} to {most:.3g}"
    return (
        f"{said} With these seeds a true difference of {size} in {found.primary} would have been "
        "found in 80 % of cases."
    )


def _machine(found: Comparison) -> str:
    where = found.environment
    names = ("likely", "torch", "transformers", "python")
    versions = [f"{_NAMES.get(name, name)} {where[name]}" for name in names if where.get(name)]
    commit = f" (commit {where['git_commit']})" if where.get("git_commit") else ""
    kind = " ".join(str(where[name]) for name in ("system", "machine") if where.get(name))
    device = f" on {where['device']}" if where.get("device") else ""
    return (
        f"All trainings together took {found.cpu_minutes:,.1f} CPU-minutes{device}"
        f"{f' ({kind})' if kind else ''}, with {joined(versions)}{commit}."
    )


_NAMES = {"torch": "PyTorch", "python": "Python"}
