"""The first neural language model: embeddings of the last n tokens, one tanh layer."""

from pathlib import Path
from typing import Annotated

import torch
from annotated_types import Ge
from jaxtyping import Float, Int
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from likely.core.batch import Batch
from likely.core.disk import whole_folder
from likely.core.head import Head
from likely.core.settings import checked
from likely.core.vocabulary import Vocabulary
from likely.models._card import read_card, write_card
from likely.models.reader import Reader


class FeedForward(nn.Module, Reader):
    """Embeddings of the last n tokens, concatenated, through one tanh layer.

    Places before the start of a segment hold BOS.

    Args:
        vocabulary: what the ids mean.
        context: n, tokens looked at.
        embedding: numbers a token.
        width: of the tanh layer.
        direct: whether the embeddings reach the logits directly too.
    """

    kind = "feed_forward"

    def __init__(
        self, vocabulary: Vocabulary, context: int, embedding: int, width: int, direct: bool
    ) -> None:
        super().__init__()
        self.vocabulary, self.context, self.direct = vocabulary, context, direct
        self.embedding = nn.Embedding(vocabulary.size, embedding)
        self.layer = nn.Linear(context * embedding, width)
        features = width + context * embedding * direct
        self.output = nn.Linear(features, vocabulary.size)
        nn.init.normal_(self.embedding.weight, std=0.5)
        nn.init.zeros_(self.output.bias)

    def hidden(self, batch: Batch) -> tuple[Float[Tensor, "N D"], Head]:
        """The tanh layer, and behind it the embeddings where connections are direct.

        Args:
            batch: what to read.

        Returns:
            States of every position and the head.
        """
        return self._states(self._last(batch)), self.head

    @property
    def head(self) -> Head:
        """The output layer."""
        return Head(self.output.weight, self.output.bias)

    def _last(self, batch: Batch) -> Int[Tensor, "N C"]:
        ids, place = batch.ids, batch.position
        columns = []
        for back in range(self.context):
            moved = ids.roll(back)
            columns.append(moved.where(place >= back, torch.full_like(ids, self.vocabulary.bos)))
        return torch.stack(columns, dim=1)

    def _states(self, last: Int[Tensor, "N C"]) -> Float[Tensor, "N D"]:
        x = self.embedding(last).flatten(1)
        states = self.layer(x).tanh()
        return torch.cat([states, x.to(states.dtype)], dim=1) if self.direct else states

    def start(self, rows: int) -> Tensor:
        """A context full of BOS.

        Args:
            rows: how many texts are written side by side.

        Returns:
            The last tokens, newest first, `[S, C]`.
        """
        device = self.output.weight.device
        return torch.full((rows, self.context), self.vocabulary.bos, device=device)

    def step(
        self, state: Tensor, tokens: Int[Tensor, "S T"]
    ) -> tuple[Float[Tensor, "S V"], Tensor]:
        """Read tokens.

        Args:
            state: the last tokens, newest first.
            tokens: what came since then, `[S, T]`.

        Returns:
            Logits of the next token, `[S, V]`, and the new state.
        """
        last = torch.cat([tokens.flip(1), state], dim=1)[:, : self.context]
        return self.head.logits(self._states(last)), last

    def save(self, folder: Path) -> None:
        """Write the model as a folder.

        Args:
            folder: where to; replaced as a whole.
        """
        settings = {
            "context": self.context,
            "embedding": self.embedding.embedding_dim,
            "width": self.layer.out_features,
            "direct": self.direct,
        }
        with whole_folder(folder) as part:
            weights = {k: v.detach().contiguous() for k, v in self.state_dict().items()}
            save_file(weights, part / "model.safetensors")
            write_card(part, self.kind, self.vocabulary, settings)

    @property
    def parameters_count(self) -> int:
        """Numbers learned."""
        return sum(p.numel() for p in self.parameters())

    @classmethod
    def open(cls, folder: Path) -> "FeedForward":
        """Load what `save` wrote.

        Args:
            folder: the model's folder.

        Returns:
            The model, in evaluation mode.
        """
        _, vocabulary, settings = read_card(folder)
        model = cls(vocabulary, **settings)
        model.load_state_dict(load_file(folder / "model.safetensors"))
        return model.eval()


def feed_forward(
    vocabulary: Vocabulary,
    *,
    context: Annotated[int, Ge(1)] = 12,
    embedding: Annotated[int, Ge(1)] = 32,
    width: Annotated[int, Ge(1)] = 512,
    direct: bool = False,
    seed: Annotated[int, Ge(0)] = 0,
) -> FeedForward:
    r"""The neural probabilistic language model, with random weights.

    $$ z = b + U \tanh(d + H x) \; [+ \, W x], \quad x = (C_{w_{t-1}}, \dots, C_{w_{t-n}}) $$

    Args:
        vocabulary: what the ids mean.
        context: n, tokens looked at.
        embedding: numbers a token.
        width: of the tanh layer.
        direct: whether the embeddings reach the logits directly too (W).
        seed: of the random weights; nothing else is touched by it.

    Returns:
        A model, ready to be trained.

    Raises:
        BadSetting: a size below 1, or a negative seed.

    Example:
        >>> feed_forward(Vocabulary.of_bytes(), context=4, embedding=8, width=16).parameters_count
        6953

    References:
        Bengio et al., A Neural Probabilistic Language Model, 2003, eq. 1.
    """
    checked(feed_forward, locals())
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return FeedForward(vocabulary, context, embedding, width, direct)


def load(folder: Path) -> FeedForward:
    """Load a saved feed-forward model.

    Args:
        folder: the model's folder.

    Returns:
        The model, in evaluation mode.
    """
    return FeedForward.open(folder)
