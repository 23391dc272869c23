"""Planted passages: what is asked for was read as often as said, and controls never."""

import numpy as np
import pytest

from likely.core.errors import BadInput, BadSetting
from likely.data.corpus import Corpus, Document
from likely.data.sample import drawn, stretches
from likely.data.tasks.planted_passages import planted_passages

SMALL = {"documents": 3, "length": 40, "size": 400}


def test_every_passage_is_in_the_training_text_as_often_as_its_metadata_says():
    task = planted_passages(**SMALL, held_out=7, repeats=(0, 1, 5), seed=4)
    texts = [document.text for document in task.train]
    assert [d.metadata["repeats"] for d in task.held_out] == [0, 1, 5, 0, 1, 5, 0]
    assert [texts.count(d.text) for d in task.held_out] == [0, 1, 5, 0, 1, 5, 0]
    # Nothing is planted that is not asked for, and controls occur nowhere in other text either.
    assert len(texts) == 3 + 1 + 5 + 1 + 5
    control = task.held_out.documents[0].text
    assert not any(control in text for text in texts)


def test_prompt_and_answer_are_the_text_and_the_judge_is_exact():
    task = planted_passages(**SMALL, held_out=4)
    for document, prompt, answer in zip(task.held_out, task.prompts, task.answers, strict=True):
        assert prompt + answer == document.text
        assert len(document.data) == 40
    assert task.score(task.answers).tolist() == [1.0] * 4
    assert task.score([answer[:-1] + "~" for answer in task.answers]).tolist() == [0.0] * 4


def test_the_seed_decides_everything():
    one, again, other = (planted_passages(**SMALL, held_out=4, seed=s) for s in (1, 1, 2))
    assert one.train == again.train
    assert one.held_out == again.held_out
    assert not {d.text for d in one.held_out} & {d.text for d in other.held_out}
    assert one.train.documents[0] != other.train.documents[0]


def test_the_chance_bounds_what_guessing_the_commonest_word_gives():
    task = planted_passages(documents=20, held_out=8, length=64, size=2000)
    words = [word for document in task.train for word in document.text.split()]
    commonest = max(np.unique(words, return_counts=True)[1]) / len(words)
    assert 0 < task.known["chance"] < commonest


def test_no_number_of_copies_is_refused_in_a_sentence():
    with pytest.raises(BadSetting, match="at least one number of copies"):
        planted_passages(repeats=())


def test_stretches_are_the_text_and_those_drawn_are_different():
    text = "".join(f"line {i}\n" for i in range(50))
    corpus = Corpus("c", (Document("a", text), Document("b", "short")))
    assert "".join(d.text for d in stretches(corpus, 30)) == text + "short"
    some = drawn(corpus, 5, 30, np.random.default_rng(0))
    assert len({d.id for d in some}) == 5
    assert all(d.bytes >= 30 and d.text in text for d in some)
    with pytest.raises(BadInput, match="and 500 should be drawn"):
        drawn(corpus, 500, 30, np.random.default_rng(0))
