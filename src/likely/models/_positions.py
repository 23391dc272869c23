"""A Llama that is told places in another way than by turning queries and keys.

Importing this module makes its configuration known to `transformers`, so that folders of such
models load with the `Auto` classes and without running code of the folder.
"""

from typing import Any, no_type_check

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from transformers import AutoConfig, AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM, LlamaModel

from likely.core.errors import ShapeError

__all__ = ["AutoModelForCausalLM", "PositionsLlama", "sinusoids", "with_positions"]

BASE = 10_000.0
"""Of the wavelengths of sinusoids, from 2π to BASE · 2π positions."""


@no_type_check  # Configurations take any keyword, which is more than their fields say.
class PositionsConfig(LlamaConfig):  # type: ignore[misc]
    """A Llama's configuration, and how it is told places: `learned`, `sinusoidal` or `none`."""

    # A name of its own: read as a Llama, the folder would give other numbers without a word.
    model_type = "likely_positions"
    positions: str = "learned"


class Unturned(nn.Module):
    """In place of rotary embeddings: queries and keys stay as they are."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.width = width

    def forward(
        self, hidden: Float[Tensor, "S T D"], position_ids: Int[Tensor, "R T"]
    ) -> tuple[Float[Tensor, "R T K"], Float[Tensor, "R T K"]]:
        """Cosines and sines of no angle.

        Args:
            hidden: says the type of numbers and the device.
            position_ids: places; only their shape matters.

        Returns:
            Ones and zeros, one a place and half-coordinate of a head.
        """
        cosine = hidden.new_ones(*position_ids.shape, self.width)
        return cosine, torch.zeros_like(cosine)


class PositionsModel(LlamaModel):  # type: ignore[misc]
    """The blocks of a Llama over embeddings to which a code of each place was added."""

    config_class = PositionsConfig

    def __init__(self, config: PositionsConfig) -> None:
        super().__init__(config)
        self.rotary_emb = Unturned(config.head_dim)
        if config.positions == "learned":
            self.positions = nn.Embedding(config.max_position_embeddings, config.hidden_size)

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        position_ids: Tensor | None = None,
        past_key_values: Any = None,
        inputs_embeds: Tensor | None = None,
        **others: Any,
    ) -> Any:
        """Read tokens; places count from 0, or from what the cache holds.

        Args:
            input_ids: tokens, `[S, T]`.
            attention_mask: as of a Llama.
            position_ids: places, where they are not simply those that follow.
            past_key_values: the cache.
            inputs_embeds: embeddings in place of tokens.
            others: as of a Llama.

        Returns:
            What a Llama returns.
        """
        if inputs_embeds is None:
            inputs_embeds = self.embed_tokens(input_ids)
        if position_ids is None:
            seen = 0 if past_key_values is None else past_key_values.get_seq_length()
            places = torch.arange(inputs_embeds.shape[1], device=inputs_embeds.device)
            position_ids = (places + seen)[None]
        return super().forward(
            attention_mask=attention_mask,
            position_ids=position_ids,
            past_key_values=past_key_values,
            inputs_embeds=inputs_embeds + self._codes(position_ids).to(inputs_embeds.dtype),
            **others,
        )

    def _codes(self, places: Int[Tensor, "R T"]) -> Float[Tensor, "R T D"]:
        """What is added to the embedding at each place."""
        width = self.config.hidden_size
        if self.config.positions == "none":
            return torch.zeros(1, device=places.device).expand(*places.shape, width)
        if self.config.positions == "learned":
            most = self.positions.num_embeddings
            if places.numel() and int(places.max()) >= most:
                raise ShapeError(
                    f"The model has learned {most} positions, and was given {int(places.max()) + 1}"
                    ": read shorter windows, or train it with a longer context."
                )
            code: Tensor = self.positions(places)
            return code
        # As large beside the embeddings as where both are scaled by √width (Vaswani et al.).
        return float(self.config.initializer_range) * sinusoids(places, width)


class PositionsLlama(LlamaForCausalLM):  # type: ignore[misc]
    """A causal language model on `PositionsModel`."""

    config_class = PositionsConfig

    def __init__(self, config: PositionsConfig) -> None:
        super().__init__(config)
        self.model = PositionsModel(config)
        self.post_init()


AutoConfig.register(PositionsConfig.model_type, PositionsConfig, exist_ok=True)
AutoModelForCausalLM.register(PositionsConfig, PositionsLlama, exist_ok=True)


def sinusoids(places: Int[Tensor, "R T"], width: int) -> Float[Tensor, "R T D"]:
    """Sines in the first half and cosines in the second, wavelengths in geometric progression.

    Args:
        places: from 0.
        width: D, even or odd.

    Returns:
        One code a place.

    Example:
        >>> sinusoids(torch.tensor([[0, 1]]), 2)
        tensor([[[0.0000, 1.0000],
                 [0.8415, 0.5403]]])
    """
    half = (width + 1) // 2
    rates = BASE ** (-torch.arange(half, device=places.device, dtype=torch.float32) / half)
    angle = places[..., None].float() * rates
    return torch.cat([angle.sin(), angle.cos()[..., : width // 2]], dim=-1)


def with_positions(model: LlamaForCausalLM, positions: str) -> PositionsLlama:
    """The same weights, told places in another way; learned ones are drawn like the embedding.

    Args:
        model: a Llama.
        positions: `learned`, `sinusoidal` or `none`.

    Returns:
        A new model.
    """
    known = {k: v for k, v in model.config.to_dict().items() if k != "model_type"}
    attention = model.config._attn_implementation
    config = PositionsConfig(**known, positions=positions, attn_implementation=attention)
    made = PositionsLlama(config)
    made.load_state_dict(model.state_dict(), strict=False)
    if positions == "learned":
        with torch.no_grad():
            made.model.positions.weight.normal_(0, config.initializer_range)
    return made
