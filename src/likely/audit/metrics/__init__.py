"""Metrics: one number, or one a text, from what a model wrote and what was wanted."""
