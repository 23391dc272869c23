"""Preferences between texts that differ in one letter: the pairs, their batches, the measures."""

import numpy as np
import pytest
import torch

from likely.core.errors import BadSetting
from likely.core.vocabulary import Vocabulary
from likely.models.transformer import transformer
from likely.train.trials import low_edit_preferences as trial_module
from likely.train.trials._pairs import Drawn, Pairs, answer_log_probs, completed
from likely.train.trials.low_edit_preferences import low_edit_preferences

TINY = {"steps": 3, "pairs": 8, "pairs_a_step": 4, "length": 6, "teaching_steps": 3, "width": 16}


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Few texts: drawing thousands takes longer than training."""
    monkeypatch.setattr(trial_module, "TAUGHT", 40)
    monkeypatch.setattr(trial_module, "HELD_OUT", 8)
    trial_module._taught.cache_clear()
    yield
    trial_module._taught.cache_clear()


@pytest.fixture
def pairs():
    return Pairs([[256, 97], [256, 98]], [[99, 256], [100, 101, 256]], [[102, 256], [103, 256]])


@pytest.fixture
def reader():
    return transformer(Vocabulary.of_bytes(), layers=1, width=16, heads=2, context=16)


def test_answers_alone_count_and_padding_does_not():
    batch = completed([[1, 2], [3]], [[4], [5, 6, 7]])
    counted = batch.target[batch.weight > 0]
    assert counted.tolist() == [4, 5, 6, 7]
    assert batch.rows == 2


def test_an_answer_is_as_likely_as_its_tokens_after_its_own_prompt(pairs, reader):
    found = answer_log_probs(reader, pairs)
    state = reader.start(1)
    with torch.no_grad():
        logits, state = reader.step(state, torch.tensor([pairs.prompts[1]]))
        wanted = 0.0
        for token in pairs.chosen[1]:
            wanted += float(logits.log_softmax(-1)[0, token])
            logits, state = reader.step(state, torch.tensor([[token]]))
    assert found.shape == (2, 2)
    assert found[0, 1] == pytest.approx(wanted, rel=1e-5)


def test_batches_carry_what_the_reference_says_of_their_own_rows(pairs, reader):
    drawn = Drawn(pairs, reader, count=1, seed=0)
    first, second = drawn(0), drawn(1)
    assert {first.ids.view(2, -1)[0, 1].item(), second.ids.view(2, -1)[0, 1].item()} == {97, 98}
    for batch in (first, second):
        with torch.no_grad():
            again = reader.read(batch, ("log_prob",))["log_prob"]
        torch.testing.assert_close(batch["reference_log_prob"], again, rtol=1e-5, atol=1e-6)
        assert batch.pair.tolist() == [[0, 1]]


def test_a_misprint_is_one_letter_of_the_alphabet_and_never_the_same():
    vocabulary = Vocabulary.of_bytes()
    texts = [[*vocabulary.encode("abcdefghijabcdefghij").tolist(), 256] for _ in range(60)]
    found = trial_module._misprinted(texts, vocabulary, np.random.default_rng(0))
    for prompt, chosen, rejected in zip(found.prompts, found.chosen, found.rejected, strict=True):
        assert [*prompt[1:], *chosen] == texts[0]
        places = [i for i, (a, b) in enumerate(zip(chosen, rejected, strict=True)) if a != b]
        assert len(places) == 1
        assert ord("a") <= rejected[places[0]] <= ord("j")


def test_measures_are_those_documented_and_the_same_again():
    first = low_edit_preferences(3, **TINY)
    gains = {f"{part}{name}" for part in ("", "held_out_") for name in ("chosen_gain",
             "rejected_gain", "preferred")}  # fmt: skip
    assert set(first) == {*gains, "reference_log_prob"}
    assert len(first["chosen_gain"]) == 8
    assert len(first["held_out_preferred"]) == trial_module.HELD_OUT
    assert low_edit_preferences(3, **TINY) == first
    assert low_edit_preferences(4, **TINY) != first


def test_the_arms_of_a_seed_differ_by_their_training_alone():
    dpo, dpop, other = (
        low_edit_preferences(0, rate=1e-2, **settings, **{**TINY, "steps": 12})
        for settings in ({}, {"penalty": 50.0}, {"rejected": "other_text"})
    )
    assert dpo["reference_log_prob"] == dpop["reference_log_prob"] == other["reference_log_prob"]
    assert np.mean(dpo["preferred"]) > 0.5
    assert np.mean(dpo["chosen_gain"]) < np.mean(dpop["chosen_gain"])
    assert dpo["chosen_gain"] != other["chosen_gain"]


def test_settings_are_checked():
    with pytest.raises(BadSetting, match="penalty"):
        low_edit_preferences(0, penalty=-1.0)
