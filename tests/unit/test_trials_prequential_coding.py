"""What three learners make of contexts: their targets, their measures, and what theory says."""

from math import log

import numpy as np
import pytest
import torch

from likely.audit.prequential import prequential
from likely.core.errors import BadSetting
from likely.data.corpus import Corpus, Document
from likely.data.tasks.rules_in_context import rules_in_context
from likely.data.tokens import Tokens
from likely.train.trials import prequential_coding as trial
from likely.train.trials._per_token import train_per_token
from likely.train.trials.prequential_coding import prequential_coding

SMALL = {"steps": 2, "width": 8, "updates": 1, "length": 16, "held_out": 6}


@pytest.fixture(scope="module")
def contexts():
    return trial._contexts(7, 2, 16, 6)


def asked(contexts, ask, seed=0):
    """Ids, targets and weights, a context a row."""
    rng = np.random.default_rng(seed)
    batch = trial._batch(contexts.examples, ask, rng, trial._vocabulary().bos)
    return [part.view(batch.rows, -1).numpy() for part in (batch.ids, batch.target, batch.weight)]


def test_one_learner_is_asked_for_what_comes_and_the_other_for_what_it_read(contexts):
    ids, target, weight = asked(contexts, trial._next)
    np.testing.assert_array_equal(ids[:, 1:], contexts.examples)
    np.testing.assert_array_equal(target[:, :-1], contexts.examples)
    assert weight[:, :-1].all()
    assert not weight[:, -1].any()

    same, past, there = asked(contexts, trial._past)
    np.testing.assert_array_equal(same, ids)
    assert there.sum() == weight.sum()
    assert not there[:, 0].any()
    for row in range(len(ids)):
        for place in range(1, ids.shape[1]):
            assert past[row, place] in ids[row, 1 : place + 1]
    np.testing.assert_array_equal(past[:, 1], ids[:, 1])
    # Every example read is asked for as often as another one.
    which, _ = trial._past(np.full((2000, 1), 4), np.random.default_rng(1))
    np.testing.assert_allclose(np.bincount(which[:, 0]) / 2000, 0.25, atol=0.04)


def test_the_code_of_the_labels_is_that_of_the_reader_less_the_inputs(contexts):
    model = trial._trained(contexts.train, trial._next, 7, 3e-3, 2, 8)
    after = trial._after(model, contexts)
    vocabulary, many = trial._vocabulary(), len(contexts.examples)
    ids = np.pad(contexts.examples, ((0, 0), (0, 1)), constant_values=vocabulary.eos)
    offsets = np.arange(many + 1) * ids.shape[1]
    names = tuple(map(str, range(many)))
    sizes = np.full(many, 32)
    tokens = Tokens(ids.ravel().astype(np.int32), offsets, names, names, sizes, vocabulary)
    whole = prequential(model, tokens, end=False).bits
    rng = np.random.default_rng(0)
    with torch.no_grad():
        batch = trial._batch(contexts.examples, trial._next, rng, vocabulary.bos)
        every = (
            model.logits(batch).double().log_softmax(-1)[:, :-1].view(many, -1, 2**trial.BITS, 2)
        )
    row, place = np.ogrid[:many, :16]
    inputs = -every.logsumexp(-1).numpy()[row, place, contexts.inputs].sum(1) / log(2)
    np.testing.assert_allclose(np.exp(after).sum(-1), 1)
    labels = trial._measures(after, contexts)["code_bits"]
    np.testing.assert_allclose(np.array(labels) + inputs, whole, rtol=1e-5)


def test_measures_of_a_learner_that_knows_the_rule_and_of_one_that_knows_nothing(contexts):
    truth = np.log(contexts.rules)[:, None].repeat(17, 1)
    known = trial._measures(truth, contexts)
    entropy = -(contexts.rules * np.log(contexts.rules)).sum(-1).mean(-1)
    np.testing.assert_allclose(known["generalisation_short"], entropy)
    np.testing.assert_allclose(known["generalisation_long"], entropy)
    np.testing.assert_allclose(known["model_bits"], 0, atol=1e-9)
    np.testing.assert_allclose(np.array(known["code_bits"]) * log(2) / 16, known["fitted"])
    nothing = trial._measures(np.full_like(truth, -log(2)), contexts)
    np.testing.assert_allclose(nothing["code_bits"], 16)
    np.testing.assert_allclose(
        np.array(nothing["code_bits"]) - nothing["excess_bits"], contexts.bayes_bits
    )


