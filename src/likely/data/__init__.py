"""Text in: corpora, splits, packing."""
