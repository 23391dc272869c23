"""Pages: one HTML file with everything in it, for a job, a run, or a text as a model sees it."""

from likely.apps.report._quickstart import render
from likely.apps.report._run import render_run
from likely.apps.report._view import render_view

__all__ = ["render", "render_run", "render_view"]
