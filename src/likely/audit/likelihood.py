"""How likely a held-out text is: nats per token, bits per byte, perplexity, accuracy."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Annotated, Any

import numpy as np
from annotated_types import Ge, Gt, Lt
from numpy.typing import NDArray

from likely.core.settings import checked
from likely.data.tokens import Tokens
from likely.models.reader import Reader

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Likelihood:
    """What a model gives to a text, document by document.

    Args:
        nats: −Σ log p of each document's tokens, EOS too, `[M]`.
        tokens: tokens scored, `[M]`.
        bytes: UTF-8 bytes of the text, `[M]`.
        correct: tokens that no other one beat, `[M]`.
        domains: label of each document.
    """

    nats: Array
    tokens: Array
    bytes: Array
    correct: Array
    domains: tuple[str, ...]

    @property
    def nats_per_token(self) -> float:
        """Mean −log p of a token."""
        return float(self.nats.sum() / self.tokens.sum())

    @property
    def bits_per_byte(self) -> float:
        """Σ nats / (ln 2 · bytes): comparable across tokenizers and with compressors."""
        return float(self.nats.sum() / (np.log(2) * self.bytes.sum()))

    @property
    def perplexity(self) -> float:
        """Exp of the nats per token."""
        return float(np.exp(self.nats_per_token))

    @property
    def accuracy(self) -> float:
        """Share of tokens that were the likeliest."""
        return float(self.correct.sum() / self.tokens.sum())

    def interval(
        self,
        *,
        level: Annotated[float, Gt(0), Lt(1)] = 0.95,
        draws: Annotated[int, Ge(1)] = 2000,
        seed: Annotated[int, Ge(0)] = 0,
    ) -> tuple[float, float]:
        """Bootstrap interval of the bits per byte over documents.

        It says how much another held-out sample of such documents would differ, not how much
        another training run would.

        Args:
            level: share of draws inside.
            draws: resamples of the documents.
            seed: of the resamples.

        Returns:
            Lower and upper end, bits per byte.

        Raises:
            BadSetting: a level outside (0, 1), no draws, or a negative seed.
        """
        checked(Likelihood.interval, locals())
        return _bootstrap(self.nats, np.log(2) * self.bytes, level, draws, seed)

    def to_dict(self) -> dict[str, Any]:
        """What reports say: measures, `interval` and `per_domain`, as plain JSON values."""
        names = ("nats_per_token", "bits_per_byte", "perplexity", "accuracy")
        return {
            **{name: getattr(self, name) for name in names},
            "interval": list(self.interval()),
            "per_domain": {name: part.bits_per_byte for name, part in self.by_domain().items()},
        }

    def by_domain(self) -> dict[str, "Likelihood"]:
        """The same for each domain alone."""
        labels = np.array(self.domains)
        return {str(d): self.where(labels == d) for d in sorted(set(self.domains))}

    def where(self, keep: NDArray[np.bool_]) -> "Likelihood":
        """The same for some documents.

        Args:
            keep: True for those that stay, `[M]`.

        Returns:
            Their likelihood.
        """
        names = tuple(d for d, k in zip(self.domains, keep, strict=True) if k)
        parts = {f: getattr(self, f)[keep] for f in ("nats", "tokens", "bytes", "correct")}
        return replace(self, **parts, domains=names)


def difference(
    first: Likelihood, second: Likelihood, *, draws: Annotated[int, Ge(1)] = 2000
) -> tuple[float, float, float]:
    """How many bits per byte more the second model needs, document by document.

    Args:
        first: of one model.
        second: of another one on the same text.
        draws: resamples of the documents.

    Returns:
        The difference and the ends of its 95 % bootstrap interval over documents.
    """
    checked(difference, locals())
    more, size = second.nats - first.nats, np.log(2) * first.bytes
    return float(more.sum() / size.sum()), *_bootstrap(more, size, 0.95, draws, 0)


def _bootstrap(
    above: Array, below: Array, level: float, draws: int, seed: int
) -> tuple[float, float]:
    """Interval of Σ above / Σ below over documents drawn again."""
    rng, count = np.random.default_rng(seed), len(above)
    values = np.empty(draws)
    for i in range(draws):
        drawn = np.bincount(rng.integers(count, size=count), minlength=count)
        values[i] = (drawn @ above) / (drawn @ below)
    low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def from_tokens(tokens: Tokens, log_prob: Array, correct: NDArray[np.bool_]) -> Likelihood:
    """Sum token values by document.

    Args:
        tokens: the text.
        log_prob: log p of every token in order, `[n]`.
        correct: whether no token was likelier, `[n]`.

    Returns:
        The likelihood of each document.
    """
    document = np.repeat(np.arange(len(tokens.names)), np.diff(tokens.offsets))
    count = len(tokens.names)
    return Likelihood(
        nats=_sums(document, -log_prob, count),
        tokens=np.bincount(document, minlength=count).astype(np.float64),
        bytes=tokens.byte_lengths.astype(np.float64),
        correct=_sums(document, correct, count),
        domains=tokens.domains,
    )


def _sums(document: NDArray[np.int64], values: NDArray[Any], count: int) -> Array:
    """Σ values of each document, in float64."""
    sums = np.bincount(document, weights=values.astype(np.float64), minlength=count)
    return sums.astype(np.float64)


def likelihood(
    reader: Reader,
    tokens: Tokens,
    *,
    length: Annotated[int, Ge(1)] | None = None,
    rows: Annotated[int, Ge(1)] = 16,
    progress: Callable[[int], None] | None = None,
) -> Likelihood:
    """Measure a text; every token counts once, with at least half a window before it.

    Args:
        reader: any model.
        tokens: the text.
        length: positions of a window; None for the model's own `window`.
        rows: windows read at once.
        progress: called with the number of tokens scored after each batch.

    Returns:
        The likelihood of each document.

    Raises:
        BadSetting: `length` or `rows` below 1.
    """
    checked(likelihood, locals())
    found = reader.judge(tokens, length=length, rows=rows, progress=progress)
    return from_tokens(tokens, *found)
