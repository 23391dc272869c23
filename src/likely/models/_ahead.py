"""Several tokens ahead: heads beside the one of the next token, on the states of one model."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from likely.core.batch import Batch
from likely.core.errors import ShapeError
from likely.core.head import Head
from likely.models.reader import Reader


class Ahead(nn.Module, Reader):
    """A model that is trained to predict the next `heads` tokens, and stays what it was.

    Head i predicts the token i places after the next one: a matrix on the last hidden state,
    before the vocabulary's own, which all heads share. The next token is predicted by the model
    itself, so that `reader` is a plain one when the training is over. The authors' heads are a
    transformer layer each.

    Args:
        reader: the model; trained, too.
        heads: how many tokens are predicted at each place.

    References:
        Gloeckle et al., Better & Faster Large Language Models via Multi-token Prediction, 2024,
        §2. arXiv:2404.19737.
    """

    kind = "ahead"

    def __init__(self, reader: Any, heads: int) -> None:
        super().__init__()
        self.reader, self.heads = reader, heads
        self.vocabulary, self.window, self.longest = (
            reader.vocabulary,
            reader.window,
            reader.longest,
        )
        width = reader.head.weight.shape[1]
        self.maps = nn.Parameter(torch.eye(width).repeat(heads - 1, 1, 1))

    @property
    def head(self) -> Head:
        """The head that all share."""
        head: Head = self.reader.head
        return head

    def hidden(self, batch: Batch) -> tuple[Float[Tensor, "N D"], Head]:
        """States of all heads; the model reads the rows once.

        Args:
            batch: what `ahead` made.

        Returns:
            States of every position and head, and the head of the vocabulary.

        Raises:
            ShapeError: rows that the heads do not divide.
        """
        if batch.rows % self.heads:
            raise ShapeError(
                f"Ahead: {batch.rows} rows are not the same ones for each of {self.heads} heads; "
                "make the batch by ahead(batch, heads)."
            )
        states, head = self.reader.hidden(_first(batch, self.heads))
        return torch.cat([states, *(states @ one for one in self.maps)]), head

    def start(self, rows: int) -> Any:
        """State before the first token, for generation.

        Args:
            rows: how many texts are written side by side.

        Returns:
            That of the model.
        """
        return self.reader.start(rows)

    def step(self, state: Any, tokens: Int[Tensor, "S T"]) -> tuple[Float[Tensor, "S V"], Any]:
        """Read tokens and give the logits of the next one.

        Args:
            state: what `start` or the last `step` returned.
            tokens: what was read since then, `[S, T]`.

        Returns:
            What the model gives.
        """
        found: tuple[Tensor, Any] = self.reader.step(state, tokens)
        return found

    def save(self, folder: Path) -> None:
        """Write the model without the heads beside its own.

        Args:
            folder: where to; replaced as a whole.
        """
        self.reader.save(folder)

    @property
    def parameters_count(self) -> int:
        """Numbers learned, the heads' too."""
        return sum(p.numel() for p in self.parameters())


def ahead(batch: Batch, heads: int) -> Batch:
    """The rows of a batch once for every head, each with the targets that lie further ahead.

    Args:
        batch: rows of one segment each, with next tokens as targets.
        heads: how many tokens are predicted at each place.

    Returns:
        `heads` times as many rows: first those of the batch, then those whose target is the token
        one place further, and so on. A position counts where it and the place of its target did.

    Example:
        >>> far = ahead(Batch.of(torch.tensor([[1, 2, 3]]), torch.tensor([[2, 3, 4]])), 2)
        >>> far.target.tolist(), far.weight.tolist()
        ([2, 3, 4, 3, 4, 0], [1.0, 1.0, 1.0, 1.0, 1.0, 0.0])
    """
    target, weight = (x.view(batch.rows, -1) for x in (batch.target, batch.weight))
    targets, weights = [target], [weight]
    for places in range(1, heads):
        shifted = torch.zeros_like(target)
        shifted[:, :-places] = target[:, places:]
        counted = torch.zeros_like(weight)
        counted[:, :-places] = weight[:, :-places] * weight[:, places:]
        targets.append(shifted)
        weights.append(counted)
    again = [batch.segment + batch.segments * head for head in range(heads)]
    return replace(
        batch,
        ids=batch.ids.repeat(heads),
        target=torch.cat(targets).flatten(),
        segment=torch.cat(again),
        position=batch.position.repeat(heads),
        weight=torch.cat(weights).flatten(),
        document=batch.document.repeat(heads),
        rows=batch.rows * heads,
        columns={},
    )


def _first(batch: Batch, heads: int) -> Batch:
    """The rows of the first head."""
    count = len(batch) // heads
    fields = ("ids", "target", "segment", "position", "weight", "document")
    return replace(
        batch,
        **{name: batch[name][:count] for name in fields},
        rows=batch.rows // heads,
        columns={},
    )