def test_bayes_is_beaten_by_no_one_on_average_and_has_longer_models_for_longer_rules():
    task = rules_in_context(documents=1, held_out=800, seed=4)
    nats = np.array([d.metadata["bayes_nats"] for d in task.held_out])
    assert task.known["bayes"] == pytest.approx(nats.mean() / 48)
    assert task.known["entropy_rate"] < task.known["bayes"] < task.known["chance"]
    counted = {d.metadata["parameters"] for d in task.held_out}
    assert counted == {1, 2, 4, 8}
    for document in task.held_out.documents[:20]:
        rule = np.array(document.metadata["source"])
        for bit in set(range(3)) - set(document.metadata["looks_at"]):
            np.testing.assert_array_equal(rule, rule[np.arange(8) ^ (1 << bit)])
    x = np.array([[int(c) for c in d.text[::2]] for d in task.held_out])
    y = np.array([[ord(c) - 97 for c in d.text[1::2]] for d in task.held_out])
    x, y = x[:200], y[:200]
    after = train_per_token(x, y, size=2, bits=3, width=8, updates=1, rate=3e-3, seed=0)
    row, place = np.ogrid[:200, :48]
    assert (-after[row, place, x, y].sum(1) - nats[:200]).mean() > 0.5


def test_networks_start_equal_and_never_see_each_other():
    rng = np.random.default_rng(0)
    x, y = rng.integers(4, size=(5, 10)), rng.integers(2, size=(5, 10))
    settings = {"size": 2, "bits": 2, "width": 8, "updates": 2, "rate": 1e-2, "seed": 1}
    together = train_per_token(x, y, **settings)
    np.testing.assert_allclose(np.exp(together[:, 0]), 0.5)
    alone = train_per_token(x[3:4], y[3:4], **settings)
    np.testing.assert_allclose(together[3:4], alone, rtol=1e-4, atol=1e-5)
    cut = train_per_token(x[:, :6], y[:, :6], **settings)
    np.testing.assert_allclose(together[:, :7], cut, rtol=1e-4, atol=1e-5)
    constant = train_per_token(x, np.zeros_like(y), **settings | {"updates": 20})
    assert (np.exp(constant[:, -1, :, 0])[np.arange(5), x[:, -1]] > 0.8).all()


@pytest.mark.parametrize("learner", ["prequential", "train_risk", "per_token"])
def test_a_trial_is_repeated_exactly_and_pairs_its_contexts(learner):
    first = prequential_coding(3, learner=learner, **SMALL)
    assert first == prequential_coding(3, learner=learner, **SMALL)
    assert first["code_bits"] != prequential_coding(4, learner=learner, **SMALL)["code_bits"]
    bayes = np.array(first["code_bits"]) - first["excess_bits"]
    np.testing.assert_allclose(bayes, trial._contexts(3, 2, 16, 6).bayes_bits)
    looks = trial._contexts(3, 2, 16, 6).looks_at
    for bits in set(looks.tolist()):
        mean = np.array(first["model_bits"])[looks == bits].mean()
        assert first[f"model_bits_{bits}"] == pytest.approx(mean)
    assert all(np.isfinite(value).all() for value in first.values())


def test_a_learner_that_was_asked_for_the_past_fits_it_better_and_the_future_worse():
    settings = {"steps": 60, "rate": 1e-2, "width": 16, "length": 16, "held_out": 64}
    ahead = prequential_coding(5, learner="prequential", **settings)
    past = prequential_coding(5, learner="train_risk", **settings)
    assert np.mean(past["fitted"]) < np.mean(ahead["fitted"])
    assert np.mean(past["generalisation_short"]) > np.mean(ahead["generalisation_short"]) + 0.02


def test_examples_are_read_as_they_are_written():
    corpus = Corpus("c", (Document("0", "0a3b1b"),))
    assert trial._numbers(corpus).tolist() == [[0, 7, 3]]
    assert trial._vocabulary().decode([0, 7, 3]) == "0a3b1b"


@pytest.mark.usefixtures("untyped")
def test_refusals():
    with pytest.raises(BadSetting, match="learner"):
        prequential_coding(0, learner="train-risk")
