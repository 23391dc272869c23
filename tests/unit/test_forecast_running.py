"""Forecasts of runs in progress: published curves cut short, planted ones, and what is refused."""

import csv
import os
from pathlib import Path

import numpy as np
import pytest

from likely.core.errors import BadInput, BadSetting, ShapeError
from likely.forecast import schedules
from likely.forecast.laws.annealing import annealing
from likely.forecast.running import Early, Running, advice, running


def planted(seed, *, noise=0.03):
    """Rates, noisy losses and the true final loss of an invented run of the law itself."""
    rng = np.random.default_rng(seed)
    steps = int(rng.choice([1000, 2000, 8000]))
    kind = (schedules.constant, schedules.cosine, schedules.wsd, schedules.linear)[seed % 4]
    floor = {} if kind is schedules.constant else {"floor": 0.0 if seed % 3 else 0.1}
    rates = kind(steps=steps, warmup=0.05, **floor)
    alpha, left = rng.uniform(0.25, 0.9), rng.uniform(1.2, 3)
    scale = rng.uniform(0.15, 0.5) * left * (rates.sum() / 3) ** alpha
    memory = steps * rng.choice([1 / 50, 1 / 20, 1 / 10])
    gain = max(rng.normal(0.04, 0.02), 0.005) * left / memory
    taken = np.arange(1, steps + 1)
    clean = annealing(
        taken, [rates] * steps, L0=left, A=scale, alpha=alpha, C=gain, decay=1 - 1 / memory
    )
    return rates, clean * np.exp(rng.normal(0, noise, steps)), float(clean[-1])


def cut(rates, losses, share):
    now = int(share * len(rates))
    return running(np.arange(1, now + 1), losses[:now], rates)


def test_planted_ends_lie_in_the_band():
    inside, errors = [], []
    for seed in range(100):
        rates, losses, truth = planted(seed)
        found = cut(rates, losses, (0.3, 0.5, 0.75)[seed % 3])
        inside.append(found.low <= truth <= found.high)
        errors.append(abs(found.value / truth - 1))
    assert np.mean(inside) >= 0.9
    assert np.mean(errors) < 0.02


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_band_closes_in(seed):
    rates, losses, truth = planted(seed)
    found = [cut(rates, losses, share) for share in (0.4, 0.7, 0.95)]
    widths = [one.high - one.low for one in found]
    assert widths[0] > widths[2] < widths[1]
    assert abs(found[2].value / truth - 1) < 0.01


def test_a_decay_to_come_is_believed_to_help_and_said():
    flat, falling = np.ones(2000), schedules.wsd(steps=2000, floor=0.0)
    losses = 2 + 3 / np.arange(1, 2001) ** 0.5
    constant, wsd = cut(flat, losses, 0.6), cut(falling, losses, 0.6)
    assert (constant.law, wsd.law) == ("power_law", "annealing")
    assert constant.gain == 0
    assert 0.02 < wsd.gain / wsd.value < 0.07
    assert wsd.value < constant.value
    assert wsd.high - wsd.low > constant.high - constant.low
    assert [one.kind for one in (*wsd.cautions, *constant.cautions)] == ["decay"]


