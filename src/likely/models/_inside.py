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
from copy import copy, deepcopy
from dataclasses import dataclass, field
from types import MethodType
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from likely.core.bind import Bound
from likely.core.errors import Unsupported
from likely.core.head import Head
from likely.core.stats import Statistic
from likely.models._flat import Given, columns_of, flat_batch, need_ids
from likely.models._heads import scale_and_softcap
from likely.models._measured_loss import objective_total
from likely.models.reader import measure

NAME = "_likely_inside"


@dataclass(eq=False)
class Inside:
    """What the three replaced functions share; one a model.

    Args:
        model: the causal language model.
        head: its linear head.
        objective: what a loss is.
        names: positional parameters of the model's `forward`.
        any_name: whether that `forward` takes further keywords.
        plain: what was replaced: `model`, `head`, `loss`; None for what the class has.
        active: whether calls with labels are scanned.
        logits: whether logits are given besides the loss (without gradient).
        tokens: whether log p of every target is kept in place of a loss.
        log_prob: what was kept, `[S, T]`; 0 where there is no target.
        given: fields of the call that runs.
        value: the loss of the call that runs, without gradient.
        whole: the same with gradient, where logits are given.
        collected: whether the model asked its loss function.
        looked: whether what the model does with logits was looked at.
        rng: for objectives that draw.
        methods: what was put in: the owner, its attribute, the method; by part.
    """

    model: Any
    head: nn.Linear
    objective: Bound
    names: tuple[str, ...]
    any_name: bool
    plain: dict[str, Any]
    active: bool = True
    logits: bool = False
    tokens: bool = False
    log_prob: Any = None
    given: Given | None = None
    value: Tensor | None = None
    whole: Tensor | None = None
    collected: bool = False
    looked: bool = False
    rng: dict[torch.device, torch.Generator] = field(default_factory=dict)
    methods: dict[str, tuple[Any, str, Any]] = field(default_factory=dict)

    def __deepcopy__(self, memo: dict[int, Any]) -> "Inside":
        twin = copy(self)
        memo[id(self)] = twin
        for part in ("model", "head", "plain", "methods"):
            setattr(twin, part, deepcopy(getattr(self, part), memo))
        twin.rng = {}
        return twin

    @property
    def name(self) -> str:
        """The model's class, for messages."""
        return type(self.model).__name__

    def call_plain(self, part: str, *args: Any, **given: Any) -> Any:
        """What would run if nothing was replaced.

        Args:
            part: `model` or `head`.
            args: as called.
            given: as called.

        Returns:
            What it returns.
        """
        before, module = self.plain[part], self.model if part == "model" else self.head
        if before is not None:
            return before(*args, **given)
        return type(module).forward(module, *args, **given)

    def take(self, given: dict[str, Any]) -> Given:
        """Read the fields that the loss depends on; take out what the model does not know.

        Args:
            given: keywords of the call; columns of the objective leave it.

        Returns:
            The fields.
        """
        names = columns_of(self.objective)
        columns = {name: given.pop(name) for name in names if given.get(name) is not None}
        found = Given(
            labels=given["labels"],
            shift_labels=given.get("shift_labels"),
            input_ids=given.get("input_ids"),
            attention_mask=given.get("attention_mask"),
            position_ids=given.get("position_ids"),
            num_items_in_batch=given.get("num_items_in_batch"),
            ignore_index=given.get("ignore_index", -100),
            columns=columns,
        )
        if not self.any_name:
            for name in ("shift_labels", "num_items_in_batch", "ignore_index"):
                given.pop(name, None)
        return found

    def loss(self, hidden: Float[Tensor, "S T D"]) -> Float[Tensor, ""]:
        """The objective's loss on the states that reached the head.

        Args:
            hidden: of every position.

        Returns:
            Σ weight · value, divided by `num_items_in_batch` or by Σ weight.

        Raises:
            Unsupported: the number of tokens is given, and the objective's values are no tokens.
        """
        given, unit = self.given, self.objective.unit
        assert given is not None
        items = given.num_items_in_batch
        if items is not None and unit != "N":
            raise Unsupported(
                f"num_items_in_batch counts tokens, and {self.objective.name!r} gives one value a "
                f"unit {unit!r}. Leave it out, or choose an objective with one value a token."
            )
        need_ids(self.objective, given)
        batch = flat_batch(given, hidden.shape[0], hidden.shape[1], hidden.device)
        kind = hidden.device.type
        weight: Tensor = self.head.weight
        bias: Tensor | None = self.head.bias
        if torch.is_autocast_enabled(kind):
            dtype = torch.get_autocast_dtype(kind)
            hidden, weight = hidden.to(dtype), weight.to(dtype)
            bias = None if bias is None else bias.to(dtype)
        scale, softcap = scale_and_softcap(self.model.config)
        head = Head(weight, bias, scale=scale, softcap=softcap)
        with torch.autocast(kind, enabled=False):
            rng = self._generator(hidden.device) if "rng" in self.objective.needs else None
            states = hidden.reshape(-1, hidden.shape[-1])
            if self.tokens:
                found = measure(batch, {"log_prob": Statistic("log_prob")}, states, head)
                self.log_prob = found["log_prob"].view(hidden.shape[:2])
                return self.log_prob.sum()
            total, counted = objective_total(self.objective, states, head, batch, rng)
        if items is None:
            # Without a target there is nothing to learn, and nothing to divide by.
            return total / torch.where(counted == 0, 1.0, counted)
        return total / (items.to(total.device) if isinstance(items, Tensor) else items)

    def _generator(self, device: torch.device) -> torch.Generator:
        if device not in self.rng:
            self.rng[device] = torch.Generator(device).manual_seed(torch.initial_seed())
        return self.rng[device]


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
