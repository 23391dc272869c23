"""Batches of examples: every example once an epoch, whole, whichever batch is asked for first."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from likely.core.errors import BadInput, BadSetting
from likely.core.vocabulary import Vocabulary
from likely.data.example import Example
from likely.data.example_plan import ExamplePlan
from likely.data.examples import encode_examples

BYTES = Vocabulary.of_bytes()
few = settings(max_examples=60, deadline=None, derandomize=True)
sizes = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=1, max_size=9)


def made(drawn, pairs):
    """Examples whose bytes differ as far as bytes can."""
    letter = iter(range(10**6))
    text = lambda n: "".join(chr(33 + next(letter) % 90) for _ in range(n))  # noqa: E731
    examples = [
        Example(str(n), text(p), (text(a), text(a + 1)) if pairs else (text(a),))
        for n, (p, a) in enumerate(drawn)
    ]
    return encode_examples(examples, BYTES)


def check(batch, examples):
    """Every segment is a whole side; returns their numbers, in order."""
    width, found = len(batch) // batch.rows, []
    for number in range(batch.segments):
        at = (batch.segment == number).nonzero()[:, 0].numpy()
        assert len(set(at // width)) == 1  # within a row
        assert np.array_equal(at, np.arange(at[0], at[-1] + 1))
        side = int(batch.document[at[0]])
        span = slice(*examples.offsets[side : side + 2])
        target = examples.ids[span]
        assert batch.target[at].tolist() == target.tolist()
        assert batch.ids[at].tolist() == [BYTES.bos, *target[:-1]]
        assert batch.position[at].tolist() == list(range(len(target)))
        assert batch.weight[at].tolist() == examples.weight[span].tolist()
        for name, column in examples.columns.items():
            assert batch[name][at].tolist() == column[span].tolist()
        found.append(side)
    padding = (batch.segment == -1).numpy()
    assert (batch.document.numpy()[padding] == -1).all()
    assert not any(batch[f].numpy()[padding].any() for f in ("ids", "target", "weight", "position"))
    assert (batch["step"].numpy()[padding] == -1).all()
    return found


@few
@given(sizes, st.booleans(), st.booleans(), st.integers(1, 3), st.integers(0, 2))
def test_every_example_once_an_epoch(drawn, pairs, packed, rows, seed):
    examples = made(drawn, pairs)
    rows = rows if packed or not pairs else 2 * rows
    length = 40
    plan = ExamplePlan(examples, rows=rows, length=length, seed=seed, packed=packed)
    epochs = plan.groups_per_batch  # so many epochs are a whole number of batches
    seen = np.zeros(len(examples.names), int)
    for number in range(plan.rows_per_epoch * epochs // rows):
        batch = plan.batch(number)
        found = check(batch, examples)
        np.add.at(seen, found, 1)
        assert batch.rows == rows
        assert len(batch) <= plan.tokens_per_step
        if pairs:
            compared = [[found[a], found[b]] for a, b in batch.pair.tolist()]
            assert all(pair in examples.pairs.tolist() for pair in compared)
            assert sorted(np.ravel(compared)) == sorted(found)
        if not packed:
            assert len(batch) // rows == max(np.diff(examples.offsets)[found])
    assert (seen == epochs).all()


@few
@given(sizes, st.booleans(), st.integers(0, 5))
def test_a_batch_depends_on_its_number_alone(drawn, packed, number):
    examples = made(drawn, pairs=False)
    one, other = (ExamplePlan(examples, rows=2, length=40, seed=3, packed=packed) for _ in "ab")
    for before in range(number):
        other.batch(before)
    assert one.batch(number).target.tolist() == other.batch(number).target.tolist()


def test_two_processes_read_what_one_reads_that_accumulates():
    examples = made([(1, n % 5) for n in range(12)], pairs=True)
    whole, half = (ExamplePlan(examples, rows=rows, length=16) for rows in (8, 4))
    for number in range(6):
        parts = [check(half.batch(2 * number + rank), examples) for rank in (0, 1)]
        assert check(whole.batch(number), examples) == [*parts[0], *parts[1]]


def test_orders_differ_between_epochs_and_seeds():
    examples = made([(1, 2)] * 20, pairs=False)
    orders = [
        check(ExamplePlan(examples, rows=20, length=9, seed=seed).batch(epoch), examples)
        for seed in (0, 1)
        for epoch in (0, 1)
    ]
    assert len({tuple(order) for order in orders}) == 4


def test_packing_wastes_little():
    rng = np.random.default_rng(0)
    examples = made([(int(p), int(a)) for p, a in rng.integers(0, 40, (300, 2))], pairs=False)
    plan = ExamplePlan(examples, rows=4, length=128, packed=True)
    assert plan.rows_per_epoch == -(-len(examples.ids) // 128)  # no row more than must be


def test_what_cannot_be_planned_is_told():
    pairs = made([(3, 5)], pairs=True)
    with pytest.raises(BadSetting, match="rows=3 should be even: a pair takes two rows"):
        ExamplePlan(pairs, rows=3, length=16)
    with pytest.raises(BadInput, match="a side of '0' are 10 positions, and a row has length=9"):
        ExamplePlan(pairs, rows=2, length=9)
    with pytest.raises(BadInput, match="both sides of '0' are 19 positions"):
        ExamplePlan(pairs, rows=2, length=18, packed=True)
    with pytest.raises(BadSetting, match="number=-1"):
        ExamplePlan(pairs, rows=2, length=32).batch(-1)
