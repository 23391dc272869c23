"""A loss computed inside the `forward` of a model's head, so that every wrapper sees a plain call.

Three things are replaced on the instances, never on the classes: the model's `forward` keeps labels
where the head finds them; the head's `forward` scans; the model's `loss_function` gives the loss
out. What `transformers` does between head and loss still runs, on two rows instead of logits:

- the first is 0 and carries the loss's gradient; softcap and scale leave 0 where it is and have
  there the slopes 1 and `scale`, which is divided out;
- the second is a ramp that shows what was done to it: anything but the head's own scale and
  softcap is refused.
"""

import inspect
from types import MethodType
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from likely.core.errors import Unsupported
from likely.models._heads import scale_and_softcap
from likely.models._inside import Inside

NAME = "_likely_inside"


def model_forward(self: Any, *args: Any, **given: Any) -> Any:
    """In place of the model's `forward`: with labels, the loss and no logits."""
    inside: Inside = getattr(self, NAME)
    named = dict(zip(inside.names, args, strict=False)) | given
    if not inside.active or named.get("labels") is None:
        return inside.call_plain("model", *args, **given)
    inside.given, inside.value, inside.whole, inside.collected = (
        inside.take(named),
        None,
        None,
        False,
    )
    try:
        out = inside.call_plain("model", **named)
    except (RuntimeError, IndexError, TypeError) as problem:
        if inside.value is None or inside.collected:
            raise
        raise Unsupported(
            f"{inside.name} does something with its logits before the loss that likely does not "
            "know, so its head cannot be scanned. Read its logits instead: "
            "likely.from_logits(model(ids).logits, targets, want)."
        ) from problem
    finally:
        inside.given = None
    if not inside.collected:
        raise Unsupported(
            f"{inside.name} was given labels and did not "
            + ("call its loss function" if inside.value is not None else "call its head")
            + ": something else computes its loss (Liger's or TRL's fused loss, label smoothing, "
            "a forward of its own). Turn that off."
        )
    return out if inside.logits else without_logits(out)


def head_forward(self: Any, hidden: Tensor) -> Tensor:
    """In place of the head's `forward`: the scan while a call with labels runs."""
    inside: Inside = getattr(self, NAME)
    if not inside.active or inside.given is None:
        return torch.as_tensor(inside.call_plain("head", hidden))
    loss = inside.loss(hidden)
    inside.value = loss.detach()
    if inside.logits:
        inside.whole = loss
        return torch.as_tensor(inside.call_plain("head", hidden))
    ramp = _ramp(len(self.weight), loss)
    carried = (loss - loss.detach()).expand_as(ramp)
    return torch.stack((carried, ramp))[None]


def loss_function(self: Any, logits: Tensor, labels: Any, *args: Any, **given: Any) -> Any:
    """In place of the model's `loss_function`: the loss, with the gradient that the rows carry."""
    inside: Inside = getattr(self, NAME)
    if not inside.active:
        return inside.plain["loss function"](logits, labels, *args, **given)
    if inside.given is None or inside.value is None:
        raise Unsupported(
            f"The loss function of {inside.name} was called past its patch ({inside.objective}), "
            "which would be ignored. Call the patched model with labels, or restore() it."
        )
    inside.collected = True
    if inside.whole is not None:
        return inside.whole
    scale, softcap = scale_and_softcap(inside.model.config)
    size = inside.head.weight.shape[0]
    if logits.shape != (1, 2, size):
        raise Unsupported(_unknown(inside))
    seen = logits[0].to(inside.value.dtype)
    expected = _ramp(size, inside.value) * scale
    if softcap is not None:
        expected = softcap * (expected / softcap).tanh()
    carried = inside.value + seen[0, 0] / scale
    off = (seen[1] - expected).abs().max() > 1e-2 * expected.abs().max()
    if torch.compiler.is_compiling():
        return torch.where(off, torch.nan, carried)
    if not inside.looked:
        if bool(off):
            raise Unsupported(_unknown(inside))
        if labels.shape != inside.given.labels.shape or not torch.equal(
            labels, inside.given.labels
        ):
            raise Unsupported(
                f"{inside.name} gives other labels to its loss than it was given, and the head "
                "saw those. Make the labels before the model is called."
            )
        inside.looked = True
    return carried


def _ramp(size: int, like: Tensor) -> Float[Tensor, "V"]:
    return torch.linspace(-20.0, 20.0, size, dtype=like.dtype, device=like.device)


def _unknown(inside: Inside) -> str:
    return (
        f"{inside.name} changes its logits in a way that its configuration's logit_scale, "
        "logits_scaling, lm_head_multiplier and final_logit_softcapping do not say, so its head "
        "cannot be scanned. Read its logits: likely.from_logits(model(ids).logits, targets, want)."
    )


def without_logits(out: Any) -> Any:
    """A model's output without the rows that stood for its logits.

    Args:
        out: what the model returned: an output, or a tuple that begins with loss and logits.

    Returns:
        The same with None for the logits.
    """
    if isinstance(out, tuple):
        return (out[0], None, *out[2:])
    return type(out)(**{name: value for name, value in out.items() if name != "logits"})


def methods(model: Any, head: Any, columns: tuple[str, ...]) -> dict[str, tuple[Any, str, Any]]:
    """What is replaced: the owner, its attribute, and the new method.

    Args:
        model: the causal language model.
        head: its head.
        columns: what the objective reads besides: the new `forward` says that it takes them, so
            that a trainer does not drop them as unused.

    Returns:
        By part.
    """

    def forward(self: Any, *args: Any, **given: Any) -> Any:
        return model_forward(self, *args, **given)

    known = inspect.signature(type(model).forward)
    more = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None)
        for name in columns
        if name not in known.parameters
    ]
    # Not `functools.wraps`: accelerate unwraps what has a `__wrapped__`.
    named = list(known.parameters.values())
    rest = [p for p in named if p.kind is p.VAR_KEYWORD]
    parameters = [*(p for p in named if p not in rest), *more, *rest]
    forward.__signature__ = known.replace(parameters=parameters)  # type: ignore[attr-defined]
    return {
        "model": (model, "forward", MethodType(forward, model)),
        "head": (head, "forward", MethodType(head_forward, head)),
        "loss": (model, "_loss_function", MethodType(loss_function, model)),
    }
