"""Metrics against independent definitions, published numbers and simulations."""

import itertools
import logging
import math
import os
import re
import subprocess
import sys
from collections import Counter

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import beta

from likely.audit.features import features
from likely.audit.metrics import bleu as bleu_file
from likely.audit.metrics import chrf as chrf_file
from likely.audit.metrics._quiet import without
from likely.audit.metrics.auc import auc
from likely.audit.metrics.bleu import bleu
from likely.audit.metrics.bm25 import bm25
from likely.audit.metrics.chrf import chrf
from likely.audit.metrics.distinct_n import distinct_n
from likely.audit.metrics.exact_match import exact_match
from likely.audit.metrics.expected_calibration_error import (
    expected_calibration_error,
    reliability,
)
from likely.audit.metrics.f1 import f1
from likely.audit.metrics.macro_f1 import by_class, macro_f1
from likely.audit.metrics.mauve import mauve
from likely.audit.metrics.pass_at_k import pass_at_k
from likely.audit.metrics.rep_n import rep_n
from likely.audit.metrics.rouge import rouge
from likely.audit.metrics.self_bleu import self_bleu
from likely.audit.metrics.tpr_at_fpr import tpr_at_fpr
from likely.audit.metrics.type_token_ratio import type_token_ratio
from likely.core.batch import Batch
from likely.core.errors import BadInput, BadSetting, ShapeError, Unsupported
from likely.core.vocabulary import Vocabulary
from likely.models.feed_forward import feed_forward
from likely.models.transformer import transformer

COUNTS = st.lists(st.integers(0, 4), min_size=1, max_size=8)
LETTERS = st.lists(st.sampled_from("abc"), max_size=12).map(" ".join)


# Answers.


def test_answers_of_squad():
    # SQuAD's form drops articles, punctuation, capitals; "a" within a word stays.
    texts = ["The Eiffel-Tower", "an  apple", "banana", ""]
    wanted = [["eiffeltower"], ["the apple"], ["bann"], ["the"]]
    assert exact_match(texts, wanted, normalized=True).tolist() == [1, 1, 0, 1]
    assert exact_match(texts, wanted).tolist() == [0, 0, 0, 0]
    # 2 of 3 words are wanted and 2 of 2 were found: 2·2 / (3 + 2); nothing against something is 0.
    assert f1(["red blue red", ""], ["red red", "word"]).tolist() == [0.8, 0.0]
    assert f1(["The"], ["the"], normalized=False).tolist() == [0.0]


@given(text=LETTERS, other=LETTERS)
def test_f1_is_symmetric_and_one_reference_more_never_hurts(text, other):
    alone = f1([text], [other], normalized=False)
    assert alone == f1([other], [text], normalized=False)
    assert f1([text], [[other, "a b"]], normalized=False) >= alone
    precision_recall = [
        sum(one.split().count(w) > i for w in set("abc") for i in range(two.split().count(w)))
        / max(1, len(one.split()))
        for one, two in ((text, other), (other, text))
    ]
    p, r = precision_recall
    if text and other:
        assert alone[0] == pytest.approx(2 * p * r / (p + r) if p + r else 0.0)


@given(cases=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1))
def test_macro_f1_against_a_library(cases):
    library = pytest.importorskip("sklearn.metrics", reason='pip install "likely[mauve]"')
    said, so = zip(*cases, strict=True)
    expected = library.f1_score(so, said, average="macro", zero_division=0.0)
    assert macro_f1(said, so) == pytest.approx(expected)
    for kind, one in by_class(said, so).items():
        hits = sum(a == b == kind for a, b in cases)
        assert one.count == so.count(kind)
        assert one.recall * so.count(kind) == pytest.approx(hits)
        assert one.precision * said.count(kind) == pytest.approx(hits)


