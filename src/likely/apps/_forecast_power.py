"""What so many seeds can see: noise of past runs along training, and what it costs to see more."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from likely.apps._console import results, table
from likely.audit.seeds import power, seeds_needed, smallest_effect
from likely.core.errors import BadInput, BadSetting, did_you_mean

MOMENTS = 6
DESIGNS = (5, 6, 8, 12, 20, 40)
_WHERE = "likely forecast power"


@dataclass(frozen=True)
class Question:
    """What shall be seen.

    Args:
        effect: difference of two recipes, in nats; None where only the limits are asked for.
        seeds: of each recipe.
        power: the chance that it is seen.
        level: one minus the level of the test.
    """

    effect: float | None
    seeds: int
    power: float
    level: float

    def check(self) -> "Question":
        """Itself.

        Raises:
            BadSetting: numbers out of range, all at once.
        """
        wrong = [
            f"--{name} {value:g} should lie between 0 and 1."
            for name, value in (("power", self.power), ("level", self.level))
            if not 0 < value < 1
        ]
        if self.seeds < 2:
            wrong.append(f"--seeds {self.seeds} should be at least 2.")
        if self.effect is not None and not 0 < self.effect < float("inf"):
            wrong.append(f"--effect {self.effect:g} should be more than 0.")
        if wrong:
            raise BadSetting(_WHERE, wrong)
        return self

    def smallest(self, deviation: float, seeds: int | None = None) -> float:
        """The effect that is seen, by paired differences of two recipes.

        Args:
            deviation: of one run over seeds.
            seeds: of each recipe.

        Returns:
            In the unit of the deviation.
        """
        count = self.seeds if seeds is None else seeds
        return smallest_effect(apart(deviation), count, confidence=self.level, chance=self.power)

    def needed(self, deviation: float) -> int | None:
        """Seeds that see the effect.

        Args:
            deviation: of one run over seeds.

        Returns:
            At least 5; None without an effect.
        """
        if self.effect is None:
            return None
        return seeds_needed(apart(deviation), self.effect, confidence=self.level, chance=self.power)


def apart(deviation: float) -> float:
    """How far two runs of one seed are taken to be apart.

    Args:
        deviation: of one run over seeds.

    Returns:
        That of the difference of two that have nothing in common.
    """
    return float(np.sqrt(2) * deviation)


@dataclass(frozen=True)
class Noise:
    """How far runs that differ in their seed alone are apart.

    Args:
        step: at which; None where the table has none.
        runs: how many there are.
        loss: their mean.
        deviation: standard deviation over seeds, pooled over recipes.
        low: lower end of its 95 % interval.
        high: upper end.
    """

    step: int | None
    runs: int
    loss: float
    deviation: float
    low: float
    high: float


def noise_of(runs: Mapping[str, Any], recipe: str | None) -> list[Noise]:
    """Noise at several moments of training.

    Args:
        runs: `loss`, `step` and `seed`, or `run` in place of it.
        recipe: the column whose values are recipes that must not be mixed.

    Returns:
        A few moments, the last one last.

    Raises:
        BadInput: no column says which run a row is of, or no two runs have a step in common.
    """
    who = next((name for name in ("seed", "run") if name in runs), None)
    if who is None or (recipe is not None and recipe not in runs):
        name, near = recipe or "seed", did_you_mean(recipe or "seed", runs)
        raise BadInput(f"The table has no column {name!r} that tells repeated runs apart.{near}")
    losses = np.asarray(runs["loss"], np.float64)
    many = len(losses)
    steps = np.asarray(runs["step"], np.float64) if "step" in runs else np.zeros(many)
    seeds = np.asarray(runs[who]).astype(str)
    recipes = np.asarray(runs[recipe]).astype(str) if recipe else np.full(many, "")
    found = []
    for step in np.unique(steps):
        here = steps == step
        groups = [
            _by_run(losses[here & (recipes == one)], seeds[here & (recipes == one)])
            for one in np.unique(recipes[here])
        ]
        groups = [group for group in groups if len(group) > 1]
        if groups:
            found.append(_noise(int(step) if "step" in runs else None, groups))
    if not found:
        raise BadInput(
            f"No two runs (told apart by {who!r}) were measured at the same step: the noise of "
            "seeds needs one recipe that was run again with another seed."
        )
    whole = max(one.runs for one in found)
    found = [one for one in found if one.runs >= 0.8 * whole]
    places = np.unique(np.linspace(0, len(found) - 1, MOMENTS).round().astype(int))
    return [found[place] for place in places]


def _by_run(losses: Any, seeds: Any) -> Any:
    """The last loss of each run."""
    return np.array([losses[seeds == one][-1] for one in np.unique(seeds)])


def _noise(step: int | None, groups: Sequence[Any]) -> Noise:
    from scipy.stats import chi2

    freedom = sum(len(group) - 1 for group in groups)
    squares = sum(float(((group - group.mean()) ** 2).sum()) for group in groups)
    ends = [float(chi2.ppf(share, freedom)) for share in (0.975, 0.025)]
    low, high = (float(np.sqrt(squares / end)) for end in ends)
    everyone = np.concatenate(groups)
    deviation = float(np.sqrt(squares / freedom))
    return Noise(step, len(everyone), float(everyone.mean()), deviation, low, high)


def rows_of(noise: Sequence[Noise], asked: Question) -> list[dict[str, Any]]:
    """What each moment says, as plain values.

    Args:
        noise: at several moments.
        asked: what shall be seen.

    Returns:
        A row a moment.
    """
    return [
        {
            **vars(one),
            "smallest_effect": asked.smallest(one.deviation),
            "seeds_needed": asked.needed(one.deviation),
            "seeds_needed_at_most": asked.needed(one.high),
        }
        for one in noise
    ]


def designs_of(deviation: float, asked: Question) -> list[dict[str, Any]]:
    """What other numbers of seeds see.

    Args:
        deviation: of one run over seeds.
        asked: what shall be seen.

    Returns:
        A row a design.
    """
    found = []
    for seeds in sorted({*DESIGNS, asked.seeds}):
        row: dict[str, Any] = {"seeds": seeds, "smallest_effect": asked.smallest(deviation, seeds)}
        if asked.effect is not None:
            row["power"] = power(asked.effect, apart(deviation), seeds, confidence=asked.level)
        found.append(row)
    return found


def show(noise: Sequence[Noise], asked: Question, deviation: float) -> None:
    """Print tables and what they mean.

    Args:
        noise: at several moments; empty where the deviation was given.
        asked: what shall be seen.
        deviation: of one run over seeds, at the end.
    """
    console = results()
    if noise:
        console.print(_along(noise, asked))
        console.print(_trend(noise, asked))
    header = ["seeds of each recipe", f"smallest effect, seen in {asked.power:.0%}"]
    header += [] if asked.effect is None else [f"chance to see {asked.effect:g}"]
    lines = [
        [
            str(row["seeds"]),
            f"{row['smallest_effect']:.4g}",
            *([f"{row['power']:.0%}"] if "power" in row else []),
        ]
        for row in designs_of(deviation, asked)
    ]
    console.print(table(header, lines))
    needed = asked.needed(deviation)
    if needed is not None:
        console.print(
            f"Seeds of each recipe that see {asked.effect:g} nats in {asked.power:.0%} of cases: "
            f"{needed}.",
            style="bold",
        )
    console.print(
        "Two recipes are compared seed by seed; the two runs of a seed are taken to be as far "
        f"apart as any two, √2 times the noise of one. The test is Student's, at {asked.level:.0%}."
    )


def _along(noise: Sequence[Noise], asked: Question) -> Any:
    header = ["step", "runs", "loss", "noise of a run", "95 %", f"seen with {asked.seeds} seeds"]
    header += [] if asked.effect is None else [f"seeds to see {asked.effect:g}", "at most"]
    lines = []
    for row in rows_of(noise, asked):
        line = [
            "" if row["step"] is None else f"{row['step']:,}",
            str(row["runs"]),
            f"{row['loss']:.4f}",
            f"{row['deviation']:.4g}",
            f"{row['low']:.2g}–{row['high']:.2g}",
            f"{row['smallest_effect']:.4g}",
        ]
        if asked.effect is not None:
            line += [str(row["seeds_needed"]), str(row["seeds_needed_at_most"])]
        lines.append(line)
    return table(header, lines)


def _trend(noise: Sequence[Noise], asked: Question) -> str:
    first, last = noise[0], noise[-1]
    if first.step is None or len(noise) == 1:
        return f"Noise of a run over seeds: {last.deviation:.4g} nats."
    sure = first.high < last.low or last.high < first.low
    way = "falls" if last.deviation < first.deviation else "rises"
    said = (
        f"The noise {way} from {first.deviation:.4g} at step {first.step:,} to "
        f"{last.deviation:.4g} at step {last.step:,}"
        + ("." if sure else ", which so few runs cannot tell from standing still.")
    )
    if asked.effect is None:
        return said
    enough = [one for one in noise if asked.smallest(one.deviation) <= asked.effect]
    if not enough:
        return f"{said} With {asked.seeds} seeds, {asked.effect:g} is seen at none of these steps."
    return (
        f"{said} An effect of {asked.effect:g} that is there by then is seen with {asked.seeds} "
        f"seeds from step {enough[0].step:,} on."
    )
