"""`likely forecast`: laws of loss on tables of runs: fit, predict, plan, compare."""

from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter

from likely.apps._console import messages, print_json, results, table
from likely.apps._forecast_checks import check_columns
from likely.apps._forecast_command import command_of
from likely.apps._forecast_final import final_loss
from likely.apps._forecast_options import (
    FLAG,
    SEVERAL,
    TableOptions,
    assignments,
    number_of,
    plain,
    priors_of,
    to_write,
)
from likely.apps._forecast_page import PageOptions, write_page
from likely.apps._forecast_rates import at_the_end, find_valleys, plan_schedule
from likely.core.errors import BadInput, BadSetting

forecast = App(
    name="forecast",
    help="Laws of loss, fitted to a table of runs: what a run will give, how sure that is, what "
    "to train. Begin with: likely forecast fit chinchilla runs.csv",
)
forecast.command(find_valleys, name="isoflop")
forecast.command(plan_schedule, name="schedule")
forecast.command(final_loss, name="final")
_DEFAULT = TableOptions()
_NO_PAGE = PageOptions()


@forecast.command(name="laws")
def list_laws(*, json: Annotated[bool, FLAG] = False) -> None:
    """List the laws: what each reads, what is fitted, what it is of.

    Args:
        json: print JSON.
    """
    from likely.apps.list import first_line
    from likely.core.catalogue import catalogue
    from likely.forecast.law import ROOM
    from likely.forecast.law import law as law_of

    found = {}
    for name, module in catalogue(ROOM).items():
        one = law_of(name)
        found[name] = {
            "columns": list(one.columns),
            "predicts": one.output,
            "coefficients": list(one.names),
            "settings": dict(one.settings),
            "what it is": first_line(module, name),
        }
    if json:
        print_json(plain(found))
        return
    rows = [
        [name, ", ".join(row["columns"]), ", ".join(row["coefficients"]), str(row["what it is"])]
        for name, row in found.items()
    ]
    made = table(["law", "reads", "fitted", "what it is"], rows)
    for column in made.columns[1:]:
        column.justify = "left"
    results().print(made)


