"""Which tokens are numbers, whatever the tokenizer; how often each one occurs."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

from likely.core.errors import BadInput
from likely.core.vocabulary import Vocabulary
from likely.data.corpus import Corpus, Document
from likely.data.frequencies import with_counts
from likely.data.tokenizers._library import vocabulary_of
from likely.data.tokenizers._saved import save
from likely.data.tokenizers.bpe import bpe
from likely.data.tokens import encode

SPELLED = {
    "7": 7, "42": 42, "007": 7, "3.5": 3.5, "０": 0, "４２": 42, "٣": 3, "1" * 400: None,
    "-7": None, "+7": None, "1,000": None, "1e5": None, ".5": None, "5.": None, "1.2.3": None,
    "7a": None, "²": None, "½": None, "inf": None, "nan": None, "1_000": None, "IV": None,
}  # fmt: skip
WORDS = list(SPELLED)


def byte_level():
    """Byte-level BPE: Ġ is a space, and letters of other scripts are spelled in bytes."""
    letter = dict(zip(range(256), _letters(), strict=True))
    write = lambda text: "".join(letter[b] for b in text.encode())  # noqa: E731
    tokens = [*letter.values(), *(write(w) for w in WORDS), *(write(" " + w) for w in WORDS)]
    vocabulary = {token: n for n, token in enumerate(dict.fromkeys(tokens))}
    made = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    return made, write, "Ġ"


def _letters():
    from likely.data.tokenizers._spelling import _ALPHABET

    return [letter for letter, _ in sorted(_ALPHABET.items(), key=lambda item: item[1])]


def metaspace():
    """Unigram as SentencePiece writes it: ▁ is a space."""
    tokens = ["<unk>", *WORDS, *("▁" + w for w in WORDS)]
    made = Tokenizer(models.Unigram([(token, -1.0) for token in tokens], 0))
    made.pre_tokenizer = pre_tokenizers.Metaspace()
    made.decoder = decoders.Metaspace()
    return made, str, "▁"


def wordpiece():
    """Words begin bare and go on with ##."""
    tokens = ["[UNK]", *WORDS, *("##" + w for w in WORDS)]
    model = models.WordPiece({token: n for n, token in enumerate(tokens)}, unk_token="[UNK]")
    made = Tokenizer(model)
    made.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    made.decoder = decoders.WordPiece()
    return made, str, "##"


@pytest.mark.parametrize("make", [byte_level, metaspace, wordpiece])
def test_tokens_that_spell_a_number_have_its_value(make):
    made, write, mark = make()
    vocabulary = vocabulary_of(make.__name__, made.to_str())
    values = vocabulary.number_value
    for word, value in SPELLED.items():
        for token in (write(word), mark + write(word)):
            found = values[made.token_to_id(token)]
            assert math.isnan(found) if value is None else found == value, token
    assert math.isnan(values[vocabulary.eos])
    assert vocabulary.number_value is values  # computed once
    assert not values.flags.writeable
    if make is byte_level:  # alone a byte of a longer letter is nothing
        byte = write("４")[0]
        assert math.isnan(values[made.token_to_id(byte)])


def test_numbers_of_a_trained_tokenizer():
    text = "in 2024 there were 17 cats and 2024 dogs; 17 of 2024 " * 9
    vocabulary = bpe(Corpus("c", (Document("a", text),)), size=320)
    values = vocabulary.number_value
    known = {vocabulary.bytes_of[i]: values[i] for i in np.flatnonzero(np.isfinite(values))}
    assert known[b" 2024"] == 2024
    assert known[b" 17"] == 17
    assert all(known[str(digit).encode()] == digit for digit in range(10))
    assert all(key.strip().isdigit() for key in known)
    again = Vocabulary.from_dict(json.loads(json.dumps(vocabulary.to_dict())))
    assert np.array_equal(again.number_value, values, equal_nan=True)


def test_counts_come_from_text_tokens_or_a_saved_vocabulary(tmp_path):
    corpus = Corpus("c", (Document("a", "to be or not"), Document("b", "to be")))
    made = bpe(corpus, size=262)
    bare = replace(made, counts=None)
    expected = np.zeros(made.size, np.int64)
    for document in corpus:
        for token in bare.encode(document.text):
            expected[token] += 1
        expected[made.eos] += 1
    save(made, tmp_path)
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "tokenizer").mkdir()
    save(made, tmp_path / "run" / "tokenizer")
    for source in (corpus, encode(corpus, bare), tmp_path, str(tmp_path / "run")):
        assert with_counts(bare, source).counts.tolist() == expected.tolist()
    save(bare, tmp_path)
    with pytest.raises(BadInput, match="nobody has counted this vocabulary"):
        with_counts(bare, tmp_path)
    with pytest.raises(BadInput, match="the tokens belong to another tokenizer"):
        with_counts(Vocabulary.of_bytes(), encode(corpus, bare))
    with pytest.raises(BadInput, match="cannot be read"):
        with_counts(bare, tmp_path / "nowhere")
    with pytest.raises(BadInput, match="no documents to count"):
        with_counts(bare, Corpus("c", ()))
