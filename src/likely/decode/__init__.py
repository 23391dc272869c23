"""Samplers: maps of logits. Generation itself is in `_generate`."""
