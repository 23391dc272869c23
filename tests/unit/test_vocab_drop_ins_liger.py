"""`liger_fused_linear_cross_entropy` with Liger's arguments, against torch on plain logits."""

import inspect

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from likely.core.errors import BadSetting, ShapeError, Unsupported
from likely.vocab import (
    CrossEntropyOutput,
    LigerFusedLinearCrossEntropyLoss,
    liger_fused_linear_cross_entropy,
)

IGNORED = -7


def make(tokens=6, words=11, bias=True, weighted=False, ignored=0.4, seed=0, dtype=torch.float64):
    g = torch.Generator().manual_seed(seed)

    def leaf(*size):
        return torch.randn(*size, generator=g, dtype=torch.float64).to(dtype).requires_grad_()

    target = torch.randint(words, (tokens,), generator=g)
    target = target.where(torch.rand(tokens, generator=g) >= ignored, torch.tensor(IGNORED))
    weight = (torch.rand(words, generator=g, dtype=torch.float64) + 0.1).to(dtype)
    return (
        leaf(tokens, 4),
        leaf(words, 4),
        target,
        leaf(words) if bias else None,
        weight if weighted else None,
    )


def dense(
    h,
    w,
    target,
    b,
    weight,
    lse_square_scale=0.0,
    label_smoothing=0.0,
    reduction="mean",
    softcap=None,
    use_token_scaling=False,
):
    """Loss, penalty, accuracy and predictions by torch, with the denominators of Liger's kernel."""
    z = h @ w.T if b is None else h @ w.T + b
    z = z if softcap is None else softcap * (z / softcap).tanh()
    counts = target != IGNORED
    loss = functional.cross_entropy(
        z,
        target,
        weight,
        ignore_index=IGNORED,
        reduction="none",
        label_smoothing=label_smoothing,
    )
    penalty = lse_square_scale * z.logsumexp(-1).square() * counts
    if use_token_scaling:
        chosen = target.where(counts, torch.zeros(1, dtype=torch.int64))
        p = z.detach().softmax(-1).gather(1, chosen[:, None])[:, 0] * counts
        loss, penalty = loss * p, penalty * p
    if reduction == "mean":
        loss = loss / (counts.sum() if weight is None else weight[target[counts]].sum())
        penalty = penalty / counts.sum()
    predicted = z.argmax(-1).where(counts, torch.tensor(-1))
    right = ((predicted == target) & counts).float()
    if reduction != "none":
        loss, penalty, right = loss.sum(), penalty.sum(), right.sum() / counts.sum()
    return loss + penalty, penalty, right, predicted


def close(ours, theirs, rtol=1e-9):
    scale = max(float(theirs.detach().abs().max()) if theirs.numel() else 0.0, 1e-300)
    torch.testing.assert_close(ours, theirs, rtol=rtol, atol=rtol * scale)


def agree(ours, theirs, leaves):
    assert ours.shape == theirs.shape
    close(ours, theirs)
    g = torch.Generator().manual_seed(3)
    upstream = torch.randn(ours.shape, generator=g, dtype=torch.float64).to(ours.dtype)
    found = torch.autograd.grad(ours, leaves, upstream)
    truth = torch.autograd.grad(theirs, leaves, upstream)
    for one, other in zip(found, truth, strict=True):
        close(one, other)


@settings(max_examples=100)
@given(
    words=st.integers(2, 23),
    bias=st.booleans(),
    weighted=st.booleans(),
    ignored=st.sampled_from([0.0, 0.4]),
    lse_square_scale=st.sampled_from([0.0, 0.05]),
    label_smoothing=st.sampled_from([0.0, 0.1, 1.0]),
    reduction=st.sampled_from(["mean", "sum", "none"]),
    softcap=st.sampled_from([None, 2.0]),
    use_token_scaling=st.booleans(),
    more=st.tuples(st.booleans(), st.booleans(), st.booleans()),
    seed=st.integers(0, 2**31),
)
def test_every_option_against_logits(
    words, bias, weighted, ignored, lse_square_scale, label_smoothing, reduction, softcap,
    use_token_scaling, more, seed,
):  # fmt: skip
    h, w, target, b, weight = make(6, words, bias, weighted, ignored, seed)
    target[0] = 1
    options = {
        "lse_square_scale": lse_square_scale,
        "label_smoothing": label_smoothing,
        "reduction": reduction,
        "softcap": softcap,
        "use_token_scaling": use_token_scaling,
    }
    names = ("return_z_loss", "return_token_accuracy", "return_predicted_tokens")
    found = liger_fused_linear_cross_entropy(
        h, w, target, b, weight, IGNORED, **options, **dict(zip(names, more, strict=True))
    )
    loss, penalty, right, predicted = dense(h, w, target, b, weight, **options)
    if any(more):
        assert isinstance(found, CrossEntropyOutput)
        parts = (found.z_loss, found.token_accuracy, found.predicted_tokens)
        assert [part is not None for part in parts] == list(more)
        for part, truth in zip(parts, (penalty.detach(), right, predicted), strict=True):
            if part is not None:
                assert not part.requires_grad
                close(part, truth)
        found = found.loss
    agree(found, loss, [h, w] if b is None else [h, w, b])


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("weighted", [False, True])
def test_where_everything_is_ignored_the_loss_is_0(reduction, weighted):
    h, w, target, b, weight = make(ignored=1.1, weighted=weighted)
    found = liger_fused_linear_cross_entropy(
        *(h, w, target, b, weight, IGNORED),
        lse_square_scale=0.1,
        label_smoothing=0.1,
        reduction=reduction,
        return_z_loss=True,
        return_token_accuracy=True,
        return_predicted_tokens=True,
    )
    assert bool((found.loss == 0).all())
    assert bool((found.z_loss == 0).all())
    assert bool((found.predicted_tokens == -1).all())
    assert reduction == "none" or found.token_accuracy.isnan()
    for one in torch.autograd.grad(found.loss.sum(), [h, w, b]):
        assert bool((one == 0).all())


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_dtypes_are_theirs_and_errors_no_larger_than_dense_torchs(dtype, reduction):
    given_tensors = make(9, 13, weighted=True, dtype=dtype)
    h, w, target, b, weight = (t.detach() for t in given_tensors)
    options = {"label_smoothing": 0.1, "lse_square_scale": 0.01, "reduction": reduction}
    found = liger_fused_linear_cross_entropy(
        h, w, target, b, weight, IGNORED, **options, return_z_loss=True, return_token_accuracy=True
    )
    assert found.loss.dtype == found.token_accuracy.dtype == torch.float32
    assert found.z_loss.dtype == dtype
    wide = [t.double() for t in (h, w, b, weight)]
    truth, *_ = dense(wide[0], wide[1], target, wide[2], wide[3], **options)
    plain, *_ = dense(h, w, target, b, weight, **options)
    epsilon = 4 * torch.finfo(dtype).eps * truth.abs().max()
    assert (found.loss - truth).abs().max() <= (plain - truth).abs().max() + epsilon


