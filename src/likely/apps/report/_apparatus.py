"""What a study trained, on what and for how long, in sentences for a paper."""

from collections.abc import Mapping
from typing import Any

from likely.apps.report._numbers import joined, many
from likely.core.bind import bind
from likely.train.comparison import Comparison


def text_of(found: Comparison) -> str:
    """The text of a study, and how it was divided."""
    recipe, text = found.arms[0].recipe, found.text
    train, tuning, test = (text[part] for part in ("training", "tuning", "test"))
    if found.things == "examples":
        how = "all examples of a prompt are in one part"
    elif text.get("cut"):
        how = (
            "there were too few documents to keep whole ones apart, so that tuning and test text "
            "are the ends of documents whose beginnings were trained on"
        )
    else:
        how = "whole documents were held out, with those that share text kept in one part"
    tokenizers = list(dict.fromkeys(_tokenizer(arm.recipe) for arm in found.arms))
    by = f"the {many('tokenizer', len(tokenizers))} {joined(tokenizers)}"
    data = recipe["data"]
    named = data if isinstance(data, str) else joined(list(map(str, data)))
    return (
        f"The training {found.things} ({named}) had {_sizes(train)} by {by}; {_sizes(tuning)} were "
        f"kept for tuning and {_sizes(test)} for testing: {how}."
    )


def _tokenizer(recipe: Mapping[str, Any]) -> str:
    start = recipe.get("start")
    return f"of {start}" if start else str(recipe["tokenizer"])


def _sizes(part: Mapping[str, Any]) -> str:
    if "examples" in part:
        count = f"{part['examples']:,} {many('example', part['examples'])}"
        return f"{count} ({part['tokens']:,} tokens, answers of {part['bytes']:,} bytes)"
    documents = f" in {part['documents']:,} {many('document', part['documents'])}"
    return f"{part['bytes']:,} bytes ({part['tokens']:,} tokens{documents})"


def material_of(found: Comparison) -> str:
    """What stood beside the text, and how much of it verdicts looked at; empty for nothing."""
    given: Mapping[str, Any] = found.study.get("material", {})
    asked: Mapping[str, int] = found.text.get("questions", {}).get("test", {})
    said = []
    if given.get("planted"):
        repeats = joined(list(map(str, given["repeats"])))
        said.append(
            f"{given['planted']} passages of {given['length']} bytes, of shuffled words of the "
            f"text, were planted into the training text {repeats} times each"
        )
    if given.get("task"):
        said.append(
            f"the training documents of the task {given['task']} were added to the training text"
        )
    if given.get("references"):
        said.append(f"prompts with reference answers came from {given['references']}")
    if given.get("features"):
        said.append(f"texts were compared by hidden states of {given['features']}")
    if not said:
        return ""
    counts = [
        f"{count:,} {many(_ASKED[name], count)}" for name, count in asked.items() if name in _ASKED
    ]
    halves = f" Verdicts rest on {joined(counts)}, which tuning never asked." if counts else ""
    return f"Beside the text, and the same in all trainings: {'; '.join(said)}.{halves}"


_ASKED = {"planted": "passage", "task": "question", "referenced": "prompt"}


def training_of(found: Comparison) -> str:
    """What was trained, by what, and for how long."""
    recipe, arms = found.arms[0].recipe, found.arms
    models = list(dict.fromkeys(_model(arm.recipe) for arm in arms))
    optimizers = list(dict.fromkeys(_optimizer(arm.recipe) for arm in arms))
    rows = recipe["rows"] * recipe["accumulate"]
    window = f"{rows} windows of {recipe['length']} tokens"
    if found.things == "examples":
        window = f"{rows} {many('example', rows)}, each of {recipe['length']} tokens at most"
    reads = f"in steps of {window}"
    if len({(a.recipe["rows"], a.recipe["accumulate"], a.recipe["length"]) for a in arms}) > 1:
        reads = "in steps of its own size"
    said = [
        f"Every arm trained {joined(models)} by {joined(optimizers)}, {reads}.",
        f"One training had a budget of {_budget(found)}, which bought {_steps(found)}; the "
        f"schedule ({_schedules(found)}) ran over each arm's own steps.",
    ]
    return " ".join([*said, *_second(found)])


def _model(recipe: Mapping[str, Any]) -> str:
    """What was trained, from what, and how much of it."""
    start, kind = recipe.get("start"), recipe.get("kind", "pretrain")
    said = f"{start}, which had learned already," if start else _fresh(str(recipe["model"]))
    rank = recipe.get("lora", {}).get("rank", 0)
    said += f" through low-rank adapters of rank {rank}" if rank else ""
    before = recipe.get("objective_after", 0)
    said += f" (cross-entropy for the first {before:,} steps)" if before else ""
    return said if kind == "pretrain" else f"{said} (kind of run: {kind})"


def _fresh(model: str) -> str:
    return model if model.startswith("pretrained") else f"{model} from random weights"


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
        arm.name: joined([f"{role} {model}" for role, model in roles.items()])
        for arm in found.arms
        if (roles := _roles(arm.recipe))
    }
    if not reads:
        return []
    named = joined([f"{arm} ({models})" for arm, models in reads.items()])
    return [f"A second model was read in training by {named}; its cost counts as the arm's own."]


def _roles(recipe: Mapping[str, Any]) -> dict[str, str]:
    """Second models by role: those that were named, and the model that pairs begin with."""
    reads = any(name.startswith("reference_") for name in bind(str(recipe["objective"])).needs)
    own = {"reference": "the model as it starts"} if recipe["kind"] == "align" and reads else {}
    return {**own, **recipe["roles"]}
