"""What general-purpose compressors need for the same held-out bytes: a baseline nobody trained."""

import bz2
import lzma
import time
import zlib
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Annotated

from annotated_types import Ge

from likely.core.errors import BadInput
from likely.core.settings import checked
from likely.data.corpus import Corpus

_XZ = 9 | lzma.PRESET_EXTREME
_LONGEST = 1 << 30
_Size = Callable[[bytes], int]


@dataclass(frozen=True)
class Compression:
    """What one compressor needed.

    Args:
        label: what reports call it.
        what: what was measured, in a sentence.
        bits_per_byte: compressed bits for each byte of the held-out text.
        by_domain: the same for each domain alone.
        seconds: how long it took.
    """

    label: str
    what: str
    bits_per_byte: float
    by_domain: dict[str, float]
    seconds: float


def compressors(
    train: Corpus, held_out: Corpus, *, threads: Annotated[int, Ge(1)] = 2
) -> dict[str, Compression]:
    """Bits per byte of held-out text by zlib, bz2 and xz, alone and given the training text.

    Three ways to measure, from strict to generous:

    - *alone*: each document is compressed by itself, from nothing. This is hard on the compressor:
      a model has read the training text before.
    - *joined*: the held-out documents of a domain are compressed as one text, so that each can
      point back into those before it, which no model may do. Still without the training text.
    - *given the training text*: xz compresses the training text followed by all held-out documents
      of one domain; the size of the training text compressed alone is taken off. The dictionary
      holds everything, so any repeat can be pointed at. This is the one to compare a model with.
      It is generous: here too a document may point into those before it.

    Deflate and xz are counted as raw streams, without header and checksum; bz2 has no such form.
    Settings are each compressor's strongest. The total is the sum over domains.

    Args:
        train: the text that models learned from.
        held_out: the text to compress.
        threads: how many compressions run at a time; the sizes do not depend on it.

    Returns:
        Name → what it needed: `zlib`, `bz2`, `xz`, `zlib_joined`, `bz2_joined`, `xz_joined` and
        `xz_given_training_text`.

    Raises:
        BadSetting: `threads` below 1.
        BadInput: nothing is held out, or it is more than fits beside the training text.
    """
    checked(compressors, locals())
    if not held_out.bytes:
        raise BadInput("No text is held out, so there is nothing to compress: hold some out.")
    if train.bytes + held_out.bytes > _LONGEST:
        raise BadInput(
            f"xz can look back over {_LONGEST:,} bytes, and training and held-out text "
            f"are {train.bytes + held_out.bytes:,}: give a smaller sample of the training text."
        )
    texts = {d: [doc.data for doc in held_out.where(d)] for d in held_out.domains}
    joined = {domain: [b"".join(parts)] for domain, parts in texts.items()}
    known = b"".join(document.data for document in train)
    each = "each document by itself, from nothing"
    one = "the documents of a domain as one text, from nothing"
    with ThreadPoolExecutor(threads) as pool:
        found = {}
        for name, size in _SIZES.items():
            found[name] = _measure(f"{name} alone", each, texts, size, pool)
            found[f"{name}_joined"] = _measure(f"{name} joined", one, joined, size, pool)
        found["xz_given_training_text"] = _given(known, joined, pool)
    order = (*_SIZES, *(f"{name}_joined" for name in _SIZES), "xz_given_training_text")
    return {name: found[name] for name in order}


def _measure(
    label: str,
    what: str,
    texts: dict[str, list[bytes]],
    size: _Size,
    pool: ThreadPoolExecutor,
) -> Compression:
    begin = time.perf_counter()
    sizes = {domain: sum(pool.map(size, parts)) for domain, parts in texts.items()}
    return _compression(label, what, texts, sizes, begin)


def _given(known: bytes, joined: dict[str, list[bytes]], pool: ThreadPoolExecutor) -> Compression:
    begin = time.perf_counter()
    everything: Iterable[bytes] = [known, *(known + text for (text,) in joined.values())]
    alone, *together = pool.map(_xz, everything)
    sizes = {domain: size - alone for domain, size in zip(joined, together, strict=True)}
    what = "the documents of a domain as one text, after all of the training text"
    return _compression("xz given the training text", what, joined, sizes, begin)


def _compression(
    label: str,
    what: str,
    texts: dict[str, list[bytes]],
    sizes: dict[str, int],
    begin: float,
) -> Compression:
    lengths = {domain: sum(map(len, parts)) for domain, parts in texts.items()}
    return Compression(
        label=label,
        what=what,
        bits_per_byte=8 * sum(sizes.values()) / sum(lengths.values()),
        by_domain={d: 8 * sizes[d] / lengths[d] for d in sizes if lengths[d]},
        seconds=time.perf_counter() - begin,
    )


def _deflate(text: bytes) -> int:
    packer = zlib.compressobj(9, zlib.DEFLATED, -15, 9)
    return len(packer.compress(text)) + len(packer.flush())


def _bz2(text: bytes) -> int:
    return len(bz2.compress(text, 9))


def _xz(text: bytes) -> int:
    window = max(1 << 12, len(text))
    filters: Sequence[dict[str, int]] = [
        {"id": lzma.FILTER_LZMA2, "preset": _XZ, "dict_size": window}
    ]
    return len(lzma.compress(text, format=lzma.FORMAT_RAW, filters=filters))


_SIZES: dict[str, _Size] = {"zlib": _deflate, "bz2": _bz2, "xz": _xz}