def test_the_module_takes_the_classifier_first():
    h, w, target, b, weight = make(weighted=True)
    options = {
        "ignore_index": IGNORED,
        "lse_square_scale": 0.1,
        "label_smoothing": 0.2,
        "reduction": "sum",
        "softcap": 3.0,
        "use_token_scaling": True,
    }
    module = LigerFusedLinearCrossEntropyLoss(weight, **options)
    other = liger_fused_linear_cross_entropy(h, w, target, b, weight, **options)
    assert torch.equal(module(w, h, target, b), other)
    module = LigerFusedLinearCrossEntropyLoss(weight, **options, return_predicted_tokens=True)
    assert torch.equal(module(w, h, target, b).loss, other)
    assert not module.state_dict()
    theirs = ["lin_weight", "_input", "target", "bias"]
    assert list(inspect.signature(module.forward).parameters) == theirs


def test_what_only_means_speed_or_is_always_so_changes_nothing():
    h, w, target, b, _ = make()
    plain = liger_fused_linear_cross_entropy(h, w, target, b, ignore_index=IGNORED)
    for more in ({"chunk_mem_const": 4}, {"accum_dtype": torch.float32},
                 {"accum_dtype": torch.bfloat16}, {"accum_dtype": torch.float64}):  # fmt: skip
        found = liger_fused_linear_cross_entropy(h, w, target, b, ignore_index=IGNORED, **more)
        assert torch.equal(found, plain)


@pytest.mark.parametrize(
    ("more", "error", "said"),
    [
        ({"reduction": "men"}, BadSetting, "reduction='men' .* Did you mean 'mean'"),
        ({"label_smoothing": 1.1}, BadSetting, "label_smoothing=1.1 .* at most 1"),
        ({"lse_square_scale": -1}, BadSetting, "lse_square_scale=-1 .* at least 0"),
        ({"lse_square_scale": torch.nan}, BadSetting, "lse_square_scale=nan"),
        ({"softcap": 0}, BadSetting, "softcap=0 should be a number above 0"),
        ({"return_z_loss": 1}, BadSetting, "return_z_loss=1 should be True or False"),
        ({"use_token_scaling": None}, BadSetting, "use_token_scaling=None should be True"),
        ({"chunk_mem_const": 0}, BadSetting, "chunk_mem_const=0 should be a whole number"),
        ({"accum_dtype": torch.int32}, BadSetting, "accum_dtype=torch.int32 should be a floating"),
        ({"accum_dtype": torch.float64}, Unsupported, "accum_dtype=torch.float64 of torch.float32"),
        ({"ce_weight": torch.ones(3)}, ShapeError, r"ce_weight .* \[11\], and it is \[3\]"),
        ({"ce_weight": torch.ones(11, requires_grad=True)}, Unsupported, r"ce_weight\.detach"),
        ({"ignore_index": -100}, ShapeError, "the target of row . is -7"),
    ],
)
@pytest.mark.usefixtures("untyped")
def test_refusals(more, error, said):
    h, w, target, b, _ = make(dtype=torch.float32)
    target[1] = IGNORED
    with pytest.raises(error, match=said) as caught:
        liger_fused_linear_cross_entropy(h, w, target, b, **{"ignore_index": IGNORED, **more})
    assert str(caught.value).startswith("liger_fused_linear_cross_entropy: ")
    assert "\n" not in str(caught.value)


@pytest.mark.usefixtures("untyped")
def test_tensors_that_do_not_fit_are_told():
    h, w, target, b, _ = make()
    for wrong in ((h[:, :2], w, target), (h, w, target[:3]), (h[None], w, target[None])):
        with pytest.raises(ShapeError, match=r"input should be \[N, D\]"):
            liger_fused_linear_cross_entropy(*wrong)
    with pytest.raises(ShapeError, match="bias must have one entry a word"):
        liger_fused_linear_cross_entropy(h, w, target, b[:2], ignore_index=IGNORED)


def test_of_equal_words_the_first_is_predicted():
    h, w, target = torch.ones(3, 2), torch.ones(5, 2), torch.tensor([0, 1, 4])
    found = liger_fused_linear_cross_entropy(
        h, w, target, return_token_accuracy=True, return_predicted_tokens=True, reduction="none"
    )
    assert found.predicted_tokens.tolist() == [0, 0, 0]
    assert found.token_accuracy.tolist() == [1, 0, 0]
