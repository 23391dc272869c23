"""Comparisons made by hand, for tests of pages and tables."""

from dataclasses import asdict, replace

from likely.train.comparison import ArmResult, Comparison, Cost, Tried, Verdict
from likely.train.recipe import Optimizer, Recipe
from likely.train.recipe import to_toml as recipe_to_toml
from likely.train.seen import Seen
from likely.train.study import Arm, Study, Tuning, to_plain

ARMS = ("cross_entropy", "focal", "goldfish")
PART = {"tokens": 1_100, "bytes": 1_000, "documents": 10}


def recipe(name, **changes):
    return replace(Recipe(objective=name, steps=58, optimizer=Optimizer(lr=0.012)), **changes)


def arm(name, number, tuned, values, **changes):
    tried = tuple(Tried(r, {}, (3.0 - r / 9,), 3.0 - r / 9) for r in (0.25, 1.0, 4.0))
    return ArmResult(
        name=name,
        recipe=asdict(recipe(name, **changes)),
        tried=tried if tuned else (),
        chosen={"learning rate": 0.012},
        edges=(f"{name}: the learning rate chosen, 0.012, is the highest tried.",) if tuned else (),
        steps=58,
        cost=Cost(0.01 * (1 + number / 8), 0.01, 3e6 + 1e5 * number, 3e6, 9.17e7, 512),
        measures={"bits_per_byte": values, "rep_4_greedy": tuple(v / 7 for v in values)},
        seconds=(4.0, 4.5),
    )


def verdict(name, measure, mean, word, primary=True):
    return Verdict(
        arm=name,
        measure=measure,
        primary=primary,
        better="lower",
        differences=tuple(mean + d for d in (-0.02, 0.01, 0.01, 0.0, 0.0)),
        mean=mean,
        low=mean - 0.0152,
        high=mean + 0.0152,
        p_t=0.0011,
        p_sign=0.0625,
        p_adjusted=0.0022,
        smallest_effect=0.0237,
        seeds_for_half=14,
        word=word,
        sentence=f"{name} against cross_entropy: {word}.",
    )


def comparison(*, tuned=True, fast=False, best=-0.314, roles=None, words=("better", "worse")):
    """Three arms: one changed by `best`, one worse by 0.2718."""
    study = Study(
        recipe=recipe("cross_entropy"),
        arms={name: Arm({"objective": name}) for name in ARMS},
        baseline="cross_entropy",
        seeds=5,
        tuning=Tuning(trials=3 if tuned else 0),
        judges=("likelihood", "repetition"),
        fast=fast,
    )
    means = dict(zip(ARMS, (4.1234, 4.1234 + best, 4.3952), strict=True))
    words = ("quick look",) * 2 if fast else words
    pairs = list(zip(ARMS[1:], (best, 0.2718), words, strict=True))
    return Comparison(
        study=to_plain(study),
        baseline="cross_entropy",
        primary="bits_per_byte",
        tuned=tuned,
        fast=fast,
        seeds=(0, 1, 2, 3, 4),
        text={
            "training": {**PART, "bytes": 8_034_901},
            "tuning": PART,
            "test": PART,
            "fingerprint": "7ebb78dab4307334",
            "cut": False,
        },
        budget={
            "unit": "tokens",
            "amount": 30_000.0,
            "reference": {"name": "", "step_seconds": 0.01},
            "step_seconds_here": 0.01,
        },
        arms=tuple(
            arm(name, number, tuned, (means[name],) * 5, roles=(roles or {}).get(name, {}))
            for number, name in enumerate(ARMS)
        ),
        verdicts=(
            *(verdict(n, "bits_per_byte", mean, word) for n, mean, word in pairs),
            *(verdict(n, "rep_4_greedy", m / 7, "no difference seen", False) for n, m, _ in pairs),
        ),
        notes=("A note of the study.",),
        cpu_minutes=2.1,
        date="2026-01-02 03:04",
        environment={
            "format": 1,
            "likely": "0.1.0",
            "python": "3.11.7",
            "torch": "2.13.0",
            "device": "cpu",
            "system": "Linux",
            "machine": "x86_64",
            "git_commit": None,
        },
    )


def seen(found, text="what it wrote"):
    """Curves and samples of every arm and two seeds."""
    from likely.train._check import build

    return {
        one.name: tuple(
            Seen(
                recipe_to_toml(build(one.recipe, one.name)),
                seed,
                tuple(range(1, 41)),
                (*(5 / step + seed / 10 for step in range(1, 40)), None),
                ({"prompt": "Once upon", "text": text, "real": " a time"},),
            )
            for seed in (0, 1)
        )
        for one in found.arms
    }
