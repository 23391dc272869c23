"""Fixed compute: what a step of an arm costs, and how many steps its budget buys."""

from collections.abc import Mapping
from dataclasses import replace

from likely.train.comparison import Cost
from likely.train.recipe import Recipe
from likely.train.study import Budget, Reference

FEWEST_STEPS = 1


def flops_of_step(
    tokens: int,
    parameters: int,
    seconds: Mapping[str, int],
    *,
    scored: Mapping[int, float] | None = None,
) -> float:
    r"""Floating-point operations of one step, as counted by everybody.

    $$ 6 N D + \textstyle\sum_r 2 N_r D + \sum_s 2 N_s D_s $$

    A dense model of N parameters that trains on D tokens does 2ND operations forward and 4ND
    backward; attention and the difference between embedding and head are left out, as usual. Every
    second model r (reference, teacher) reads the same tokens forward. What else reads or writes
    tokens by forward passes alone (scoring data that are then thrown away, rollouts) counts 2N a
    token too.

    Args:
        tokens: D, that the step reads.
        parameters: N of the model that trains.
        seconds: parameters of every second model, by role.
        scored: parameters of a model → tokens that it reads or writes forward in a step.

    Returns:
        Operations.

    Example:
        >>> flops_of_step(10, 100, {"reference": 50})
        7000.0

    References:
        Kaplan et al., Scaling Laws for Neural Language Models, 2020, §2.1. arXiv:2001.08361;
        Hoffmann et al., Training Compute-Optimal Large Language Models, 2022, appendix F.
        arXiv:2203.15556.
    """
    forward = sum(2 * size * tokens for size in seconds.values())
    also = sum(2 * size * count for size, count in (scored or {}).items())
    return float(6 * parameters * tokens + forward + also)


def reference_seconds(cost: Cost, reference: Reference, plain_here: float) -> float:
    r"""What a step costs on the reference machine: reference-system time.

    $$ t_{\mathrm{ref}} = t_{\mathrm{here}} \cdot \tau_{\mathrm{ref}} / \tau_{\mathrm{here}} $$

    τ is the time of one step of the study's recipe by plain cross-entropy. So what else this
    machine does, and how fast it is, is divided out; what remains is how much dearer the arm's step
    is than that one.

    Args:
        cost: of the arm's step, measured here.
        reference: the machine whose seconds are counted.
        plain_here: seconds of the plain step of the study's recipe, here.

    Returns:
        Seconds of the reference machine.

    References:
        Kaddour et al., No Train No Gain: Revisiting Efficient Training Algorithms for
        Transformer-based Language Models, 2023, §3.2. arXiv:2307.06440.
    """
    return cost.seconds * (reference.step_seconds or plain_here) / plain_here


def steps_of(budget: Budget, cost: Cost, plain_here: float) -> int:
    """How many steps of an arm a budget buys; its schedule ends with the last of them.

    Args:
        budget: what one training may spend.
        cost: of the arm's step.
        plain_here: seconds of a plain step of the study's recipe, here.

    Returns:
        Steps, 1 at least.

    Example:
        >>> dear = Cost(0.2, 0.1, 1.0, 1.0, 5e6, 100)
        >>> [steps_of(Budget(*asked), dear, 0.1) for asked in
        ...  (("tokens", 5000.0), ("flops", 5e8), ("seconds", 10.0))]
        [50, 100, 50]
    """
    each = {
        "tokens": float(cost.tokens),
        "flops": cost.flops,
        "seconds": reference_seconds(cost, budget.reference, plain_here),
    }[budget.unit]
    # A hair more, so that 5000 tokens at 100 a step are 50 steps whatever rounding does.
    return max(int(budget.amount / each * (1 + 1e-9)), FEWEST_STEPS)


def with_steps(recipe: Recipe, steps: int) -> Recipe:
    """A recipe that ends after so many steps, with a warm-up that fits into them.

    Args:
        recipe: whose schedule decays over its own steps.
        steps: of the training.

    Returns:
        Another recipe.
    """
    schedule = recipe.schedule
    if schedule.warmup > steps // 2 and schedule.warmup >= 1:
        schedule = replace(schedule, warmup=steps // 10)
    return replace(recipe, steps=steps, schedule=schedule)


def never_decays(recipe: Recipe) -> bool:
    """Whether a schedule is as high at its end as in its middle, or does not know its end.

    Args:
        recipe: its schedule is looked at.

    Returns:
        True where a comparison at fixed compute is not one of decayed models.
    """
    schedule = recipe.schedule
    if schedule.name == "piecewise":
        return schedule.knots[-1][1] >= max(factor for _, factor in schedule.knots)
    return schedule.name in ("constant", "inverse_sqrt")
