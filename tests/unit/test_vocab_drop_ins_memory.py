"""The drop-ins hold no logits of all tokens, and keep to autocast."""

import pytest
import torch
from torch.nn import functional
from torch.profiler import ProfilerActivity, profile

from likely.vocab import (
    _way,
    liger_fused_linear_cross_entropy,
    linear_cross_entropy,
    linear_cross_entropy_loss,
)


def largest(run):
    """The most bytes that one operator took at once."""
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as seen:
        run()
    return max(event.self_cpu_memory_usage for event in seen.events())


def plain(h, w, y):
    return linear_cross_entropy(h, w, y)


def each(h, w, y):
    return linear_cross_entropy(h, w, y, reduction="none", return_lse=True)[0].sum()


def smoothed(h, w, y):
    weight = torch.rand(len(w))
    return linear_cross_entropy_loss(h, w, y, weight=weight, label_smoothing=0.1)


def capped(h, w, y):
    return liger_fused_linear_cross_entropy(
        h, w, y, label_smoothing=0.1, lse_square_scale=0.1, softcap=5.0, use_token_scaling=True
    )


@pytest.mark.parametrize("loss", [plain, each, smoothed, capped])
def test_nothing_is_as_large_as_the_logits(loss, monkeypatch):
    monkeypatch.setattr(_way, "can_compile", lambda: False)  # Shape checks do not compile.
    tokens, words = 9000, 4096
    h = torch.randn(tokens, 2, requires_grad=True)
    w = torch.randn(words, 2, requires_grad=True)
    y = torch.randint(words, (tokens,))
    assert largest((h @ w.T).exp) >= 4 * tokens * words
    assert largest(lambda: loss(h, w, y).backward()) <= 4 * tokens * words / 2
    assert h.grad.abs().max() > 0


@pytest.mark.parametrize("probable", [False, True])
def test_under_autocast_products_are_narrow_and_sums_wide(probable):
    g = torch.Generator().manual_seed(0)
    h = torch.randn(9, 8, generator=g).requires_grad_()
    w, b = (torch.randn(*s, generator=g).requires_grad_() for s in ((13, 8), (13,)))
    y = torch.randint(13, (9,), generator=g)
    y = functional.one_hot(y, 13).float() if probable else y
    settings = {"label_smoothing": 0.1, "reduction": "sum"}
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = linear_cross_entropy_loss(h, w, y, linear_bias=b, **settings)
    assert found.dtype == torch.float32
    truth = functional.cross_entropy(h @ w.T + b, y, **settings)
    assert found != truth
    torch.testing.assert_close(found, truth, rtol=2e-2, atol=0)
    leaves = [h, w, b]
    ours, exact = (torch.autograd.grad(one, leaves) for one in (found, truth))
    for one, other in zip(ours, exact, strict=True):
        assert one.dtype == torch.float32
        torch.testing.assert_close(one, other, rtol=0, atol=5e-2 * float(other.abs().max()))
