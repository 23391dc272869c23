"""Trials: what is done once for each arm and seed of a claim, and what is measured in the end."""