@pytest.mark.parametrize(("n", "c"), [(n, c) for n in range(1, 7) for c in range(n + 1)])
def test_pass_at_k_counts_subsets(n, c):
    tries = [1] * c + [0] * (n - c)
    for k in range(1, n + 1):
        subsets = list(itertools.combinations(tries, k))
        share = sum(any(one) for one in subsets) / len(subsets)
        assert pass_at_k([n], [c], k=k)[0] == pytest.approx(share, abs=1e-12)


def test_pass_at_k_is_stable_and_refuses_what_cannot_be():
    assert pass_at_k([100_000], [1], k=1000)[0] == pytest.approx(0.01, abs=1e-12)
    assert pass_at_k([200], [13], k=100)[0] == pytest.approx(
        1 - math.comb(187, 100) / math.comb(200, 100), rel=1e-12
    )
    with pytest.raises(BadSetting, match=r"k=3 should be at most the fewest samples.* 2\."):
        pass_at_k([2, 5], [1, 1], k=3)
    with pytest.raises(BadInput, match="3 correct of 2 samples"):
        pass_at_k([2], [3])
    with pytest.raises(BadInput, match=r"correct\[0\] is 0.5"):
        pass_at_k([2], [0.5])


# Repetition and variety.


def test_repetition_by_hand():
    # "a b a b a": bigrams ab ba ab ba, 2 of 4 are new; trigrams aba bab aba, 2 of 3 are new.
    assert rep_n(["a b a b a"], n=2)[0] == 0.5
    assert rep_n(["a b a b a"], n=3)[0] == pytest.approx(1 / 3)
    assert rep_n([[5] * 10], n=1)[0] == pytest.approx(0.9)
    assert rep_n(["a b", ""], n=3).tolist() == [0, 0]
    # No bigram "b a" across the two texts: ab, ac are 2 of 4 words.
    assert distinct_n(["a b", "a c"], n=2) == 0.5
    assert type_token_ratio(["a b a c", "a a a b"], first=3).tolist() == [2 / 3, 1 / 3]
    assert type_token_ratio([""]).tolist() == [0]
    with pytest.raises(BadInput, match="no words"):
        distinct_n(["", " "])


@given(text=LETTERS.filter(bool))
def test_one_text_alone_has_the_same_ratio_thrice(text):
    ratio = type_token_ratio([text])[0]
    assert distinct_n([text], n=1) == pytest.approx(ratio)
    assert 1 - rep_n([text], n=1)[0] == pytest.approx(ratio)
    assert type_token_ratio([f"{text} {text}"])[0] == pytest.approx(ratio / 2)


def test_self_bleu_is_the_bleu_against_all_others():
    texts = ["a cat sat down there", "a cat sat on a mat", "the dog sat down there", "a b"]
    found = self_bleu(texts)
    for at, text in enumerate(texts[:3]):
        others = [other for other in texts if other != text]
        assert found[at] == pytest.approx(bleu([text], [others]) / 100)
    assert self_bleu(["x y", "x y"])[0] == 1  # shorter than an n-gram of four
    with pytest.raises(BadInput, match="no others"):
        self_bleu(["alone"])


# Texts against references.


def plain_bleu(texts, references, order=4):
    """BLEU of words as its paper has it, for texts in which every order has a match."""
    hits, tries, length, near = Counter(), Counter(), 0, 0
    for text, several in zip(texts, references, strict=True):
        words = text.split()
        length += len(words)
        near += min((abs(len(r.split()) - len(words)), len(r.split())) for r in several)[1]
        for n in range(1, order + 1):
            grams = Counter(zip(*(words[i:] for i in range(n)), strict=False))
            most = Counter()
            for r in several:
                most |= Counter(zip(*(r.split()[i:] for i in range(n)), strict=False))
            hits[n] += (grams & most).total()
            tries[n] += grams.total()
    precision = math.exp(sum(math.log(hits[n] / tries[n]) for n in hits) / order)
    return 100 * min(1, math.exp(1 - near / length)) * precision


