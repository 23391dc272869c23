"""Every target once, no target across a segment, exact resume."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from likely.core.batch import PER_TOKEN
from likely.core.errors import BadInput, BadSetting
from likely.core.vocabulary import Vocabulary
from likely.data.packing import TrainingPlan, evaluation_batches
from likely.data.tokens import Tokens

EOS = 256
few = settings(max_examples=60, deadline=None, derandomize=True)
sizes = st.lists(st.integers(0, 40), min_size=1, max_size=12)


def made(text_sizes):
    """Documents whose j-th id tells document and place apart as far as bytes can."""
    texts = [[(31 * m + j) % 256 for j in range(n)] + [EOS] for m, n in enumerate(text_sizes)]
    names = tuple(f"d{m}" for m in range(len(texts)))
    return Tokens(
        ids=np.array([token for text in texts for token in text], np.int32),
        offsets=np.cumsum([0, *map(len, texts)]).astype(np.int64),
        names=names,
        domains=("t",) * len(texts),
        byte_lengths=np.array(text_sizes, np.int64),
        vocabulary=Vocabulary.of_bytes(),
    )


def segments(batch):
    """Per segment: row, document, inputs, targets, weights."""
    fields = {name: getattr(batch, name).numpy() for name in PER_TOKEN}
    row = np.arange(len(batch)) // (len(batch) // batch.rows)
    for number in range(batch.segments):
        at = fields["segment"] == number
        assert at.any()
        places = np.flatnonzero(at)
        assert np.array_equal(places, np.arange(places[0], places[-1] + 1))
        assert len(set(row[at])) == 1
        assert len(set(fields["document"][at])) == 1
        assert np.array_equal(fields["position"][at], np.arange(at.sum()))
        yield (
            row[at][0],
            int(fields["document"][at][0]),
            *(fields[n][at] for n in ("ids", "target", "weight")),
        )
    padding = fields["segment"] == -1
    assert (fields["document"][padding] == -1).all()
    for name in ("ids", "target", "position", "weight"):
        assert not fields[name][padding].any()


def locate(tokens, document, ids, target):
    """All places of a document where these inputs and targets stand."""
    text = tokens.ids[tokens.offsets[document] : tokens.offsets[document + 1]]
    inputs = np.concatenate([[tokens.vocabulary.bos], text[:-1]])
    n = len(target)
    return [
        a
        for a in range(len(text) - n + 1)
        if np.array_equal(text[a : a + n], target) and np.array_equal(inputs[a : a + n], ids)
    ]


@few
@given(sizes, st.integers(1, 17), st.integers(1, 5), st.integers(0, 3))
def test_every_target_once_an_epoch(text_sizes, length, rows, seed):
    tokens = made(text_sizes)
    plan = TrainingPlan(tokens, length=length, rows=rows, seed=seed)
    epochs = rows  # so many epochs are a whole number of batches
    seen = np.zeros(len(tokens.ids), int)
    for step in range(plan.rows_per_epoch * epochs // rows):
        batch = plan.batch(step)
        assert batch.rows == rows
        assert len(batch) == plan.tokens_per_step
        for _, document, ids, target, weight in segments(batch):
            assert (weight == 1).all()
            places = locate(tokens, document, ids, target)
            assert len(places) == 1
            seen[tokens.offsets[document] + places[0] + np.arange(len(target))] += 1
    assert (seen == epochs).all()


@few
@given(sizes, st.integers(1, 17), st.integers(1, 5), st.data())
def test_evaluation_scores_every_target_once_with_context(text_sizes, length, rows, data):
    tokens = made(text_sizes)
    stride = data.draw(st.none() | st.integers(1, length))
    step = max(1, length // 2) if stride is None else stride
    seen = np.zeros(len(tokens.ids), int)
    for batch in evaluation_batches(tokens, length=length, rows=rows, stride=stride):
        assert len(batch) == batch.rows * length
        found = list(segments(batch))
        assert [row for row, *_ in found] == list(range(batch.rows))
        for _, document, ids, target, weight in found:
            (place,) = locate(tokens, document, ids, target)
            scored = np.flatnonzero(weight)
            assert set(weight.tolist()) <= {0.0, 1.0}
            seen[tokens.offsets[document] + place + scored] += 1
            assert (scored >= np.minimum(length - step, place + scored)).all()
    assert (seen == 1).all()


def test_epochs_and_seeds_differ_and_resume_is_exact():
    tokens = made([40] * 30)
    plan = TrainingPlan(tokens, length=16, rows=4, seed=1)
    again = TrainingPlan(tokens, length=16, rows=4, seed=1)
    other = TrainingPlan(tokens, length=16, rows=4, seed=2)
    late = 3 * plan.steps_per_epoch + 5
    walked = [plan.batch(step) for step in range(late + 1)][-1]
    resumed = again.batch(late)
    for name in PER_TOKEN:
        assert (walked[name] == resumed[name]).all()
    assert (plan.batch(0).target != other.batch(0).target).any()
    assert (plan.batch(0).target != plan.batch(plan.steps_per_epoch).target).any()


def test_fewer_rows_than_a_batch_repeat_the_epoch():
    batch = TrainingPlan(made([5]), length=8, rows=3).batch(0)
    assert batch.weight.sum() == 18
    assert batch.segments == 3


def test_bad_settings_are_named_at_once():
    with pytest.raises(BadSetting) as caught:
        TrainingPlan(made([3]), length=0, rows=-1)
    assert len(caught.value.problems) == 2
    with pytest.raises(BadSetting, match="seed"):
        TrainingPlan(made([3]), length=4, rows=1, seed=-1)
    with pytest.raises(BadSetting, match="step"):
        TrainingPlan(made([3]), length=4, rows=1).batch(-1)
    with pytest.raises(BadSetting, match="stride must not exceed length"):
        evaluation_batches(made([3]), length=4, rows=1, stride=5)


def test_nothing_to_read_is_said():
    nothing = made([3]).select([])
    with pytest.raises(BadInput, match="no documents"):
        TrainingPlan(nothing, length=4, rows=1)
    with pytest.raises(BadInput, match="no documents"):
        evaluation_batches(nothing, length=4, rows=1)
