"""Anything that reads tokens: one way in (`Reader`), one file a family."""