def test_bleu_by_its_definition():
    texts = ["the cat sat on the mat today", "there is a small cat on the mat", "it was so"]
    wanted = [
        ["the cat sat on the mat yesterday", "a cat sat on a mat"],
        ["there is a cat on the mat"],
        ["it was so", "so it was", "so"],
    ]
    assert bleu(texts, wanted, tokenize="none") == pytest.approx(plain_bleu(texts, wanted))
    short = [text.rpartition(" ")[0] for text in texts]
    assert bleu(short, wanted, order=2) == pytest.approx(plain_bleu(short, wanted, 2))
    assert "nrefs:var" in bleu_file.signature(texts, wanted)
    assert "tok:char" in bleu_file.signature(texts, wanted, tokenize="char")


def test_chrf_by_its_definition():
    text, wanted = "the cat sat on the mat", "the cat lay on the mat"
    shares = []
    for n in range(1, 7):
        one, other = (
            Counter(x[i : i + n] for i in range(len(x) - n + 1))
            for x in (text.replace(" ", ""), wanted.replace(" ", ""))
        )
        hits = (one & other).total()
        shares.append((hits / one.total(), hits / other.total()))
    p, r = np.mean(shares, axis=0)
    assert chrf([text], [wanted]) == pytest.approx(100 * 5 * p * r / (4 * p + r))
    assert chrf([text], [wanted], words=2) != chrf([text], [wanted])
    assert "nw:2" in chrf_file.signature([text], [wanted], words=2)


def test_rouge_of_its_paper():
    # Lin 2004, section 3.1: ROUGE-L of S2 is 3/4 and of S3 1/2 with S1 as reference; ROUGE-2 of
    # both is one pair of three.
    first = ["police killed the gunman"] * 2
    texts = ["police kill the gunman", "the gunman kill police"]
    assert rouge(texts, first).tolist() == [0.75, 0.5]
    assert rouge(texts, first, kind="rouge2").tolist() == pytest.approx([1 / 3, 1 / 3])
    assert rouge(texts[:1], first[:1], stem=True).tolist() == [1.0]
    assert rouge(["other"], [["words", "other"]]).tolist() == [1.0]
    assert rouge(["Привет"], ["Привет"]).tolist() == [0.0]  # as its docstring warns


def test_bm25_by_its_formula():
    documents = ["a cat sat", "a dog ran off and a dog sat", "the cat and the cat", "", "a a"]
    queries = ["cat dog", "a", "the CAT!", "unseen", ""]
    words = [document.split() for document in documents]
    mean = sum(map(len, words)) / len(words)
    for k1, b in ((1.5, 0.75), (0.9, 0.0), (2.0, 1.0)):
        found = bm25(queries, documents, k1=k1, b=b)
        for q, query in enumerate(queries):
            for m, document in enumerate(words):
                expected = 0.0
                for word in re.findall(r"\w+", query.lower()):
                    has = sum(word in other for other in words)
                    idf = math.log(1 + (len(words) - has + 0.5) / (has + 0.5))
                    count = document.count(word)
                    norm = k1 * (1 - b + b * len(document) / mean)
                    expected += idf * count / (count + norm) if count else 0.0
                assert found[q, m] == pytest.approx(expected, abs=1e-9)


# Calibration.


def test_calibration_by_hand():
    # Bins of 0 … 1 in two: {.2, .5} with frequency 1/2 and mean .35, {.6, 1} with 1 and .8.
    p, y = [0.2, 0.5, 0.6, 1.0], [0, 1, 1, 1]
    assert expected_calibration_error(p, y, bins=2) == pytest.approx((0.15 + 0.2) / 2)
    found = reliability(p, y, bins=2)
    assert found.count.tolist() == [2, 2]
    assert (found.low.tolist(), found.high.tolist()) == ([0, 0.5], [0.5, 1])
    assert expected_calibration_error(p, y, bins=1) == pytest.approx(0.75 - 0.575)


