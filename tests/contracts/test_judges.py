"""The contract of every judge: what it needs, what it gives, and that it changes nothing."""

import inspect
from dataclasses import replace
from fnmatch import fnmatchcase

import numpy as np
import pytest
import torch

from likely.core.catalogue import catalogue, get, module_of
from likely.core.errors import BadInput
from likely.core.vocabulary import Vocabulary
from likely.data.corpus import Corpus, Document
from likely.data.example import Example
from likely.data.examples import encode_examples
from likely.data.plant import Planted
from likely.data.tasks.arithmetic import arithmetic
from likely.data.tokens import encode
from likely.models.feed_forward import feed_forward
from likely.models.ngram import ngram
from likely.models.transformer import transformer
from likely.train._measures import plain
from likely.train.exam import PARTS, Asked, Exam, continued
from likely.train.judge import Measure, allowed, measure_of, needed, sit

NAMES = tuple(catalogue("train.judges"))
every = pytest.mark.parametrize("name", NAMES)
BYTES = Vocabulary.of_bytes()


def corpus(name, first):
    texts = (f"{n} of the {n + 2} birds saw {n * 3} trees\n" * 3 for n in range(first, first + 4))
    return Corpus(name, tuple(Document(f"{name}/{i}", text) for i, text in enumerate(texts)))


TRAIN, TEST = encode(corpus("train", 1), BYTES), encode(corpus("test", 3), BYTES)

PAIRS = [Example(str(n), f"{n} + {n} =", (f" {2 * n}", f" {2 * n + 1}")) for n in range(1, 6)]


def exam(**other):
    return Exam(
        test=TEST,
        train=TRAIN,
        continued=continued(TEST, count=6, prompt_tokens=8, new_tokens=12),
        answers=encode_examples(PAIRS, BYTES),
        task=arithmetic(documents=4, held_out=3, digits=1),
        planted=(Planted("once upon a time", 2), Planted("another passage!", 0)),
        referenced=Asked(("the birds", "the trees"), ("saw trees", ("saw birds", "fell"))),
        features=feed_forward(BYTES, width=4, seed=9),
        new_tokens=12,
        length=32,
        **other,
    )


EXAM = exam()
MODELS = {
    "transformer": transformer(BYTES, layers=1, width=16, heads=2, context=32, seed=1),
    "ngram": ngram(TRAIN, TEST, order=3),
}


@pytest.mark.parametrize("model", MODELS)
@every
def test_measures_are_finite_described_and_the_same_again(name, model):
    reader = MODELS[model]
    found = get("train.judges", name)(reader, EXAM)
    assert found == plain(found)
    described = module_of("train.judges", name).MEASURES
    for measure, value in found.items():
        assert sum(fnmatchcase(measure, pattern) for pattern in described) == 1, measure
        assert measure_of(measure)[0] == name
        unit = measure_of(measure)[1].unit
        for one in np.ravel(value):
            assert one >= 0
            assert unit != "share" or one <= 1
    for pattern in described:
        assert any(fnmatchcase(measure, pattern) for measure in found), pattern
    assert get("train.judges", name)(reader, exam()) == found


@every
def test_a_model_is_left_as_it_was(name):
    reader = MODELS["transformer"]
    before = {key: value.clone() for key, value in reader.state_dict().items()}
    for mode in (True, False):
        reader.train(mode)
        get("train.judges", name)(reader, exam())
        assert reader.training is mode
    assert all(torch.equal(before[key], value) for key, value in reader.state_dict().items())
    assert all(parameter.grad is None for parameter in reader.parameters())


@every
def test_what_lacks_is_said_in_a_sentence(name):
    empty = {"planted": ()}
    assert set(needed(name)) <= set(PARTS)
    for part in needed(name):
        lacking = replace(EXAM, **{part: empty.get(part)})
        assert name not in allowed(lacking)
        for ask in (get("train.judges", name), lambda *given: sit(*given, [name])):
            with pytest.raises(BadInput, match=f"The judge '{name}' needs '{part}'") as caught:
                ask(MODELS["ngram"], lacking)
            assert "\n" not in str(caught.value)


@every
def test_the_signature_is_that_of_a_judge(name):
    parameters = list(inspect.signature(get("train.judges", name)).parameters.values())
    assert [p.name for p in parameters[:2]] == ["reader", "exam"]
    assert all(p.kind is p.KEYWORD_ONLY and p.default is not p.empty for p in parameters[2:])
    for measure in module_of("train.judges", name).MEASURES.values():
        assert isinstance(measure, Measure)


def test_no_two_judges_give_the_same_measure_and_all_can_sit_together():
    found = sit(MODELS["transformer"], EXAM, allowed(EXAM))
    assert allowed(EXAM) == NAMES
    alone = [set(get("train.judges", name)(MODELS["transformer"], EXAM)) for name in NAMES]
    assert sum(map(len, alone)) == len(found)
    with pytest.raises(BadInput, match="'predictive_entropy' was asked for twice"):
        sit(MODELS["ngram"], EXAM, ["entropy", "entropy"])
