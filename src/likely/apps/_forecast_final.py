"""`likely forecast final`: what a run in progress will end with, and whether to go on."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from likely.apps._console import print_json, results
from likely.apps._forecast_options import FLAG, TableOptions, number_of, plain
from likely.apps._forecast_rates import rates_of
from likely.apps._forecast_shown import show_cautions, show_notes
from likely.core.errors import BadSetting
from likely.core.settings import parse

if TYPE_CHECKING:
    from likely.forecast.running import Early, Running

_DEFAULT = TableOptions()
_WHERE = "likely forecast final"


def final_loss(
    run: Path,
    /,
    *,
    schedule: str | None = None,
    target: str | None = None,
    level: float = 0.95,
    options: TableOptions = _DEFAULT,
    json: Annotated[bool, FLAG] = False,
) -> None:
    """Say what a run in progress will end with; with a target, whether to stop or to go on.

    Args:
        run: folder of `likely train`; or a table with the columns step and loss, of one run.
        schedule: of a table's run to its end: "cosine(steps=24000, warmup=2000)".
        target: loss in nats that it should end below.
        level: of the band.
        options: how the table is read.
        json: print JSON.
    """
    from likely.forecast.running import Early, advice

    aim = number_of("--target", target)
    is_run = (run / "recipe.toml").is_file()
    if is_run and schedule:
        raise BadSetting(_WHERE, ["The recipe of a run says its schedule: leave --schedule out."])
    if not is_run and not schedule:
        raise BadSetting(
            _WHERE,
            [
                f"{run} is no run of likely train: say its schedule to the end, such as "
                '--schedule "cosine(steps=24000, warmup=2000)".'
            ],
        )
    found = _of_run(run, level) if is_run else _of_table(run, str(schedule), level, options, json)
    told = None if aim is None else advice(found, aim)
    if json:
        row: dict[str, Any] = {"seen": found.seen}
        if isinstance(found, Early):
            row |= {"value": None, "reason": found.reason}
        else:
            row |= {"value": found.value, "low": found.low, "high": found.high, "of": found.of}
            row |= {"law": found.law, "level": level}
            row["warnings"] = [dict(one.as_json()) for one in found.cautions]
        if told is not None:
            row["advice"] = {"word": told.word, "chance": told.chance}
        print_json(plain(row))
        return
    console = results()
    if isinstance(found, Early):
        console.print(found.reason)
        return
    console.print(
        f"After {found.seen:.0%} of its steps, this run is expected to end with {found.value:.4f} "
        f"({found.low:.4f}–{found.high:.4f}, {level:.0%}) nats a token of {_WHOSE[found.of]}."
    )
    if told is not None and told.chance is not None:
        console.print(f"{told.word.capitalize()}: {told.says}", style="bold")
    show_cautions(found.cautions)


_WHOSE = {"train": "training text", "validation": "validation text"}


def _of_run(folder: Path, level: float) -> "Running | Early":
    import numpy as np

    from likely.forecast.running import Early, running
    from likely.train.run import read_run
    from likely.train.schedule import learning_rates

    kept = read_run(folder)
    recipe = kept.recipe
    rates = learning_rates(recipe.schedule, recipe.steps)
    looks = [(row["step"], row["nats_per_token"]) for row in kept.evaluations]
    # Another objective has another unit than what is measured on validation text.
    plain_loss = parse(recipe.objective)[0] == "cross_entropy"
    rows = [(row["step"], row["loss"]) for row in kept.training] if plain_loss or not looks else []
    steps, losses = np.array(rows, np.float64).reshape(-1, 2).T
    measured = np.array(looks, np.float64).reshape(-1, 2).T
    validation = (measured[0], measured[1]) if looks else None
    found = running(steps, losses, rates, validation=validation, level=level)
    if isinstance(found, Early) and kept.forecasts:
        return _logged(kept.forecasts[-1], recipe.steps, level)
    return found


def _logged(row: Mapping[str, Any], steps: int, level: float) -> "Running":
    """What the run itself said last: it knew all of its losses, of which its log has some."""
    import numpy as np
    from scipy.stats import norm

    from likely.forecast.running import Running

    value, low, high = (float(row[f"forecast{end}"]) for end in ("", "_low", "_high"))
    places = (np.arange(4000) + 0.5) / 4000
    # Its band holds 95 %; either side of the median is taken for half of a normal distribution.
    away = norm.ppf(places) / norm.ppf(0.975)
    draws = value + np.where(away < 0, (value - low) * away, (high - value) * away)
    ends = np.quantile(draws, [(1 - level) / 2, (1 + level) / 2])
    return Running(
        value=value,
        low=float(ends[0]),
        high=float(ends[1]),
        level=level,
        seen=row["step"] / steps,
        of="validation" if row["forecast_of"] == "nats_per_token" else "train",
        law="annealing",
        gain=0.0,
        draws=draws,
    )


def _of_table(
    path: Path, schedule: str, level: float, options: TableOptions, quiet: bool
) -> "Running | Early":
    from likely.forecast.running import running

    rates = rates_of(schedule)
    read = options.read_named([str(path)], ("step", "loss"))
    if not quiet:
        show_notes(read.notes)
    return running(read["step"], read["loss"], rates, level=level)
