"""Judges: what a trained model is measured by, one file each."""