@given(
    p=st.lists(st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.9, 1.0]), min_size=1, max_size=40),
    bins=st.integers(1, 20),
    binning=st.sampled_from(["width", "mass"]),
)
def test_bins_hold_every_case_once_and_equal_ones_together(p, bins, binning):
    y = [value > 0.3 for value in p]
    found = reliability(p, y, bins=bins, binning=binning)
    assert found.count.sum() == len(p)
    assert len(found.count) <= bins
    assert found.frequency @ found.count == pytest.approx(sum(y))
    assert found.probability @ found.count == pytest.approx(sum(p))
    for at, (low, high) in enumerate(zip(found.low, found.high, strict=True)):
        inside = sum(low < value <= high or (value == 0 and not at) for value in p)
        assert inside == found.count[at]
    coarse = abs(np.mean(y) - np.mean(p))
    fine = expected_calibration_error(p, y, bins=bins, binning=binning)
    assert fine >= coarse - 1e-12  # a mean of distances is no less than the distance of means


def test_bins_of_equal_mass():
    rng = np.random.default_rng(0)
    p = rng.beta(1, 30, size=1000)
    found = reliability(p, rng.random(1000) < p, bins=10, binning="mass")
    assert found.count.tolist() == [100] * 10
    assert reliability(p, rng.random(1000) < p, bins=10).count.max() > 900
    assert expected_calibration_error(p, rng.random(1000) < p, binning="mass") < 0.03
    assert expected_calibration_error(p, rng.random(1000) < 5 * p, binning="mass") > 0.05
    with pytest.raises(BadInput, match=r"probabilities\[1\] is 1.5"):
        reliability([0.5, 1.5], [0, 1])


# Detectors.


@given(high=COUNTS, low=COUNTS)
def test_auc_counts_pairs(high, low):
    labels = [1] * len(high) + [0] * len(low)
    found = auc([*high, *low], labels)
    pairs = [(x > y) + 0.5 * (x == y) for x in high for y in low]
    assert found.value == pytest.approx(np.mean(pairs))
    flipped = auc([-x for x in (*high, *low)], labels)
    assert flipped.value == pytest.approx(1 - found.value)
    assert (flipped.low, flipped.high) == pytest.approx((1 - found.high, 1 - found.low), abs=1e-9)
    assert auc([math.exp(x) for x in (*high, *low)], labels) == found
    assert auc([*high, *low], labels, level=0.5).width < found.width


@given(high=COUNTS, low=COUNTS)
def test_the_variance_of_delong_by_its_definition(high, low):
    wins = np.array([[(x > y) + 0.5 * (x == y) for y in low] for x in high])
    area, m, n = wins.mean(), *wins.shape
    if min(m, n) < 2:
        return
    variance = wins.mean(1).var(ddof=1) / m + wins.mean(0).var(ddof=1) / n
    if variance < 1e-12:
        return
    found = auc([*high, *low], [1] * m + [0] * n)
    half = 1.959964 * math.sqrt(variance) / (area * (1 - area))
    for end, sign in ((found.low, -1), (found.high, 1)):
        assert math.log(end / (1 - end)) == pytest.approx(
            math.log(area / (1 - area)) + sign * half, rel=1e-5, abs=1e-6
        )


@given(m=st.integers(1, 30), n=st.integers(1, 30))
def test_a_perfect_auc_has_no_empty_interval(m, n):
    found = auc([1] * m + [0] * n, [1] * m + [0] * n)
    assert found.value == found.high == 1
    assert 0 < found.low < 1
    # The end solves the equation with the variance of Hanley and McNeil at it, m and n averaged.
    t, many = found.low, (m + n) / 2 - 1
    q1, q2 = t / (2 - t), 2 * t * t / (1 + t)
    variance = (t * (1 - t) + many * (q1 - t * t) + many * (q2 - t * t)) / (m * n)
    assert 1 - t == pytest.approx(1.959964 * math.sqrt(variance), rel=1e-4)
    tied = auc([0] * (m + n), [1] * m + [0] * n)
    assert tied.low < tied.value == 0.5 < tied.high


