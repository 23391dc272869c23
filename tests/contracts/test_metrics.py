"""The contract of every metric: bounds, perfect answers, order, and what is said of bad input."""

import inspect
import sys

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from likely.core.catalogue import catalogue, get, module_of, needs
from likely.core.errors import BadInput, LikelyError, ShapeError, Unsupported
from likely.core.estimate import Estimate

NAMES = tuple(catalogue("audit.metrics"))
every = pytest.mark.parametrize("name", NAMES)
WORDS = ("river", "stone", "cloud", "tree", "moss", "the", "a")
SETTINGS = {"tpr_at_fpr": {"fpr": 0.5}, "mauve": {"redo": 1}, "pass_at_k": {"k": 2}}
LIBRARIES = {
    "bleu": "sacrebleu",
    "chrf": "sacrebleu",
    "self_bleu": "sacrebleu",
    "rouge": "rouge-score",
    "bm25": "bm25s",
    "mauve": "mauve-text",
}


def laws(name):
    return module_of("audit.metrics", name).LAWS


def drawn(name, seed, count=12):
    """Something to measure for everything that a metric takes by position."""
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.arange(count) % 2)

    def texts():
        return [" ".join(rng.choice(WORDS, size=rng.integers(4, 9))) for _ in range(count)]

    makers = {
        "texts": texts,
        "references": texts,
        "queries": texts,
        "documents": texts,
        "predictions": lambda: list(rng.choice(["noun", "verb", "rare"], size=count)),
        "labels": lambda: labels,
        "scores": lambda: rng.normal(size=count).round(1),
        "probabilities": lambda: rng.random(count).round(2),
        "samples": lambda: np.full(count, 5),
        "correct": lambda: rng.integers(0, 6, size=count),
        "features": lambda: rng.normal(size=(count, 3)),
        "reference_features": lambda: rng.normal(size=(count, 3)),
    }
    unknown = set(needs(get("audit.metrics", name))) - set(makers)
    assert not unknown, f"say in this test how {unknown} of {name} can be drawn"
    return [makers[part]() for part in needs(get("audit.metrics", name))]


def measured(name, parts):
    return get("audit.metrics", name)(*parts, **SETTINGS.get(name, {}))


def values(found):
    """Whatever a metric returns, as a row of numbers."""
    if isinstance(found, Estimate):
        return np.array([found.low, found.value, found.high])
    return np.ravel(found)


@every
@given(seed=st.integers(0, 10**6))
def test_values_stay_within_bounds_and_come_again(name, seed):
    parts = drawn(name, seed)
    before = [list(part) if isinstance(part, list) else part.copy() for part in parts]
    found = measured(name, parts)
    low, high = module_of("audit.metrics", name).BOUNDS
    assert np.isfinite(values(found)).all()
    assert (values(found) >= low).all()
    assert (values(found) <= high).all()
    if isinstance(found, Estimate):
        assert found.low <= found.value <= found.high
        assert found.width > 0
    assert np.array_equal(values(measured(name, parts)), values(found))
    assert all(np.array_equal(one, other) for one, other in zip(parts, before, strict=True))


@every
@given(seed=st.integers(0, 10**6))
def test_the_order_of_cases_does_not_matter(name, seed):
    if "order_indifferent" not in laws(name):
        pytest.skip("looks at the order, or has two axes")
    parts = drawn(name, seed)
    at = np.random.default_rng(seed).permutation(len(parts[0]))
    moved = [[p[i] for i in at] if isinstance(p, list) else p[at] for p in parts]
    found, again = measured(name, parts), measured(name, moved)
    found = found[at] if isinstance(found, np.ndarray) else found
    np.testing.assert_allclose(values(again), values(found), atol=1e-9)


