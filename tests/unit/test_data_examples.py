"""Examples in TRL's columns: what a line means, what is wrong with it, and its tokens."""

import gzip
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from likely.core.errors import BadInput, BadSetting
from likely.core.vocabulary import Vocabulary
from likely.data.corpus import Corpus, Document
from likely.data.example import Example
from likely.data.example_files import examples_of, read_examples
from likely.data.examples import encode_examples
from likely.data.files import read
from likely.data.tokenizers._library import vocabulary_of
from likely.data.tokenizers.bpe import bpe
from likely.data.tokens import encode
from tests.unit.test_data_tokenizers import byte_level, metaspace, replaced, wordpiece, words

BYTES = Vocabulary.of_bytes()
ASKED = {"role": "user", "content": "What color is the sky?"}
BLUE, GREEN = ({"role": "assistant", "content": f"It is {c}."} for c in ("blue", "green"))
few = settings(max_examples=40, deadline=None, derandomize=True)


@pytest.fixture(scope="module")
def vocabularies():
    corpus = Corpus("c", (Document("a", "The sky is blue. The sky is green. 2 + 2 = 4\n" * 4),))
    made = {"bytes": BYTES, "bpe": bpe(corpus, size=290)}
    for make in (byte_level, metaspace, replaced, wordpiece, words):
        made[make.__name__] = vocabulary_of(make.__name__, make().to_str())
    return made


def one(row):
    return examples_of([row])[0][0]


def sides(examples):
    """Text that is read and text that is learned, of each side, as bytes spell it."""
    for m in range(len(examples.names)):
        at = slice(*examples.offsets[m : m + 2])
        ids, scored = examples.ids[at], examples.weight[at] > 0
        decode = examples.vocabulary.decode
        yield decode(ids[~scored]), decode(ids[scored])


# What TRL's page of formats shows, and what it says each becomes.
TRL = [
    ({"text": "The sky is blue."}, "", ("The sky is blue.",)),
    ({"prompt": "The sky is", "completion": " blue."}, "The sky is", (" blue.",)),
    (
        {"prompt": "The sky is", "chosen": " blue.", "rejected": " green."},
        "The sky is",
        (" blue.", " green."),
    ),
    (
        {"chosen": "The sky is blue.", "rejected": "The sky is green."},
        "The sky is",
        (" blue.", " green."),
    ),
    ({"messages": [ASKED, BLUE]}, (), ((ASKED, BLUE),)),
    ({"prompt": [ASKED], "completion": [BLUE]}, (ASKED,), ((BLUE,),)),
    ({"prompt": [ASKED], "chosen": [BLUE], "rejected": [GREEN]}, (ASKED,), ((BLUE,), (GREEN,))),
    ({"chosen": [ASKED, BLUE], "rejected": [ASKED, GREEN]}, (ASKED,), ((BLUE,), (GREEN,))),
    # Plain prompt beside whole conversations, as in UltraFeedback.
    (
        {"prompt": ASKED["content"], "chosen": [ASKED, BLUE], "rejected": [ASKED, GREEN]},
        (ASKED,),
        ((BLUE,), (GREEN,)),
    ),
]


@pytest.mark.parametrize(("row", "prompt", "answers"), TRL)
def test_columns_of_trl(row, prompt, answers):
    found = one(row)
    assert found.prompt == prompt
    assert found.answers == answers
    assert found.label is None


