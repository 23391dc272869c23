"""The trial of characters against tokens: what it measures, and on the same text in every arm."""

import numpy as np
import pytest

from likely.core.errors import BadSetting
from likely.data.corpus import Corpus, Document
from likely.data.tasks.markov import markov
from likely.data.tokenizers.characters import characters
from likely.data.tokens import encode
from likely.train.trials.tokenisation import _unigram, _without_end, tokenisation

TINY = {"layers": 1, "width": 8, "length": 20, "rows": 2, "steps": 3, "held_out": 4}
ENTROPY = -0.2 * np.log(0.2) - 0.8 * np.log(0.8)


def test_measures_agree_with_each_other_and_with_the_source():
    found = tokenisation(2000, **TINY)
    task = markov(documents=6, held_out=8, length=20, flip=0.8, seed=2000)
    source = np.array([-d.metadata["log_prob"] for d in task.held_out])[:4] / 20
    nats, above = np.array(found["nats_per_character"]), np.array(found["above_entropy"])
    assert len(nats) == len(above) == len(found["unigram_above_entropy"]) == 4
    np.testing.assert_allclose(nats - source, above * ENTROPY)
    gap = np.log(2) - ENTROPY
    assert found["gap_closed"] == pytest.approx(1 - above.mean() * ENTROPY / gap)
    assert found["characters_per_token"] == 1
    # A model that has hardly begun knows neither the 256 bytes it never sees nor the letters.
    assert np.log(2) < nats.mean() < np.log(259) + 0.5


def test_the_same_seed_gives_the_same_numbers_and_another_one_others():
    one, two = (tokenisation(2000, **TINY) for _ in range(2))
    assert one == two
    assert tokenisation(2001, **TINY)["nats_per_character"] != one["nats_per_character"]


def test_an_arm_differs_by_its_setting_alone():
    arms = {p: tokenisation(2000, positions=p, **TINY) for p in ("rotary", "learned")}
    assert arms["rotary"]["nats_per_character"] != arms["learned"]["nats_per_character"]
    assert arms["rotary"]["unigram_above_entropy"] == arms["learned"]["unigram_above_entropy"]


def test_tokens_are_charged_by_the_letter():
    settings = {**TINY, "length": 200, "steps": 30}
    letters = tokenisation(2000, model="unigram", **settings)
    tokens = tokenisation(2000, model="unigram", tokenizer="bpe(size=277)", **settings)
    assert letters["unigram_above_entropy"] == letters["above_entropy"]
    assert np.mean(letters["nats_per_character"]) == pytest.approx(np.log(2), abs=0.01)
    assert np.mean(letters["gap_closed"]) == pytest.approx(0, abs=0.15)
    assert tokens["characters_per_token"] > 3
    assert 0.3 < tokens["gap_closed"] < 1


def test_a_little_training_finds_the_letters():
    found = tokenisation(2000, **{**TINY, "width": 32, "steps": 40}, rate=1e-2, initial=0.1)
    assert np.mean(found["nats_per_character"]) < 1.2


def test_the_end_of_a_document_is_not_there():
    corpus = Corpus("two", (Document("a", "aab"), Document("b", "ab")))
    tokens = _without_end(encode(corpus, characters(corpus)))
    assert tokens.ids.tolist() == [256, 256, 257, 256, 257]
    assert tokens.offsets.tolist() == [0, 3, 5]
    every = 5 + 1
    want = [(3 + 1 / 259) / every, (2 + 1 / 259) / every]
    nats = [-2 * np.log(want[0]) - np.log(want[1]), -np.log(want[0]) - np.log(want[1])]
    np.testing.assert_allclose(_unigram(tokens, tokens), nats)


def test_what_the_parts_refuse_is_said():
    with pytest.raises(BadSetting, match="order"):
        tokenisation(0, **{**TINY, "length": 2})
