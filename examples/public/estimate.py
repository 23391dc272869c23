"""What the studies of this folder would cost: an estimate from their files, not a measurement.

    python examples/public/estimate.py

6 · N · D: N counts every weight that is multiplied with a token (the blocks and the head; of an
embedding, a row is looked up), D the tokens of all trainings: arms × (seeds + trials). The card's
rate and the share of it that a training reaches are assumptions, written below.
"""

import tomllib
from pathlib import Path

HERE = Path(__file__).parent
LAYERS, WIDTH = 12, 768
WORDS = {"bytes": 257}
GPT2 = 50_257
PEAK, REACHED = 312e12, 0.35
"""bfloat16 products a second of an A100, as its maker says; and the share assumed."""


def rows():
    """Name, tokens of one training, N, trainings, FLOPs and GPU-hours of each study."""
    for path in sorted(HERE.glob("*.toml")):
        study = tomllib.loads(path.read_text(encoding="utf-8"))
        words = WORDS.get(study["recipe"]["tokenizer"], GPT2)
        weights = 12 * LAYERS * WIDTH**2 + words * WIDTH
        tokens = study["budget"]["amount"]
        runs = len(study["arms"]) * (study["seeds"] + study["tuning"]["trials"])
        flops = 6 * weights * tokens * runs
        hours = flops / (PEAK * REACHED) / 3600
        yield path.stem, tokens, weights, runs, flops, hours


def table():
    """The table of README.md."""
    lines = [
        "| study | tokens a training | N | trainings | FLOPs | GPU-hours (estimate) |",
        "|---|---|---|---|---|---|",
    ]
    lines += [
        f"| `{name}.toml` | {tokens / 1e9:.1f} · 10⁹ | {weights / 1e6:.0f} · 10⁶ | {runs} | "
        f"{flops:.1e} | {hours:,.0f} |"
        for name, tokens, weights, runs, flops, hours in rows()
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    print(table())
