"""A comparison as tables for other programs: CSV of every number, LaTeX of what decides."""

import csv
import io

from likely.train._study_verdicts import figure
from likely.train.comparison import ArmResult, Comparison

_LATEX = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_",
    "{": r"\{", "}": r"\}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
    "−": "$-$", "…": r"\ldots{}", "×": r"$\times$",
}  # fmt: skip


def to_csv(found: Comparison) -> str:
    """One row for every arm, seed and measure.

    Args:
        found: the comparison.

    Returns:
        CSV with a header; a training that diverged has an empty value.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["arm", "objective", "seed", "measure", "value", "steps", "primary"])
    for arm in found.arms:
        for measure, values in arm.measures.items():
            for seed, value in zip(found.seeds, values, strict=True):
                said = "" if value is None else repr(value)
                primary = int(measure == found.primary)
                writer.writerow([arm.name, arm.objective, seed, measure, said, arm.steps, primary])
    return text.getvalue()


def to_latex(found: Comparison) -> str:
    """The table of a paper: one row an arm, what decides, and what it costs.

    Args:
        found: the comparison.

    Returns:
        A `tabular` for the package booktabs, with a comment that says what stands in it.
    """
    tuned = f"tuned by {len(found.arms[0].tried)} trials each" if found.tuned else "untuned"
    spent = f"{found.budget['amount']:g} {found.budget['unit']}"
    lines = [
        f"% {len(found.seeds)} seeds, {tuned}, {spent} a training; differences to the baseline "
        "with 95% t intervals;",
        "% p after Holm; the last column is the difference found in 80% of cases. Needs booktabs.",
        r"\begin{tabular}{lrrrrrr}",
        r"\toprule",
        " & ".join(
            ["arm", _tex(found.primary), "difference", r"95\,\% interval", "$p$", "visible", "cost"]
        )
        + r" \\",
        r"\midrule",
        *(_row(found, arm) for arm in found.arms),
        r"\bottomrule",
        r"\end{tabular}",
    ]
    return "\n".join(lines) + "\n"


def _row(found: Comparison, arm: ArmResult) -> str:
    mean = arm.mean(found.primary) if found.primary in arm.measures else None
    cells = [_tex(arm.name), "--" if mean is None else _tex(figure(mean))]
    cost = f"{arm.cost.time_ratio:.2f}" + r"$\times$"
    if arm.name == found.baseline:
        return " & ".join([*cells, "--", "--", "--", "--", cost]) + r" \\"
    one = found.verdict(arm.name)
    if one.low is None or one.high is None or one.p_adjusted is None:
        difference = "--" if one.mean is None else _tex(figure(one.mean))
        return " & ".join([*cells, difference, "--", "--", "--", cost]) + r" \\"
    difference = _tex(figure(one.mean or 0.0))
    if one.word in ("better", "worse"):
        difference = rf"\textbf{{{difference}}}"
    interval = f"[{_tex(figure(one.low))}, {_tex(figure(one.high))}]"
    seen = "--" if one.smallest_effect is None else _tex(figure(one.smallest_effect))
    return " & ".join([*cells, difference, interval, f"{one.p_adjusted:.2g}", seen, cost]) + r" \\"


def _tex(text: str) -> str:
    return "".join(_LATEX.get(letter, letter) for letter in text)
