"""Training objectives: what was measured in, one loss a token, sequence or pair out."""
