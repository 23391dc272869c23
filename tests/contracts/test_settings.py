"""Every setting of every public function refuses what it cannot use, in a sentence."""

import inspect
import math
import re
from dataclasses import asdict, fields
from typing import Annotated, Literal, get_args, get_origin, get_type_hints

import numpy as np
import pytest
import torch
from annotated_types import Ge, GroupedMetadata, Gt, Le, Lt

from likely.audit.by_frequency import frequency_buckets
from likely.audit.compressors import compressors
from likely.audit.features import features
from likely.audit.likelihood import Likelihood, difference, likelihood
from likely.audit.metrics.bleu import signature as bleu_signature
from likely.audit.metrics.chrf import signature as chrf_signature
from likely.audit.metrics.expected_calibration_error import reliability
from likely.audit.number_error import number_error
from likely.audit.predictions import predictions
from likely.audit.prequential import Prequential, prequential
from likely.audit.seeds import power, seeds_needed, smallest_effect, summary
from likely.audit.verdict import judge
from likely.core.bind import bind
from likely.core.catalogue import ROOMS, catalogue, get
from likely.core.errors import BadSetting
from likely.core.head import Head
from likely.core.settings import check, settings_of
from likely.core.stats import Statistic
from likely.core.vocabulary import Vocabulary
from likely.data.card import data_card, repeated_bytes
from likely.data.corpus import Corpus, Document
from likely.data.dataset import from_dataset
from likely.data.example_files import examples_of, read_examples
from likely.data.examples import encode_examples
from likely.data.files import read
from likely.data.packing import TrainingPlan, evaluation_batches
from likely.data.plant import plant
from likely.data.split import split
from likely.data.tokens import encode
from likely.data.within import split_any, split_within
from likely.forecast import schedules
from likely.forecast.buy import runs_to_buy
from likely.forecast.checkpoints import last_checkpoints, thinned
from likely.forecast.files import as_json as fitted_json
from likely.forecast.fit import fit, fit_by
from likely.forecast.isoflop import isoflop
from likely.forecast.logged import logged_schedule, with_schedules
from likely.forecast.optimal_schedule import optimal_schedule
from likely.forecast.plan import for_compute, for_loss
from likely.forecast.profile import profile
from likely.forecast.pruning import pruned
from likely.forecast.read_table import read_table
from likely.forecast.rollout import predict_rows, roll_out, seed_noise
from likely.forecast.running import Early, advice, running
from likely.forecast.step_law import best_of_sweep
from likely.forecast.table import Table
from likely.models.annotate import annotate
from likely.models.feed_forward import feed_forward
from likely.models.ngram import ngram, sweep
from likely.models.transformer import transformer
from likely.train._check import build
from likely.train.exam import Exam, continued
from likely.train.judges.repetition import of_real_text
from likely.train.muon import Muon
from likely.train.recipe import Optimizer, Recipe, Schedule
from likely.train.reproduce import reproduce
from likely.train.sharpen import best_of
from likely.train.sign import Sign
from likely.vocab.fused_loss import fused_loss
from likely.vocab.scan import from_logits, scan
from scripts.documentation.source import HOOKS

INTERNALS = re.compile(
    r"<class|typing\.|Annotated\[|Ge\(|Gt\(|object at 0x|NoneType|annotated_types"
)
TYPES = {
    int: ["text", [1], {"a": 1}, None, True, 1.5, math.nan, math.inf],
    float: ["text", [1.0], {"a": 1}, None, True, math.nan, math.inf, -math.inf, 10**400],
    bool: ["yes", 1, None, []],
    str: [1, 1.5, None, True, ["a"], {"a": 1}],
}


def inner(kind):
    """A type without its bounds, and the bounds."""
    if get_origin(kind) is not Annotated:
        return kind, []
    bare, *marks = get_args(kind)
    flat = [m for mark in marks for m in (mark if isinstance(mark, GroupedMetadata) else [mark])]
    return bare, flat


def outside(bound, whole):
    """The values nearest to a bound that it does not admit."""
    step = 1 if whole else 1e-3
    if isinstance(bound, Ge):
        return [bound.ge - step, bound.ge - 10**6]
    if isinstance(bound, Gt):
        return [bound.gt, bound.gt - step]
    if isinstance(bound, Le):
        return [bound.le + step, bound.le + 10**6]
    if isinstance(bound, Lt) and bound.lt != math.inf:
        return [bound.lt, bound.lt + step]
    return []


