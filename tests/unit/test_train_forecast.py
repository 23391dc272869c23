"""Forecasts in training: in our loop, resumed to the same bits, and in others' trainers."""

import json
from dataclasses import replace
from io import StringIO

import numpy as np
import pytest
import torch
from rich.console import Console
from transformers import PrinterCallback, Trainer, TrainerCallback, TrainingArguments
from transformers.utils import logging

from likely.apps._half_time import half_time
from likely.apps.report._foreseen import foreseen
from likely.core.errors import BadSetting
from likely.forecast import _running_checks
from likely.forecast.read_table import read_table
from likely.train import ForecastCallback, _foresight
from likely.train._foresight import Foresight
from likely.train.loop import run
from likely.train.progress import Bar
from likely.train.recipe import Optimizer, Recipe, Schedule
from likely.train.run import read_run
from tests.unit.tiny_models import tiny
from tests.unit.train_child import texts

STEPS, SHORT = 500, 60
RECIPE = Recipe(steps=STEPS, schedule=Schedule("cosine", warmup=20, floor=0.0))


def curve(step):
    return 2 + 3 / step**0.5


def fed(foresight, steps, seed=0):
    noise = np.random.default_rng(seed).normal(0, 0.02, STEPS + 1)
    rows = []
    for step in steps:
        if step % 30 == 0:
            foresight.looked(step, {"nats_per_token": 0.1 + curve(step)})
        foresight.add(step, curve(step) + noise[step])
        rows.append(foresight.row(step))
    return [row for row in rows if row]


def test_forecasts_come_at_fixed_moments_and_hold_the_truth():
    rows = fed(Foresight(RECIPE), range(1, STEPS + 1))
    assert [row["step"] for row in rows] == [250, 300, 350, 400, 450]
    assert {row["forecast_of"] for row in rows} == {"nats_per_token"}
    # This curve was made without any gain by the decay; the last ones have seen that.
    assert rows[-1]["forecast_low"] < 0.1 + curve(STEPS) < rows[-1]["forecast_high"]
    widths = [row["forecast_high"] - row["forecast_low"] for row in rows]
    assert widths[-1] < widths[0]


def test_a_stopped_run_says_the_same():
    whole = fed(Foresight(RECIPE), range(1, STEPS + 1))
    first = Foresight(RECIPE)
    before = fed(first, range(1, 178))
    kept = json.loads(json.dumps(first.state()))
    second = Foresight(RECIPE, kept)
    assert second.last == first.last
    assert before + fed(second, range(178, STEPS + 1)) == whole


