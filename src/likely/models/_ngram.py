"""The class of n-gram models: `ngram` counts and fits them."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file
from torch import Tensor

from likely.core.batch import Batch
from likely.core.disk import whole_folder
from likely.core.errors import BadSetting, ShapeError
from likely.core.vocabulary import Vocabulary
from likely.data.tokens import Tokens
from likely.models._card import read_card, write_card
from likely.models._corpus import check_ids, fitted, judged
from likely.models._counts import Counts, from_arrays, to_arrays
from likely.models._judge import Judged
from likely.models._smoothing import Mixture, Smoothing
from likely.models._walk import Reals, trace, walk
from likely.models.reader import Reader

CELLS = 1 << 21  # places times words at once


class NGram(Reader):
    """Counts of all token sequences up to K, and how much each length trusts the shorter one.

    Args:
        vocabulary: what the ids mean.
        counts: of lengths 1 to K at least.
        mixture: smoothing and its settings, one row a length.
    """

    kind = "ngram"

    def __init__(self, vocabulary: Vocabulary, counts: Counts, mixture: Mixture) -> None:
        self.vocabulary, self.mixture = vocabulary, mixture
        self.counts = replace(counts, levels=counts.levels[: mixture.order])

    @property
    def order(self) -> int:
        """K: tokens in the longest sequence counted; K − 1 are looked back at."""
        return self.mixture.order

    @property
    def smoothing(self) -> Smoothing:
        """`dirichlet` or `kneser_ney`."""
        return self.mixture.smoothing

    @property
    def concentrations(self) -> tuple[float, ...]:
        """α of lengths 1 to K; empty with Kneser–Ney."""
        plain = self.smoothing == "dirichlet"
        return tuple(self.mixture.settings[:, 0].tolist()) if plain else ()

    @property
    def discounts(self) -> tuple[tuple[float, ...], ...]:
        """D_1, D_2, D_{3+} of lengths 1 to K; empty with Dirichlet."""
        plain = self.smoothing == "dirichlet"
        return () if plain else tuple(map(tuple, self.mixture.settings.tolist()))

    @property
    def parameters_count(self) -> int:
        """Counts that are tabulated; what follows a context seen once is in the text instead."""
        return sum(len(level.keys) for level in self.counts.levels)

    def judge(
        self,
        tokens: Tokens,
        *,
        length: int | None = None,
        rows: int = 16,
        progress: Callable[[int], None] | None = None,
    ) -> Judged:
        """Look every token of a corpus up, EOS too, with its whole left context.

        That gives the same as windows which move on by the model's order or more.

        Args:
            tokens: documents; each is read from BOS.
            length: not needed: there are no windows.
            rows: not needed.
            progress: called once, with the number of all tokens.

        Returns:
            Log p in nats, and whether no token is strictly likelier; both `[n]`.
        """
        found = judged(self.vocabulary, self.counts, {0: self.mixture}, tokens)[0]
        if progress:
            progress(len(tokens.ids))
        return found

    def log_prob(self, tokens: Tokens) -> NDArray[np.float64]:
        """Log-probability of every token of a corpus, EOS too.

        Args:
            tokens: documents; each is read from BOS with its whole left context.

        Returns:
            One number a token of `tokens.ids`, in nats.
        """
        return self.judge(tokens)[0]

    def correct(self, tokens: Tokens) -> NDArray[np.bool_]:
        """Whether no token is strictly likelier than the one that came.

        Args:
            tokens: documents, read as in `log_prob`.

        Returns:
            One flag a token of `tokens.ids`.
        """
        return self.judge(tokens)[1]

    def probabilities(self, batch: Batch) -> Float[Tensor, "N V"]:
        """Probability of every next token at every position, in float64.

        Args:
            batch: what to read; a position sees its own segment only, padding gives 1 / V.

        Returns:
            `[N, V]`; rows sum to 1.
        """
        out = torch.empty(len(batch), self.vocabulary.size, dtype=torch.float64)
        for places, rows in self._rows(batch):
            out[places] = torch.from_numpy(rows)
        return out.to(batch.ids.device)

    def logits(self, batch: Batch) -> Float[Tensor, "N V"]:
        """Log-probabilities of every next token at every position.

        Args:
            batch: what to read; a position sees its own segment only, padding gives −log V.

        Returns:
            `[N, V]` in float32.
        """
        out = torch.empty(len(batch), self.vocabulary.size)
        for places, rows in self._rows(batch):
            out[places] = torch.from_numpy(np.log(rows, out=rows))
        return out.to(batch.ids.device)

    def _rows(self, batch: Batch) -> Iterator[tuple[slice, Reals]]:
        ids, segment = batch.ids.cpu().numpy(), batch.segment.cpu().numpy()
        check_ids(ids, self.vocabulary.size)
        opens = np.diff(segment, prepend=segment[:1] - 1) != 0
        states = trace(self.counts, ids, opens, self.order - 1)
        root = np.where(segment < 0, -1, 0).astype(np.int32)
        contexts = [root, *(np.where(root < 0, root, state) for state in states)]
        size = max(CELLS // self.vocabulary.size, 1)
        for begin in range(0, len(ids), size):
            places = slice(begin, begin + size)
            steps = walk(self.counts, [context[places] for context in contexts])
            yield places, self.mixture.everything(steps)

    def start(self, rows: int) -> Int[Tensor, "S K"]:
        """State before the first token: nothing seen at any length.

        Args:
            rows: how many texts are written side by side.

        Returns:
            −1 everywhere, one column a context length.
        """
        return torch.full((rows, self.order - 1), -1)

    def step(
        self, state: Int[Tensor, "S K"], tokens: Int[Tensor, "S T"]
    ) -> tuple[Float[Tensor, "S V"], Int[Tensor, "S K"]]:
        """Read tokens and give the log-probabilities of the next one.

        Args:
            state: what `start` or the last `step` returned.
            tokens: what was read since then; the first call starts with BOS.

        Returns:
            `[S, V]` in float32 and the new state.
        """
        ids, columns = tokens.cpu().numpy(), state.cpu().numpy().astype(np.int32)
        check_ids(ids, self.vocabulary.size)
        if not ids.shape[1]:
            raise ShapeError("NGram.step: give at least one token a row, BOS at first.")
        opens = np.zeros(ids.shape, bool)
        before = [columns[:, k : k + 1] for k in range(self.order - 1)]
        last = [s[:, -1] for s in trace(self.counts, ids, opens, self.order - 1, before)]
        steps = walk(self.counts, [np.zeros(len(ids), np.int32), *last])
        logits = np.log(self.mixture.everything(steps)).astype(np.float32)
        after = np.stack(last, axis=-1) if last else columns
        return torch.from_numpy(logits).to(tokens.device), torch.from_numpy(after.astype(np.int64))

    def at_order(self, order: int, validation: Tokens) -> "NGram":
        """The model of a lower order on the same counts, fitted anew.

        Args:
            order: tokens in the longest sequence.
            validation: text that the settings are fitted on.

        Returns:
            A model that shares this one's counts.

        Raises:
            BadSetting: an order above this model's, or below 1.
        """
        if not 1 <= order <= self.order:
            raise BadSetting(
                "NGram.at_order", [f"order must be 1 to {self.order}, and {order!r} is not."]
            )
        mixtures = fitted(self.vocabulary, self.counts, validation, [order], self.smoothing)
        return NGram(self.vocabulary, self.counts, mixtures[order])

    def save(self, folder: Path) -> None:
        """Write the model as a folder that `load` reads.

        Args:
            folder: where to; replaced as a whole.
        """
        settings = {"smoothing": self.smoothing, "settings": self.mixture.settings.tolist()}
        with whole_folder(Path(folder)) as part:
            save_file(to_arrays(self.counts), part / "model.safetensors")
            write_card(part, self.kind, self.vocabulary, settings)

    @classmethod
    def load(cls, folder: Path) -> "NGram":
        """Read what `save` wrote.

        Args:
            folder: the model's folder.

        Returns:
            An equal model.
        """
        _, vocabulary, card = read_card(folder)
        counts = from_arrays(vocabulary.size, load_file(Path(folder) / "model.safetensors"))
        settings = np.array(card["settings"], dtype=np.float64)
        return cls(vocabulary, counts, Mixture(card["smoothing"], settings, vocabulary.size))
