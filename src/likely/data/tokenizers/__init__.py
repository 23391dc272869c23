"""Ways to cut text into ids; each makes a vocabulary from the training text."""