def test_a_loss_of_another_kind_is_not_taken_for_that_of_the_text():
    recipe = Recipe(steps=STEPS, objective="focal(gamma=2)", objective_after=10)
    found = Foresight(recipe)
    assert fed(found, range(1, 301)) == []  # Ten evaluations are not there by then.
    alone = Foresight(recipe)
    for step in range(1, STEPS // 2 + 1):
        alone.add(step, curve(step))
    assert alone.row(STEPS // 2)["forecast_of"] == "loss"


def test_an_impossible_curve_stops_no_training():
    found = Foresight(
        Recipe(
            steps=STEPS, schedule=Schedule("piecewise", warmup=0, knots=((0.0, 0.0), (1.0, 0.0)))
        )
    )
    assert fed(found, range(1, STEPS + 1)) == []


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A run whose forecasts begin earlier and come more often than those of a long one."""
    recipe = Recipe(
        model="feed_forward(context=3, embedding=4, width=8)",
        steps=SHORT,
        length=8,
        rows=2,
        optimizer=Optimizer("adamw", lr=1e-2),
        evaluate_every=20,
        checkpoint_every=0,
        schedule=Schedule(warmup=4, floor=0.0),
    )
    folder = tmp_path_factory.mktemp("run") / "run"
    rows = []
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(_foresight, "APART", 10)
        patched.setattr(_running_checks, "FEWEST_STEPS", 10)
        patched.setattr(_running_checks, "FEWEST", 12)
        run(
            recipe,
            folder=folder,
            tokens=texts(),
            validation=texts().select([0]),
            progress=rows.append,
        )
    return read_run(folder), rows


def test_a_run_logs_and_shows_its_forecasts(trained):
    done, rows = trained
    assert [row["step"] for row in done.forecasts] == [20, 30, 40, 50]
    for row in done.forecasts:
        assert row["forecast_low"] < row["forecast"] < row["forecast_high"]
    assert "forecast" not in done.metrics[-1]
    assert done.finished
    shown = {row["step"]: row["forecast"] for row in rows if "forecast" in row}
    assert (min(shown), max(shown)) == (21, SHORT)
    console = Console(record=True, width=200, file=StringIO())
    with Bar("train", console, every=0.0) as bar:
        for row in rows:
            bar(row)
    last = done.forecasts[-1]
    bits = done.evaluations[-1]["bits_per_byte"] / done.evaluations[-1]["nats_per_token"]
    assert f"· final {bits * last['forecast']:.2f} (" in console.export_text()


def test_half_time_is_told_and_drawn(trained):
    done, _ = trained
    half = half_time(done)
    assert (half.step, half.unit) == (SHORT // 2, "bits per byte")
    assert half.truth == pytest.approx(done.evaluation["bits_per_byte"])
    where = "inside" if half.low <= half.truth <= half.high else "outside"
    assert str(half).endswith(f"it was {half.truth:.3f}, {where} the band.")
    picture = foreseen(done.forecasts, done.evaluations)
    assert "polygon" in picture["svg"]
    assert "in the end" in picture["svg"]
    assert foreseen(done.forecasts[:1], done.evaluations) is None
    assert foreseen((), ()) is None


def test_a_table_of_runs_holds_what_was_measured_alone(trained):
    done, _ = trained
    table = read_table(done.folder, needs=("step", "loss"), checkpoints="all")
    assert table["step"].tolist() == [row["step"] for row in done.evaluations]
    assert not [name for name in table if "forecast" in name]


def test_without_forecasts_nothing_is_said(tmp_path, trained, monkeypatch):
    monkeypatch.setattr(_foresight, "APART", 1)
    monkeypatch.setattr(Foresight, "row", lambda *_: pytest.fail("was asked"))
    recipe = replace(trained[0].recipe, steps=5)
    quiet = run(recipe, folder=tmp_path / "quiet", tokens=texts(), forecast=False)
    assert (quiet.forecasts, half_time(quiet)) == ((), None)


class Keep(TrainerCallback):
    def __init__(self):
        self.rows = []

    def on_log(self, args, state, control, logs=None, **more):
        self.rows.append(dict(logs))


@pytest.fixture
def quiet_trainer():
    before = logging.get_verbosity()
    logging.set_verbosity_error()
    yield
    logging.set_verbosity(before)


def a_trainer(folder, **more):
    generator = torch.Generator().manual_seed(0)
    ids = torch.randint(3, 9, (32, 6), generator=generator)
    data = [{"input_ids": row, "labels": row} for row in ids]
    settings = {
        "max_steps": 40, "use_cpu": True, "report_to": [], "disable_tqdm": True,
        "save_strategy": "no", "dataloader_pin_memory": False, "logging_steps": 1,
        "learning_rate": 1e-3, "per_device_train_batch_size": 2,
    }  # fmt: skip
    arguments = TrainingArguments(str(folder), **{**settings, **more})
    found = Trainer(tiny("llama"), arguments, train_dataset=data, eval_dataset=data[:4])
    found.remove_callback(PrinterCallback)
    return found


def test_a_trainer_of_transformers_logs_its_forecast(tmp_path, quiet_trainer, monkeypatch):
    monkeypatch.setattr(_running_checks, "FEWEST_STEPS", 10)
    monkeypatch.setattr(_running_checks, "FEWEST", 12)
    trainer = a_trainer(
        tmp_path, lr_scheduler_type="cosine", warmup_steps=4, eval_strategy="steps", eval_steps=10
    )
    kept, callback = Keep(), ForecastCallback(every=0.0, target=2.0)
    trainer.add_callback(kept)
    trainer.add_callback(callback)
    callback.ahead_of(trainer)
    trainer.train()
    rows = [row for row in trainer.state.log_history if "forecast_loss" in row]
    assert 14 <= rows[0]["step"] < rows[-1]["step"] < 40
    assert all(row["forecast_low"] < row["forecast_loss"] < row["forecast_high"] for row in rows)
    assert all(0 < row["forecast_chance"] < 1 for row in rows)
    assert sum("forecast_loss" in row for row in kept.rows) == len(rows)
    assert callback.forecast.of == "validation"
    assert "forecast_loss" not in trainer.state.log_history[-1]
    rates = callback._rates
    logged = {r["step"]: r["learning_rate"] for r in trainer.state.log_history if "loss" in r}
    assert all(rates[step - 1] == pytest.approx(rate / 1e-3) for step, rate in logged.items())


def test_a_schedule_that_hangs_on_losses_is_not_known(tmp_path, quiet_trainer):
    trainer = a_trainer(
        tmp_path, max_steps=2, lr_scheduler_type="reduce_lr_on_plateau", eval_strategy="steps",
        eval_steps=1,
    )  # fmt: skip
    callback = ForecastCallback(every=0.0)
    trainer.add_callback(callback)
    trainer.train()
    assert "hangs on the losses" in str(callback.forecast)


@pytest.mark.usefixtures("untyped")
def test_settings_of_the_callback_are_checked():
    with pytest.raises(BadSetting, match="level"):
        ForecastCallback(level=2)
