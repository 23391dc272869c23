"""Pages: one HTML file with everything in it, for a job, a run, a study, a forecast, or a text."""

from likely.apps.report._comparison import render_comparison, write_comparison
from likely.apps.report._forecast import render_forecast
from likely.apps.report._quickstart import render
from likely.apps.report._run import render_run
from likely.apps.report._view import render_view

__all__ = [
    "render",
    "render_comparison",
    "render_forecast",
    "render_run",
    "render_view",
    "write_comparison",
]
