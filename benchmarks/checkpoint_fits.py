"""Ends against checkpoints on published runs of OPT, as claim 156 does on small runs of our own.

Prints a table: the law of Chinchilla is fitted to smaller sizes, by the last row of each run or by
all rows but those of the first tenth, and asked about the last row of the larger ones. The exponent
of the tokens is held at what Chinchilla's authors found where there are only ends, all of about as
many tokens, and in one line for checkpoints too.

    LIKELY_MEASUREMENTS=… python benchmarks/checkpoint_fits.py
"""

import os
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from likely.forecast.checkpoints import final, thinned
from likely.forecast.fit import fit
from likely.forecast.table import Table

BETA = 0.28
"""Of the tokens, by Hoffmann et al., 2022."""
UNITS = {"m": 1e6, "b": 1e9}


def opt(folder: Path) -> Table:
    """Rows of all sizes: loss in nats a token, from perplexity."""
    rows = pl.read_csv(folder / "colpret" / "opt_trajectories.csv")
    names = rows["model_size"].to_list()
    tokens = 10 ** rows["num_token"].to_numpy()
    return Table(
        {
            "run": np.array(names, object),
            "params": np.array([float(name[:-1]) * UNITS[name[-1]] for name in names]),
            "tokens": tokens,
            "step": tokens,
            "loss": np.log(rows["ppl"].to_numpy()),
        }
    )


def where(table: Table, keep: Any) -> Table:
    """Rows that are kept."""
    return table.take(np.flatnonzero(keep))


def main() -> None:
    """Print one line a way and target."""
    table = opt(Path(os.environ["LIKELY_MEASUREMENTS"]))
    print("| target | fitted to | rows | error | E | alpha | beta |\n|---|---|---|---|---|---|---|")
    for target in ("30b", "175b"):
        size = float(target[:-1]) * UNITS[target[-1]]
        smaller = where(table, table["params"] < size)
        last = final(where(table, table["params"] == size))
        ways = {
            "ends, beta held": (final(smaller), {"beta": BETA}),
            "checkpoints from a tenth on": (thinned(smaller, skip_share=0.1), {}),
            "the same, beta held": (thinned(smaller, skip_share=0.1), {"beta": BETA}),
            "checkpoints from half on": (thinned(smaller, skip_share=0.5), {}),
        }
        for name, (rows, hold) in ways.items():
            made = fit("chinchilla", rows, hold=hold, bootstrap=0)
            missed = made.predict(last).value[0] / last["loss"][0] - 1
            found = [f"{made.coefficients[one]:.3f}" for one in ("E", "alpha", "beta")]
            cells = [target, name, str(rows.count), f"{missed:+.4f}", *found]
            print(f"| {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
