"""`ForecastCallback`: a `Trainer` of `transformers` says what its final loss will be."""

import time
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import numpy as np
from annotated_types import Ge, Gt, Lt
from jaxtyping import Float
from transformers import TrainerCallback

from likely.core.settings import checked
from likely.forecast.running import Early, Running, running

Rows = Sequence[Mapping[str, Any]]


class ForecastCallback(TrainerCallback):  # type: ignore[misc]
    """Adds `forecast_loss`, `forecast_low` and `forecast_high` to what a trainer logs.

    Everything is read from the trainer's own log, so that a run that goes on from a checkpoint goes
    on being forecast. What is forecast is the loss on evaluation text, where the trainer evaluates,
    and else that of training. Give it to a trainer as `callbacks=[...]`; then reports that were
    asked for with `report_to` see it in the trainer's log only. `ahead_of` puts it before them.

    Args:
        evaluated: the name under which evaluations are logged.
        level: of the band.
        target: where given, the chance that the final loss is below it is logged, too, as
            `forecast_chance`.
        every: seconds between two forecasts at least; in between, the last one is logged again.

    Raises:
        BadSetting: a setting out of range.

    Example:
        >>> ForecastCallback(level=0.8).forecast is None
        True
    """

    def __init__(
        self,
        *,
        evaluated: str = "eval_loss",
        level: Annotated[float, Gt(0), Lt(1)] = 0.95,
        target: Annotated[float, Gt(0)] | None = None,
        every: Annotated[float, Ge(0)] = 2.0,
    ) -> None:
        settings = {"evaluated": evaluated, "level": level, "target": target, "every": every}
        checked(type(self), settings)
        self.evaluated, self.level, self.target, self.every = evaluated, level, target, every
        self.forecast: Running | Early | None = None
        """The newest one, or why there is none."""
        self._rates: np.ndarray | None = None
        self._made = -float("inf")

    def ahead_of(self, trainer: Any) -> "ForecastCallback":
        """Put it before all other callbacks of a trainer, so that their reports have the forecast.

        Args:
            trainer: made, not yet training.

        Returns:
            Itself.
        """
        trainer.remove_callback(self)
        trainer.callback_handler.callbacks.insert(0, self)
        return self

    def on_train_begin(self, args: Any, state: Any, control: Any, **more: Any) -> None:
        """Forget what was known of another schedule.

        Args:
            args: of the trainer.
            state: of the trainer.
            control: of the trainer.
            more: whatever else it gives.
        """
        self._rates, self.forecast, self._made = None, None, -float("inf")

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **more: Any) -> None:
        """Add the forecast to the row that is logged.

        Args:
            args: of the trainer.
            state: has the log so far.
            control: of the trainer.
            logs: the row; other callbacks see what is added, those that come later.
            more: `lr_scheduler` among it.
        """
        wanted = logs is not None and ("loss" in logs or self.evaluated in logs)
        if not wanted or not state.is_world_process_zero or state.global_step >= state.max_steps:
            return
        now = time.monotonic()
        if now - self._made >= self.every:
            if self._rates is None:
                self._rates = factors(more.get("lr_scheduler"), args, state.max_steps)
            self.forecast = self._made_from(state.log_history)
            self._made = now
        if isinstance(self.forecast, Running):
            said = self._row(self.forecast)
            logs.update(said)
            if state.log_history:
                state.log_history[-1].update(said)

    def _row(self, found: Running) -> dict[str, float]:
        row = {"loss": found.value, "low": found.low, "high": found.high}
        if self.target is not None:
            row["chance"] = found.chance_below(self.target)
        return {f"forecast_{name}": value for name, value in row.items()}

    def _made_from(self, rows: Rows) -> Running | Early:
        if self._rates is None:
            return Early("The learning rate to come is not known: it hangs on the losses.", 0.0)
        steps, losses, counts = trained(rows)
        looks = {row["step"]: row[self.evaluated] for row in rows if self.evaluated in row}
        validation = (list(map(float, looks)), list(looks.values())) if looks else None
        return running(
            steps, losses, self._rates, counts=counts, validation=validation, level=self.level
        )


def trained(rows: Rows) -> tuple[list[float], list[float], list[float]]:
    """The curve in a trainer's log, whose rows are means over the steps since the one before.

    Args:
        rows: of `state.log_history`.

    Returns:
        The middle of each stretch, its loss, and how many steps it has.
    """
    steps, losses, counts, before = [], [], [], 0
    for row in rows:
        if "loss" in row and row["step"] > before:
            steps.append((before + 1 + row["step"]) / 2)
            losses.append(float(row["loss"]))
            counts.append(float(row["step"] - before))
            before = row["step"]
    return steps, losses, counts


def factors(scheduler: Any, args: Any, steps: int) -> Float[np.ndarray, "_"] | None:
    """The learning rate of every step as a factor, also of those to come.

    Args:
        scheduler: the trainer's; schedulers of `transformers` are functions of the step.
        args: of the trainer.
        steps: of the whole run.

    Returns:
        One a step; None where the rate hangs on how training goes.
    """
    found = getattr(scheduler, "scheduler", scheduler)
    functions = getattr(found, "lr_lambdas", None)
    if not functions:
        return None
    rates = np.array([float(functions[0](step)) for step in range(steps)])
    # At step 0 warm-ups of transformers have rate 0.
    return rates if rates.any() else None