def wrong(kind):
    """Values that an annotation refuses; none for what is no plain setting."""
    kind, bounds = inner(kind)
    origin, inside = get_origin(kind), get_args(kind)
    if origin is Literal:
        upper = str(inside[0]).upper()
        others = [upper] if upper not in inside else []
        return [f"{inside[0]}x", *others, "", None, 3, [inside[0]]]
    if origin is tuple:
        values = ["text", 5, None, [None], {"a": 1}]
        several = inside[-1] is Ellipsis
        return values + ([] if several else [(), (1,) * (len(inside) + 1)])
    if type(None) in inside:
        others = [one for one in inside if one is not type(None)]
        refused = [value for one in others[:1] for value in wrong(one) if value is not None]
        return refused if len(others) == 1 else []
    values = TYPES.get(kind, [])
    edges = [value for bound in bounds for value in outside(bound, kind is int)]
    return [*values, *edges]


def sentence(message, name, value):
    """What every message about one setting keeps to."""
    assert name in message
    assert "\n" not in message
    assert message.endswith((".", "?"))
    assert not INTERNALS.search(message), message
    assert re.search(r"should|must|wrong", message), message
    assert len(message) < 400
    if isinstance(value, int | float) and not isinstance(value, bool) and value != 10**400:
        assert repr(value) in message or repr(float(value)) in message
    elif isinstance(value, str):
        assert repr(value) in message


def cases(function, room=None):
    """One case a setting, a wrong value and a way to say it."""
    for name, parameter in settings_of(function).items():
        for value in wrong(parameter.annotation):
            yield pytest.param(
                function, name, value, id=f"{function.__name__}-{name}-{value!r:.20}"
            )


ENTRIES = [get(room, name) for room in ROOMS for name in catalogue(room)]


@pytest.mark.parametrize(("entry", "name", "value"), [c for e in ENTRIES for c in cases(e)])
def test_every_setting_of_every_entry(entry, name, value):
    with pytest.raises(BadSetting) as caught:
        check(f"Entry {entry.__name__!r}", entry, {name: value}, complete=False)
    assert len(caught.value.problems) == 1
    sentence(str(caught.value), name, value)


@pytest.mark.parametrize("entry", [e for e in ENTRIES if settings_of(e)])
def test_every_setting_is_annotated_and_a_near_miss_is_suggested(entry):
    for name, parameter in settings_of(entry).items():
        assert parameter.annotation is not parameter.empty
        for typed in {name.upper(), f"{name}{name[-1]}", name.replace("_", "-")} - {name}:
            with pytest.raises(BadSetting) as caught:
                check("Entry", entry, {typed: 1}, complete=False)
            said = str(caught.value)
            assert f"There is no setting {typed!r}. Did you mean {name!r}" in said


PLAIN = [e for e in ENTRIES if sum(bool(wrong(p.annotation)) for p in settings_of(e).values()) > 1]


@pytest.mark.parametrize("entry", PLAIN)
def test_all_settings_of_an_entry_at_once(entry):
    bad = {
        name: values[0]
        for name, parameter in settings_of(entry).items()
        if (values := wrong(parameter.annotation))
    }
    with pytest.raises(BadSetting) as caught:
        check("Entry", entry, {**bad, "no_such": 1}, complete=False)
    assert len(caught.value.problems) == len(bad) + 1
    said = str(caught.value).splitlines()
    assert said[0] == f"Entry: {len(bad) + 1} settings are wrong."
    for line in said[1:]:
        assert line.startswith("  - ")
        assert line.endswith((".", "?"))
    for name in bad:
        assert name in str(caught.value)


def recipe_cases():
    for kind, path in ((Recipe, ()), (Optimizer, ("optimizer",)), (Schedule, ("schedule",))):
        hints = get_type_hints(kind, include_extras=True)
        for field in fields(kind):
            for value in wrong(hints[field.name]):
                yield pytest.param(path, field.name, value, id=f"{field.name}-{value!r:.20}")


@pytest.mark.parametrize(("path", "name", "value"), list(recipe_cases()))
def test_every_field_of_a_recipe(path, name, value):
    data = {name: value}
    for table in reversed(path):
        data = {table: data}
    with pytest.raises(BadSetting) as caught:
        build(data, "recipe.toml")
    assert len(caught.value.problems) == 1, caught.value.problems
    sentence(str(caught.value), ".".join((*path, name)), value)