def test_labels_and_steps_of_trl():
    assert [
        one({"prompt": "a", "completion": "b", "label": x}).label for x in (True, False, 1, 0)
    ] == [1, 0, 1, 0]
    row = {"prompt": "Is 9 > 8?", "completions": ["9 is more.", "So no."], "labels": [True, False]}
    found = encode_examples([one(row)], BYTES)
    read_, learned = next(sides(found))
    assert (read_, learned) == ("Is 9 > 8?\n", "9 is more.\nSo no.")
    scored = found.weight > 0
    assert found.columns["label"][scored].tolist() == [1] * 11 + [0] * 7  # EOS with the last step
    assert found.columns["step"][scored].tolist() == [0] * 11 + [1] * 7
    assert (found.columns["step"][~scored] == -1).all()


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"prompt": "a"}, "there is a prompt and nothing to learn"),
        ({"prompt": "a", "completon": "b"}, "Did you mean 'completon'?"),
        ({"chosen": "a"}, "the column chosen and no column rejected"),
        ({"chosen": "a", "rejectd": "b"}, "Did you mean 'rejectd'?"),
        ({"txt": "a"}, "these columns make no example (columns here: txt)"),
        ({"prompt": "a", "completion": 3}, "column completion: this is 3"),
        ({"prompt": "a", "completion": [BLUE]}, "column completion: this is a list"),
        ({"prompt": "a", "chosen": "b", "rejected": "b"}, "a pair of equals teaches nothing"),
        ({"prompt": "a", "completion": "b", "label": "yes"}, "column label"),
        ({"messages": [{"role": "user"}]}, "column messages[0].content: this is text"),
        ({"messages": [{"role": "user", "content": [1]}]}, "messages[0].content: this is a list"),
        ({"messages": "hello"}, "plain text is called text"),
        ({"segments": [{"text": "a", "score": None}]}, "column segments[0].score"),
        ({"texts": ["a", "b"], "scores": [1]}, "there are 1 for 2 texts"),
        ({"prompt": "a", "completions": ["b"], "labels": [2]}, "column labels[0]: this is 2"),
        ({"text": "\ud800"}, "half a surrogate pair"),
    ],
)  # fmt: skip
def test_a_wrong_line_is_told_by_file_line_and_column(tmp_path, row, said):
    path = tmp_path / "x.jsonl"
    good = {"prompt": "a", "completion": "b"}
    path.write_text(json.dumps(good) + "\n\n" + json.dumps(row) + "\n")
    with pytest.raises(BadInput) as problem:
        read_examples(path)
    assert f"{path}, line 3" in str(problem.value)
    assert said in str(problem.value)
    found, skipped = read_examples(path, on_error="skip")
    assert len(found) == len(skipped) == 1
    assert said in skipped[0]