@forecast.command(name="fit")
def fit_law(
    law: str,
    tables: tuple[str, ...],
    /,
    *,
    hold: Annotated[tuple[str, ...], SEVERAL] = (),
    prior: Annotated[tuple[str, ...], SEVERAL] = (),
    group: str | None = None,
    profile: Annotated[tuple[str, ...], SEVERAL] = (),
    bootstrap: int | None = None,
    starts: int = 16,
    delta: float | None = None,
    seed: int = 0,
    options: TableOptions = _DEFAULT,
    save: Path | None = None,
    page: PageOptions = _NO_PAGE,
    json: Annotated[bool, FLAG] = False,
) -> None:
    """Fit a law to a table of runs: coefficients, intervals, and what speaks against them.

    Args:
        law: its name, with settings in brackets where it has some. `likely forecast laws` lists
            them.
        tables: CSV, Parquet, JSONL, exports of Weights & Biases, or run folders.
        hold: coefficients that are not fitted: alpha=0.34.
        prior: what another family of models says of a coefficient, with its deviation:
            alpha=0.34,0.02.
        group: fit every part of the table by itself, such as a law a domain.
        profile: coefficients whose profile is computed; those that are hard to tell, if left out.
        bootstrap: tables that are drawn again for intervals; 0 for none. 4,000 if left out, fewer
            for laws that take long.
        starts: points of the grid that descend.
        delta: where Huber's loss of the log residuals turns straight; 0.001, or what the law was
            published with, if left out.
        seed: of the drawing.
        options: how the table is read.
        save: write the fit there, as JSON; `predict` and `plan` read it.
        page: the report, and the figures as files.
        json: print JSON.
    """
    from likely.apps import _forecast_shown as shown
    from likely.forecast.files import as_json
    from likely.forecast.files import save as write
    from likely.forecast.fit import fit, fit_by
    from likely.forecast.law import law as law_of
    from likely.forecast.rollout import seed_noise

    given = dict(locals())
    to_write("--save", save)
    if group and save:
        raise BadSetting("likely forecast fit", ["--save keeps one fit; --group makes several."])
    chosen = law_of(law)
    page.check(chosen, group)
    read = options.read(tables, chosen)
    if not json:
        shown.show_notes(read.notes)
    settings: dict[str, Any] = {
        "hold": assignments("--hold", hold),
        "priors": priors_of(prior),
        "by": options.names,
        "delta": delta,
        "starts": starts,
        "bootstrap": bootstrap,
        "seed": seed,
    }
    if group:
        fits = fit_by(chosen, read, group=group, **settings)
        if json:
            print_json(plain({k: as_json(one, samples=False) for k, one in fits.items()}))
            return
        for part, one in fits.items():
            shown.show_fit(one, title=f"{chosen}, {group} = {part}")
        return
    made = fit(chosen, read, **settings)
    profiles = _profiles(made, read, profile)
    floor = seed_noise(read, columns=chosen.columns, output=chosen.output)
    if save:
        write(made, save)
    if page.wanted:
        typed = command_of(["likely", "forecast", "fit", law, *tables], fit_law, given)
        written = write_page(
            page, made, read, profiles=profiles, settings=settings, command=typed, paths=tables
        )
        messages().print(f"Wrote {' and '.join(map(str, written))}.")
    if json:
        row = {**as_json(made, samples=False), "notes": list(read.notes), "seed_noise": floor}
        row["profiles"] = {
            one.name: {
                "low": None if one.open_below else one.low,
                "high": None if one.open_above else one.high,
            }
            for one in profiles
        }
        print_json(plain(row))
        return
    shown.show_fit(made, profiles, floor=floor)
    if save:
        asked = " ".join(f"{name}=…" for name in chosen.columns)
        how = '--schedule "cosine(steps=…, peak=…)"' if "schedule" in asked else f"--set {asked}"
        messages().print(f"Wrote {save}. Next: likely forecast predict {save} {how}")


def _profiles(made: Any, read: Any, names: tuple[str, ...]) -> list[Any]:
    """Of the coefficients that were named; else of those whose standard error is no answer."""
    from likely.forecast._doubts import ILL_CONDITIONED
    from likely.forecast.profile import profile

    if not names:
        errors = made.standard_errors
        names = tuple(
            name
            for name in made.fitted
            if name in errors
            and (
                made.condition > ILL_CONDITIONED
                or errors[name] > 0.5 * abs(made.coefficients[name])
            )
        )
    return [profile(made, read, name=name) for name in names]


@forecast.command(name="predict")
def predict_runs(
    fit: Path,
    /,
    *,
    set: Annotated[tuple[str, ...], SEVERAL] = (),
    schedule: Annotated[tuple[str, ...], SEVERAL] = (),
    runs: Path | None = None,
    level: float = 0.95,
    options: TableOptions = _DEFAULT,
    json: Annotated[bool, FLAG] = False,
) -> None:
    """Say what a run will give, with the interval of the law and that of a run.

    Args:
        fit: what `likely forecast fit --save` wrote.
        set: what the run is: params=7e9 tokens=1.4T.
        schedule: for laws of schedules, one or several to predict after their last step:
            "cosine(steps=24000, peak=3e-4, warmup=2000)".
        runs: a table of runs to predict instead.
        level: of the intervals.
        options: how that table is read.
        json: print JSON.
    """
    import numpy as np

    from likely.apps import _forecast_shown as shown
    from likely.forecast.files import load

    known = load(fit)
    if sum(map(bool, (runs, set, schedule))) != 1:
        raise BadSetting("likely forecast predict", [_what_the_run_is(known)])
    asked: dict[str, Any]
    if runs is not None:
        asked = dict(options.read_named([str(runs)], known.law.columns))
    elif schedule:
        asked = at_the_end(schedule)
    else:
        given = assignments("--set", set)
        check_columns("--set", known.law, given, also=("flops",))
        asked = {name: np.array([value]) for name, value in given.items()}
    found = known.predict(asked, level=level)
    columns = {n: asked[n] for n in known.law.columns if isinstance(asked[n], np.ndarray)}
    columns = {"schedule": list(schedule), **columns} if schedule else columns
    if json:
        row = {
            "law": str(known.law),
            "output": known.law.output,
            "columns": columns,
            "value": found.value,
            "interval": [found.low, found.high],
            "run_interval": [found.run_low, found.run_high],
            "level": level,
            "warnings": [dict(c.as_json()) for c in (*known.cautions, *found.cautions)],
        }
        print_json(plain(row))
        return
    shown.show_prediction(found, columns, known.law.output)
    shown.show_cautions(known.cautions)


