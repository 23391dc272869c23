"""`Reader`: the one way in to every model, from an n-gram to a transformer."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from likely.core.batch import Batch
from likely.core.errors import Unsupported
from likely.core.head import Head
from likely.core.stats import Stats, Want, as_wishes
from likely.core.vocabulary import Vocabulary
from likely.data.tokens import Tokens
from likely.models._judge import Judged, judge_in_windows
from likely.vocab._ranks import Group
from likely.vocab._readers import Role, at, whole_rows
from likely.vocab.scan import from_logits, scan


class Reader(ABC):
    """Something that reads tokens and says how likely each next one is.

    A model gives either `hidden` (states and a head) or `logits`; everything else follows.
    """

    kind: str
    vocabulary: Vocabulary
    window: int = 256
    """Positions of the windows that a corpus is read in, where nobody says another number."""
    longest: int | None = None
    """Positions that it can read at once; None where any number will do."""
    group: Group | None = None
    """Processes over which the words of its head lie; None where all are here."""

    def hidden(self, batch: Batch) -> tuple[Float[Tensor, "N D"], Head]:
        """Last hidden states and the head that turns them into logits.

        Args:
            batch: what to read.

        Returns:
            States of every position, padding too, and the head.

        Raises:
            Unsupported: the model has no hidden states (an n-gram).
        """
        raise Unsupported(
            f"A model of kind {self.kind!r} has no hidden states: read its logits instead, and "
            "choose an objective or score that does not look at the head."
        )

    def logits(self, batch: Batch) -> Float[Tensor, "N V"]:
        """Logits of the next token at every position.

        Args:
            batch: what to read.

        Returns:
            `[N, V]` in float32; for models that count, log-probabilities.
        """
        states, head = self.hidden(batch)
        return head.logits(states)

    @property
    def has_head(self) -> bool:
        """True where `hidden` works."""
        return type(self).hidden is not Reader.hidden

    def read(self, batch: Batch, want: Want) -> Stats:
        """Statistics of the next token at every position.

        Rows of weight 0 are read but not measured: their statistics are 0.

        Args:
            batch: what to read.
            want: names of statistics, or wishes by name.

        Returns:
            One row a position for each statistic.
        """
        wishes = as_wishes(want)
        if self.has_head:
            states, head = self.hidden(batch)
            return measure(batch, wishes, states, head, group=self.group)
        return measure(batch, wishes, self.logits(batch))

    @property
    def parts(self) -> tuple["Reader", ...]:
        """The models that compute: itself, or those that it is made of."""
        return (self,)

    @property
    def device(self) -> torch.device:
        """Where its parameters are; cpu where it has none."""
        if isinstance(self, torch.nn.Module):
            return next(self.parameters()).device
        return torch.device("cpu")

    def judge(
        self,
        tokens: Tokens,
        *,
        length: int | None = None,
        rows: int = 16,
        progress: Callable[[int], None] | None = None,
    ) -> Judged:
        """Log-probability of every token of a corpus, and whether another one was likelier.

        The text is read in windows that move on by half of their length. A model that keeps its
        whole left context (an n-gram) does not need them and reads every document at once.

        Args:
            tokens: documents; each is read from BOS.
            length: positions of a window; None for the model's own `window`.
            rows: windows read at once.
            progress: called with the number of tokens scored after each batch.

        Returns:
            Log p in nats and one flag a token of `tokens.ids`, both `[n]`.
        """
        length = self.window if length is None else length
        return judge_in_windows(self, tokens, length=length, rows=rows, progress=progress)

    @abstractmethod
    def start(self, rows: int) -> Any:
        """State before the first token, for generation.

        Args:
            rows: how many texts are written side by side.

        Returns:
            Whatever `step` wants to be handed back.
        """

    @abstractmethod
    def step(self, state: Any, tokens: Int[Tensor, "S T"]) -> tuple[Float[Tensor, "S V"], Any]:
        """Read tokens and give the logits of the next one.

        Args:
            state: what `start` or the last `step` returned.
            tokens: what was read since then, `[S, T]`; the first call starts with BOS.

        Returns:
            Logits after the last token, `[S, V]`, and the new state.
        """

    @abstractmethod
    def save(self, folder: Path) -> None:
        """Write the model as a folder that `load` reads.

        Args:
            folder: where to; replaced as a whole.
        """

    @property
    @abstractmethod
    def parameters_count(self) -> int:
        """How many numbers were learned or counted."""


def measure(
    batch: Batch,
    wishes: Mapping[str, Any],
    source: Tensor,
    head: Head | None = None,
    *,
    group: Group | None = None,
    roles: Mapping[str, Role] | None = None,
) -> Stats:
    """Scan the positions that count and put their statistics back in place.

    Args:
        batch: targets and weights.
        wishes: statistics by name.
        source: hidden states `[N, D]` where there is a head, else logits `[N, V]`.
        head: what turns states into logits.
        group: processes over which the head's words lie, as for `scan`.
        roles: second readers, with a row for every position.

    Returns:
        One row a position; 0 where the weight is 0.
    """
    places = batch.weight.nonzero()[:, 0]
    everywhere = len(places) == len(batch)
    if not everywhere:
        wishes = {name: wish.at(places) for name, wish in wishes.items()}
    rows = source if everywhere else source[places]
    targets = batch.target if everywhere else batch.target[places]
    others = roles or {}
    if not everywhere:
        others = {name: at(role, places) for name, role in others.items()}
    if head is None:
        stats = from_logits(rows, targets, wishes, roles=whole_rows(others, rows.shape[1]))
    else:
        own = head if everywhere else head.at(places)
        stats = scan(rows, own, targets, wishes, group=group, roles=others)
    if everywhere:
        return stats
    back = {name: _put_back(value, places, len(batch)) for name, value in stats.items()}
    return Stats(back, stats.backend, stats.sweeps)


def _put_back(value: Any, places: Tensor, count: int) -> Any:
    if isinstance(value, tuple):
        return tuple(_put_back(part, places, count) for part in value)
    return torch.zeros(count, *value.shape[1:], dtype=value.dtype, device=value.device).index_copy(
        0, places, value
    )