def test_parquet_and_packed_lines(tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    import pyarrow as pa

    rows = [{"prompt": [ASKED], "completion": [BLUE], "label": None}] * 2
    parquet.write_table(pa.Table.from_pylist(rows), tmp_path / "a.parquet")
    with gzip.open(tmp_path / "b.jsonl.gz", "wt") as file:
        file.write(json.dumps({"id": "mine", "prompt": "a", "completion": "b"}))
    (tmp_path / "notes.md").write_text("not an example")
    found, skipped = read_examples(tmp_path)
    assert [example.id for example in found] == ["a.parquet:1", "a.parquet:2", "mine"]
    assert found[0].answers == ((BLUE,),)
    assert "neither JSONL nor Parquet" in skipped[0]
    parquet.write_table(pa.table({"prompt": ["a"], "answer": ["b"]}), tmp_path / "c.parquet")
    with pytest.raises(BadInput, match=r"c.parquet, row 1: there is a prompt and nothing"):
        read_examples(tmp_path / "c.parquet")
    with pytest.raises(BadInput, match="neither JSONL nor Parquet"):
        read_examples(tmp_path / "notes.md")
    with pytest.raises(BadInput, match="no example in it"):
        read_examples(_empty(tmp_path))
    with pytest.raises(BadSetting, match="limit"):
        read_examples(tmp_path, limit=0)


def _empty(folder):
    (folder / "empty.jsonl").write_text("\n")
    return folder / "empty.jsonl"


@few
@given(st.text("ab cde. \n", max_size=12), st.text("ab cde. \n", min_size=1, max_size=12))
def test_prompts_are_cut_as_if_alone_and_nothing_is_lost(vocabularies, prompt, answer):
    for name, vocabulary in vocabularies.items():
        found = encode_examples([Example("x", prompt, (answer,))], vocabulary)
        scored = found.weight > 0
        # Weights are a prompt of zeros, then ones; EOS stands once, at the end, and is learned.
        assert np.array_equal(np.sort(scored), scored)
        assert found.ids[-1] == vocabulary.eos
        assert scored[-1]
        alone = vocabulary.encode(prompt)
        if name in ("bytes", "bpe", "byte_level"):
            assert found.ids[~scored].tolist() == alone.tolist()
            assert next(sides(found)) == (prompt, answer)
        whole = vocabulary.decode(vocabulary.encode(prompt + answer))
        assert vocabulary.decode(found.ids) == whole


def test_the_border_of_both_sides_of_a_pair_is_the_same(vocabularies):
    row = {"prompt": "The sky is ", "chosen": "blue.", "rejected": "green."}
    for vocabulary in vocabularies.values():
        found = encode_examples([one(row)], vocabulary)
        (begin, middle, end), scored = found.offsets, found.weight > 0
        heads = [found.ids[a:b][~scored[a:b]].tolist() for a, b in ((begin, middle), (middle, end))]
        assert heads[0] == heads[1]
        assert found.pairs.tolist() == [[0, 1]]
        assert found.names == ("row:1/chosen", "row:1/rejected")
        assert found.columns["label"].tolist() == [1.0] * middle + [0.0] * (end - middle)


def test_scores_belong_to_the_piece_a_token_ends_in(vocabularies, tmp_path):
    pieces = [("The sky is ", 0.25), ("blue", 0.5), (". The sea", 2.0)]
    row = {"segments": [{"text": text, "score": score} for text, score in pieces]}
    text = "".join(piece for piece, _ in pieces)
    for name, vocabulary in vocabularies.items():
        made = encode_examples([one(row)], vocabulary)
        scores = made.columns["segment_score"]
        assert np.array_equal(np.sort(scores), scores)  # they rise here
        assert set(scores) <= {0.25, 0.5, 2.0}
        if name in ("bytes", "bpe", "byte_level", "metaspace", "replaced"):
            ends = np.cumsum([len(vocabulary.bytes_of[i]) for i in made.ids[:-1]])
            ends -= ends[-1] - len(text)  # a space that the tokenizer put first
            expected = [0.25 if e <= 11 else 0.5 if e <= 15 else 2.0 for e in ends]
            assert scores[:-1].tolist() == expected
        # The same line as a document of a corpus has the same column.
        path = tmp_path / "c.jsonl"
        path.write_text(json.dumps(row) + "\n" + json.dumps({"texts": ["x"], "scores": [3]}))
        corpus = read(path)
        assert corpus.documents[0].text == text
        tokens = encode(corpus, vocabulary)
        assert tokens.columns["segment_score"][: len(scores)].tolist() == scores.tolist()
        assert tokens.columns["segment_score"][-1] == 3
        assert tokens.select([1]).columns["segment_score"].max() == 3


def test_scores_of_a_corpus_follow_documents_that_are_cut():
    lines = [{"text": f"Line {n} of it.\n", "score": n} for n in range(60)]
    text = "".join(one["text"] for one in lines)
    whole = Document("a", text, metadata={"segments": lines})
    for begin, end in ((0, 300), (300, 500), (500, len(text))):
        part = Document("a", text[begin:end], metadata={"segments": lines})
        both = [encode(Corpus("c", (d,)), BYTES).columns["segment_score"] for d in (whole, part)]
        assert np.array_equal(both[0][begin:end], both[1][:-1])
    other = Document("b", "nothing of the kind")
    with pytest.raises(BadInput, match="'b' has no scores"):
        encode(Corpus("c", (whole, other)), BYTES)
    with pytest.raises(BadInput, match="another text than its pieces"):
        encode(Corpus("c", (Document("a", "x" * 9, metadata={"segments": lines}),)), BYTES)


def test_steps_end_with_the_delimiter():
    row = {"prompt": "q\n", "completion": "one\n\n two\nthree\n"}
    found = encode_examples([one(row)], BYTES)
    assert found.columns["step"].tolist() == [-1] * 2 + [0] * 5 + [1] * 5 + [2] * 7
    found = encode_examples([one(row)], BYTES, delimiter="two")
    assert found.columns["step"].tolist() == [-1] * 2 + [0] * 9 + [1] * 8


def test_what_is_too_long_is_cut_or_told():
    rows = [
        {"prompt": "0123456789", "chosen": "ab", "rejected": "abcd"},
        {"prompt": "0", "chosen": "abcdefghij", "rejected": "b"},
    ]
    given_ = examples_of(rows)[0]
    found = encode_examples(given_, BYTES, length=8)
    # Both sides of a pair lose the same: the longer one had 15 tokens.
    assert list(sides(found)) == [("789", "ab"), ("789", "abcd")]
    assert [len(found.shortened), len(found.left_out), found.longest] == [1, 1, 8]
    assert (
        "row 1: 15 tokens do not fit into length=8; the first 7 of its prompt" in found.shortened[0]
    )
    assert "row 2: 12 tokens" in found.left_out[0]
    with pytest.raises(BadInput, match=r"row 1: 15 tokens do not fit .* too_long='shorten'"):
        encode_examples(given_, BYTES, length=8, too_long="raise")
    with pytest.raises(BadInput, match="every example is too long"):
        encode_examples(given_[1:], BYTES, length=8)
    with pytest.raises(BadSetting, match="length"):
        encode_examples(given_, BYTES, length=1)
    with pytest.raises(BadInput, match="row 2: this is an answer without label or scores"):
        encode_examples(examples_of([rows[0], {"text": "a"}])[0], BYTES)
    with pytest.raises(BadInput, match="there are no examples"):
        encode_examples([], BYTES)
