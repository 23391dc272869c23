"""The causal language model inside its wrappers, and its head where that is one plain product."""

from typing import Any

import torch
from torch import nn

from likely.core.errors import Unsupported
from likely.core.head import Head

WRAPPERS = ("_orig_mod", "_fsdp_wrapped_module", "module")
"""Where torch.compile, FSDP and DDP (DeepSpeed, too) keep what they wrap."""

_INSTEAD = "Read logits instead: likely.from_logits(model(ids).logits, targets, want)."


def causal_lm(model: Any) -> Any:
    """The model of `transformers` inside DDP, FSDP, torch.compile, DeepSpeed or PEFT.

    Args:
        model: wrapped or not.

    Returns:
        The module that has the head.

    Raises:
        Unsupported: there is none inside, or it is no causal language model.
    """
    from transformers import PreTrainedModel

    inner = model
    while not isinstance(inner, PreTrainedModel):
        parts = getattr(inner, "_modules", {})
        if hasattr(type(inner), "get_base_model"):  # PEFT
            inner = inner.get_base_model()
        elif name := next((name for name in WRAPPERS if parts.get(name) is not None), None):
            inner = parts[name]
        else:
            raise Unsupported(
                f"{type(model).__name__} holds no model of transformers, so its head cannot be "
                "found. Take a PreTrainedModel, wrapped or not, or call likely.scan yourself."
            )
    if inner.config.is_encoder_decoder:
        raise Unsupported(
            f"{type(inner).__name__} reads with an encoder, and its targets are not the inputs "
            f"moved by one: only decoders have an objective inside their head. {_INSTEAD}"
        )
    return inner


def linear_head(model: Any) -> nn.Linear:
    """The output embeddings, where they are one plain linear layer.

    Args:
        model: what `causal_lm` gave.

    Returns:
        The module whose `forward` makes the logits.

    Raises:
        Unsupported: LoRA, quantisation or anything else that is more than `hidden @ weight.T`.
    """
    head, name = model.get_output_embeddings(), type(model).__name__
    if type(head).__name__ == "ModulesToSaveWrapper":  # PEFT trains a copy of the whole head.
        head = head.modules_to_save[head.active_adapter]
    if head is not None and "_fsdp_wrapped_module" in head._modules:
        head = head._modules["_fsdp_wrapped_module"]
    if head is None:
        raise Unsupported(f"{name} has no output embeddings, so there is no head to scan.")
    kind = f"{type(head).__module__}.{type(head).__name__}"
    if kind.startswith("peft."):
        raise Unsupported(
            f"An adapter is on the head of {name} ({kind}), and the scan would not see it. Take "
            "the head out of target_modules, or train all of it: modules_to_save=['lm_head']."
        )
    if not isinstance(head, nn.Linear) or type(head).forward is not nn.Linear.forward:
        raise Unsupported(
            f"The head of {name} is a {kind}, which is no plain linear layer (a quantised one?). "
            f"Leave the head as nn.Linear, or read logits. {_INSTEAD}"
        )
    if not head.weight.is_floating_point() or head.weight.element_size() == 1:
        raise Unsupported(
            f"The head of {name} is quantised (its weight is {head.weight.dtype}), and the scan "
            "needs numbers it can multiply. Keep the head out of the quantisation."
        )
    return head


def scale_and_softcap(config: Any) -> tuple[float, float | None]:
    """What a configuration says happens to the product of states and head.

    Args:
        config: of a causal language model.

    Returns:
        The factor of the logits (Cohere, Granite, Falcon-H1), and their cap (Gemma).
    """
    text = config.get_text_config()
    scale = getattr(text, "logit_scale", None) or getattr(text, "lm_head_multiplier", None) or 1.0
    scale /= getattr(text, "logits_scaling", None) or 1.0
    return float(scale), getattr(text, "final_logit_softcapping", None)


def head_of(model: Any, layer: Any, beyond: torch.Tensor | None = None) -> Head:
    """The head as the scan reads it.

    Args:
        model: the causal language model.
        layer: its output embeddings.
        beyond: True for words that cannot come.

    Returns:
        Weight, bias, scale and softcap.
    """
    scale, softcap = scale_and_softcap(model.config)
    bias = getattr(layer, "bias", None)
    return Head(layer.weight, bias, scale=scale, softcap=softcap, exclude=beyond)
