r"""Prequential code: what it costs to tell a context token by token to a model that learns from it.

Whoever receives the tokens knows the model and those before, so −log₂ p bits tell each next one.
Their sum is the length of a code for the whole context, and it is the next-token loss of the
context: nothing else is to be told, not even what the model learned. What that was worth can be
told apart: at the end of the context the model knows its source, and would have needed less.

$$ \underbrace{\sum_t -\log_2 p(x_t \mid x_{<t})}_{\text{code}} =
   \underbrace{-\log_2 p(x \mid \text{model learned from } x)}_{\text{data}} +
   \underbrace{\text{the rest}}_{\text{model}} $$

The rest is the area between the curve of learning and where it ends: a source that is simple is
learned soon, and its model is short.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from annotated_types import Ge, Gt, Lt
from jaxtyping import Float
from numpy.typing import NDArray

from likely.core.errors import BadInput, ShapeError, Unsupported
from likely.core.settings import checked
from likely.data.tokens import Tokens
from likely.models.reader import Reader

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Prequential:
    """Code of contexts, token by token.

    Args:
        nats: −log p of the token at each place of each context, `[M, T]`; NaN after its end.

    Example:
        >>> code = Prequential(np.log([[2.0, 4.0, 2.0, 2.0]]))
        >>> code.bits, code.cumulative, code.curve
        (array([5.]), array([[1., 3., 4., 5.]]), array([1., 2., 1., 1.]))
        >>> code.split(last=0.5)  # it ends at one bit a token
        Split(data=array([4.]), model=array([1.]))
    """

    nats: Float[np.ndarray, "M T"]

    def __post_init__(self) -> None:
        known = ~np.isnan(self.nats)
        if not known[:, :1].all() or (known[:, 1:] & ~known[:, :-1]).any():
            raise ShapeError(
                "Prequential: NaN may stand only after the end of a context, and every context "
                "needs a token."
            )

    @property
    def tokens(self) -> NDArray[np.int64]:
        """Tokens of each context, `[M]`."""
        counts: NDArray[np.int64] = (~np.isnan(self.nats)).sum(1)
        return counts

    @property
    def bits(self) -> Array:
        """Length of the code of each context, `[M]`."""
        bits: Array = self._each.sum(1)
        return bits

    @property
    def cumulative(self) -> Array:
        """Bits of each context up to each place, that place too, `[M, T]`; NaN after its end."""
        return np.where(np.isnan(self.nats), np.nan, self._each.cumsum(1))

    @property
    def curve(self) -> Array:
        """Mean bits of the token at each place, over contexts that reach it, `[T]`."""
        mean: Array = self._each.sum(0) / (~np.isnan(self.nats)).sum(0)
        return mean

    @property
    def _each(self) -> Array:
        """Bits of each token, 0 after the end."""
        bits: Array = np.nan_to_num(self.nats, nan=0.0) / np.log(2)
        return bits

    def split(
        self, final: Array | None = None, *, last: Annotated[float, Gt(0), Lt(1)] = 0.25
    ) -> "Split":
        """Bits of the data, given the model that was learned, and bits of that model.

        Reading a context a second time is no way to ask for the data's part: a model that copies
        pays next to nothing for it, whatever it learned.

        Args:
            final: −log p of each context under the model learned from all of it, in nats, `[M]`,
                where the model can be asked (each token anew, with the last state of the model).
                None for the end of the curve: the tokens of a context times the bits a token of its
                own last part. That is exact in the mean where the curve is flat there, and the
                model's part is too short where it still falls.
            last: the last part, as a share of a context.

        Returns:
            Both parts, which sum to the code.

        Raises:
            BadSetting: a share outside (0, 1).
            ShapeError: another number of values than of contexts.
        """
        checked(Prequential.split, locals())
        if final is None:
            tokens = self.tokens
            begin = tokens - np.maximum(1, np.round(last * tokens)).astype(np.int64)
            late = np.arange(self.nats.shape[1]) >= begin[:, None]
            data = tokens * (self._each * late).sum(1) / (tokens - begin)
        elif final.shape != self.bits.shape:
            raise ShapeError(
                f"Prequential.split: {final.shape} values are given for {len(self.bits)} contexts; "
                "give one each, in nats."
            )
        else:
            data = final / np.log(2)
        return Split(data, self.bits - data)


@dataclass(frozen=True, eq=False)
class Split:
    """Two parts of a code.

    Args:
        data: bits of each context, given the model that was learned from it, `[M]`.
        model: bits of what was learned, `[M]`: the code less the data's part. It can be negative:
            the end of a curve is measured on few tokens, and a learner may get worse.
    """

    data: Array
    model: Array


def prequential(
    reader: Reader,
    tokens: Tokens,
    *,
    end: bool = True,
    rows: Annotated[int, Ge(1)] = 16,
    progress: Callable[[int], None] | None = None,
) -> Prequential:
    """Code every document by a model that reads it from its beginning.

    Args:
        reader: any model; it learns from a document only what it can keep in mind of it.
        tokens: documents, a context each.
        end: whether EOS is told too; without it the length of a context is known beforehand.
        rows: documents read at once.
        progress: called with the number of tokens scored after each batch.

    Returns:
        The code of each document, in their order.

    Raises:
        BadSetting: `rows` below 1.
        BadInput: there are no documents, or one that has nothing but its end when `end` is off.
        Unsupported: a document is longer than what the model can read at once.

    Example:
        >>> import torch
        >>> from likely.core.vocabulary import Vocabulary
        >>> from likely.data.corpus import Corpus, Document
        >>> from likely.data.tokens import encode
        >>> from likely.models.feed_forward import feed_forward
        >>> bytes_ = Vocabulary.of_bytes()
        >>> model = feed_forward(bytes_, width=2)
        >>> _ = torch.nn.init.zeros_(model.output.weight)  # all 257 ids are as likely
        >>> text = encode(Corpus("c", (Document("a", "abc"), Document("b", "a"))), bytes_)
        >>> prequential(model, text, end=False).bits.round(3)
        array([24.017,  8.006])

    References:
        Dawid, Present Position and Potential Developments: the Prequential Approach, 1984;
        Blier and Ollivier, The Description Length of Deep Learning Models, 2018. arXiv:1802.07044;
        Elmoznino et al., In-Context Learning and Occam's Razor, 2024. arXiv:2410.14086.
    """
    checked(prequential, locals())
    if not len(tokens):
        raise BadInput("prequential: there are no documents to code.")
    sizes = np.diff(tokens.offsets)
    longest = int(sizes.max())
    if reader.longest is not None and longest > reader.longest:
        raise Unsupported(
            f"prequential: a document has {longest:,} tokens with its end, and this model reads "
            f"{reader.longest:,} at once. Read in windows it would forget what it learned: cut the "
            "documents, or give a model with a longer context."
        )
    log_prob, _ = reader.judge(tokens, length=longest, rows=rows, progress=progress)
    kept = sizes if end else sizes - 1
    if not kept.all():
        name = tokens.names[int(kept.argmin())]
        raise BadInput(
            f"prequential: the document {name!r} is empty; leave it out, or give end=True."
        )
    inside = np.arange(int(kept.max())) < kept[:, None]
    place = np.minimum(tokens.offsets[:-1, None] + np.arange(inside.shape[1]), len(log_prob) - 1)
    return Prequential(np.where(inside, -log_prob[place], np.nan))
