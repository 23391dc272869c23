"""`likely compare`: which loss or recipe helps on this text, at what cost, with what certainty."""

from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from likely.core.errors import BadSetting

_WHERE = "likely compare"
_SEVERAL = Parameter(consume_multiple=True, negative=(), show_default=False)
_FLAG = Parameter(negative=())


def compare_arms(
    recipes: Annotated[tuple[Path, ...], Parameter(show_default=False)] = (),
    /,
    *,
    objectives: Annotated[tuple[str, ...], _SEVERAL] = (),
    kind: Literal["pretrain", "adapt", "align"] | None = None,
    data: Annotated[tuple[str, ...], _SEVERAL] = (),
    start: str | None = None,
    lora: int | None = None,
    baseline: str | None = None,
    seeds: int = 6,
    trials: int = 5,
    no_tune: Annotated[bool, _FLAG] = False,
    tokens: float | None = None,
    flops: float | None = None,
    reference_seconds: float | None = None,
    minutes: float | None = None,
    judges: Annotated[tuple[str, ...], _SEVERAL] = (),
    primary: str | None = None,
    plant: int | None = None,
    task: str | None = None,
    features: str | None = None,
    references: str | None = None,
    model: str | None = None,
    field: str | None = None,
    on_error: Literal["raise", "skip"] | None = None,
    tokenizer: str | None = None,
    optimizer: str | None = None,
    lr: float | None = None,
    processes: int | None = None,
    out: Path | None = None,
    resume: Annotated[bool, _FLAG] = False,
    fast: Annotated[bool, _FLAG] = False,
    json: Annotated[bool, _FLAG] = False,
) -> None:
    """Compare losses on your text: `likely compare --objectives cross_entropy,emo --data a.jsonl`.

    Every arm gets as many tuning trials, on text and seeds that no verdict uses; then all arms are
    trained on every seed at the same cost and held against the baseline on test text. What cannot
    be seen with so many seeds is said beside every "no difference". Ctrl-C keeps what is finished,
    and the same command goes on.

    `likely compare --kind align --objectives "dpop(penalty=0),r_dpo" --data pairs.jsonl --start
    MODEL` compares losses on pairs of answers, `--kind adapt` on answers to prompts.

    Args:
        recipes: one recipe that all objectives share, or several recipes that are the arms.
        objectives: losses with their settings, between commas: cross_entropy,"focal(gamma=2)".
            What is written is fixed; knobs that are left open are tuned.
        kind: what is learned: text (pretrain), answers (adapt) or preferences (align). pretrain, if
            not said otherwise.
        data: files, folders, patterns or addresses of text; `embedded` is Python's own library. For
            adapt and align, JSONL or Parquet with prompt and completion, messages, or chosen and
            rejected.
        start: a model to begin from: a folder or run, or hub:OWNER/NAME.
        lora: rank of low-rank adapters that are trained in place of all weights.
        baseline: the arm that others are held against: cross_entropy, or the first.
        seeds: trainings of each arm; fewer than 5 give no verdict.
        trials: tuning trials of each arm.
        no_tune: leave everything at its first value; every verdict then says untuned.
        tokens: that one training reads.
        flops: that one training costs, second models among them.
        reference_seconds: that one training takes, each arm's step at its measured cost.
        minutes: for everything together; 30, if no other budget is given.
        judges: who looks at the trained models, between commas: likelihood (of adapt and align,
            answers), if not said otherwise, and those that plant, task, features and references
            allow.
        primary: the measure that decides: bits_per_byte, if not said otherwise; of adapt
            answer_nats_per_token, of align preferred.
        plant: passages put into the training text 0, 1, 4 and 16 times, so many for each number;
            half of them for tuning.
        task: a task to be learned beside the text, such as "arithmetic(digits=2)"; half of its
            questions are for tuning.
        features: folder of a model whose hidden states compare texts, for mauve.
        references: JSONL or Parquet of prompts with reference answers, for bleu and rouge; half of
            them for tuning.
        model: a model with its settings, such as "transformer(layers=2)".
        field: the field or column that holds the text: text, if not said otherwise.
        on_error: skip what cannot be read, and list it; raise, the default, stops there.
        tokenizer: how text becomes ids, such as "bpe(size=1000)"; bytes, if not said otherwise.
        optimizer: adamw, muon, sgd or sign.
        lr: the learning rate in the middle of what tuning tries.
        processes: trainings side by side; as many as there are cores, if not said otherwise.
        out: folder of the study. Left out, one under studies/ that the same command finds again.
        resume: go on with the study in OUT; nothing else is needed then.
        fast: only look: 2 seeds, untuned, a tenth of the budget; it has no verdict.
        json: print the comparison as JSON.
    """
    budgets = {"tokens": tokens, "flops": flops, "seconds": reference_seconds}
    given = {name: value for name, value in budgets.items() if value is not None}
    named: dict[str, Any] = {
        "kind": kind,
        "data": data or None,
        "start": start,
        "lora": None if lora is None else {"rank": lora},
        "field": field,
        "on_error": on_error,
        "tokenizer": tokenizer,
        "model": model,
        "optimizer": {"name": optimizer, "lr": lr} if optimizer or lr is not None else None,
    }
    changes = {name: value for name, value in named.items() if value is not None}
    if "optimizer" in changes:
        changes["optimizer"] = {k: v for k, v in changes["optimizer"].items() if v is not None}
    beside = {"planted": plant, "task": task, "features": features, "references": references}
    material = {name: value for name, value in beside.items() if value is not None}
    losses = _listed(objectives)
    if resume:
        if out is None or recipes or losses or changes or given or material:
            raise BadSetting(
                _WHERE, ["A study goes on as it began: likely compare --resume --out DIR"]
            )
    else:
        _check(recipes, losses, changes, given, minutes, seeds, trials, processes)
    from likely.apps import _comparing

    order = _comparing.Order(
        recipes=recipes,
        objectives=losses,
        changes=changes,
        baseline=baseline,
        seeds=seeds,
        trials=0 if no_tune else trials,
        budget=next(iter(given.items()), None),
        minutes=minutes,
        judges=_listed(judges),
        primary=primary,
        material=material,
        fast=fast,
    )
    _comparing.run(order, out, resume=resume, processes=processes, json=json)


