"""Put a loss inside a model's head, and take it out again."""

import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from likely.core.bind import Bound
from likely.core.errors import Unsupported
from likely.core.vocabulary import Vocabulary
from likely.models._heads import causal_lm, linear_head
from likely.models._inside import Inside
from likely.models._measured_loss import prepare
from likely.models._replaced import NAME, methods
from likely.vocab._shards import group_of


def install(model: Any, objective: str | Bound, vocabulary: Vocabulary | None = None) -> Inside:
    """Replace `forward` of the model and of its head, on these instances.

    Args:
        model: a causal language model of `transformers`, wrapped or not.
        objective: what its loss shall be.
        vocabulary: what the ids mean, for objectives that ask.

    Returns:
        What the replaced functions share; `remove` takes it.

    Raises:
        Unsupported: a head that cannot be scanned, or a loss that is not that of a causal model.
    """
    found, inner = prepare(objective), causal_lm(model)
    if (before := inner.__dict__.get(NAME)) is not None and before.active:
        raise Unsupported(
            f"This {type(inner).__name__} is patched already, with {before.objective}: "
            "call restore() of that patch first."
        )
    head = linear_head(inner)
    _check(inner, head)
    parameters = list(inspect.signature(type(inner).forward).parameters.values())[1:]
    plain = {"loss function": inner.loss_function}
    inside = Inside(
        model=inner,
        head=head,
        objective=found,
        names=tuple(p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD),
        any_name=any(p.kind is p.VAR_KEYWORD for p in parameters),
        plain=plain,
        vocabulary=vocabulary,
    )
    inside.methods = methods(inner, head, found.columns)
    for part, (owner, name, method) in inside.methods.items():
        plain[part] = owner.__dict__.get(name)
        setattr(owner, name, method)
        setattr(owner, NAME, inside)
    return inside


def remove(inside: Inside) -> None:
    """Put back what was replaced; where others have wrapped it since, let calls through.

    Args:
        inside: what `install` gave.
    """
    inside.active, ours = False, True
    for part, (owner, name, method) in inside.methods.items():
        if owner.__dict__.get(name) != method:
            ours = False
        elif inside.plain[part] is None:
            delattr(owner, name)
        else:
            setattr(owner, name, inside.plain[part])
    if ours:
        for owner in (inside.model, inside.head):
            owner.__dict__.pop(NAME, None)


@contextmanager
def inside_head(
    model: Any, objective: str | Bound, vocabulary: Vocabulary | None = None
) -> Iterator[Inside]:
    """A model whose loss is an objective, inside its head, for a while.

    Args:
        model: a causal language model; one that is patched gets another objective for this while.
        objective: what its loss shall be.
        vocabulary: what the ids mean, for objectives that ask.

    Yields:
        What the replaced functions share.
    """
    inside = getattr(causal_lm(model), NAME, None)
    if inside is None or not inside.active:
        inside = install(model, objective, vocabulary)
        try:
            yield inside
        finally:
            remove(inside)
        return
    before = inside.objective, inside.vocabulary
    inside.objective, inside.vocabulary = prepare(objective), vocabulary or inside.vocabulary
    try:
        yield inside
    finally:
        inside.objective, inside.vocabulary = before


def _check(model: Any, head: Any) -> None:
    from transformers.loss.loss_utils import ForCausalLMLoss

    if model.loss_function is not ForCausalLMLoss:
        kind = getattr(model.loss_function, "__name__", type(model.loss_function).__name__)
        raise Unsupported(
            f"The loss function of {type(model).__name__} is {kind}, not that of causal language "
            "models in transformers, so nobody knows which state belongs to which label. Give the "
            "model its own loss function back."
        )
    # Tensor parallelism of transformers wraps it, and its gathering of logits is not needed.
    if "forward" in head.__dict__ and group_of(head.weight) is None:
        raise Unsupported(
            f"Somebody has replaced the forward of the head of {type(model).__name__} (accelerate "
            "does so for device_map and offloading). Load the model on one device."
        )
