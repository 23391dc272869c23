"""Sharpening: what is tuned on, and what is measured of a small model."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from likely.core.errors import BadSetting
from likely.core.vocabulary import Vocabulary
from likely.data.tasks.arithmetic import arithmetic
from likely.train.trials import sharpening as trial
from likely.train.trials._calculations import Questions, answer_log_prob, questions
from likely.train.trials.sharpening import sharpening

TINY = {"problems": 12, "base_steps": 4, "steps": 2, "rows": 8, "width": 16, "candidates": 3}
LISTS = {"accuracy", "log_prob", "own_log_prob", "base_accuracy", "base_log_prob", "found"}


@pytest.fixture(autouse=True)
def forget():
    trial._base.cache_clear()
    yield
    trial._base.cache_clear()


def test_measures_are_those_documented_and_the_same_again():
    once = sharpening(3, **TINY)
    assert set(once) == LISTS
    assert {len(values) for values in once.values()} == {12}
    trial._base.cache_clear()
    assert sharpening(3, **TINY) == once
    assert sharpening(4, **TINY) != once
    alone = sharpening(3, **{**TINY, "candidates": 1})
    assert alone["base_log_prob"] == once["base_log_prob"]
    assert alone["log_prob"] != once["log_prob"]


def test_what_is_tuned_on_is_likelier_the_more_candidates_there_are():
    base = trial._base(1, 0.4, 30, 20, 16, 16)
    before = torch.cat([p.detach().flatten() for p in base.reader.parameters()])
    means = [
        float(answer_log_prob(base.reader, trial._best(base, n, np.random.default_rng(0))).mean())
        for n in (1, 4, 32)
    ]
    assert means[0] + 1 < means[1] + 0.5 < means[2]
    sharpening(1, **{**TINY, "problems": 20, "base_steps": 30, "rows": 16})
    assert torch.equal(before, torch.cat([p.detach().flatten() for p in base.reader.parameters()]))


@pytest.mark.parametrize(("coverage", "least", "most"), [(0.0, 0.0, 0.06), (0.4, 0.38, 0.5)])
def test_right_answers_are_read_as_often_as_they_are_covered(coverage, least, most):
    task = arithmetic(documents=64, held_out=1, digits=2, padded=True, seed=0)
    asked = questions(task.train, Vocabulary.of_bytes(), end=True)
    batches = trial._often_wrong(asked, coverage, 64, seed=5)
    known = {tuple(p.tolist()): a for p, a in zip(asked.prompt, asked.answer, strict=True)}
    right, width = [], asked.prompt.shape[1]
    for step in range(30):
        batch = batches(step)
        for ids, target in zip(batch.ids.view(64, -1), batch.target.view(64, -1), strict=True):
            right.append(torch.equal(known[tuple(ids[:width].tolist())], target[-4:]))
    assert least <= np.mean(right) <= most


def test_right_is_the_share_of_the_samples_of_a_question():
    asked = Questions(torch.zeros(2, 1).long(), torch.tensor([[1], [2]]))
    answers = torch.tensor([1] * 4 + [2] * 12 + [2] * 16)[:, None]
    written = replace(asked, prompt=torch.zeros(32, 1).long(), answer=answers)
    assert trial._right(written, asked) == [0.25, 1.0]


def test_settings_are_checked():
    with pytest.raises(BadSetting, match="coverage"):
        sharpening(0, coverage=1.5)