def _listed(words: tuple[str, ...]) -> tuple[str, ...]:
    """Names between commas; those inside brackets belong to a setting."""
    found, depth = [""], 0
    for letter in ",".join(words):
        depth += (letter in "([") - (letter in ")]")
        if letter == "," and depth <= 0:
            found.append("")
        else:
            found[-1] += letter
    return tuple(one.strip() for one in found if one.strip())


def _check(
    recipes: tuple[Path, ...],
    objectives: tuple[str, ...],
    changes: dict[str, Any],
    budgets: dict[str, float],
    minutes: float | None,
    seeds: int,
    trials: int,
    processes: int | None,
) -> None:
    """Raise where words do not go together, before anything slow is imported."""
    problems = [
        f"--{name} {value} should be at least {least}."
        for name, value, least in (
            ("seeds", seeds, 1),
            ("trials", trials, 0),
            ("processes", processes or 1, 1),
        )
        if value < least
    ]
    named = {"seconds": "reference-seconds"}
    problems += [
        f"--{named.get(name, name)} {value:g} should be more than 0."
        for name, value in {**budgets, "minutes": 1.0 if minutes is None else minutes}.items()
        if not 0 < value < float("inf")
    ]
    if len(budgets) > 1 or (budgets and minutes is not None):
        words = [f"--{named.get(name, name)}" for name in budgets]
        words += ["--minutes"] if minutes is not None else []
        problems.append(f"One budget at a time: {' and '.join(words)} were given.")
    if recipes and minutes is not None:
        problems.append("A recipe says how long to train: leave --minutes out, or give --tokens.")
    wrong = [str(path) for path in recipes if path.suffix.lower() != ".toml"]
    if wrong:
        problems.append(f"{wrong[0]} is no recipe (a .toml file); text is given with --data.")
    if len(recipes) > 1 and objectives:
        problems.append("Give objectives for one recipe, or several recipes without objectives.")
    if len(recipes) < 2 and len(objectives) < 2:
        problems.append(
            "A comparison needs two arms at least: --objectives cross_entropy,focal, or two "
            "recipes."
        )
    if not recipes and "data" not in changes:
        problems.append("Name the data: --data FILE … (--data embedded is Python's own library).")
    if not recipes and changes.get("kind") in ("adapt", "align") and "start" not in changes:
        problems.append(
            f"--kind {changes['kind']} begins from a model: name one with --start (a folder or "
            "run, or hub:OWNER/NAME)."
        )
    if problems:
        raise BadSetting(_WHERE, problems)
