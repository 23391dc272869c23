"""The trial of path-star: what each way to train reads, and what is measured of a known model."""

import numpy as np
import pytest
import torch

from likely.core.errors import BadSetting
from likely.data.tasks._stars import NAMES, stars
from likely.models.reader import Reader
from likely.train.trials import path_star_planning as trial
from likely.train.trials.path_star_planning import path_star_planning

SIZES = {"degree": 2, "length": 4, "nodes": 8}
WAYS = ("next_token", "teacherless", "multi_token", "reversed")


def graphs(count=6):
    return stars(count, np.random.default_rng(0), **SIZES)


def reading(training):
    return trial._reading(training, 8, 4)(graphs())


def test_what_is_read_spells_the_task():
    found, vocabulary = graphs(), trial._vocabulary(8, 2)
    for row, prompt, path in zip(
        reading("next_token").ids.view(6, -1), found.prompt, found.path, strict=True
    ):
        text = "".join(NAMES[node] for node in (*prompt, *path[:-1]))
        assert vocabulary.decode(row.tolist()) == text


def test_without_a_teacher_nothing_of_the_answer_is_read():
    taught, alone, back = (reading(way) for way in ("next_token", "teacherless", "reversed"))
    path = torch.from_numpy(graphs().path)
    assert alone.ids.view(6, -1)[:, -2:].unique(dim=0).tolist() == [[72, 73]]
    assert taught.ids.view(6, -1)[:, -2:].equal(path[:, :-1])
    for batch, wanted in ((taught, path), (alone, path), (back, path.flip(1))):
        assert batch.target[batch.weight > 0].view(6, 3).equal(wanted)


class Knows(Reader):
    """Writes given answers, whatever it reads; forced, too."""

    def __init__(self, answer):
        self.wanted = torch.nn.functional.one_hot(answer, 80).float()

    @property
    def parameters_count(self):
        return 0

    def save(self, folder):
        raise AssertionError

    def start(self, rows):
        return 0

    def step(self, state, tokens):
        return self.wanted[:, state], state + 1

    def logits(self, batch):
        found = torch.zeros(len(batch), 80)
        found[batch.weight > 0] = self.wanted.flatten(0, 1)
        return found


@pytest.mark.parametrize("training", WAYS)
def test_measures_of_a_model_that_takes_the_wrong_arm_once(training):
    found = graphs(4)
    answer = trial._answer(found, training).clone()
    first = -1 if training == "reversed" else 0
    answer[2, first] = int(found.arms[2, 1, 0])
    measured = trial._measures(
        Knows(answer), training, found, 8, trial._reading(training, 8, 4)(found)
    )
    assert measured["accuracy"] == measured["first_node_accuracy"] == [1, 1, 0, 1]
    assert measured["forced_accuracy"] == [1, 1, 0.5 if first else 1, 1]


@pytest.mark.parametrize("training", WAYS)
def test_a_short_run(training):
    once, again = (path_star_planning(3, training=training, steps=2, rows=4) for _ in range(2))
    assert once == again
    assert {len(numbers) for numbers in once.values()} == {512}
    assert set(once) == {"accuracy", "first_node_accuracy", "forced_accuracy"}


def test_sizes_that_do_not_fit():
    with pytest.raises(BadSetting, match="path_star_planning: nodes=5 names are too few"):
        path_star_planning(0, nodes=5)
    with pytest.raises(BadSetting, match="nodes=5 should be more: 512 graphs are held out of 120"):
        path_star_planning(0, length=3, nodes=5)


@pytest.mark.slow
def test_what_takes_no_planning_is_learned():
    """Two nodes after the source: a lookup from the goal finds the first."""
    found = path_star_planning(2000, training="reversed", steps=400, length=3, nodes=8, rate=6e-3)
    assert np.mean(found["accuracy"]) > 0.9
