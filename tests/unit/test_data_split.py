"""The embedded corpus, its split and its card."""

import ast
import json
import random
import time

import numpy as np
import pytest

from likely.core.errors import BadInput, BadSetting
from likely.data import embedded as room
from likely.data._clusters import duplicate_clusters
from likely.data._windows import document_windows, window_hashes
from likely.data.card import data_card, repeated_bytes
from likely.data.corpus import Corpus, Document
from likely.data.embedded import embedded, without_docstrings
from likely.data.split import split


def prose(seed, words=200):
    rng = random.Random(seed)
    return " ".join("".join(rng.choices("abcdefghij", k=7)) for _ in range(words))


def made(count, **kwargs):
    return Corpus("made", tuple(Document(f"d{i:03}", prose(i), **kwargs) for i in range(count)))


@pytest.fixture(scope="module")
def whole():
    started = time.process_time()
    corpus = embedded()
    parts = split(corpus)
    card = data_card(parts)
    return corpus, parts, card, time.process_time() - started


def test_embedded_has_three_domains_of_distinct_documents(whole):
    corpus = whole[0]
    assert corpus.domains == ("code", "docstrings", "topics")
    assert len({d.id for d in corpus}) == len(corpus)
    assert corpus.bytes > 4_000_000
    assert all(corpus.where(domain).bytes > 200_000 for domain in corpus.domains)
    folders = {part for d in corpus.where("code") for part in d.id.split("/")[:-1]}
    assert not folders & {"test", "tests", "encodings", "site-packages", "idle_test"}


def test_embedded_code_is_python_without_docstrings(whole):
    for document in whole[0].where("code").documents[::40]:
        for node in ast.walk(ast.parse(document.text)):
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                assert ast.get_docstring(node) is None, document.id


def test_embedded_is_the_same_every_time(whole):
    assert embedded() == whole[0]


def test_held_out_text_does_not_leak(whole):
    for domain in whole[2].domains:
        assert domain.leak < 0.03, domain


def test_shares_are_held_in_every_domain(whole):
    for domain in whole[2].domains:
        total = sum(domain.bytes.values())
        assert 0.10 <= domain.bytes["held_out"] / total <= 0.16
        assert 0.06 <= domain.bytes["validation"] / total <= 0.12


def test_parts_make_the_corpus_and_clusters_stay_whole(whole):
    corpus, parts, _, _ = whole
    ids = [d.id for part in parts.parts.values() for d in part]
    assert sorted(ids) == sorted(d.id for d in corpus)
    homes = {}
    for name, part in parts.parts.items():
        for document in part:
            homes.setdefault(parts.clusters[document.id], set()).add(name)
    assert all(len(home) == 1 for home in homes.values())


def test_embedded_split_and_card_are_quick(whole):
    assert whole[3] < 60  # about 8 s on an idle core


def test_card_is_json_and_a_table(whole):
    card = whole[2]
    assert json.loads(json.dumps(card.to_dict()))["domains"][0]["domain"] == "code"
    rows = card.rows()
    assert [row[0] for row in rows] == ["domain", "code", "docstrings", "topics", "all"]
    assert len({len(row) for row in rows}) == 1


@pytest.mark.parametrize(
    ("source", "bare"),
    [
        ('"""M."""\nx = 1\n', "x = 1\n"),
        ('class A:\n    """Ä."""\n', "class A:\n    ...\n"),
        ('def f(): "Doc."; return 1\n', "def f(): return 1\n"),
        ('def f():\n    "Doc."  # why\n    return 1\n', "def f():\n    # why\n    return 1\n"),
        ('def f():\n    """a\n    b\n    """\n    return "é"\n', 'def f():\n    return "é"\n'),
    ],
)
def test_docstrings_are_cut_out(source, bare):
    assert without_docstrings(source) == bare
    ast.parse(bare)


def test_python_without_sources_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr(room.sysconfig, "get_paths", lambda: {"stdlib": str(tmp_path / "z.zip")})
    monkeypatch.setattr(room.os, "__file__", str(tmp_path / "z.zip" / "os.pyc"))
    with pytest.raises(BadInput, match=r"no os\.py in .*z\.zip.*: use a Python"):
        embedded()


