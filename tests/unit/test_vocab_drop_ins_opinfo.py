"""torch's own samples for linear_cross_entropy, on the function with torch's arguments."""

import warnings

import pytest
import torch
from torch.nn import functional

from likely.core.errors import LikelyError
from likely.vocab import linear_cross_entropy_loss

pytest.importorskip(
    "expecttest", reason="torch's samples need expecttest: pip install likely[test]"
)
NAME = "nn.functional.linear_cross_entropy"


def operators():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from torch.testing._internal.common_methods_invocations import op_db
    return [one for one in op_db if one.name == NAME]


@pytest.fixture(
    scope="module", params=["", "chunked", "chunked_none"], ids=["dense", "chunked", "chunked_none"]
)
def operator(request):
    found = [one for one in operators() if one.variant_test_name == request.param]
    if not found:
        pytest.skip(f"torch {torch.__version__} has no samples of {NAME} ({request.param})")
    return found[0]


def samples(operator, dtype=torch.float64):
    torch.manual_seed(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return list(operator.sample_inputs("cpu", dtype, requires_grad=True))


def leaves(sample):
    every = (sample.input, *sample.args, *sample.kwargs.values())
    return [one for one in every if isinstance(one, torch.Tensor) and one.requires_grad]


def gradients(value, wanted):
    g = torch.Generator().manual_seed(1)
    upstream = torch.randn(value.shape, generator=g, dtype=torch.float64).to(value.dtype)
    return torch.autograd.grad(value, wanted, upstream)


def test_values_and_all_gradients_are_those_of_dense_torch(operator):
    seen = samples(operator)
    assert len(seen) > 20
    for sample in seen:
        plain = {k: v for k, v in sample.kwargs.items() if k != "options"}
        truth = functional.linear_cross_entropy(sample.input, *sample.args, **plain)
        found = linear_cross_entropy_loss(sample.input, *sample.args, **sample.kwargs)
        assert found.shape == truth.shape
        assert found.dtype == truth.dtype
        torch.testing.assert_close(found, truth, rtol=1e-9, atol=1e-12)
        wanted = leaves(sample)
        for ours, theirs in zip(gradients(found, wanted), gradients(truth, wanted), strict=True):
            torch.testing.assert_close(ours, theirs, rtol=1e-9, atol=1e-12)


def test_gradients_agree_with_differences(operator):
    small = sorted(samples(operator), key=lambda one: sum(t.numel() for t in leaves(one)))
    for sample in small[:6]:
        names = [k for k, v in sample.kwargs.items() if isinstance(v, torch.Tensor)]
        fixed = {k: v for k, v in sample.kwargs.items() if k not in names}

        def loss(*given, names=names, fixed=fixed):
            named = dict(zip(names, given[3:], strict=True))
            return linear_cross_entropy_loss(*given[:3], **named, **fixed)

        torch.autograd.gradcheck(
            loss, (sample.input, *sample.args, *(sample.kwargs[k] for k in names))
        )


@pytest.mark.usefixtures("untyped")
def test_what_torch_refuses_is_refused_with_the_same_words(operator):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        bad = list(operator.error_inputs("cpu"))
    assert len(bad) >= 6
    for one in bad:
        sample = one.sample_input
        with pytest.raises(one.error_type, match=one.error_regex) as caught:
            linear_cross_entropy_loss(sample.input, *sample.args, **sample.kwargs)
        assert isinstance(caught.value, LikelyError)


def test_low_precision_is_no_worse_than_dense_torch(operator):
    for sample in samples(operator, torch.bfloat16)[:24]:
        exact = {
            k: v.double() if isinstance(v, torch.Tensor) else v
            for k, v in sample.kwargs.items()
            if k != "options"
        }
        plain = {k: v for k, v in sample.kwargs.items() if k != "options"}
        given = [one.double() if one.is_floating_point() else one for one in sample.args]
        truth = functional.linear_cross_entropy(sample.input.double(), *given, **exact)
        dense = functional.linear_cross_entropy(sample.input, *sample.args, **plain)
        found = linear_cross_entropy_loss(sample.input, *sample.args, **sample.kwargs)
        assert found.dtype == torch.bfloat16
        error, theirs = ((one.double() - truth).abs().max() for one in (found, dense))
        assert error <= theirs + 2**-8 * truth.abs().max()
