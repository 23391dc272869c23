"""The scan of the vocabulary: hidden states in, per-token statistics out, no [N, V] kept."""
