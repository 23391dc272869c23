"""Laws of loss, fitted to tables of runs, with what they cannot say; numpy and scipy alone."""