@pytest.mark.parametrize(("shift", "m", "n"), [(1.2, 25, 25), (2.3, 20, 20), (0.0, 15, 40)])
@pytest.mark.parametrize("interval", ["delong", "newcombe"])
def test_intervals_of_the_auc_hold_their_level(shift, m, n, interval):
    truth = 0.5 * (1 + math.erf(shift / 2))  # P(N(shift, 1) > N(0, 1))
    rng, inside, draws = np.random.default_rng(1), 0, 120 if interval == "newcombe" else 300
    labels = [1] * m + [0] * n
    for _ in range(draws):
        scores = np.concatenate([rng.normal(shift, 1, m), rng.normal(0, 1, n)])
        found = auc(scores, labels, interval=interval)
        inside += found.low <= truth <= found.high
    assert 0.9 <= inside / draws <= 0.995


def test_tpr_at_fpr_by_trying_every_threshold():
    rng = np.random.default_rng(0)
    for trial in range(40):
        scores = rng.integers(0, 12, size=60) + 2.0 * (labels := np.arange(60) % 2)
        fpr = (0.0, 1 / 30, 0.1, 0.5, 1.0)[trial % 5]
        found = tpr_at_fpr(scores, labels, fpr=fpr)
        high, low = scores[labels == 1], scores[labels == 0]
        thresholds = [-np.inf, *scores]
        best = max((high > t).mean() for t in thresholds if (low > t).mean() <= fpr + 1e-12)
        assert found.value == pytest.approx(best)
        k = round(best * 30)
        assert found.low == pytest.approx(beta.ppf(0.025, k, 31 - k) if k else 0)
        assert found.high == pytest.approx(beta.ppf(0.975, k + 1, 30 - k) if k < 30 else 1)


def test_a_rate_that_cannot_be_measured_is_refused():
    with pytest.raises(BadInput, match="give at least 1000, or ask for fpr=0"):
        tpr_at_fpr(np.arange(20), np.arange(20) % 2, fpr=0.001)
    assert tpr_at_fpr([1, 2, 3], [0, 0, 1], fpr=0.0).value == 1


# MAUVE and features.


def test_mauve_sees_what_is_near_and_what_is_far():
    rng = np.random.default_rng(0)
    one, other = rng.normal(size=(200, 8)), rng.normal(size=(200, 8))
    for same in (one, one[:2]):
        assert mauve(same, same) == pytest.approx(1, abs=1e-9)
    near, shifted, far = mauve(one, other), mauve(one, other + 0.5), mauve(one, other + 6)
    assert near > 0.9
    assert near > shifted > far
    assert far < 0.05
    assert mauve(one, other) == near
    assert mauve(one, other, seed=1) != near
    assert mauve(one, other + 0.5, scale=1.0) > shifted


def test_mauve_of_clusters_that_are_known():
    # Two clusters far apart: all of p is in one of them and half of q. With r = w p + (1 − w) q
    # the histograms are (1, 0) and (1/2, 1/2), and the area follows by the trapezoid rule.
    p = np.array([[1.0, 0.0]] * 40)
    q = np.array([[1.0, 0.0], [0.0, 1.0]] * 20)
    points = [(0.0, 1.0)]
    for w in np.linspace(1e-6, 1 - 1e-6, 25):
        r = w * np.array([1, 0]) + (1 - w) * np.array([0.5, 0.5])
        points.append((math.exp(-5 * 0.5 * (math.log(0.5 / r[0]) + math.log(0.5 / r[1]))),
                       math.exp(-5 * math.log(1 / r[0]))))  # fmt: skip
    points.append((1.0, 0.0))
    area = [abs(np.trapezoid(*axes)) for axes in _curve(np.array(points))]
    assert mauve(q, p, buckets=2) == pytest.approx(np.mean(area), abs=1e-6)


