"""The page and the figures of `likely forecast fit`: asked for, checked, and written whole."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from likely.apps._forecast_checks import check_budget, check_run, folder_to_write
from likely.apps._forecast_options import SEVERAL, assignments, number_of, to_write
from likely.core.errors import BadSetting, Unsupported

if TYPE_CHECKING:
    from likely.apps.report._forecast_fits import Asked
    from likely.forecast.fitted import Fit
    from likely.forecast.law import Law
    from likely.forecast.plan import Plan
    from likely.forecast.profile import Profile
    from likely.forecast.rollout import Rollout
    from likely.forecast.table import Table

_REFITS = 500
"""Tables drawn again at most for the rows that are held out: their ends need no more."""


@Parameter(name="*")
@dataclass(frozen=True)
class PageOptions:
    """What is written beside the numbers.

    Args:
        report: write a page there: warnings, coefficients, figures and methods in one HTML file.
        figures: write the figures into this folder, which is new or holds nothing else.
        format: of the figures.
        predict: a run that the page shall tell of: params=7e9 tokens=1.4T.
        compute: FLOPs that the page shall say how to use, such as 1e21.
    """

    report: Path | None = None
    figures: Path | None = None
    format: Literal["svg", "png"] = "svg"
    predict: Annotated[tuple[str, ...], SEVERAL] = ()
    compute: str | None = None

    @property
    def wanted(self) -> bool:
        """Whether anything is to be written."""
        return self.report is not None or self.figures is not None

    def check(self, law: "Law", group: str | None) -> None:
        """Stop before any work where the page could not be written at the end.

        Args:
            law: that will be fitted.
            group: the column that splits the table, if any.

        Raises:
            BadSetting: a place that cannot be written to, or options that do not go together.
            Unsupported: matplotlib is not installed.
        """
        to_write("--report", self.report)
        if not self.wanted:
            if self.predict or self.compute:
                raise BadSetting(
                    "likely forecast fit",
                    ["--predict and --compute are for the page: add --report PAGE.html."],
                )
            return
        if group:
            raise BadSetting(
                "likely forecast fit", ["--report shows one fit; --group makes several."]
            )
        folder_to_write(self.figures)
        check_run(law, assignments("--predict", self.predict))
        check_budget(law, number_of("--compute", self.compute))
        if find_spec("matplotlib") is None:
            raise Unsupported(
                'Figures and reports of forecasts need matplotlib: pip install "likely[figures]"'
            )


def write_page(
    options: PageOptions,
    fit: "Fit",
    table: "Table",
    *,
    profiles: "Sequence[Profile]",
    settings: Mapping[str, Any],
    command: str,
    paths: Sequence[str],
) -> list[Path]:
    """Write what was asked for.

    Args:
        options: what that is.
        fit: the law.
        table: what it was fitted to.
        profiles: of single coefficients.
        settings: of the fit.
        command: what makes all this again.
        paths: files and folders that the table came from.

    Returns:
        The page and the folder, those that were asked for.
    """
    from likely.apps.report import render_forecast
    from likely.apps.report._forecast_figures import pictures_of, write_figures
    from likely.apps.report._forecast_words import Told
    from likely.core.disk import write_whole

    held_out, why_not = _held_out(fit, table, settings)
    plan, no_plan = _plan(fit, number_of("--compute", options.compute))
    told = Told(
        fit=fit,
        table=table,
        profiles=profiles,
        held_out=held_out,
        why_not=why_not,
        asked=_asked(fit, assignments("--predict", options.predict)),
        plan=plan,
        no_plan=no_plan,
        settings=settings,
        command=command,
        sources=[_source(Path(one)) for one in paths if Path(one).is_file()],
    )
    pictures = pictures_of(fit, table, profiles=profiles, held_out=held_out, asked=told.asked)
    written = []
    if options.report is not None:
        write_whole(options.report, render_forecast(told, pictures))
        written.append(options.report)
    if options.figures is not None:
        write_figures(pictures, options.figures, options.format)
        written.append(options.figures)
    return written


def _held_out(
    fit: "Fit", table: "Table", settings: Mapping[str, Any]
) -> "tuple[Rollout | None, str]":
    from likely.core.errors import BadInput
    from likely.forecast.rollout import roll_out

    fewer = {**settings, "bootstrap": min(len(fit.samples), _REFITS)}
    try:
        return roll_out(fit.law, table, **fewer), ""
    except BadInput as problem:  # A part of the table may not be enough for the law.
        return None, str(problem)


def _plan(fit: "Fit", flops: float | None) -> "tuple[Plan | None, str]":
    from likely.core.errors import BadInput
    from likely.forecast.plan import for_compute

    try:
        return (None, "") if flops is None else (for_compute(fit, flops=flops), "")
    except BadInput as problem:  # The page is worth having all the same.
        return None, str(problem)


def _asked(fit: "Fit", columns: dict[str, float]) -> "Asked | None":
    import numpy as np

    from likely.apps.report._forecast_fits import Asked

    if not columns:
        return None
    return Asked(columns, fit.predict({name: np.array([v]) for name, v in columns.items()}))


def _source(path: Path) -> tuple[str, int, str]:
    with path.open("rb") as file:
        mark = hashlib.file_digest(file, "sha256").hexdigest()[:16]
    return str(path), path.stat().st_size, mark
