"""The class of transformers: any causal language model of the library as a `Reader`."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from likely.core.batch import Batch
from likely.core.disk import whole_folder
from likely.core.errors import BadInput, Unsupported
from likely.core.head import Head
from likely.core.vocabulary import Vocabulary
from likely.models._card import read_card, write_card
from likely.models._heads import head_of
from likely.models.reader import Reader

WINDOW = 1024
"""Positions that a corpus is read in at most, however many a model could look back over."""


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
        self.window, self.longest = min(context, WINDOW), context
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
        layer = self.model.get_output_embeddings()
        size, known = len(layer.weight), self.vocabulary.size
        beyond = torch.arange(size, device=layer.weight.device) >= known if size > known else None
        return head_of(self.model, layer, beyond)

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

        With other positions than rotary ones, it does so where `likely.models._positions` has been
        imported, and refuses elsewhere: no other library knows how to read such a model.

        Args:
            folder: where to; replaced as a whole.
        """
        with whole_folder(folder) as part, quiet():
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
        from likely.models._positions import AutoModelForCausalLM

        _, vocabulary, settings = read_card(folder)
        try:
            with quiet():
                model = AutoModelForCausalLM.from_pretrained(
                    folder, local_files_only=True, use_safetensors=True, trust_remote_code=False
                )
        except (OSError, ValueError) as problem:
            reason = str(problem).splitlines()[0]
            raise BadInput(f"{folder}: transformers cannot load this model: {reason}") from problem
        return cls(model.eval(), vocabulary, settings["context"])


@contextmanager
def quiet() -> Iterator[None]:
    """No progress bars of transformers.

    Yields:
        Nothing.
    """
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