def _curve(points):
    x, y = points.T
    along = sorted(zip(x, y, strict=True)), sorted(zip(y, x, strict=True))
    return [([b for _, b in one], [a for a, _ in one]) for one in along]


def test_mauve_refuses_what_it_cannot_compare():
    rows = np.eye(4)
    with pytest.raises(ShapeError, match="4 wide and reference_features 3"):
        mauve(rows, rows[:, :3])
    with pytest.raises(ShapeError, match="one row of numbers a text"):
        mauve(rows[0], rows)
    with pytest.raises(BadInput, match="all features are the same"):
        mauve(rows[:1], rows[:1])
    with pytest.raises(BadSetting, match="buckets=9 should be at most the number of texts, 8"):
        mauve(rows, rows, buckets=9)


def test_mauve_is_silent_and_leaves_the_generators_alone(capfd):
    before = torch.random.get_rng_state(), np.random.get_state()[1].copy()
    mauve(np.eye(12), np.eye(12))
    assert capfd.readouterr() == ("", "")
    assert torch.equal(torch.random.get_rng_state(), before[0])
    assert np.array_equal(np.random.get_state()[1], before[1])


def test_only_the_known_line_is_left_out(capfd):
    with without(b"WARNING clustering "):
        os.write(2, b"WARNING clustering 4 points\nsomething else\n")
    os.write(2, b"after\n")
    assert capfd.readouterr().err == "something else\nafter\n"


SMALL = {feed_forward: {"width": 8}, transformer: {"width": 8, "layers": 1, "heads": 1}}


@pytest.mark.parametrize("kind", SMALL)
def test_a_feature_is_the_state_after_the_last_token(kind):
    torch.manual_seed(0)
    reader = kind(Vocabulary.of_bytes(), **SMALL[kind])
    texts = ["one", "", "a longer text", "ø"]
    found = features(reader, texts)
    assert found.shape == (4, 8)
    for text, feature in zip(texts, found, strict=True):
        ids = torch.tensor([[256, *text.encode()]])
        alone = reader.hidden(Batch.of(ids, torch.zeros_like(ids)))[0][-1]
        np.testing.assert_allclose(feature, alone.detach().numpy(), atol=1e-5)
    np.testing.assert_allclose(features(reader, texts, rows=1), found, atol=1e-5)
    cut = features(reader, ["one and more"], length=4)  # BOS and three letters
    np.testing.assert_allclose(cut[0], found[0], atol=1e-5)
    with pytest.raises(BadInput, match="no texts"):
        features(reader, [])


def test_a_model_that_counts_has_no_features():
    from likely.data.corpus import Corpus, Document
    from likely.data.tokens import encode
    from likely.models.ngram import ngram

    tokens = encode(Corpus("c", (Document("a", "some text"),)), Vocabulary.of_bytes())
    with pytest.raises(Unsupported, match="no hidden states"):
        features(ngram(tokens, tokens, order=2), ["text"])


# Manners.


def test_libraries_are_imported_when_used_and_leave_logging_alone():
    code = """
import logging, sys
from likely.core.catalogue import catalogue, get
from likely.audit.metrics.rouge import rouge
for name in catalogue("audit.metrics"):
    get("audit.metrics", name)
heavy = {"sacrebleu", "rouge_score", "bm25s", "mauve", "faiss", "sklearn", "nltk", "transformers"}
print(sorted(heavy & set(sys.modules)))
rouge(["a"], ["a"])
print(logging.root.handlers, "rouge_score" in sys.modules)
"""
    found = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True
    )
    assert (found.stdout, found.stderr) == ("[]\n[] True\n", "")


def test_bm25_logs_nothing_for_its_authors(caplog):
    with caplog.at_level(logging.DEBUG):
        bm25(["a"], ["a b"])
    assert not caplog.records