def test_every_field_of_a_recipe_has_a_near_miss():
    plain = asdict(Recipe())
    for table, names in (
        ("", plain),
        ("optimizer", plain["optimizer"]),
        ("schedule", plain["schedule"]),
    ):
        for name in names:
            typed = f"{name[:-1]}{name[-1]}{name[-1]}"
            data = {table: {typed: 1}} if table else {typed: 1}
            with pytest.raises(BadSetting) as caught:
                build(data, "recipe.toml")
            said = str(caught.value)
            assert (f"{table}.{typed}" if table else typed) in said
            assert f"Did you mean {name!r}" in said
            assert said.endswith((".", "?"))


@pytest.mark.parametrize("value", [[], "table", 3, None])
@pytest.mark.parametrize("name", ["optimizer", "schedule", "roles"])
def test_a_table_that_is_none(name, value):
    with pytest.raises(BadSetting, match=rf"{name}=.*should be a table") as caught:
        build({name: value}, "recipe.toml")
    sentence(str(caught.value), name, value)


VOCABULARY = Vocabulary.of_bytes()
TEXTS = Corpus(
    "texts", tuple(Document(str(i), f"document {i} of some words\n" * 3) for i in range(4))
)
TOKENS = encode(TEXTS, VOCABULARY)
MEASURED = Likelihood(np.ones(4), np.ones(4), np.ones(4), np.ones(4), ("text",) * 4)
SIZES = {"params": np.repeat([1e8, 3e8, 1e9, 3e9], 3), "tokens": np.tile([2e9, 6e9, 2e10], 4)}
RUNS = {**SIZES, "loss": 1.7 + 400 * SIZES["params"] ** -0.34 + 410 * SIZES["tokens"] ** -0.28}
FITTED = fit("chinchilla", RUNS, bootstrap=20, stretch=False)
DIRECT = {
    read: lambda **given: read("nowhere.txt", **given),
    from_dataset: lambda **given: from_dataset({}, **given),
    split_within: lambda **given: split_within(TEXTS, **given),
    split: lambda **given: split(TEXTS, **given),
    split_any: lambda **given: split_any(TEXTS, **given),
    encode_examples: lambda **given: encode_examples([], VOCABULARY, **given),
    examples_of: lambda **given: examples_of([], **given),
    read_examples: lambda **given: read_examples("nowhere.jsonl", **given),
    annotate: lambda **given: annotate(feed_forward(VOCABULARY, width=2), TOKENS, "no", **given),
    evaluation_batches: lambda **given: list(
        evaluation_batches(TOKENS, **{"length": 8, "rows": 2, **given})
    ),
    TrainingPlan: lambda **given: TrainingPlan(TOKENS, **{"length": 8, "rows": 2, **given}),
    plant: lambda **given: plant(TEXTS, **{"passages": 1, "repeats": (1,), "length": 20, **given}),
    data_card: lambda **given: data_card(split(TEXTS, held_out=0.0), **given),
    repeated_bytes: lambda **given: repeated_bytes(TEXTS, TEXTS, **given),
    Likelihood.interval: MEASURED.interval,
    best_of: lambda **given: best_of(
        feed_forward(VOCABULARY, width=2),
        ["a"],
        **{"count": 1, "rng": np.random.default_rng(0), **given},
    ),
    summary: lambda **given: summary([1.0, 2.0], **given),
    power: lambda **given: power(1.0, 1.0, 6, **given),
    smallest_effect: lambda **given: smallest_effect(1.0, 6, **given),
    seeds_needed: lambda **given: seeds_needed(1.0, 1.0, **given),
    judge: lambda **given: judge([], **given),
    difference: lambda **given: difference(MEASURED, MEASURED, **given),
    likelihood: lambda **given: likelihood(feed_forward(VOCABULARY, width=2), TOKENS, **given),
    prequential: lambda **given: prequential(feed_forward(VOCABULARY, width=2), TOKENS, **given),
    Prequential.split: Prequential(np.ones((1, 2))).split,
    features: lambda **given: features(feed_forward(VOCABULARY, width=2), ["text"], **given),
    bleu_signature: lambda **given: bleu_signature(["a"], ["a"], **given),
    chrf_signature: lambda **given: chrf_signature(["a"], ["a"], **given),
    reliability: lambda **given: reliability([0.5], [1], **given),
    frequency_buckets: lambda **given: frequency_buckets(TOKENS, **given),
    predictions: lambda **given: predictions(feed_forward(VOCABULARY, width=2), TOKENS, **given),
    number_error: lambda **given: number_error(feed_forward(VOCABULARY, width=2), TOKENS, **given),
    continued: lambda **given: continued(TOKENS, **given),
    of_real_text: lambda **given: of_real_text(
        Exam(TOKENS, continued=continued(TOKENS, count=2, new_tokens=8)), **given
    ),
    compressors: lambda **given: compressors(TEXTS, TEXTS, **given),
    ngram: lambda **given: ngram(TOKENS, TOKENS, **given),
    sweep: lambda **given: sweep(TOKENS, TOKENS, [2], **given),
    feed_forward: lambda **given: feed_forward(VOCABULARY, **given),
    transformer: lambda **given: transformer(VOCABULARY, **given),
    scan: lambda **given: scan(
        torch.zeros(1, 2), Head(torch.zeros(3, 2)), torch.tensor([0]), {"lse"}, **given
    ),
    fused_loss: lambda **given: fused_loss(
        lambda stats, _: stats["lse"],
        torch.zeros(1, 2),
        Head(torch.zeros(3, 2)),
        torch.tensor([0]),
        {"lse"},
        **given,
    ),
    Sign: lambda **given: Sign([torch.nn.Parameter(torch.zeros(2))], **{"lr": 1.0, **given}),
    reproduce: lambda **given: reproduce(None, **given),
    **{
        make: lambda make=make, **given: make(**{"steps": 4, **given})
        for make in (schedules.constant, schedules.cosine, schedules.linear, schedules.wsd)
    },
    schedules.two_stage: lambda **given: schedules.two_stage(
        **{"steps": 4, "at": 2, "factor": 0.5, **given}
    ),
    schedules.piecewise: lambda **given: schedules.piecewise(
        **{"steps": 4, "knots": ((0.0, 1.0), (1.0, 0.0)), **given}
    ),
    optimal_schedule: lambda **given: optimal_schedule(
        "annealing", {}, **{"steps": 4, "peak": 1.0, **given}
    ),
    Muon: lambda **given: Muon([torch.nn.Parameter(torch.zeros(2, 2))], **{"lr": 1.0, **given}),
    fit: lambda **given: fit("chinchilla", RUNS, **given),
    fit_by: lambda **given: fit_by("chinchilla", RUNS, **given),
    fitted_json: lambda **given: fitted_json(FITTED, **given),
    profile: lambda **given: profile(FITTED, RUNS, **{"name": "E", **given}),
    roll_out: lambda **given: roll_out("chinchilla", RUNS, **given),
    predict_rows: lambda **given: predict_rows(
        "chinchilla", RUNS, held_out=np.arange(12) > 9, **given
    ),
    seed_noise: lambda **given: seed_noise(RUNS, **{"columns": ("params",), **given}),
    for_compute: lambda **given: for_compute(FITTED, **{"flops": 1e20, **given}),
    for_loss: lambda **given: for_loss(FITTED, **{"loss": 2.5, **given}),
    runs_to_buy: lambda **given: runs_to_buy(FITTED, {"params": 1e9, "tokens": 1e10}, **given),
    running: lambda **given: running(np.arange(1, 5), np.ones(4), np.ones(8), **given),
    advice: lambda **given: advice(Early("Too early.", 0.1), **{"target": 2.0, **given}),
    read_table: lambda **given: read_table("nowhere.csv", **given),
    last_checkpoints: lambda **given: last_checkpoints(Table(RUNS), **given),
    thinned: lambda **given: thinned(Table(RUNS), **given),
    isoflop: lambda **given: isoflop(RUNS, **given),
    pruned: lambda **given: pruned(1e9, **{"sparsity": 0.5, **given}),
    best_of_sweep: lambda **given: best_of_sweep(RUNS, **given),
    logged_schedule: lambda **given: logged_schedule(np.arange(1, 3), np.ones(2), **given),
    with_schedules: lambda **given: with_schedules(Table(RUNS), **given),
}


