"""Equal-Info Windows: text in pieces that each fill the same number of bits."""

from array import array
from bisect import bisect_right
from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from math import log2
from typing import Annotated, SupportsInt

import numpy as np
from annotated_types import Interval

from likely.core.settings import checked
from likely.models._codes import Account, Coder, Ids, cut, joined, must_divide
from likely.models._following import behind, over_bytes
from likely.models.reader import Reader

__all__ = ["Account", "EqualInfo", "Window", "equal_info"]

BYTES = 256
SHARES = 1 << 30
"""What all bytes together get, in whole numbers; every byte gets one at least."""
AT_ONCE = 1 << 12  # contexts that are looked up together


@dataclass(frozen=True)
class Window:
    """A piece of text and its code.

    Args:
        code: a number below 2^bits.
        text: the bytes it stands for.
        information: −log2 p of these bytes, where nothing before them is known.
    """

    code: int
    text: bytes
    information: float = field(compare=False)


class EqualInfo(Coder):
    """Text as windows of equally many bits; coder and context begin anew in each.

    Args:
        model: an n-gram over bytes.
        window_bits: bits of a window.
        token_bits: bits of a token.
    """

    def __init__(self, model: Reader, window_bits: int, token_bits: int) -> None:
        super().__init__(token_bits)
        self.model, self.window_bits = over_bytes(model, "equal_info"), window_bits
        self._shares: dict[bytes, array[int]] = {}
        self._spelled: dict[int, bytes] = {}

    def windows(self, texts: Sequence[str | bytes]) -> list[list[Window]]:
        """Cut texts into windows, each as long as its code allows.

        Args:
            texts: what to cut; strings are taken as UTF-8.

        Returns:
            The windows of each text; side by side their texts are the text.
        """
        ids = self.model.vocabulary.encode_many(texts)
        runs = {n: self._cut(part.astype(np.uint8).tobytes()) for n, part in enumerate(ids)}
        out: list[list[Window]] = [[] for _ in texts]
        while runs:  # Every text goes on until it needs what is not known yet.
            asked = set()
            for n, run in tuple(runs.items()):
                try:
                    asked.add(next(run))
                except StopIteration as done:
                    out[n] = done.value
                    del runs[n]
            self._look_up(sorted(asked))
        return out

    def code(self, texts: Sequence[str | bytes]) -> list[tuple[Ids, float]]:
        """Tokens and information of several texts, which is quicker than one after the other.

        Args:
            texts: what to write; strings are taken as UTF-8.

        Returns:
            Ids without BOS and EOS, and −log2 p where each window begins with nothing known.
        """
        out = []
        for windows in self.windows(texts):
            codes = np.array([window.code for window in windows], np.uint64)
            information = sum((window.information for window in windows), 0.0)
            out.append((cut(codes, self.window_bits, self.token_bits), information))
        return out

    def decode(self, ids: Iterable[SupportsInt]) -> bytes:
        """The bytes that were encoded.

        Args:
            ids: tokens, those of every window complete; BOS and EOS are passed over.

        Returns:
            The text.

        Raises:
            BadInput: ids that are no code, or a window that is not complete.
        """
        return b"".join(map(self.spell, joined(ids, self.window_bits, self.token_bits)))

    def spell(self, code: int) -> bytes:
        """The bytes of one window: every code has some, and no two the same.

        Args:
            code: a number below 2^bits.

        Returns:
            One byte or more.
        """
        found = self._spelled.get(code)
        if found is None:
            found = self._spelled[code] = self._spell(code)
        return found

    def _cut(self, data: bytes) -> Generator[bytes, None, list[Window]]:
        """Windows of a text; yields contexts that are to be looked up before it goes on."""
        most, known, out = self.model.order - 1, self._shares, []
        begin = at = 0
        while begin < len(data):
            low, size, share = 0, 1 << self.window_bits, 1.0
            while at < len(data) and size > 1:
                context = data[max(begin, at - most) : at]
                if context not in known:
                    yield context
                shares, byte, opens = known[context], data[at], at == begin
                first = edge(size, shares[byte], byte, opens)
                last = edge(size, shares[byte + 1], byte + 1, opens)
                if first == last:
                    break
                low, size = low + first, last - first
                share *= (shares[byte + 1] - shares[byte]) / SHARES
                at += 1
            out.append(Window(low, data[begin:at], -log2(share)))
            begin = at
        return out

    def _spell(self, code: int) -> bytes:
        most, low, size, out = self.model.order - 1, 0, 1 << self.window_bits, b""
        while not out or code > low:
            context = out[max(len(out) - most, 0) :]
            if context not in self._shares:
                self._look_up([context])
            edges = partial(_edge_of, size, self._shares[context], not out)
            byte = bisect_right(range(BYTES), code - low, key=edges) - 1
            low, size = low + edges(byte), edges(byte + 1) - edges(byte)
            out += bytes([byte])
        return out

    def _look_up(self, contexts: Sequence[bytes]) -> None:
        """Where the share of each byte begins, behind bytes of the same window."""
        for begin in range(0, len(contexts), AT_ONCE):
            some = contexts[begin : begin + AT_ONCE]
            ids = [np.frombuffer(context, np.uint8).astype(np.int64) for context in some]
            sums = np.cumsum(behind(self.model, ids)[:, :BYTES], axis=1)
            edges = np.floor(sums / sums[:, -1:] * (SHARES - BYTES)).astype(np.uint32)
            edges += np.arange(1, BYTES + 1, dtype=np.uint32)
            for context, row in zip(some, edges, strict=True):
                self._shares[context] = array("I", [0, *row.tolist()])


