"""Any causal language model of `transformers` as a `Reader`; by default a small Llama."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import torch
from annotated_types import Ge, Gt
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from likely.core.batch import Batch
from likely.core.disk import whole_folder
from likely.core.errors import BadInput, BadSetting, Unsupported
from likely.core.head import Head
from likely.core.settings import checked
from likely.core.vocabulary import Vocabulary
from likely.models._card import read_card, write_card
from likely.models.reader import Reader


class Transformer(nn.Module, Reader):
    """A causal language model of `transformers`, read through its last hidden states.

    Args:
        model: a causal LM whose logits are a linear head on its last hidden states.
        vocabulary: what its ids mean; may be smaller than the head, the rest is excluded.
        context: positions it was trained on; generation never reads more at once.

    Raises:
        Unsupported: its logits are not those of the head that its configuration describes.
    """

    kind = "transformer"

    def __init__(self, model: Any, vocabulary: Vocabulary, context: int) -> None:
        super().__init__()
        self.model, self.vocabulary, self.context = model, vocabulary, context
        self.window = context
        self._check_head()

    def hidden(self, batch: Batch) -> tuple[Float[Tensor, "N D"], Head]:
        """Last hidden states; a segment never looks at another one.

        Args:
            batch: what to read.

        Returns:
            States of every position and the head.
        """
        ids = batch.ids.view(batch.rows, -1)
        segment = batch.segment.view(batch.rows, -1)
        extra: dict[str, Tensor] = {}
        if not _one_segment_a_row(segment):
            dtype = next(self.model.parameters()).dtype
            extra["attention_mask"] = _within_segments(segment, dtype)
            extra["position_ids"] = batch.position.view(batch.rows, -1)
        out = self.model.base_model(input_ids=ids, use_cache=False, **extra)
        return out.last_hidden_state.flatten(0, 1), self.head

    @property
    def head(self) -> Head:
        """The head that the model's configuration describes."""
        layer, config = self.model.get_output_embeddings(), self.model.config
        scale = getattr(config, "logit_scale", None) or 1.0
        scale /= getattr(config, "logits_scaling", None) or 1.0
        size, known = len(layer.weight), self.vocabulary.size
        beyond = torch.arange(size, device=layer.weight.device) >= known if size > known else None
        return Head(
            layer.weight,
            getattr(layer, "bias", None),
            scale=float(scale),
            softcap=getattr(config, "final_logit_softcapping", None),
            exclude=beyond,
        )

    def _check_head(self) -> None:
        """Compare with the model's own logits once: a head read wrongly is wrong in silence."""
        batch = Batch.of(torch.tensor([[1, 0]]), torch.tensor([[0, 0]])).to(self.model.device)
        was_training = self.model.training
        self.model.eval()
        with torch.no_grad():
            states, head = self.hidden(batch)
            own = self.model(input_ids=batch.ids[None], use_cache=False).logits[0].float()
            ours = head.logits(states).float()
        self.model.train(was_training)
        known = slice(self.vocabulary.size)
        if not torch.allclose(own[:, known], ours[:, known], rtol=1e-2, atol=1e-2):
            raise Unsupported(
                f"The logits of {type(self.model).__name__} are not its last hidden states times "
                "its output embeddings, so they cannot be scanned. Read them as logits instead: "
                "likely.from_logits(model(ids).logits, targets, want)."
            )

    def start(self, rows: int) -> tuple[Tensor, Any]:
        """Nothing read, nothing cached.

        Args:
            rows: how many texts are written side by side.

        Returns:
            The tokens in the cache, and the cache.
        """
        device = self.model.device
        return torch.empty(rows, 0, dtype=torch.int64, device=device), None

    def step(
        self, state: tuple[Tensor, Any], tokens: Int[Tensor, "S T"]
    ) -> tuple[Float[Tensor, "S V"], tuple[Tensor, Any]]:
        """Read tokens through the key-value cache.

        Where the context is full, the newer half of it is read again and the older half is
        forgotten.

        Args:
            state: what `start` or the last `step` returned.
            tokens: what came since then, `[S, T]`.

        Returns:
            Logits of the next token, `[S, V]`, and the new state.
        """
        seen, cache = state
        seen = torch.cat([seen, tokens], dim=1)
        if seen.shape[1] > self.context:
            keep = max(self.context // 2, 1)
            seen = tokens = seen[:, -keep:]
            cache = None
        out = self.model.base_model(input_ids=tokens, past_key_values=cache, use_cache=True)
        logits = self.head.logits(out.last_hidden_state[:, -1])
        return logits, (seen, out.past_key_values)

    def save(self, folder: Path) -> None:
        """Write a folder that `AutoModelForCausalLM` loads too.

        Args:
            folder: where to; replaced as a whole.
        """
        with whole_folder(folder) as part, _quiet():
            self.model.save_pretrained(part, safe_serialization=True)
            write_card(part, self.kind, self.vocabulary, {"context": self.context})

    @property
    def parameters_count(self) -> int:
        """Numbers learned."""
        return sum(p.numel() for p in self.parameters())

    @classmethod
    def open(cls, folder: Path) -> "Transformer":
        """Load what `save` wrote, without network and without running code of the folder.

        Args:
            folder: the model's folder.

        Returns:
            The model, in evaluation mode.

        Raises:
            BadInput: transformers cannot read the folder.
        """
        from transformers import AutoModelForCausalLM

        _, vocabulary, settings = read_card(folder)
        try:
            with _quiet():
                model = AutoModelForCausalLM.from_pretrained(
                    folder, local_files_only=True, use_safetensors=True, trust_remote_code=False
                )
        except (OSError, ValueError) as problem:
            reason = str(problem).splitlines()[0]
            raise BadInput(f"{folder}: transformers cannot load this model: {reason}") from problem
        return cls(model.eval(), vocabulary, settings["context"])


def transformer(
    vocabulary: Vocabulary,
    *,
    layers: Annotated[int, Ge(1)] = 4,
    width: Annotated[int, Ge(1)] = 128,
    heads: Annotated[int, Ge(1)] = 4,
    context: Annotated[int, Ge(2)] = 256,
    hidden_ratio: Annotated[float, Gt(0)] = 3.0,
    tie: bool = False,
    seed: Annotated[int, Ge(0)] = 0,
) -> Transformer:
    r"""A small Llama with random weights: rotary positions, RMS norm, SwiGLU.

    $$ x \leftarrow x + \mathrm{attention}(\mathrm{norm}(x)), \quad
       x \leftarrow x + \mathrm{swiglu}(\mathrm{norm}(x)), \quad z = W \, \mathrm{norm}(x) $$

    Args:
        vocabulary: what the ids mean.
        layers: how many blocks.
        width: of the hidden states.
        heads: of each attention; must divide the width into even parts.
        context: positions read at once.
        hidden_ratio: width of the feed-forward layers over `width`.
        tie: whether the head shares the embedding.
        seed: of the random weights; nothing else is touched by it.

    Returns:
        A model, ready to be trained.

    Raises:
        BadSetting: a size below its least, or heads that do not divide the width into even parts.

    Example:
        >>> transformer(Vocabulary.of_bytes(), layers=1, width=16, heads=2).parameters_count
        11600

    References:
        Touvron et al., LLaMA, 2023. arXiv:2302.13971; Radford et al., Language Models are
        Unsupervised Multitask Learners, 2019, §2.3 (residual layers start smaller by depth).
    """
    checked(transformer, locals())
    if width % heads or (width // heads) % 2:
        raise BadSetting(
            "Model 'transformer'",
            [f"width={width} cannot be cut into heads={heads} parts of even width."],
        )
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=vocabulary.size,
        hidden_size=width,
        intermediate_size=int(width * hidden_ratio),
        num_hidden_layers=layers,
        num_attention_heads=heads,
        num_key_value_heads=heads,
        max_position_embeddings=context,
        tie_word_embeddings=tie,
        bos_token_id=vocabulary.bos,
        eos_token_id=vocabulary.eos,
        attn_implementation="sdpa",
        # The usual 0.02 is meant for widths in the thousands; at 128 it costs the first
        # hundreds of steps (2.77 against 2.64 bits per byte after 400 steps of 1,024 bytes).
        initializer_range=(2 * width) ** -0.5,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = LlamaForCausalLM(config)
        with torch.no_grad():
            for name, weight in model.named_parameters():
                if name.endswith(("o_proj.weight", "down_proj.weight")):
                    weight.mul_((2 * layers) ** -0.5)
    return Transformer(model, vocabulary, context)


def load(folder: Path) -> Transformer:
    """Load a saved transformer.

    Args:
        folder: the model's folder.

    Returns:
        The model, in evaluation mode.
    """
    return Transformer.open(folder)


@contextmanager
def _quiet() -> Iterator[None]:
    """No progress bars of transformers for the few shards of a small model."""
    from transformers.utils import logging

    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()


def _one_segment_a_row(segment: Int[Tensor, "S T"]) -> bool:
    """True where plain causal attention is right: padding can only follow, and nobody sees it."""
    first = segment[:, :1]
    return bool(((segment == first) | (segment < 0)).all())


def _within_segments(segment: Int[Tensor, "S T"], dtype: torch.dtype) -> Float[Tensor, "S 1 T T"]:
    """0 where a position may look, the lowest number where it may not."""
    length = segment.shape[1]
    causal: Bool[Tensor, "T T"] = torch.ones(
        length, length, dtype=torch.bool, device=segment.device
    ).tril()
    may = (segment[:, :, None] == segment[:, None, :]) & causal
    mask = torch.zeros(may.shape, dtype=dtype, device=segment.device)
    return mask.masked_fill(~may, torch.finfo(dtype).min)[:, None]