def test_validation_text_is_forecast_from_both_curves():
    rates, losses, truth = planted(3)
    taken = np.arange(1, len(rates) + 1)
    now = len(rates) // 2
    looks = taken[: now + 1 : now // 8][1:]
    clean = planted(3, noise=0.0)[1]
    both = running(
        taken[:now], losses[:now], rates, validation=(looks, 0.2 + clean[looks - 1] * 1.0)
    )
    assert both.of == "validation"
    assert both.low < truth + 0.2 < both.high
    assert both.value == pytest.approx(truth + 0.2, abs=0.1)
    many = taken[: now : now // 40][1:]
    alone = running([], [], rates, validation=(many, clean[many - 1]))
    assert alone.low < truth < alone.high


def test_units_of_rates_and_of_losses_do_not_matter():
    rates, losses, _ = planted(1)
    one, other = cut(rates, losses, 0.5), cut(rates * 3e-4, losses * 1.4, 0.5)
    assert other.value == pytest.approx(1.4 * one.value)
    assert other.high == pytest.approx(1.4 * one.high)


def test_means_of_losses_say_the_same_as_the_losses():
    rates, losses, _ = planted(0)
    now = len(rates) // 2 // 10 * 10
    steps = np.arange(1.0, now + 1)
    whole = running(steps, losses[:now], rates)
    tens = running(
        steps.reshape(-1, 10).mean(1), losses[:now].reshape(-1, 10).mean(1), rates,
        counts=np.full(now // 10, 10.0),
    )  # fmt: skip
    assert tens.value == pytest.approx(whole.value, rel=0.01)


def test_a_curve_that_breaks_its_word_is_said_to_be_bent():
    losses = 2 + 3 / np.arange(1, 2001) ** 0.5
    losses[700:] += 0.4
    found = cut(np.ones(2000), losses, 0.5)
    assert "bent" in [one.kind for one in found.cautions]
    assert found.high - found.low > 0.1


def test_spikes_and_gaps_are_no_matter():
    rates, losses, _ = planted(4)
    before = cut(rates, losses, 0.5)
    now = len(rates) // 2
    losses = losses[:now].copy()
    losses[[now // 3, now // 2]] = np.nan
    losses[now // 2 + 1] *= 5
    after = running(np.arange(1, now + 1), losses, rates)
    assert after.value == pytest.approx(before.value, rel=0.01)


@pytest.mark.parametrize(
    ("taken", "warmup", "every", "said"),
    [
        (100, 0, 1, "Too early: 10% of the steps"),
        (180, 100, 1, "Too early: 9% of the steps"),
        (400, 0, 50, "Too few points: 7 losses"),
    ],
)
def test_what_is_too_early(taken, warmup, every, said):
    rates = schedules.constant(steps=1000, warmup=warmup)
    steps = np.arange(every, taken + 1, every)
    found = running(steps, 2 + 1 / steps, rates)
    assert isinstance(found, Early)
    assert str(found).startswith(said)
    assert found.seen == taken / 1000
    told = advice(found, 2.0)
    assert (told.word, told.chance, told.says) == ("too early to say", None, found.reason)


def test_short_runs_follow_no_law_at_first():
    found = running(np.arange(1, 81), np.linspace(5, 3, 80), np.ones(200))
    assert (
        str(found)
        == "Too early: 80 steps were taken after the warm-up; the first 200 follow no law."
    )


def test_advice_has_the_chance():
    rates, losses, truth = planted(0)
    found = cut(rates, losses, 0.5)
    assert isinstance(found, Running)
    assert advice(found, truth * 1.3).word == "continue"
    stop = advice(found, truth * 0.7)
    assert (stop.word, stop.chance < 0.01) == ("stop", True)
    assert "below 1 %" in stop.says
    between = advice(found, found.value)
    assert between.word == "too early to say"
    assert between.chance == pytest.approx(0.5, abs=0.02)
    assert advice(found, found.low).chance == pytest.approx(0.025, abs=0.01)


def test_what_is_wrong_is_said():
    rates = np.ones(10)
    with pytest.raises(ShapeError, match="losses: 2 steps, 3 losses"):
        running([1, 2], [1.0, 2.0, 3.0], rates)
    with pytest.raises(BadInput, match="rise from 1 to at most 10"):
        running([1, 11], [2.0, 1.0], rates)
    with pytest.raises(BadInput, match="validation: steps should rise"):
        running([1, 2], [2.0, 1.0], rates, validation=([2, 2], [1.0, 1.0]))
    with pytest.raises(BadInput, match="not 0 everywhere"):
        running([1, 2], [2.0, 1.0], np.zeros(10))
    with pytest.raises(BadSetting, match="level"):
        running([1, 2], [2.0, 1.0], rates, level=1.0)


PUBLISHED = ("cosine_24000", "wsd_20000_24000", "wsdld_20000_24000", "constant_24000")
TRUNKED = 25, 100


def published_rates(name):
    kind, *numbers = name.split("_")
    run = {"peak": 3e-4, "warmup": 2160, "steps": int(numbers[-1])}
    if kind in ("constant", "cosine"):
        return getattr(schedules, kind)(**run)
    decay = "exponential" if kind == "wsd" else "linear"
    return schedules.wsd(decay_share=1 / 6, decay=decay, **run)


def published():
    folder = os.environ.get("LIKELY_MEASUREMENTS")
    if not folder:
        pytest.skip("needs LIKELY_MEASUREMENTS, the folder of published measurements")
    with (Path(folder) / "mpl_curves" / "curves.csv").open() as file:
        for key in ((size, name) for size in TRUNKED for name in PUBLISHED):
            file.seek(0)
            rows = [
                (int(row["step"]), float(row["loss"]))
                for row in csv.DictReader(file)
                if (int(row["model_m"]), row["schedule"]) == key
            ]
            yield key, np.array(rows).T, published_rates(key[1])


def test_published_curves_cut_short():
    inside, errors = [], {0.25: [], 0.5: [], 0.75: []}
    for _, (steps, losses), rates in published():
        truth = losses[-3:].mean()
        for share, missed in errors.items():
            seen = steps <= share * len(rates)
            found = running(steps[seen], losses[seen], rates)
            inside.append(found.low <= truth <= found.high)
            missed.append(abs(found.value / truth - 1))
    assert np.mean(inside) >= 0.9
    means = {share: float(np.mean(missed)) for share, missed in errors.items()}
    assert means[0.25] < 0.009, means
    assert max(means[0.5], means[0.75]) < 0.005, means
