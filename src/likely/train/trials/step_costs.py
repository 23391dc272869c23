"""Costs of a step: seconds and memory of several recipes, measured in turns."""

from typing import Annotated

from annotated_types import Ge, Gt, Lt

from likely.core.settings import checked
from likely.train import _setup
from likely.train._costs import step_costs_of
from likely.train._study_data import study_data
from likely.train._study_text import check_text
from likely.train.recipe import parse_recipe
from likely.train.study_material import parse_material


def step_costs(
    seed: int,
    *,
    recipes: tuple[str, ...],
    share: Annotated[float, Gt(0), Lt(0.5)] = 0.08,
    held_out: Annotated[float, Gt(0), Lt(0.5)] = 0.12,
    material: str = "",
    text: str = "",
    seconds: Annotated[float, Ge(0)] = 2.0,
) -> dict[str, float | list[float]]:
    """Take steps of every recipe in turns and see what one costs.

    Measures, one number a recipe: `seconds` of a step, the median; `memory`, bytes of tensors that
    it holds at most above weights and moments; `tokens` that it reads; `parameters` of the model;
    `second_parameters` of all second models together.

    Args:
        seed: does not matter; costs do not depend on it.
        recipes: as TOML.
        share: of the text that tunes, as in a study.
        held_out: share of the text that verdicts are made on.
        material: what there is beside the text, as TOML; empty for nothing.
        text: key that text or examples should have; empty for any.
        seconds: to spend on each recipe, at most.

    Returns:
        The measures by name.

    References:
        Kaddour et al., No Train No Gain, 2023, §3.2. arXiv:2307.06440.
    """
    del seed
    checked(step_costs, locals())
    built = [parse_recipe(one) for one in recipes]
    beside = parse_material(material)
    given = [study_data(one, share, held_out, beside) for one in built]
    if text:
        check_text(given[0].key, text)
    device = _setup.processes(None).device
    found = step_costs_of(built, [one.train for one in given], seconds, device)
    return {
        "seconds": [one.seconds for one in found],
        "memory": [one.memory for one in found],
        "tokens": [float(one.tokens) for one in found],
        "parameters": [float(one.parameters) for one in found],
        "second_parameters": [float(sum(one.roles.values())) for one in found],
    }
