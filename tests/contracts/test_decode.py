"""The contract of every sampler: a map of logits, and what its LAWS say of it."""

import inspect
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from likely.core.bind import bind
from likely.core.catalogue import catalogue, get, module_of
from tests.strategies import logits

ROOT = Path(__file__).parents[2]
NAMES = tuple(catalogue("decode"))
every = pytest.mark.parametrize("name", NAMES)


def laws(name):
    return module_of("decode", name).LAWS


@every
@given(z=logits())
def test_a_filter_only_removes_and_keeps_the_likeliest(name, z):
    before = z.clone()
    out = get("decode", name)(z)
    assert torch.equal(z, before), "the logits given were changed"
    assert out.shape == z.shape
    kept = out > -torch.inf
    assert kept.any(-1).all()
    if "filter" in laws(name):
        assert torch.equal(out[kept], z[kept])
    if "keeps_likeliest" in laws(name):
        assert (
            torch.equal(out.argmax(-1), z.argmax(-1))
            or kept.gather(-1, z.argmax(-1, keepdim=True)).all()
        )


@every
@given(z=logits(), seed=st.integers(0, 99))
def test_the_order_of_the_vocabulary_does_not_matter(name, z, seed):
    if "equivariant" not in laws(name):
        pytest.skip("breaks ties by the order of the vocabulary")
    at = torch.randperm(z.shape[1], generator=torch.Generator().manual_seed(seed))
    assert torch.equal(get("decode", name)(z[:, at]), get("decode", name)(z)[:, at])


@every
@given(z=logits())
def test_a_shift_does_not_matter(name, z):
    if "shift_invariant" not in laws(name):
        pytest.skip("not a filter of probabilities")
    z = z.double().round(decimals=3)
    cut = get("decode", name)(z) == -torch.inf
    assert torch.equal(get("decode", name)(z + 4.0) == -torch.inf, cut)


@every
@given(z=logits())
def test_its_neutral_setting_is_the_identity(name, z):
    neutral = getattr(module_of("decode", name), "NEUTRAL", None)
    if neutral is None:
        pytest.skip("has no neutral setting")
    assert torch.equal(bind(name, room="decode", **neutral)({"logits": z}), z)


@every
def test_settings_have_names_and_defaults_and_the_page_is_whole(name):
    entry = get("decode", name)
    first, *rest = inspect.signature(entry).parameters.values()
    assert first.name == "logits"
    assert all(p.kind is p.KEYWORD_ONLY and p.default is not p.empty for p in rest)
    doc = inspect.getdoc(entry)
    for part in ("$$", "Args:", "Returns:", "Example:", "References:"):
        assert part in doc, f"{name} lacks {part}"
    page = ROOT / "docs" / "decode" / f"{name}.md"
    assert page.read_text(encoding="utf-8").startswith(f"# {name}\n")


def test_top_p_by_enumeration():
    p = torch.tensor([[0.4, 0.3, 0.2, 0.1]])
    for share, kept in ((0.05, 1), (0.39, 1), (0.5, 2), (0.69, 2), (0.75, 3), (0.95, 4), (1.0, 4)):
        out = bind("top_p", room="decode", p=share)({"logits": p.log()})
        assert int((out > -torch.inf).sum()) == kept, share


def test_min_p_by_enumeration():
    p = torch.tensor([[0.4, 0.3, 0.2, 0.1]])
    for share, kept in ((0.0, 4), (0.24, 4), (0.26, 3), (0.6, 2), (0.8, 1), (1.0, 1)):
        out = bind("min_p", room="decode", p=share)({"logits": p.log()})
        assert int((out > -torch.inf).sum()) == kept, share
