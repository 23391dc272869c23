"""TRL's `DPOTrainer` by an objective that compares pairs: its data and its reference, our loss."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import MISSING, fields
from typing import Any

import torch
from torch import Tensor

from likely.core.batch import PER_TOKEN
from likely.core.catalogue import catalogue
from likely.core.errors import Unsupported
from likely.models._inside import Inside
from likely.models._install import inside_head

OF_THE_LOSS = (
    "loss_type",
    "loss_weights",
    "beta",
    "label_smoothing",
    "f_divergence_type",
    "f_alpha_divergence_coef",
    "ld_alpha",
    "discopop_tau",
    "use_weighting",
    "precompute_ref_log_probs",
    "padding_free",
)
"""Settings that only TRL's own loss reads, or that take away what an objective reads."""

REFERENCE = "reference_log_prob"
NO_INPUT = ("completion_mask", "ref_chosen_logps", "ref_rejected_logps", "labels")


def methods(trainer: Any, inside: Inside) -> dict[str, Callable[..., Any]]:
    """What is replaced on the trainer.

    Args:
        trainer: a `DPOTrainer`.
        inside: the loss inside its model's head.

    Returns:
        Functions by name.

    Raises:
        Unsupported: an objective without pairs, or a setting that it would not see.
    """
    objective, unit = inside.objective.bound, inside.objective.unit
    if unit != "P":
        raise Unsupported(
            f"patch: DPOTrainer compares pairs, and {objective.name!r} gives one value a unit "
            f"{unit!r}. Choose an objective with one value a pair, such as 'dpop'."
        )
    known = {*PER_TOKEN, "pair", REFERENCE, *catalogue("vocab.statistics")}
    if unknown := [name for name in objective.needs if name not in known]:
        raise Unsupported(
            f"patch: {objective.name!r} reads {', '.join(unknown)}, and a DPOTrainer has nothing "
            f"but pairs and {REFERENCE}."
        )
    if changed := _changed(trainer.args):
        raise Unsupported(
            f"patch: DPOTrainer was given {', '.join(changed)}, which {objective} would not see. "
            "Leave them as they are, and give the objective its own settings."
        )

    def compute_loss(
        trainer: Any,
        model: Any,
        inputs: dict[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: Any = None,
    ) -> Tensor:
        if return_outputs:
            raise Unsupported(
                "A patched DPOTrainer gives no logits: evaluate without compute_metrics."
            )
        given = _given(inputs)
        if REFERENCE in objective.needs:
            given[REFERENCE] = _reference(trainer, given)
        ids = given["input_ids"]
        half = torch.arange(len(ids) // 2, device=ids.device)
        loss: Tensor = model(**given, pair=torch.stack((half, half + len(half)), dim=1)).loss
        return loss

    return {"compute_loss": compute_loss}


def _changed(args: Any) -> list[str]:
    """Settings of the loss that are not TRL's defaults, as they were written."""
    found = []
    for field in fields(args):
        if field.name not in OF_THE_LOSS or not hasattr(args, field.name):
            continue
        made = field.default_factory
        default = made() if made is not MISSING else field.default
        value = getattr(args, field.name)
        if value not in (default, [default]):
            found.append(f"{field.name}={value!r}")
    return found


def _given(inputs: dict[str, Any]) -> dict[str, Any]:
    """What the model is called with: rows of chosen ones, then of rejected ones."""
    ids, mask = inputs["input_ids"], inputs["completion_mask"]
    given = {name: value for name, value in inputs.items() if name not in NO_INPUT}
    return {**given, "labels": ids.masked_fill(mask == 0, -100), "use_cache": False}


@torch.no_grad()
def _reference(trainer: Any, given: dict[str, Any]) -> Tensor:
    """Log p of every target under the reference, read through the scan."""
    alone = trainer.ref_model is None
    model = trainer.model if alone else trainer.ref_model
    apart = _without_adapter(trainer) if alone else nullcontext()
    with apart, inside_head(model, "cross_entropy") as inside:
        inside.tokens = True
        try:
            model(**given)
            found = inside.log_prob
        finally:
            inside.tokens, inside.log_prob = False, None
    assert found is not None
    return found


def _without_adapter(trainer: Any) -> AbstractContextManager[None]:
    model = trainer.accelerator.unwrap_model(trainer.model)
    if not hasattr(model, "disable_adapter"):
        raise Unsupported(
            "patch: this DPOTrainer has no reference model and no adapter to switch off. Give it a "
            "ref_model."
        )
    if "ref" in model.peft_config:
        raise Unsupported(
            "patch: the reference of this DPOTrainer is an adapter called 'ref', which is not "
            "supported. Merge it into a ref_model."
        )
    context: AbstractContextManager[None] = model.disable_adapter()
    return context
