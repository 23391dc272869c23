"""Compressed sizes against those taken by hand."""

import bz2
import lzma
import random
import zlib

import pytest

from likely.audit.compressors import compressors
from likely.core.errors import BadInput
from likely.data.corpus import Corpus, Document

WORDS = [f"w{i * 7919 % 997}" for i in range(400)]


def text(seed, count=600):
    return " ".join(random.Random(seed).choices(WORDS, k=count))


@pytest.fixture(scope="module")
def corpora():
    train = Corpus("train", (Document("t", text(0, 4000), "a"),))
    held_out = Corpus(
        "held",
        (
            Document("x", text(1), "a"),
            Document("y", text(2) + " naïve – “ü”", "b"),
            Document("z", text(0, 4000)[500:3000], "b"),
        ),
    )
    return train, held_out


@pytest.fixture(scope="module")
def found(corpora):
    return compressors(*corpora)


def raw_xz(data):
    filters = [
        {
            "id": lzma.FILTER_LZMA2,
            "preset": 9 | lzma.PRESET_EXTREME,
            "dict_size": max(4096, len(data)),
        }
    ]
    packed = lzma.compress(data, format=lzma.FORMAT_RAW, filters=filters)
    assert lzma.decompress(packed, format=lzma.FORMAT_RAW, filters=filters) == data
    return len(packed)


def deflate(data):
    # zlib's format is deflate with 2 bytes before and 4 after.
    return len(zlib.compress(data, 9)) - 6


def test_alone_and_joined_are_the_sizes_of_each_document_and_of_each_domain(corpora, found):
    _, held_out = corpora
    x, y, z = (document.data for document in held_out)
    size = {"a": len(x), "b": len(y) + len(z)}
    by_hand = {
        "bz2": (len(bz2.compress(x, 9)), len(bz2.compress(y, 9)) + len(bz2.compress(z, 9))),
        "xz": (raw_xz(x), raw_xz(y) + raw_xz(z)),
        "bz2_joined": (len(bz2.compress(x, 9)), len(bz2.compress(y + z, 9))),
        "xz_joined": (raw_xz(x), raw_xz(y + z)),
    }
    for name, (a, b) in by_hand.items():
        assert found[name].by_domain == {"a": 8 * a / size["a"], "b": 8 * b / size["b"]}, name
        total = 8 * (a + b) / (size["a"] + size["b"])
        assert found[name].bits_per_byte == pytest.approx(total, rel=1e-12)


def test_zlib_is_counted_without_its_frame(corpora, found):
    x = corpora[1].documents[0].data
    # The memory level differs from that of zlib.compress, so sizes agree closely, not exactly.
    assert found["zlib"].by_domain["a"] == pytest.approx(8 * deflate(x) / len(x), rel=0.02)


def test_given_the_training_text_is_what_held_out_text_adds(corpora, found):
    train, held_out = corpora
    known = train.documents[0].data
    _, y, z = (document.data for document in held_out)
    more = raw_xz(known + y + z) - raw_xz(known)
    row = found["xz_given_training_text"]
    assert row.by_domain["b"] == 8 * more / len(y + z)
    # z stands in the training text word for word, so domain b costs little but y.
    assert row.by_domain["b"] < found["xz_joined"].by_domain["b"] / 1.5
    assert set(row.by_domain) == {"a", "b"}


def test_sizes_do_not_depend_on_threads(corpora, found):
    again = compressors(*corpora, threads=1)
    assert {k: v.bits_per_byte for k, v in again.items()} == {
        k: v.bits_per_byte for k, v in found.items()
    }


def test_nothing_held_out_is_an_error(corpora):
    with pytest.raises(BadInput, match="nothing to compress"):
        compressors(corpora[0], Corpus("none", ()))