def direct_cases():
    return [c for function in DIRECT for c in cases(function)]


@pytest.mark.usefixtures("untyped")
@pytest.mark.parametrize(("function", "name", "value"), direct_cases())
def test_every_setting_of_functions_that_are_called_directly(function, name, value):
    with pytest.raises(BadSetting) as caught:
        DIRECT[function](**{name: value})
    assert str(caught.value).startswith(f"{function.__name__}: ")
    sentence(str(caught.value), name, value)


def public_functions():
    """Functions of public modules with a setting that a plain value could be wrong for."""
    import importlib
    import pkgutil

    import likely

    for module in pkgutil.walk_packages(likely.__path__, "likely."):
        if any(part.startswith("_") for part in module.name.split(".")):
            continue
        if module.name.startswith("likely.apps"):  # Commands: their own tests.
            continue
        for name, one in vars(importlib.import_module(module.name)).items():
            mine = getattr(one, "__module__", None) == module.name
            if name.startswith("_") or not mine or name in HOOKS:
                continue
            if inspect.isfunction(one) and any(
                wrong(parameter.annotation) for parameter in settings_of(one).values()
            ):
                yield f"{module.name}.{name}", one


UNCHECKED = {
    "likely.core.settings.check": "`complete` is no setting of a user's",
    "likely.vocab.linear_cross_entropy_loss.linear_cross_entropy_loss": "torch's signature; "
    "checked by hand, with tests of its own",
    "likely.train.loop.run": "the recipe is checked, the rest are objects",
    "likely.train.muon.orthogonal": "called once a step by Muon, which checks",
    **{
        f"likely.objectives.{name}.laws": "given the settings of a bound entry, which are checked"
        for name in ("error_norm_truncation", "number_token_loss", "tldr")
    },
    "likely.train.compare.compare": "the study is checked, the rest are objects",
    "likely.audit.against.against": "given what a study measured",
    "likely.data.tokenizers.pretrained.of_tokenizer": "a name is any text",
    "likely.forecast.laws.nmt.optimal_share": "a formula of coefficients, arrays too",
    "likely.forecast.critical_batch.critical_batch": "a formula of coefficients, arrays too",
}


