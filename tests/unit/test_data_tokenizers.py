"""Tokenizers: nothing is lost, every id has its bytes, and what is saved is what comes back."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers
from tokenizers.trainers import BpeTrainer, UnigramTrainer, WordLevelTrainer, WordPieceTrainer

from likely.core.bind import bind
from likely.core.catalogue import catalogue, get
from likely.core.errors import BadInput, BadSetting, UnknownName, Unsupported
from likely.core.vocabulary import Vocabulary
from likely.data.corpus import Corpus, Document
from likely.data.tokenizers._library import vocabulary_of
from likely.data.tokenizers._saved import load, save
from likely.data.tokenizers.bpe import bpe
from likely.data.tokenizers.characters import characters
from likely.data.tokenizers.pretrained import pretrained
from likely.data.tokens import encode

ROOT = Path(__file__).parents[2]
TEXTS = (
    "the naïve cat sat on the mat, the 12 cats sat on 7 mats\n",
    "the cat; the mat\tthe cat\n\nEspaña 2024 2024 the <s> end",
)
CORPUS = Corpus("texts", tuple(Document(str(i), text) for i, text in enumerate(TEXTS * 5)))
BYTES = [f"<0x{byte:02X}>" for byte in range(256)]


def byte_level():
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    letters = pre_tokenizers.ByteLevel.alphabet()
    special = ["<s>", "</s>"]
    trainer = BpeTrainer(
        vocab_size=300, special_tokens=special, initial_alphabet=letters, show_progress=False
    )
    made.train_from_iterator(TEXTS, trainer)
    return made


def metaspace():
    """Unigram as SentencePiece writes it, with bytes to fall back on."""
    made = Tokenizer(models.Unigram())
    made.pre_tokenizer = pre_tokenizers.Metaspace()
    special = ["<unk>", "<s>", "</s>"]
    trainer = UnigramTrainer(
        vocab_size=60, special_tokens=special, unk_token="<unk>", show_progress=False
    )
    made.train_from_iterator(TEXTS, trainer)
    data = json.loads(made.to_str())
    data["model"]["vocab"] += [[token, -20.0] for token in BYTES]
    data["model"]["byte_fallback"] = True
    made = Tokenizer.from_str(json.dumps(data))
    made.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
    )
    return made


def replaced():
    """BPE whose spaces are ▁ by replacement alone, as in Gemma."""
    vocabulary = {token: place for place, token in enumerate([*BYTES, *"▁abcdet", "▁t", "<eos>"])}
    made = Tokenizer(models.BPE(vocab=vocabulary, merges=[("▁", "t")], byte_fallback=True))
    made.normalizer = normalizers.Replace(" ", "▁")
    made.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
    )
    made.add_special_tokens(["<eos>"])
    return made


def wordpiece():
    made = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    made.normalizer = normalizers.BertNormalizer()
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    made.decoder = decoders.WordPiece()
    special = ["[UNK]", "[CLS]", "[SEP]"]
    trainer = WordPieceTrainer(vocab_size=60, special_tokens=special, show_progress=False)
    made.train_from_iterator(TEXTS, trainer)
    return made


def words():
    made = Tokenizer(models.WordLevel(unk_token="[UNK]"))
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    made.train_from_iterator(TEXTS, WordLevelTrainer(special_tokens=["[UNK]"], show_progress=False))
    return made


THEIRS = {
    "byte_level": (byte_level, {"bos_token": "<s>", "eos_token": "</s>"}),
    "metaspace": (metaspace, {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}),
    "replaced": (replaced, {"eos_token": "<eos>"}),
    "wordpiece": (wordpiece, {"cls_token": "[CLS]", "sep_token": "[SEP]", "unk_token": "[UNK]"}),
    "words": (words, {"unk_token": "[UNK]"}),
}


def theirs(folder, kind):
    """A folder as transformers writes it."""
    from transformers import PreTrainedTokenizerFast

    make, names = THEIRS[kind]
    PreTrainedTokenizerFast(tokenizer_object=make(), **names).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """One vocabulary of each kind."""
    out = {name: bind(name, room="data.tokenizers") for name in ("bytes", "characters")}
    out["bpe"] = bind("bpe(size=300)", room="data.tokenizers")
    out = {name: bound.entry(CORPUS, **bound.settings) for name, bound in out.items()}
    for kind in THEIRS:
        folder = theirs(tmp_path_factory.mktemp(kind), kind)
        out[kind] = pretrained(CORPUS, path=str(folder))
    return out


LOSSLESS = ("bytes", "characters", "bpe", "byte_level")
ALL = (*LOSSLESS, "metaspace", "replaced", "wordpiece", "words")


def joined(vocabulary, ids):
    return b"".join(vocabulary.bytes_of[i] for i in ids)


def test_the_room_has_one_file_an_entry():
    assert set(catalogue("data.tokenizers")) == {"bytes", "characters", "bpe", "pretrained"}
    assert callable(get("data.tokenizers", "bpe"))
    with pytest.raises(UnknownName, match="Did you mean 'bpe'"):
        bind("bpee", room="data.tokenizers")
    with pytest.raises(BadSetting, match="at least 257"):
        bind("bpe(size=10)", room="data.tokenizers")


@pytest.mark.parametrize("kind", LOSSLESS)
@given(text=st.text(max_size=40))
def test_lossless_ones_give_every_text_back(made, kind, text):
    vocabulary = made[kind]
    ids = vocabulary.encode(text)
    assert vocabulary.decode(ids) == text
    assert joined(vocabulary, ids) == text.encode("utf-8")


@given(text=st.text(st.characters(exclude_characters="▁", exclude_categories=["Cs"]), max_size=30))
def test_sentencepiece_puts_a_space_before_and_loses_nothing_else(made, text):
    """Spaces apart, which Metaspace may add at the start of a text."""
    vocabulary = made["metaspace"]
    ids = vocabulary.encode(text)
    assert vocabulary.decode(ids) in (text, f" {text}")
    assert joined(vocabulary, ids).decode() == vocabulary.decode(ids)
    assert made["replaced"].decode(made["replaced"].encode(text)) == text


@pytest.mark.parametrize("kind", LOSSLESS)
@pytest.mark.parametrize("text", ["", "<s> </s> <|endoftext|> [SEP]", "\0\r\n\t", "▁ Ġ <0x41>"])
def test_names_of_special_tokens_are_text(made, kind, text):
    ids = made[kind].encode(text)
    assert made[kind].decode(ids) == text
    assert not set(ids.tolist()) & set(made[kind].special)


@pytest.mark.parametrize("kind", ALL)
def test_counts_ends_and_special_ids(made, kind):
    vocabulary = made[kind]
    tokens = encode(CORPUS, vocabulary)
    counts = np.bincount(tokens.ids, minlength=vocabulary.size)
    assert vocabulary.counts.tolist() == counts.tolist()
    assert counts[vocabulary.eos] == len(CORPUS)
    assert {vocabulary.bos, vocabulary.eos} <= vocabulary.special
    assert all(vocabulary.bytes_of[i] == b"" for i in vocabulary.special)
    assert all(vocabulary.bytes_of[i] for i in set(range(vocabulary.size)) - vocabulary.special)
    assert tokens.total_bytes == CORPUS.bytes


def test_each_family_opens_and_closes_with_its_own(made):
    def named(kind):
        found = made[kind].tokenizer
        return found.begin, found.end

    assert named("byte_level") == named("metaspace") == ("<s>", "</s>")
    assert named("wordpiece") == ("[CLS]", "[SEP]")
    assert named("replaced") == ("<eos>", "<eos>")
    assert named("words") == ("<|endoftext|>", "<|endoftext|>")
    assert made["words"].bos == made["words"].eos == made["words"].size - 1


def test_families_spell_what_they_stand_for(made):
    def pieces(kind, text):
        return [made[kind].bytes_of[i] for i in made[kind].encode(text)]

    assert b"".join(pieces("wordpiece", "The cats")) == b" the cats"
    assert pieces("words", "the cat") == [b" the", b" cat"]
    assert pieces("words", "unheard") == [b""]
    assert b"".join(pieces("metaspace", "the cat é☃")) == " the cat é☃".encode()
    assert b" the" in pieces("bpe", "on the mat")
    assert pieces("characters", "ï☃") == ["ï".encode(), b"\xe2", b"\x98", b"\x83"]


def test_numbers_have_their_value(made):
    for kind, text, value in (("bytes", "7", 7), ("words", "12", 12), ("bpe", " 2024", 2024)):
        ids = made[kind].encode(text)
        assert made[kind].number_value[ids].tolist() == [value], kind
    assert math.isnan(made["words"].number_value[made["words"].encode("cat")[0]])


@pytest.mark.parametrize("kind", ALL)
def test_saved_ones_come_back(made, kind, tmp_path):
    save(made[kind], tmp_path)
    back = load(tmp_path)
    assert back.fingerprint == made[kind].fingerprint
    assert back.counts.tolist() == made[kind].counts.tolist()
    assert back.bytes_of == made[kind].bytes_of
    for text in (*TEXTS, "☃ unseen"):
        assert back.encode(text).tolist() == made[kind].encode(text).tolist()


def test_fingerprints_differ(made):
    assert len({vocabulary.fingerprint for vocabulary in made.values()}) == len(ALL)
    other = bpe(CORPUS, size=270)
    assert other.fingerprint != made["bpe"].fingerprint
    assert bpe(CORPUS, size=300).fingerprint == made["bpe"].fingerprint
    assert made["bytes"].fingerprint == Vocabulary.of_bytes().fingerprint


def test_what_we_save_transformers_opens(made, tmp_path):
    from transformers import AutoTokenizer

    save(made["bpe"], tmp_path)
    found = AutoTokenizer.from_pretrained(tmp_path, local_files_only=True)
    assert found(TEXTS[0])["input_ids"] == made["bpe"].encode(TEXTS[0]).tolist()
    assert found.eos_token_id == made["bpe"].eos


def test_characters_that_are_rare_are_bytes():
    corpus = Corpus("c", (Document("a", "aabbc"),))
    assert characters(corpus, least=2).encode("abc").tolist() == [256, 257, 99]
    assert characters(corpus, least=1).encode("abc").tolist() == [256, 257, 258]


def test_a_lone_file_is_enough(tmp_path):
    byte_level().save(str(tmp_path / "tokenizer.json"))
    vocabulary = pretrained(CORPUS, path=str(tmp_path / "tokenizer.json"))
    assert vocabulary.decode(vocabulary.encode("naïve ☃")) == "naïve ☃"
    assert vocabulary.tokenizer.end == "</s>"


def test_an_end_that_is_an_ordinary_token_is_told_apart_from_text(tmp_path):
    made = Tokenizer(models.WordLevel({"[UNK]": 0, "stop": 1, "go": 2}, unk_token="[UNK]"))
    made.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    vocabulary = vocabulary_of("mine", made.to_str(), end="stop")
    assert (vocabulary.bos, vocabulary.eos, vocabulary.size) == (1, 1, 3)
    assert vocabulary.special == {0, 1}
    assert vocabulary.encode("go go").tolist() == [2, 2]


def test_words_that_were_added_and_truncation(tmp_path):
    base = byte_level()
    base.add_tokens([AddedToken("Ġword", normalized=False)])
    base.enable_truncation(3)
    base.enable_padding(length=9)
    base.save(str(tmp_path / "tokenizer.json"))
    vocabulary = pretrained(CORPUS, path=str(tmp_path))
    text = "one Ġword and many more words"
    assert vocabulary.decode(vocabulary.encode(text)) == text


def test_mistakes_are_one_sentence(tmp_path, made):
    (tmp_path / "tokenizer.json").write_text("{}")
    for path in (tmp_path, tmp_path / "tokenizer.json", tmp_path / "nowhere"):
        with pytest.raises(BadInput) as caught:
            pretrained(CORPUS, path=str(path))
        assert str(path) in str(caught.value)
        assert "\n" not in str(caught.value)
    with pytest.raises(BadSetting, match="path is empty"):
        pretrained(CORPUS, path="")
    with pytest.raises(BadInput, match="Byte 0"):
        made["bpe"].encode(b"\xff")
    (tmp_path / "saved").mkdir()
    save(made["bpe"], tmp_path / "saved")
    (tmp_path / "saved" / "tokenizer.json").unlink()
    with pytest.raises(BadInput, match=r"tokenizer.json: this file is missing"):
        load(tmp_path / "saved")


def test_ones_written_in_python_are_refused_and_code_is_not_run(tmp_path):
    from transformers import ByT5Tokenizer

    ByT5Tokenizer().save_pretrained(tmp_path / "python")
    with pytest.raises(Unsupported, match="written in Python only"):
        pretrained(CORPUS, path=str(tmp_path / "python"))
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "mine.py").write_text("raise SystemExit('it ran')")
    wanted = {"auto_map": {"AutoTokenizer": ["mine.Mine", None]}, "tokenizer_class": "Mine"}
    (tmp_path / "code" / "tokenizer_config.json").write_text(json.dumps(wanted))
    with pytest.raises(BadInput, match="transformers cannot load this tokenizer"):
        pretrained(CORPUS, path=str(tmp_path / "code"))


def test_half_a_surrogate_pair_is_refused_by_all(made):
    for kind in ALL:
        with pytest.raises(BadInput, match="half a surrogate pair"):
            made[kind].encode("a\ud800")


def test_every_tokenizer_has_its_page():
    pages = {path.stem for path in (ROOT / "docs" / "tokenizers").glob("*.md")}
    assert pages == set(catalogue("data.tokenizers"))


def test_cards_of_format_1_are_read():
    old = {"format": 1, "bytes_of": ["61", ""], "bos": 1, "eos": 1, "special": [1]}
    assert Vocabulary.from_dict(old).bytes_of == (b"a", b"")
    with pytest.raises(BadInput, match="install a newer likely"):
        Vocabulary.from_dict({**old, "format": 3})
