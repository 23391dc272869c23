"""Every figure that a fit has something for, and the files of them."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from likely.apps.report._forecast_fits import Asked, of_fit
from likely.apps.report._forecast_frontier import of_frontier
from likely.apps.report._forecast_held_out import of_held_out
from likely.apps.report._forecast_ink import Picture, have_matplotlib, own_look, svg
from likely.apps.report._forecast_misses import of_residuals
from likely.apps.report._forecast_profiles import of_profiles
from likely.apps.report._forecast_schedules import of_schedules
from likely.apps.report._forecast_valleys import of_valleys
from likely.core.disk import whole_folder
from likely.forecast.fitted import Fit
from likely.forecast.profile import Profile
from likely.forecast.rollout import Rollout


def pictures_of(
    fit: Fit,
    table: Mapping[str, Any],
    *,
    profiles: Sequence[Profile] = (),
    held_out: Rollout | None = None,
    asked: Asked | None = None,
) -> list[Picture]:
    """The figures of a fit, in the order of the page.

    Args:
        fit: the law.
        table: what it was fitted to, `[R]`, rows as they were fitted.
        profiles: of single coefficients.
        held_out: dear rows that were predicted from the others.
        asked: a run that is predicted.

    Returns:
        Those that this law and this table have something for.

    Raises:
        Unsupported: matplotlib is not installed.
    """
    have_matplotlib()
    with own_look():
        made = list(_drawn(fit, table, profiles, held_out, asked))
        for one in made:
            # Laid out once: drawn again, a figure is the same to the last digit.
            one.figure.draw_without_rendering()
            one.figure.set_layout_engine("none")
        return made


def _drawn(
    fit: Fit,
    table: Mapping[str, Any],
    profiles: Sequence[Profile],
    held_out: Rollout | None,
    asked: Asked | None,
) -> Iterator[Picture]:
    yield of_fit(fit, table, asked)
    if (schedules := of_schedules(fit, table)) is not None:
        yield schedules
    yield of_residuals(fit, table)
    if held_out is not None:
        yield of_held_out(held_out, table)
    if (valleys := of_valleys(fit, table)) is not None:
        yield valleys
    extra = [asked.columns] if asked is not None else []
    if (frontier := of_frontier(fit, table, extra)) is not None:
        yield frontier
    if (profiled := of_profiles(profiles)) is not None:
        yield profiled


def write_figures(
    pictures: Sequence[Picture], folder: Path, form: Literal["svg", "png"] = "svg"
) -> list[Path]:
    """Write figures into a folder that is there as a whole or not at all.

    Args:
        pictures: the figures.
        folder: a new name, or a folder that is replaced.
        form: svg, or png of 200 dots an inch.

    Returns:
        The files.
    """
    with whole_folder(folder) as part:
        for one in pictures:
            path = part / f"{one.name}.{form}"
            if form == "svg":
                path.write_text(
                    svg(one.figure, {"svg.hashsalt": one.name}), encoding="utf-8", newline="\n"
                )
            else:
                with own_look():
                    one.figure.savefig(path, format="png", facecolor="white")
    return [folder / f"{one.name}.{form}" for one in pictures]