def test_no_public_function_is_forgotten():
    covered = {*DIRECT, *ENTRIES}
    found = dict(public_functions())
    left = {name for name, one in found.items() if one not in covered}
    assert left <= set(UNCHECKED), (
        f"Check their settings (likely.core.settings.checked) and add them to DIRECT: "
        f"{left - set(UNCHECKED)}"
    )
    assert len(found) > 15


@pytest.mark.usefixtures("untyped")
@pytest.mark.parametrize(
    ("wish", "said"),
    [
        (Statistic("top", settings={"k": 0}), "k=0 should be at least 1"),
        (Statistic("top", settings={"kk": 3}), "Did you mean 'k'"),
        (Statistic("expect"), "The setting 'u' must be given"),
        (Statistic("entropy", settings={"base": 2}), "It takes no settings"),
    ],
)
def test_wishes_of_a_scan(wish, said):
    with pytest.raises(BadSetting, match=re.escape(said)):
        from_logits(torch.zeros(1, 3), torch.tensor([0]), {"one": wish})


@pytest.mark.parametrize(
    ("room", "typed", "meant"),
    [
        ("objectives", "Focal", "focal"),
        ("objectives", "CrossEntropy", "cross_entropy"),
        ("objectives", "cross_entropi", "cross_entropy"),
        ("objectives", "gold_fish", "goldfish"),
        ("decode", "TopK", "top_k"),
        ("decode", "topp", "top_p"),
        ("decode", "temp", "temperature"),
        ("models", "FeedForward", "feed_forward"),
        ("models", "transfomer", "transformer"),
        ("models", "n_gram", "ngram"),
        ("vocab.statistics", "logprob", "log_prob"),
        ("vocab.statistics", "Entropy", "entropy"),
    ],
)
def test_names_are_near_however_they_are_written(room, typed, meant):
    with pytest.raises(LookupError, match=f"Did you mean '{meant}'") as caught:
        bind(typed, room=room)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("typed", "room", "meant"),
    [
        ("cross-entropy", "objectives", "cross_entropy"),
        ("top-k", "decode", "top_k"),
        ("top-k(k=3)", "decode", "top_k"),
        ("feed-forward(width=3)", "models", "feed_forward"),
    ],
)
def test_hyphens_are_read_as_underscores_when_suggesting(typed, room, meant):
    with pytest.raises((LookupError, BadSetting), match=f"Did you mean '{meant}'"):
        bind(typed, room=room)


def test_numbers_of_numpy_are_numbers():
    found = check("here", split, {"seed": np.int64(3), "share": np.float32(0.5), "validation": 0})
    assert [type(found[name]) for name in ("seed", "share", "validation")] == [int, float, float]
