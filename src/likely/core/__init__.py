"""Nouns, errors and the catalogue: what every other room stands on."""
