"""`likely forecast schedule`, `isoflop`, and schedules as the command line writes them."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from likely.apps._console import messages, print_json, results, table
from likely.apps._forecast_options import FLAG, TableOptions, plain
from likely.apps._forecast_shown import figure, show_cautions, show_notes
from likely.core.errors import BadInput, BadSetting, UnknownName
from likely.core.settings import check, parse

if TYPE_CHECKING:
    from likely.forecast.isoflop import IsoFlop
    from likely.forecast.optimal_schedule import OptimalSchedule

_DEFAULT = TableOptions()
_MADE = ("constant", "cosine", "linear", "wsd", "two_stage", "piecewise")


def rates_of(text: str) -> Any:
    """The learning rate of every step of a schedule.

    Args:
        text: `cosine(steps=24000, peak=3e-4, warmup=2160)`.

    Returns:
        One rate a step.

    Raises:
        UnknownName: there is no such schedule.
        BadSetting: a setting is missing or wrong.
    """
    from likely.forecast import schedules

    name, settings = parse(text)
    if name not in _MADE:
        raise UnknownName("schedule", name, _MADE)
    make = getattr(schedules, name)
    return make(**check(name, make, settings))


def at_the_end(given: Sequence[str]) -> dict[str, Any]:
    """Columns of runs that are asked after their last step.

    Args:
        given: schedules.

    Returns:
        `step` and `schedule`.
    """
    import numpy as np

    rates = [rates_of(text) for text in given]
    return {"step": np.array([float(len(one)) for one in rates]), "schedule": rates}


def plan_schedule(
    fit: Path,
    /,
    *,
    steps: int,
    peak: float,
    warmup: float = 0,
    floor: float = 0.0,
    json: Annotated[bool, FLAG] = False,
) -> None:
    """Find the learning-rate schedule that a fitted law likes best, and write it for a recipe.

    Args:
        fit: of multi_power or annealing, as `likely forecast fit --save` wrote it.
        steps: of the run.
        peak: the highest rate.
        warmup: linear warm-up, in steps, or below 1 as a share of them.
        floor: the lowest rate, as a factor of the peak.
        json: print JSON.
    """
    from likely.forecast.files import load
    from likely.forecast.optimal_schedule import optimal_schedule

    known = load(fit)
    begin: int | float = int(warmup) if warmup >= 1 or warmup == 0 else warmup
    found = optimal_schedule(
        known.law, known.coefficients, steps=steps, peak=peak, warmup=begin, floor=floor
    )
    if json:
        row = {
            "knots": found.knots,
            "loss": found.loss,
            "others": dict(found.others),
            "warnings": list(found.cautions),
        }
        print_json(plain(row))
        return
    _show_schedule(found, begin)


def _show_schedule(found: "OptimalSchedule", warmup: int | float) -> None:
    rows = [["this one", f"{found.loss:.4f}", ""]]
    rows += [
        [name, f"{loss:.4f}", f"{loss - found.loss:+.4f}"]
        for name, loss in sorted(found.others.items(), key=lambda pair: pair[1])
    ]
    console = results()
    console.print(table(["schedule", "loss after the last step", "more"], rows))
    for one in found.cautions:
        console.print(f"! {one}", style="yellow")
    knots = ", ".join(f"[{share:g}, {factor:g}]" for share, factor in found.knots)
    messages().print("In a recipe:")
    console.print(f'[schedule]\nname = "piecewise"\nwarmup = {warmup:g}\nknots = [{knots}]')


def find_valleys(
    tables: tuple[str, ...],
    /,
    *,
    points: int = 5,
    bias: Annotated[bool, Parameter(negative="--no-bias")] = True,
    level: float = 0.95,
    options: TableOptions = _DEFAULT,
    json: Annotated[bool, FLAG] = False,
) -> None:
    """Find the best size of every budget by parabolas (Approach 2), and how it grows.

    Args:
        tables: runs of equal FLOPs and different sizes, at several budgets.
        points: runs about the lowest of a budget that its parabola goes through.
        bias: show what the method makes of a fitted law whose exponent is known.
        level: of the intervals.
        options: how the table is read.
        json: print JSON.
    """
    from dataclasses import asdict

    from likely.forecast.fit import fit
    from likely.forecast.isoflop import isoflop
    from likely.forecast.law import law as law_of

    chosen = law_of("chinchilla")
    read = options.read(tables, chosen)
    if not json:
        show_notes(read.notes)
    known = None
    if bias:
        try:
            known = fit(chosen, read, bootstrap=0)
        except BadInput as problem:
            raise BadSetting(
                "--bias", [f"No law can be fitted to show it ({problem}): --no-bias leaves it out."]
            ) from problem
    found = isoflop(read, points=points, law=known, level=level)
    if json:
        row = asdict(found)
        row["warnings"] = row.pop("cautions")
        print_json(plain(row))
        return
    _show_valleys(found)


def _show_valleys(found: "IsoFlop") -> None:
    rows = [
        [f"{one.flops:.2e}", figure(one.params), f"{one.loss:.4f}", str(len(one.rows))]
        for one in found.valleys
    ]
    console = results()
    console.print(table(["FLOPs", "best size", "loss there", "runs"], rows))
    for one in found.left_out:
        console.print(f"Left out: {one}.", style="dim")
    a, b = found.params_exponent, found.tokens_exponent
    console.print(
        f"N* ∝ C^{a.value:.3f} ({a.low:.3f} … {a.high:.3f}), D* ∝ C^{b.value:.3f} "
        f"({b.low:.3f} … {b.high:.3f}); {found.level:.0%} intervals."
    )
    if found.law_exponent is not None and found.biased_exponent is not None:
        console.print(
            f"Chinchilla's law fitted to the same runs has {found.law_exponent:.3f}, of which "
            f"these parabolas would make {found.biased_exponent:.3f}."
        )
    show_cautions(found.cautions)
