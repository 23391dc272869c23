"""Markov sources: what they say of themselves against enumeration and simulation."""

from itertools import product

import numpy as np
import pytest

from likely.core.errors import BadSetting
from likely.data.tasks._markov_source import Source, random, switching
from likely.data.tasks.markov import markov

SOURCES = (
    switching(2, 1, 0.1),
    switching(2, 3, 0.8),
    switching(3, 2, 0.3),
    random(2, 2, 0.5, np.random.default_rng(1)),
    random(3, 2, 1.0, np.random.default_rng(2)),
    random(4, 1, 0.05, np.random.default_rng(3)),
)


def every_text(source, length):
    return np.array(list(product(range(source.alphabet), repeat=length)))


@pytest.mark.parametrize("source", SOURCES)
def test_probabilities_of_all_texts_sum_to_one_and_do_not_depend_on_where_they_stand(source):
    longer = every_text(source, source.order + 2)
    p = np.exp(source.log_prob(longer))
    assert p.sum() == pytest.approx(1)
    # A stationary source: what a text is worth is the same with a letter before and behind it.
    shape = (source.alphabet,) * (source.order + 2)
    inner = np.exp(source.log_prob(every_text(source, source.order + 1)))
    np.testing.assert_allclose(p.reshape(shape).sum(0).ravel(), inner, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(p.reshape(shape).sum(-1).ravel(), inner, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("source", SOURCES)
def test_the_entropy_rate_is_what_one_letter_more_costs(source):
    def entropy(length):
        log_prob = source.log_prob(every_text(source, length))
        return -(np.exp(log_prob) @ log_prob)

    k = source.order
    assert entropy(k + 2) - entropy(k + 1) == pytest.approx(source.entropy_rate)
    letters = np.zeros(source.alphabet)
    np.add.at(
        letters, every_text(source, k + 1)[:, 0], np.exp(source.log_prob(every_text(source, k + 1)))
    )
    assert source.unigram == pytest.approx(-(letters @ np.log(letters)))
    assert 0 < source.entropy_rate <= source.unigram + 1e-12 <= np.log(source.alphabet) + 1e-9


@pytest.mark.parametrize("source", SOURCES[:5])
def test_texts_have_the_law_that_log_prob_says(source):
    length = source.order + 2
    drawn = source.draw(40_000, length, np.random.default_rng(0))
    code = drawn @ source.alphabet ** np.arange(length - 1, -1, -1)
    seen = np.bincount(code, minlength=source.alphabet**length)
    want = 40_000 * np.exp(source.log_prob(every_text(source, length)))
    chi_square = ((seen - want) ** 2 / np.maximum(want, 1e-9))[want > 5].sum()
    freedom = (want > 5).sum() - 1
    assert chi_square < freedom + 5 * np.sqrt(2 * freedom)


def test_switching_by_hand():
    task = markov(documents=2, held_out=1, length=50, order=2, flip=0.2)
    assert task.known["entropy_rate"] == pytest.approx(-0.2 * np.log(0.2) - 0.8 * np.log(0.8))
    assert task.known["unigram"] == pytest.approx(np.log(2))
    for document in (*task.train, *task.held_out):
        text = document.text
        same = sum(one == two for one, two in zip(text, text[2:], strict=False))
        want = 2 * np.log(0.5) + same * np.log(0.8) + (48 - same) * np.log(0.2)
        assert document.metadata["log_prob"] == pytest.approx(want)


def test_a_certain_source_by_hand():
    table = np.array([[0.9, 0.1], [0.5, 0.5]])
    source = Source(table, 1)
    np.testing.assert_allclose(source.stationary, [5 / 6, 1 / 6])
    assert source.then(np.array([0, 1]), 1).tolist() == [1, 1]


@pytest.mark.parametrize("kind", ["switching", "random"])
def test_the_source_scores_its_texts_at_its_entropy_rate(kind):
    task = markov(documents=100, held_out=100, length=400, order=3, alphabet=3, source=kind, seed=4)
    nats = [-document.metadata["log_prob"] / 400 for document in task.held_out]
    error = np.std(nats) / np.sqrt(len(nats))
    assert abs(np.mean(nats) - task.known["entropy_rate"]) < 4 * error + 3 * np.log(3) / 400


def test_the_same_seed_gives_the_same_text_and_sizes_change_nothing_else():
    one, two = (markov(documents=5, held_out=3, seed=7) for _ in range(2))
    assert [d.text for d in one.train] == [d.text for d in two.train]
    more = markov(documents=9, held_out=3, source="random", seed=7)
    less = markov(documents=2, held_out=3, source="random", seed=7)
    assert more.known == less.known
    assert [d.text for d in more.held_out] == [d.text for d in less.held_out]
    assert [d.text for d in markov(documents=5, seed=8).train] != [d.text for d in one.train]


def test_held_out_texts_are_not_in_training_or_it_says_why():
    task = markov(documents=40, held_out=20, length=7, seed=0)
    assert not {d.text for d in task.train} & {d.text for d in task.held_out}
    with pytest.raises(BadSetting, match="nearly every text"):
        markov(documents=500, held_out=4, length=3, seed=0)


def test_impossible_sizes_are_told_together():
    with pytest.raises(BadSetting, match=r"17,576 contexts.*\n?.*") as caught:
        markov(order=3, alphabet=26, length=3)
    assert len(caught.value.problems) == 2