def test_python_without_topics_is_said(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pydoc_data", None)
    monkeypatch.setitem(__import__("sys").modules, "pydoc_data.topics", None)
    with pytest.raises(BadInput, match="no help topics"):
        room._topics()


def test_planted_near_duplicates_stay_together():
    corpus = made(40)
    text = corpus.documents[3].text
    copies = (
        Document("whole copy", text),
        Document("a third of it", text[: len(text) // 3] + prose(900)),
        Document("a piece in a long text", prose(901, 3000) + text[200:500]),
        Document("short", text[100:420]),
    )
    little = Document("too little to count", prose(902) + text[600:700])
    parts = split(Corpus("grown", (*corpus.documents, *copies, little)))
    assert len({parts.clusters[d.id] for d in (corpus.documents[3], *copies)}) == 1
    assert len(set(parts.clusters.values())) == 41


def test_what_occurs_all_over_trains():
    licence = prose(7000, 30)
    free = made(60)
    bound = [Document(f"{chr(97 + i)} licensed", prose(800 + i, 900) + licence) for i in range(12)]
    parts = split(Corpus("licensed", (*free.documents, *bound)), exposure=0.02)
    assert len(set(parts.clusters.values())) == 72
    assert len(parts.held_out) > 3
    assert all(document in parts.train.documents for document in bound)


def test_short_documents_are_duplicates_where_equal():
    documents = [Document("a", "hello"), Document("b", "hello"), Document("c", "world")]
    cluster, exposed = duplicate_clusters(documents, shingle=50, share=0.05)
    assert cluster.tolist() == [0, 0, 2]
    assert not exposed.any()


def test_sampled_shingles_find_the_same_clusters():
    corpus = made(20)
    documents = (*corpus.documents, Document("copy", corpus.documents[5].text[:700] + prose(77)))
    every, _ = duplicate_clusters(documents, shingle=50, share=0.05)
    sampled, _ = duplicate_clusters(documents, shingle=50, share=0.05, budget=8000)
    assert every.tolist() == sampled.tolist()
    assert every[20] == 5


def test_a_crowd_of_copies_is_one_cluster():
    documents = [Document(f"{i}", prose(1, 20)) for i in range(300)]
    cluster, _ = duplicate_clusters(documents, shingle=50, share=0.05)
    assert not cluster.any()


def test_split_does_not_depend_on_the_order_but_on_the_seed():
    corpus = made(60)
    back = Corpus("back", corpus.documents[::-1])
    held = [
        {d.id for d in split(c, seed=s).held_out} for c, s in ((corpus, 0), (back, 0), (corpus, 1))
    ]
    assert held[0] == held[1] != held[2]


def test_giant_cluster_trains_and_small_corpora_still_split():
    giant = Document("giant", prose(5000, 5000))
    parts = split(Corpus("g", (*made(30).documents, giant)))
    assert giant in parts.train.documents
    three = split(made(3))
    assert [len(part) for part in three.parts.values()] == [1, 1, 1]
    two = split(made(2))
    assert [len(part) for part in two.parts.values()] == [1, 0, 1]


def test_one_cluster_cannot_be_split():
    with pytest.raises(BadInput, match="at least two documents"):
        split(made(1))
    with pytest.raises(BadInput, match="no documents"):
        split(Corpus("none", ()))
    with pytest.raises(BadSetting) as caught:
        split(made(3), validation=0.6, held_out=-0.5, shingle=1, share=2.0)
    assert len(caught.value.problems) == 3
    with pytest.raises(BadSetting, match="nothing is left to train on"):
        split(made(3), validation=0.6, held_out=0.5)


def test_leak_counts_exact_bytes():
    text = prose(1)
    known = Corpus("k", (Document("a", text), Document("b", prose(2))))
    other = prose(3)
    new = Corpus(
        "n",
        (
            Document("63", other[:100] + text[50:113] + other[100:]),
            Document("90", other[:100] + text[50:140] + other[100:]),
            Document("twice", text[:64] + text[300:400]),
            Document("short", text[:40]),
        ),
    )
    assert repeated_bytes(known, new).tolist() == [0, 90, 164, 0]
    assert not repeated_bytes(Corpus("none", ()), new).any()


def test_window_hashes_tell_windows_apart():
    data = np.frombuffer(prose(4, 400).encode(), np.uint8)
    for width in (1, 7, 50, 64):
        hashes = window_hashes(data, width)
        windows = [data[i : i + width].tobytes() for i in range(len(data) - width + 1)]
        assert len(hashes) == len(windows)
        assert len(set(zip(windows, hashes.tolist(), strict=True))) == len(set(windows))
        assert len(set(hashes.tolist())) == len(set(windows))
    assert len(window_hashes(data[:3], 4)) == 0


def test_no_window_crosses_two_documents():
    documents = [Document("a", "x" * 9), Document("b", "y"), Document("c", "z" * 12)]
    for block in (1, 10, 1000):
        found = list(document_windows(documents, 5, block))
        owner = np.concatenate([o for _, o in found])
        assert owner.tolist() == [0] * 5 + [2] * 8
        assert len(set(np.concatenate([h for h, _ in found]).tolist())) == 2
