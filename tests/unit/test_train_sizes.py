"""Sizes of a first run: bounds, and that more text or time never means less."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from likely.core.errors import BadSetting
from likely.core.vocabulary import Vocabulary
from likely.models.transformer import transformer
from likely.train import sizes
from likely.train._check import trainable
from likely.train._share import share
from likely.train.recipe import Recipe
from likely.train.sizes import SHAPES, Shape

counts = st.integers(1, 10**10)
speeds = st.floats(1.0, 1e7)


def capacity(shape: Shape) -> int:
    return shape.layers * shape.width**2


@given(counts, counts)
def test_more_text_never_means_a_smaller_model(one, other):
    small, large = (sizes.shape_of(count) for count in sorted((one, other)))
    assert capacity(small) <= capacity(large)
    assert small.tokens_per_step <= large.tokens_per_step
    assert small.text <= min(one, other)


@given(counts, st.integers(1, 10**6), speeds, st.floats(0.1, 1e5), st.floats(1.0, 10.0))
def test_more_text_speed_or_time_never_means_fewer_steps(tokens, step, speed, seconds, more):
    steps = sizes.steps_of(tokens, step, speed, seconds)
    assert sizes.FEWEST_STEPS <= steps <= sizes.MOST_STEPS
    assert steps <= sizes.steps_of(int(tokens * more), step, speed, seconds)
    assert steps <= sizes.steps_of(tokens, step, speed * more, seconds)
    assert steps <= sizes.steps_of(tokens, step, speed, seconds * more)
    if steps > sizes.FEWEST_STEPS:
        assert steps * step <= sizes.MOST_PASSES * tokens * (1 + 1e-9)
        assert steps * step <= speed * seconds * (1 + 1e-9)


@given(counts, speeds, st.floats(0.1, 1e5), st.floats(1.0, 10.0))
def test_what_suits_a_machine_suits_a_faster_one(tokens, speed, seconds, more):
    for shape in SHAPES:
        if sizes.suits_the_machine(shape, tokens, speed, seconds):
            assert sizes.suits_the_machine(shape, tokens, speed * more, seconds)
    assert sizes.suits_the_machine(SHAPES[0], tokens, speed, seconds)


@given(st.integers(1, 10**6), st.integers(1, 10**6), counts)
def test_looking_stays_cheap(steps, step, validation):
    looks = sizes.looks_of(steps, step, validation)
    assert 1 <= looks <= min(sizes.LOOKS, steps)
    if looks > 1:
        assert looks * 2 * validation / 3 <= 0.15 * steps * step * (1 + 1e-9)


def test_shapes_are_models_in_order():
    assert SHAPES[0].text == SHAPES[0].reads == 0
    for before, after in pairwise(SHAPES):
        assert before.text < after.text
        assert before.reads <= after.reads
        assert capacity(before) <= capacity(after)
        assert sizes.smaller(after) == before
    assert sizes.smaller(SHAPES[0]) == SHAPES[0]
    for shape in SHAPES:
        entry, settings = trainable(shape.model)
        assert entry is transformer
        assert settings["context"] == shape.length
    entry, settings = trainable(SHAPES[0].model)
    assert entry(Vocabulary.of_bytes(), **settings).parameters_count < 200_000


@given(st.integers(1, 64), st.integers(1, 8), st.integers(1, 8))
def test_processes_share_every_window_of_a_step(rows, accumulate, processes):
    recipe = Recipe(rows=rows, accumulate=accumulate)
    if rows * accumulate % processes:
        with pytest.raises(BadSetting, match=f"which {processes} processes cannot share"):
            share(recipe, processes)
        return
    mine, turns = share(recipe, processes)
    assert mine * turns * processes == rows * accumulate
    assert mine <= rows
    if processes == 1:
        assert (mine, turns) == (rows, accumulate)
