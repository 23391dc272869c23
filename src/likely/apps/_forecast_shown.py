"""Fits, predictions and plans as tables on a terminal."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from likely.apps._console import messages, results, table

if TYPE_CHECKING:
    from likely.core.estimate import Estimate
    from likely.forecast.buy import Purchase
    from likely.forecast.cautions import Caution
    from likely.forecast.fitted import Fit, Prediction
    from likely.forecast.plan import Plan
    from likely.forecast.profile import Profile
    from likely.forecast.rollout import Compared


def figure(value: float) -> str:
    """A number with four figures that count, in the form people write.

    Args:
        value: any number.

    Returns:
        `1.817`, `2,143`, `7.32e+10`.
    """
    size = abs(value)
    if size and (size >= 1e6 or size < 1e-3):
        return f"{value:.3g}" if size < 1e-3 else f"{value:.3e}"
    return f"{value:,.0f}" if size >= 1e3 else f"{value:.4g}"


def show_notes(notes: Sequence[str]) -> None:
    """What was done to a table, on standard error.

    Args:
        notes: sentences.
    """
    for note in notes:
        messages().print(f"  {note}", style="dim")


def show_cautions(cautions: "Sequence[Caution]") -> None:
    """What speaks against a number, with what to do.

    Args:
        cautions: of a fit or a prediction.
    """
    console = results()
    for one in cautions:
        console.print(f"! {one.says}", style="yellow")
        console.print(f"  → {one.do}")


def show_fit(
    fit: "Fit",
    profiles: "Sequence[Profile]" = (),
    title: str | None = None,
    floor: float | None = None,
) -> None:
    """Coefficients with their intervals, what the fit rests on, and what speaks against it.

    Args:
        fit: what was fitted.
        profiles: of single coefficients.
        title: above the table.
        floor: what repeated runs differ by, where some were repeated.
    """
    ends, errors = fit.intervals(), fit.standard_errors
    rows = []
    for name in fit.law.names:
        low, high = ends.get(name, (None, None))
        span = "held" if name in fit.held else _span(low, high)
        error = figure(errors[name]) if name in errors else ""
        rows.append([name, figure(fit.coefficients[name]), error, span])
    console = results()
    console.print(
        table(
            ["coefficient", "value", "standard error", "95 % interval"],
            rows,
            title=title or f"{fit.law}",
        )
    )
    console.print(
        f"{fit.count:,} rows, {fit.units:,} runs; a run is {fit.noise:.2%} about the law; "
        f"objective {fit.objective:.8e}; {fit.arrived:.0%} of the starts arrived; condition "
        f"number {figure(fit.condition)}."
    )
    if floor is not None:
        console.print(f"Repeated runs differ by {floor:.2%}: no law can be nearer than that.")
    for one in profiles:
        console.print(f"Profile of {one.name}: {_profiled(one)}")
    show_cautions(fit.cautions)


def _profiled(one: "Profile") -> str:
    low = "below " + figure(one.low) if one.open_below else figure(one.low)
    high = "above " + figure(one.high) if one.open_above else figure(one.high)
    if one.open_below and one.open_above:
        return "any value fits: the data say nothing of it."
    return f"{low} to {high} ({one.level:.0%})."


def _span(low: float | None, high: float | None) -> str:
    return "" if low is None or high is None else f"{figure(low)} … {figure(high)}"


def show_prediction(found: "Prediction", columns: Mapping[str, Any], output: str) -> None:
    """What is expected of runs.

    Args:
        found: the prediction.
        columns: what was asked for.
        output: what is predicted.
    """
    level = f"{found.level:.0%}"
    header = [*columns, output, f"{level} of the law", f"{level} of a run"]
    rows = []
    for i, value in enumerate(found.value):
        asked = [
            one if isinstance(one := values[i], str) else figure(float(one))
            for values in columns.values()
        ]
        rows.append(
            [
                *asked,
                f"{value:.4f}",
                f"{found.low[i]:.4f} … {found.high[i]:.4f}",
                f"{found.run_low[i]:.4f} … {found.run_high[i]:.4f}",
            ]
        )
    results().print(table(header, rows))
    show_cautions(found.cautions)


def show_plan(plan: "Plan") -> None:
    """What to train.

    Args:
        plan: the plan.
    """
    rows = [
        _row("parameters", plan.params),
        _row("tokens", plan.tokens),
        _row("tokens per parameter", plan.tokens_per_param),
        _row("FLOPs", plan.flops),
        _row("loss", plan.loss),
    ]
    results().print(table(["", "value", f"{plan.level:.0%} interval"], rows))
    show_cautions(plan.cautions)


def _row(name: str, answer: "Estimate") -> list[str]:
    same = answer.low == answer.high == answer.value
    return [name, figure(answer.value), "given" if same else _span(answer.low, answer.high)]


def show_bought(bought: "Sequence[Purchase]") -> None:
    """Which runs to buy, in order.

    Args:
        bought: the runs.
    """
    names = list(bought[0].columns)
    rows = [
        [
            str(i),
            *(figure(one.columns[name]) for name in names),
            "" if one.flops is None else f"{one.flops:.1e}",
            f"±{one.width_before:.2%} → ±{one.width_after:.2%}",
        ]
        for i, one in enumerate(bought, start=1)
    ]
    results().print(
        table(["buy", *names, "FLOPs", "95 % of the prediction"], rows, title="Runs to buy")
    )


def show_compared(found: "Compared") -> None:
    """Laws by what they predicted of runs that they had not seen.

    Args:
        found: the comparison.
    """
    rows = []
    for name, one in found.rollouts.items():
        clean = one.inside[~one.cautioned]
        rows.append(
            [
                name,
                f"{one.mean_error:.2%}",
                f"{one.largest_error:.2%}",
                f"{one.errors.mean():+.2%}",
                f"{one.coverage:.0%}",
                f"{clean.mean():.0%} of {len(clean)}" if len(clean) else "none",
                ", ".join(dict.fromkeys(c.kind for c in one.fit.cautions)) or "none",
            ]
        )
    header = ["law", "mean error", "largest", "bias", "in 95 %", "without caution", "cautions"]
    first = next(iter(found.rollouts.values()))
    title = f"{len(first.rows):,} rows predicted from {first.fit.count:,} cheaper ones"
    results().print(table(header, rows, title=title))
    floor = found.noise
    results().print(
        "No run was repeated with another seed: how near a law could be at best is unknown."
        if floor is None
        else f"Repeated runs differ by {floor:.2%}: no law can be nearer than that."
    )
    for name, why in found.failed.items():
        results().print(f"{name} was not fitted: {why}", style="yellow")


def plan_json(plan: "Plan") -> dict[str, Any]:
    """A plan as plain values.

    Args:
        plan: the plan.

    Returns:
        Its numbers, each with its interval, and its warnings.
    """
    from dataclasses import asdict

    made = asdict(plan)
    made["warnings"] = made.pop("cautions")
    return made
