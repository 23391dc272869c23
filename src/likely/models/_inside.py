"""What the functions that are put into a model and its head share: the call that runs, its loss."""

from copy import copy, deepcopy
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from likely.core.errors import Unsupported
from likely.core.head import Head
from likely.core.stats import Statistic
from likely.core.vocabulary import Vocabulary
from likely.models._flat import Given, flat_batch
from likely.models._heads import scale_and_softcap
from likely.models._measured_loss import Prepared, objective_total
from likely.models.reader import measure
from likely.vocab._shards import group_of

_NUMBERS = count()


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
        vocabulary: what the ids mean, for objectives that ask.
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
    objective: Prepared
    names: tuple[str, ...]
    any_name: bool
    plain: dict[str, Any]
    vocabulary: Vocabulary | None = None
    active: bool = True
    logits: bool = False
    tokens: bool = False
    log_prob: Tensor | None = None
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
        twin.__post_init__()
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
        names = [name for name in self.objective.columns if given.get(name) is not None]
        columns = {name: given.pop(name) for name in names}
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
            Unsupported: the number of tokens is given, and the objective's values are no tokens; or
            it reads tokens, and embeddings were given.
        """
        given, head = self.given, self.head
        assert given is not None
        recorded = torch.compiler.is_compiling() and self.objective.separable and not self.tokens
        # The mark is a word, and so part of what a compiled graph is valid for: the function that
        # it holds is this head's, and another model's objective must not find it.
        if not (self.mark and recorded):
            return self._measured(hidden, given, head.weight, head.bias)
        # The compiler need not read how a loss is put together: one call, with all its tensors.
        masks = (given.attention_mask, given.position_ids)
        found: Tensor = self.recorded(
            hidden,
            head.weight,
            head.bias,
            given.labels,
            given.shift_labels,
            given.input_ids,
            *(mask if isinstance(mask, Tensor) else None for mask in masks),
            given.num_items_in_batch,
            given.ignore_index,
            *(given.columns.get(name) for name in self.objective.columns),
        )
        return found

    def __post_init__(self) -> None:
        def recorded(hidden: Tensor, weight: Tensor, bias: Tensor | None, *fields: Any) -> Tensor:
            known, columns = fields[:7], zip(self.objective.columns, fields[7:], strict=True)
            there = {name: column for name, column in columns if column is not None}
            return self._measured(hidden, replace(Given(*known), columns=there), weight, bias)

        self.mark = f"head {next(_NUMBERS)}"
        self.recorded = torch.compiler.allow_in_graph(recorded)  # type: ignore[no-untyped-call]

    def _measured(
        self, hidden: Tensor, given: Given, weight: Tensor, bias: Tensor | None
    ) -> Tensor:
        unit, items = self.objective.unit, given.num_items_in_batch
        if items is not None and unit != "N":
            raise Unsupported(
                f"num_items_in_batch counts tokens, and {self.objective} gives one value a "
                f"unit {unit!r}. Leave it out, or choose an objective with one value a token."
            )
        if "ids" in self.objective.needs and given.input_ids is None:
            raise Unsupported(
                f"The objective {self.objective} reads the input tokens, and the model was given "
                "inputs_embeds. Give input_ids, or choose an objective that does not read ids."
            )
        batch = flat_batch(given, hidden.shape[0], hidden.shape[1], hidden.device)
        states, head = self._as_multiplied(hidden.reshape(-1, hidden.shape[-1]), weight, bias)
        with torch.autocast(hidden.device.type, enabled=False):
            # Tensor parallelism leaves a head in parts; every process of it reads the same tokens.
            group = group_of(weight)
            if self.tokens:
                want = {"log_prob": Statistic("log_prob")}
                found = measure(batch, want, states, head, group=group)
                log_prob: Tensor = found["log_prob"].view(hidden.shape[:2])
                self.log_prob = log_prob
                return log_prob.sum()
            rng = self._generator(hidden.device) if "rng" in self.objective.needs else None
            total, counted = objective_total(
                self.objective, states, head, batch, rng, group, self.vocabulary
            )
        if items is None:
            # Without a target there is nothing to learn, and nothing to divide by.
            return total / torch.where(counted == 0, 1.0, counted)
        return total / (items.to(total.device) if isinstance(items, Tensor) else items)

    def _as_multiplied(
        self, states: Tensor, weight: Tensor, bias: Tensor | None
    ) -> tuple[Tensor, Head]:
        """States and head in the type in which the plain head would multiply them."""
        if torch.is_autocast_enabled(states.device.type):
            dtype = torch.get_autocast_dtype(states.device.type)
            states, weight = states.to(dtype), weight.to(dtype)
            bias = None if bias is None else bias.to(dtype)
        scale, softcap = scale_and_softcap(self.model.config)
        return states, Head(weight, bias, scale=scale, softcap=softcap)

    def _generator(self, device: torch.device) -> torch.Generator:
        if device not in self.rng:
            self.rng[device] = torch.Generator(device).manual_seed(torch.initial_seed())
        return self.rng[device]
