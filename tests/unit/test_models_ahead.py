"""Heads that look further ahead: against the model read once a head, and after training."""

import pytest
import torch

from likely.core.batch import Batch
from likely.core.bind import bind
from likely.core.errors import ShapeError
from likely.core.vocabulary import Vocabulary
from likely.models._ahead import Ahead, ahead
from likely.models.evaluate import evaluate
from likely.models.load import load
from likely.models.transformer import transformer

VOCABULARY = Vocabulary(tuple(b"%d" % i for i in range(7)), bos=0, eos=0)


def model():
    return transformer(VOCABULARY, layers=1, width=8, heads=2, context=8)


def rows(seed=0):
    ids = torch.randint(7, (3, 6), generator=torch.Generator().manual_seed(seed))
    batch = Batch.of(ids[:, :-1], ids[:, 1:])
    batch.weight.view(3, 5)[:, 0] = 0
    return batch


def test_each_head_has_its_own_targets_and_one_reading_of_the_rows():
    reader = Ahead(model(), 3)
    with torch.no_grad():
        reader.maps += torch.randn(reader.maps.shape, generator=torch.Generator().manual_seed(1))
    batch = rows()
    states, head = reader.reader.hidden(batch)
    found = reader.logits(ahead(batch, 3)).view(3, 15, 7)
    for number, matrix in enumerate((torch.eye(8), *reader.maps)):
        torch.testing.assert_close(found[number], head.logits(states @ matrix))
    loss, count = evaluate({"one": bind("cross_entropy")}, reader, ahead(batch, 3)).total("one")
    target, log_p = batch.target.view(3, 5), found.log_softmax(-1).view(3, 3, 5, 7)
    by_hand = [
        -log_p[number, row, place, target[row, place + number]]
        for number in range(3)
        for row in range(3)
        for place in range(1, 5 - number)
    ]
    assert int(count) == len(by_hand) == 27
    torch.testing.assert_close(loss, torch.stack(by_hand).sum())


def test_the_first_head_is_the_model_itself(tmp_path):
    reader = Ahead(model(), 2)
    batch = rows()
    assert ahead(batch, 1).target.equal(batch.target)
    reader.logits(ahead(batch, 2)).sum().backward()
    assert reader.maps.grad is not None
    state = reader.start(2)
    logits, _ = reader.step(state, torch.tensor([[1, 2], [3, 4]]))
    again, _ = reader.reader.step(reader.reader.start(2), torch.tensor([[1, 2], [3, 4]]))
    assert logits.equal(again)
    reader.save(tmp_path / "model")
    assert load(tmp_path / "model").logits(batch).equal(reader.reader.logits(batch))
    assert reader.parameters_count == reader.reader.parameters_count + 64


def test_rows_that_are_not_there_for_every_head():
    with pytest.raises(ShapeError, match=r"3 rows .* each of 2 heads"):
        Ahead(model(), 2).logits(rows())
