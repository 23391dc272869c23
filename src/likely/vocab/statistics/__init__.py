"""Statistics: plain functions of moments; torch's autograd gives their gradients."""
