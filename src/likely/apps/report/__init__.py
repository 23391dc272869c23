"""The report: one HTML file with everything in it."""

from likely.apps.report._render import render

__all__ = ["render"]
