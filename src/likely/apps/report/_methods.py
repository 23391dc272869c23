"""The methods paragraph of a comparison: what a paper must say, from what the study holds."""

from collections.abc import Mapping, Sequence
from typing import Any

from likely.apps.report._numbers import joined, plain
from likely.train.comparison import Comparison


def methods(found: Comparison) -> tuple[str, ...]:
    """Say how a study was done, so that somebody else could do it again.

    Args:
        found: the comparison.

    Returns:
        Paragraphs of plain English; nothing in them that the comparison does not hold.
    """
    return (
        " ".join(part for part in (_what(found), _text(found), _training(found)) if part),
        " ".join((_tuning(found), _verdict(found), _machine(found))),
    )


def _what(found: Comparison) -> str:
    others = [arm.name for arm in found.arms if arm.name != found.baseline]
    said = f"We compared {joined(others)} with {found.baseline} as the baseline, by {found.primary}"
    judges = [judge for judge in found.study["judges"] if judge]
    return f"{said} (judges: {joined(judges)})."


def _text(found: Comparison) -> str:
    recipe, text = found.arms[0].recipe, found.text
    train, tuning, test = (text[part] for part in ("training", "tuning", "test"))
    if text.get("cut"):
        how = (
            "there were too few documents to keep whole ones apart, so that tuning and test text "
            "are the ends of documents whose beginnings were trained on"
        )
    else:
        how = "whole documents were held out, with those that share text kept in one part"
    tokenizers = list(dict.fromkeys(str(arm.recipe["tokenizer"]) for arm in found.arms))
    by = f"the tokenizer{'s' if len(tokenizers) > 1 else ''} {joined(tokenizers)}"
    data = recipe["data"]
    named = data if isinstance(data, str) else joined(list(map(str, data)))
    return (
        f"The training text ({named}) had {_sizes(train)} by {by}; {_sizes(tuning)} were kept "
        f"for tuning and {_sizes(test)} for testing: {how}."
    )


def _sizes(part: Mapping[str, Any]) -> str:
    documents = f" in {part['documents']:,} {_many('document', part['documents'])}"
    return f"{part['bytes']:,} bytes ({part['tokens']:,} tokens{documents})"


def _training(found: Comparison) -> str:
    recipe, arms = found.arms[0].recipe, found.arms
    models = list(dict.fromkeys(str(arm.recipe["model"]) for arm in arms))
    optimizers = list(dict.fromkeys(_optimizer(arm.recipe) for arm in arms))
    window = f"{recipe['rows'] * recipe['accumulate']} windows of {recipe['length']} tokens"
    reads = f"in steps of {window}"
    if len({(a.recipe["rows"], a.recipe["accumulate"], a.recipe["length"]) for a in arms}) > 1:
        reads = "in steps of its own size"
    said = [
        f"Every arm trained {joined(models)} from random weights by {joined(optimizers)}, {reads}."
        if _scratch(models)
        else f"Every arm trained {joined(models)} by {joined(optimizers)}, {reads}.",
        f"One training had a budget of {_budget(found)}, which bought {_steps(found)}; the "
        f"schedule ({_schedules(found)}) ran over each arm's own steps.",
    ]
    return " ".join([*said, *_second(found)])


def _scratch(models: Sequence[str]) -> bool:
    return not any(model.startswith("pretrained") for model in models)


def _optimizer(recipe: Mapping[str, Any]) -> str:
    one = recipe["optimizer"]
    clip = f", gradients clipped at {one['clip']:g}" if one["clip"] else ""
    decay = f"weight decay {one['weight_decay']:g}"
    return f"{one['name']} ({decay}{clip}, {recipe['precision']})"


def _schedules(found: Comparison) -> str:
    kinds = []
    for arm in found.arms:
        one = arm.recipe["schedule"]
        warmup = one["warmup"]
        warm = f"{warmup} steps" if warmup >= 1 or warmup == 0 else f"{100 * warmup:g} %"
        end = f", ending at {one['floor']:g} of the highest rate"
        ends = end if one["name"] in ("cosine", "linear", "wsd") else ""
        kinds.append(f"{one['name']} with a warm-up of {warm}{ends}")
    return joined(list(dict.fromkeys(kinds)))


def _budget(found: Comparison) -> str:
    unit, amount = found.budget["unit"], found.budget["amount"]
    if unit == "tokens":
        return f"{amount:,.0f} tokens"
    if unit == "flops":
        return f"{amount:.3g} floating-point operations, as counted from the sizes of the model"
    machine = found.budget["reference"]["name"] or "the machine that it ran on"
    step = found.budget["reference"]["step_seconds"]
    return (
        f"{amount:g} seconds of {machine}, on which a step by plain cross-entropy takes "
        f"{step:.3g} s; the other steps were counted by their measured cost beside it"
    )


def _steps(found: Comparison) -> str:
    steps = {arm.name: arm.steps for arm in found.arms}
    if len(set(steps.values())) == 1:
        return f"{next(iter(steps.values())):,} steps in every arm"
    return joined([f"{count:,} steps of {name}" for name, count in steps.items()])


def _second(found: Comparison) -> list[str]:
    """A sentence where an arm reads a second model."""
    reads = {
        arm.name: joined([f"{role} {model}" for role, model in arm.recipe["roles"].items()])
        for arm in found.arms
        if arm.recipe["roles"]
    }
    if not reads:
        return []
    named = joined([f"{arm} ({models})" for arm, models in reads.items()])
    return [f"A second model was read in training by {named}; its cost counts as the arm's own."]


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
        f"Every arm had {trials} {_many('trial', trials)} over a logarithmic grid of learning "
        f"rates, from 1/{span:g} to {span:g} times that of its recipe,{beside} on the tuning text "
        f"and with {_many('seed', len(seeds))} {joined(list(map(str, seeds)))}, which no verdict "
        f"used; chosen were {'; '.join(chosen)}."
    )


def _settings(chosen: Mapping[str, Any]) -> str:
    return joined([f"{name} {plain(value)}" for name, value in chosen.items()])


def _verdict(found: Comparison) -> str:
    count = len(found.seeds)
    others = len(found.arms) - 1
    said = (
        f"Each arm was then trained with {count} {_many('seed', count)}, which decided first "
        "weights and the order of the data, the same for all arms. "
    )
    if found.fast:
        return said + "This was a quick look, and no verdict was drawn from it."
    said += (
        "The seed is the unit: measures were averaged within a seed, and differences to the "
        "baseline paired by seed; we give 95 % intervals by Student's t, and p-values of the t "
        f"test adjusted by Holm over {others} {_many('comparison', others)} for each measure, "
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


def _many(word: str, count: int) -> str:
    return word if count == 1 else f"{word}s"
