"""Tasks with an exact scorer: generators of labelled text whose answers are known."""