def edge(size: int, share: int, byte: int, opens: bool) -> int:
    """How many of the codes that are left come before those of a byte.

    Args:
        size: codes that are left.
        share: of all bytes before this one, of `SHARES`.
        byte: which; 256 gives the number of codes.
        opens: whether the window is empty, so that every byte has one code at least; else the
            first code means that the window ends here.

    Returns:
        0 to `size`.
    """
    if opens:
        return byte + (size - BYTES) * share // SHARES
    return 1 + (size - 1) * share // SHARES


def _edge_of(size: int, shares: "array[int]", opens: bool, byte: int) -> int:
    return edge(size, shares[byte], byte, opens)


def equal_info(
    model: Reader,
    *,
    window_bits: Annotated[int, Interval(ge=8, le=64)] = 16,
    token_bits: Annotated[int, Interval(ge=1, le=16)] = 8,
) -> EqualInfo:
    r"""Make a codec of an n-gram: windows of text that each become exactly b bits.

    $$ R_0 = 2^b, \quad
       R_{i+1} = \lfloor (R_i - 1) F(w) \rfloor - \lfloor (R_i - 1) F(w^-) \rfloor $$
    R counts the codes that are left, and F(w⁻) and F(w) are the shares of all bytes before w and up
    to it, behind what stands in this window and nothing else. The first code of each R means "ends
    here"; a window ends where no code would be left for the next byte. All numbers are whole, every
    code stands for one text, and so decoding is exact. The first byte of a window has no end before
    it, and each byte has a code of its own there, so that any text can be written.

    Args:
        model: an n-gram over bytes; behind an empty window it is asked with the empty context.
        window_bits: b.
        token_bits: bits of a token that a second model reads; they divide `window_bits`.

    Returns:
        The codec: `encode`, `decode`, `windows`, and `read` for a whole corpus.

    Raises:
        BadSetting: bits out of range, or tokens that do not fill a window.
        Unsupported: a model that is no n-gram over bytes.

    Example:
        >>> from likely.core.vocabulary import Vocabulary
        >>> from likely.data.corpus import Corpus, Document
        >>> from likely.data.tokens import encode
        >>> from likely.models.ngram import ngram
        >>> train, held_out = (
        ...     encode(Corpus(n, (Document(n, t),)), Vocabulary.of_bytes())
        ...     for n, t in (("a", "to be or not to be " * 9), ("b", "to be to not"))
        ... )
        >>> codec = equal_info(ngram(train, held_out, order=3))
        >>> [window.text for window in codec.windows(["not to be or to be"])[0]]
        [b'not to be or to b', b'e']
        >>> codec.encode("not to be or to be").shape, codec.decode(codec.encode("naïve")).decode()
        ((4,), 'naïve')

    References:
        Lester, Lee, Alemi, Pennington, Roberts, Sohl-Dickstein and Constant 2024, *Training LLMs
        over Neurally Compressed Text*, arXiv:2404.03626 (Equal-Info Windows; there b is 16 in most
        trials); Tunstall 1967, *Synthesis of noiseless compression codes* (texts of any length,
        codes of one).
    """
    checked(equal_info, locals())
    must_divide("equal_info", token_bits, "a window", window_bits)
    return EqualInfo(model, window_bits, token_bits)
