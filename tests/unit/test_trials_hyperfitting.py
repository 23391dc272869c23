"""Hyperfitting: what the trial measures, on small texts in place of the docstrings."""

import pytest

from likely.core.vocabulary import Vocabulary
from likely.data.corpus import Corpus, Document
from likely.data.split import Split
from likely.train.trials import hyperfitting as trial_module
from likely.train.trials.hyperfitting import hyperfitting

TINY = {"tuning_steps": 2, "snippets": 2, "prompts": 3, "new_tokens": 12, "pretraining_steps": 3}
TINY |= {"width": 16}
LISTS = ("type_token_ratio", "rep_4", "copied")
NUMBERS = ("entropy", "own_entropy", "held_out_bits_per_byte", "snippet_loss")


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Invented prose: reading the standard library takes seconds."""
    words = ["value", "number", "key", "item", "list", "name", "path", "file", "line", "text"]
    line = "The {} of {} is returned as {} gave it, and {} is left alone.\n"
    text = "".join(
        line.format(words[i % 10], words[i // 10 % 10], i, words[i // 100]) for i in range(900)
    )
    cut = len(text) * 3 // 4
    parts = [Corpus(str(n), (Document(str(n), t),)) for n, t in enumerate((text[:cut], text[cut:]))]
    split = Split(parts[0], parts[1], parts[1], clusters={})
    trial_module._base.cache_clear()
    monkeypatch.setattr(trial_module, "docstrings", lambda: split)
    monkeypatch.setattr(trial_module, "_JUDGED", 600)
    yield
    trial_module._base.cache_clear()


def test_measures_are_those_documented_and_the_base_stays_as_it_was():
    before = hyperfitting(1, **TINY)
    assert set(before) == {*LISTS, *NUMBERS}
    for name in LISTS:
        assert len(before[name]) == 3
        assert all(0 <= value <= 1 for value in before[name])
    assert all(0 < before[name] < 12 for name in NUMBERS)
    tuned = hyperfitting(1, **TINY, tuned_on="snippets")
    assert tuned["snippet_loss"] < before["snippet_loss"]
    assert hyperfitting(1, **TINY, tuned_on="fresh")["snippet_loss"] != tuned["snippet_loss"]
    assert hyperfitting(1, **TINY) == before
    assert hyperfitting(1, **TINY, sampler="top_p(p=0.9)")["entropy"] == before["entropy"]


def test_the_same_seed_gives_the_same_after_everything_is_made_anew():
    first = hyperfitting(2, **TINY, tuned_on="snippets")
    trial_module._base.cache_clear()
    assert hyperfitting(2, **TINY, tuned_on="snippets") == first


def test_copied_counts_tokens_in_runs_of_eight():
    known = Corpus("snippets", (Document("a", "abcdefghij"),))
    found = trial_module._of_texts(
        ["abcdefghXX", "abcdefgXXX", "zzcdefghijzzzzzzzz"], known, Vocabulary.of_bytes(), 10
    )
    assert found["copied"] == pytest.approx([0.8, 0.0, 0.8])
    assert found["type_token_ratio"] == pytest.approx([0.9, 0.8, 0.9])