@every
@given(seed=st.integers(0, 10**6))
def test_what_is_as_wanted_gets_the_best_value(name, seed):
    if "perfect" not in laws(name):
        pytest.skip("has nothing that would be perfect")
    part = drawn(name, seed)[0]
    best = module_of("audit.metrics", name).BOUNDS[1]
    np.testing.assert_allclose(values(measured(name, [part, part])), best)
    worse = values(measured(name, drawn(name, seed)))
    assert worse.mean() <= best


@every
def test_nothing_to_measure_is_said_in_a_sentence(name):
    parts = drawn(name, 0)
    nothing = [p[:0] for p in parts]
    with pytest.raises(BadInput, match=r"empty|there are no") as caught:
        measured(name, nothing)
    assert "\n" not in str(caught.value)
    assert str(caught.value).endswith(".")


@every
def test_unequal_numbers_are_said_in_a_sentence(name):
    parts = drawn(name, 0)
    if len(parts) == 1 or name in ("bm25", "mauve"):
        pytest.skip("its parts need not be equally many")
    with pytest.raises(ShapeError, match=r"11 .* were given; give as many of each"):
        measured(name, [parts[0], parts[1][:-1]])


@every
def test_one_text_alone_is_not_taken_for_many(name):
    parts = drawn(name, 0)
    if "texts" not in needs(get("audit.metrics", name)):
        pytest.skip("takes no texts")
    with pytest.raises(BadInput, match="put it into a list"):
        measured(name, ["river", *parts[1:]])


@every
def test_one_kind_of_labels_is_not_enough(name):
    if "needs_both_labels" not in laws(name):
        pytest.skip("can do with labels of one kind")
    scores, labels = drawn(name, 0)
    for label in (0, 1):
        with pytest.raises(BadInput, match=f"all 12 labels are {label}"):
            measured(name, [scores, labels * 0 + label])


@every
def test_lists_arrays_and_tensors_are_the_same(name):
    parts = drawn(name, 3)
    if any(isinstance(part, list) for part in parts):
        pytest.skip("takes texts or names")
    found = values(measured(name, parts))
    tensors = [torch.from_numpy(part) for part in parts]
    assert np.array_equal(values(measured(name, tensors)), found)
    if parts[0].ndim == 1:
        assert np.array_equal(values(measured(name, [part.tolist() for part in parts])), found)


@every
def test_a_missing_library_is_said_in_a_sentence(name, monkeypatch):
    if name not in LIBRARIES:
        pytest.skip("needs no library of its own")
    for module in ("sacrebleu", "sacrebleu.metrics", "rouge_score", "bm25s", "mauve.compute_mauve"):
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(Unsupported) as caught:
        measured(name, drawn(name, 0))
    extra = "mauve" if name == "mauve" else "metrics"
    said = f'The metric {name} needs {LIBRARIES[name]}: pip install "likely[{extra}]"'
    assert str(caught.value) == said


@every
def test_the_signature_says_what_is_measured_and_what_is_chosen(name):
    entry = get("audit.metrics", name)
    for parameter in inspect.signature(entry).parameters.values():
        chosen = parameter.kind is parameter.KEYWORD_ONLY
        assert chosen == (parameter.default is not parameter.empty), parameter
    kind = inspect.signature(entry).return_annotation
    assert kind in (float, Estimate) or getattr(kind, "dim_str", "").strip() in ("M", "Q M")
    low, high = module_of("audit.metrics", name).BOUNDS
    assert low < high


@every
def test_labels_and_numbers_that_are_none_are_refused(name):
    taken = needs(get("audit.metrics", name))
    numeric = {"scores", "probabilities", "samples", "correct", "features", "reference_features"}
    if not numeric & set(taken):
        pytest.skip("takes no numbers")
    for at, part in enumerate(taken):
        parts = drawn(name, 0)
        if part in numeric:
            parts[at] = parts[at].astype(float)
            parts[at][0] = np.nan
        else:
            parts[at][0] = 2
        with pytest.raises(LikelyError, match=r"finite|should be 0 or 1") as caught:
            measured(name, parts)
        assert "\n" not in str(caught.value)