def _what_the_run_is(known: Any) -> str:
    if "schedule" in known.law.columns:
        return 'Say what the run is: --schedule "cosine(steps=24000, peak=3e-4, warmup=2000)"'
    return f"Say what the run is: --set {' '.join(f'{name}=…' for name in known.law.columns)}"


@forecast.command(name="plan")
def plan_run(
    fit: Path,
    /,
    *,
    compute: str | None = None,
    loss: float | None = None,
    params: str | None = None,
    inference_tokens: str | None = None,
    buy: int = 0,
    target: Annotated[tuple[str, ...], SEVERAL] = (),
    budget: str | None = None,
    level: float = 0.95,
    json: Annotated[bool, FLAG] = False,
) -> None:
    """Say what to train for a budget or a loss, and which runs to buy first.

    Args:
        fit: what `likely forecast fit --save` wrote.
        compute: FLOPs of the training, such as 1e21.
        loss: to reach as cheaply as possible.
        params: the size, where it is given.
        inference_tokens: tokens the finished model will read or write; they cost 2 N each.
        buy: how many small runs to name whose results would narrow the prediction most.
        target: the run that they shall help to predict: params=7e9 tokens=1.4T; the plan itself,
            if left out.
        budget: FLOPs for all runs to buy; without it, none costs more than the table's dearest.
        level: of the intervals.
        json: print JSON.
    """
    from likely.apps import _forecast_shown as shown
    from likely.forecast.files import load
    from likely.forecast.plan import for_compute, for_loss

    known = load(fit)
    size, later = number_of("--params", params), number_of("--inference-tokens", inference_tokens)
    flops, row, plan = number_of("--compute", compute), {}, None
    if flops is not None and loss is not None:
        raise BadSetting("likely forecast plan", ["Give --compute or --loss, not both."])
    shared: dict[str, Any] = {"params": size, "inference_tokens": later or 0.0, "level": level}
    if flops is not None:
        plan = for_compute(known, flops=flops, **shared)
    elif loss is not None:
        plan = for_loss(known, loss=loss, **shared)
    elif not buy:
        raise BadSetting(
            "likely forecast plan", ["Say what for: --compute 1e21, --loss 2.1 or --buy 3."]
        )
    if plan is not None:
        row = shown.plan_json(plan)
    bought = _bought(known, plan, buy, target, number_of("--budget", budget)) if buy else []
    if json:
        print_json(plain({**row, "buy": [vars(one) for one in bought]} if buy else row))
        return
    if plan is not None:
        shown.show_plan(plan)
    if bought:
        shown.show_bought(bought)
    shown.show_cautions(known.cautions)


def _bought(known: Any, plan: Any, count: int, target: Any, budget: float | None) -> list[Any]:
    from likely.forecast.buy import runs_to_buy

    if target:
        aim = assignments("--target", target)
        check_columns("--target", known.law, aim, also=("flops",))
    elif plan is not None:
        aim = {"params": plan.params.value, "tokens": plan.tokens.value}
    else:
        raise BadInput(
            "Which run shall they help to predict? --target "
            + " ".join(f"{name}=…" for name in known.law.columns)
        )
    return runs_to_buy(known, aim, runs=count, flops=budget)


@forecast.command(name="compare")
def compare_laws_on_table(
    laws: Annotated[tuple[str, ...], Parameter(allow_leading_hyphen=False)],
    /,
    *,
    below: str | None = None,
    largest: float = 0.2,
    cost: str | None = None,
    bootstrap: int = 1000,
    seed: int = 0,
    options: TableOptions = _DEFAULT,
    json: Annotated[bool, FLAG] = False,
) -> None:
    """Compare laws by what they predict of the dear runs after seeing the cheap ones.

    Args:
        laws: names of laws, and the table last.
        below: learn from rows of a smaller cost, predict all others; in FLOPs, or the unit of
            --cost.
        largest: share of the rows that is predicted, without --below.
        cost: the column to sort by; FLOPs if left out.
        bootstrap: tables drawn again for the intervals.
        seed: of the drawing.
        options: how the table is read.
        json: print JSON.
    """
    from likely.apps import _forecast_shown as shown
    from likely.forecast.law import law as law_of
    from likely.forecast.rollout import compare_laws

    if len(laws) < 2:
        raise BadSetting(
            "likely forecast compare", ["Name laws, and the table last: chinchilla kaplan runs.csv"]
        )
    chosen = [law_of(name) for name in laws[:-1]]
    outputs = {one.output for one in chosen}
    if len(outputs) > 1:
        raise BadSetting(
            "likely forecast compare", [f"These laws predict {' and '.join(sorted(outputs))}."]
        )
    read = options.read([laws[-1]], *chosen)
    if not json:
        shown.show_notes(read.notes)
    found = compare_laws(
        chosen,
        read,
        below=number_of("--below", below),
        largest=largest,
        cost=cost,
        by=options.names,
        bootstrap=bootstrap,
        seed=seed,
    )
    if not json:
        shown.show_compared(found)
        return
    rows = {
        name: {
            "mean_error": one.mean_error,
            "largest_error": one.largest_error,
            "bias": one.errors.mean(),
            "coverage": one.coverage,
            "rows": [read.rows[i] for i in one.rows],
            "observed": one.observed,
            "predicted": one.value,
            "run_interval": [one.low, one.high],
            "cautioned": one.cautioned,
            "warnings": [dict(c.as_json()) for c in one.fit.cautions],
        }
        for name, one in found.rollouts.items()
    }
    print_json(plain({"laws": rows, "seed_noise": found.noise, "failed": dict(found.failed)}))


@forecast.command(name="power")
def plan_seeds(
    tables: tuple[str, ...] = (),
    /,
    *,
    noise: float | None = None,
    effect: float | None = None,
    seeds: int = 6,
    power: float = 0.8,
    level: float = 0.95,
    recipe: str | None = None,
    options: TableOptions = _DEFAULT,
    json: Annotated[bool, FLAG] = False,
) -> None:
    """Say how many seeds separate two recipes, and what so many seeds can see.

    Args:
        tables: runs of one recipe with several seeds: columns loss, and seed or run, and step.
        noise: standard deviation of the final loss over seeds, in nats, in place of tables.
        effect: the difference that shall be seen, in nats.
        seeds: of each recipe, for the smallest effect that is seen.
        power: the chance to see it.
        level: of the test.
        recipe: the column that says which recipe a run is of, where the table has several.
        options: how the table is read.
        json: print JSON.
    """
    from likely.apps import _forecast_power as shown

    asked = shown.Question(effect, seeds, power, level).check()
    if (noise is None) == (not tables) or (noise is not None and not 0 < noise < float("inf")):
        raise BadSetting(
            "likely forecast power",
            ["Give a table of repeated runs, or their noise: --noise 0.01 (more than 0)."],
        )
    moments = [] if noise is not None else shown.noise_of(options.read_repeats(tables), recipe)
    deviation = float(moments[-1].deviation if noise is None else noise)
    if json:
        row = {
            "noise": deviation,
            "effect": effect,
            "power": power,
            "level": level,
            "seeds": seeds,
            "smallest_effect": asked.smallest(deviation),
            "seeds_needed": asked.needed(deviation),
            "along": shown.rows_of(moments, asked),
            "designs": shown.designs_of(deviation, asked),
        }
        print_json(plain(row))
        return
    shown.show(moments, asked, deviation)
