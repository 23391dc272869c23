"""`linear_cross_entropy` with apple/ml-cross-entropy's arguments, against plain logits."""

import enum

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from likely.core.errors import BadSetting, ShapeError, Unsupported
from likely.vocab import LinearCrossEntropy, compute_z_loss, linear_cross_entropy

IGNORED = -7


def make(shape, words=11, width=4, bias=True, ignored=0.3, seed=0, dtype=torch.float64):
    g = torch.Generator().manual_seed(seed)

    def leaf(*size):
        return torch.randn(*size, generator=g, dtype=torch.float64).to(dtype).requires_grad_()

    targets = torch.randint(words, shape, generator=g)
    targets = targets.where(torch.rand(shape, generator=g) >= ignored, torch.tensor(IGNORED))
    return leaf(*shape, width), leaf(words, width), targets, leaf(words) if bias else None


def dense(e, c, targets, bias, softcap=None, shift=0, reduction="mean"):
    """Their documented definition, on logits: states and targets shifted, then cross-entropy."""
    shift = int(shift)
    if shift:
        e, targets = e[..., :-shift, :], targets[..., shift:]
    z = e @ c.T if bias is None else e @ c.T + bias
    z = z if softcap is None else softcap * (z / softcap).tanh()
    loss = functional.cross_entropy(
        z.flatten(0, -2), targets.flatten(), ignore_index=IGNORED, reduction=reduction
    )
    counts = targets != IGNORED
    lse = z.logsumexp(-1).where(counts, torch.zeros((), dtype=z.dtype))
    return loss.reshape(targets.shape) if reduction == "none" else loss, lse


def close(ours, theirs, rtol=1e-9):
    scale = max(float(theirs.detach().abs().max()) if theirs.numel() else 0.0, 1e-300)
    torch.testing.assert_close(ours, theirs, rtol=rtol, atol=rtol * scale)


def agree(ours, theirs, leaves):
    close(ours, theirs)
    g = torch.Generator().manual_seed(3)
    upstream = torch.randn(ours.shape, generator=g, dtype=torch.float64).to(ours.dtype)
    found = torch.autograd.grad(ours, leaves, upstream, retain_graph=True)
    truth = torch.autograd.grad(theirs, leaves, upstream, retain_graph=True)
    for one, other in zip(found, truth, strict=True):
        close(one, other)


@settings(max_examples=100)
@given(
    shape=st.sampled_from([(5,), (1, 4), (3, 5), (2, 2, 4)]),
    words=st.integers(1, 23),
    bias=st.booleans(),
    softcap=st.sampled_from([None, 2.0]),
    reduction=st.sampled_from(["mean", "sum", "none"]),
    shift=st.sampled_from([0, 1, 2, 3, False, True]),
    ignored=st.sampled_from([0.0, 0.4]),
    impl=st.sampled_from(["cce", "reference", "chunked", "cce_exact", "torch_compile"]),
    return_lse=st.booleans(),
    seed=st.integers(0, 2**31),
)
def test_every_option_against_logits(
    shape, words, bias, softcap, reduction, shift, ignored, impl, return_lse, seed
):
    e, c, targets, b = make(shape, words, bias=bias, ignored=ignored, seed=seed)
    targets[..., -1] = 0  # Something is left to be predicted.
    found = linear_cross_entropy(
        e, c, targets, b, IGNORED, softcap, reduction, shift, return_lse, impl=impl
    )
    loss, lse = dense(e, c, targets, b, softcap, shift, reduction)
    leaves = [e, c] if b is None else [e, c, b]
    if return_lse:
        agree(found[1], lse, leaves)
        agree(found[0].sum() + found[1].square().sum(), loss.sum() + lse.square().sum(), leaves)
        found = found[0]
    assert found.shape == loss.shape
    agree(found, loss, leaves)


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_where_everything_is_ignored(reduction):
    e, c, targets, _ = make((2, 3), ignored=1.1)
    loss = linear_cross_entropy(e, c, targets, ignore_index=IGNORED, reduction=reduction)
    truth = {"mean": torch.tensor(torch.nan), "sum": torch.zeros(()), "none": torch.zeros(2, 3)}
    torch.testing.assert_close(loss, truth[reduction].double(), equal_nan=True)
    gradients = torch.autograd.grad(loss.sum(), [e, c])
    assert all(bool((one == 0).all()) for one in gradients)


def test_a_shift_of_all_but_one_and_none_at_all():
    e, c, targets, b = make((2, 4), ignored=0)
    last = linear_cross_entropy(e, c, targets, b, shift=3, reduction="none")
    assert last.shape == (2, 1)
    close(last, dense(e, c, targets, b, shift=3, reduction="none")[0])


def test_tokens_and_batches_do_not_see_each_other():
    e, c, targets, b = make((4, 6))
    options = {"ignore_index": IGNORED, "reduction": "none", "shift": 1}
    whole = linear_cross_entropy(e, c, targets, b, **options)
    parts = [linear_cross_entropy(e[i : i + 1], c, targets[i : i + 1], b, **options)
             for i in range(4)]  # fmt: skip
    close(whole, torch.cat(parts))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_the_loss_and_lse_are_float32_and_no_worse_than_dense_torch(dtype):
    e, c, targets, b = make((2, 9), 13, 5, dtype=dtype)
    exact = [None if t is None else t.detach().double() for t in (e, c, b)]
    truth, exact_lse = dense(exact[0], exact[1], targets, exact[2])
    plain, _ = dense(e, c, targets, b)
    loss, lse = linear_cross_entropy(e, c, targets, b, IGNORED, return_lse=True)
    assert loss.dtype == lse.dtype == torch.float32
    mean = linear_cross_entropy(e, c, targets, b, IGNORED)
    epsilon = 4 * torch.finfo(dtype).eps
    for one in (loss, mean):
        assert (one.detach() - truth).abs() <= (plain.detach() - truth).abs() + epsilon
    assert (lse.detach() - exact_lse).abs().max() <= 8 * torch.finfo(dtype).eps


@given(
    reduction=st.sampled_from(["mean", "sum", "none"]),
    shift=st.sampled_from([0, 1, True]),
    whole=st.booleans(),
)
def test_the_penalty(reduction, shift, whole):
    e, c, targets, b = make((3, 5))
    _, lse = linear_cross_entropy(e, c, targets, b, IGNORED, shift=shift, return_lse=True)
    _, exact = dense(e, c, targets, b, shift=shift)
    counts = targets[..., int(shift) :] != IGNORED
    given_targets = None if whole else targets
    found = compute_z_loss(lse, given_targets, shift, IGNORED, reduction)
    square = exact.square()
    over = square.numel() if whole else int(counts.sum())
    truth = {"mean": square.sum() / over, "sum": square.sum(), "none": square}[reduction]
    agree(found, truth, [e, c, b])


def test_the_penalty_over_nothing():
    lse, targets = torch.ones(2), torch.tensor([-100, -100])
    assert compute_z_loss(lse, targets).isnan()
    assert compute_z_loss(lse, targets, reduction="sum") == 0


def test_the_module_has_the_options_of_the_function():
    e, c, targets, b = make((3, 5))
    options = {"ignore_index": IGNORED, "softcap": 3.0, "reduction": "sum", "shift": 2}
    module = LinearCrossEntropy(**options, return_lse=True)
    loss, lse = module(e, c, targets, b)
    other, other_lse = linear_cross_entropy(e, c, targets, b, **options, return_lse=True)
    assert torch.equal(loss, other)
    assert torch.equal(lse, other_lse)
    assert not module.state_dict()


class Theirs(enum.IntEnum):
    CCE = 1
    TORCH_COMPILE = 2


def test_what_only_means_speed_or_is_always_so_changes_nothing():
    e, c, targets, b = make((2, 4))
    plain = linear_cross_entropy(e, c, targets, b, IGNORED)
    for more in (
        {"filter_eps": None},
        {"filter_eps": 0.0},
        {"accum_e_fp32": True, "accum_c_fp32": True},
        {"filter_e_grad": False, "filter_c_grad": False},
        {"filter_eps": 1e9, "impl": "cce_exact"},
        {"impl": "cce_kahan_full_c"},
        {"impl": Theirs.CCE},
        {"impl": Theirs.TORCH_COMPILE},
    ):
        assert torch.equal(linear_cross_entropy(e, c, targets, b, IGNORED, **more), plain)


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("return_lse", [False, True])
def test_a_filter_drops_what_is_all_smaller_before_the_mean(reduction, return_lse):
    e, c, targets, _ = make((2, 4), bias=False, ignored=0)
    p = (e @ c.T).softmax(-1).detach()
    largest = float((p - functional.one_hot(targets, 11)).abs().max())
    truth, _ = dense(e, c, targets, None, reduction=reduction)
    for eps in (0.99 * largest, 1.01 * largest):
        loss = linear_cross_entropy(
            e, c, targets, reduction=reduction, return_lse=return_lse, filter_eps=eps
        )
        loss = loss[0] if return_lse else loss
        close(loss, truth)
        found = torch.autograd.grad(loss.sum(), [e, c])
        exact = torch.autograd.grad(truth.sum(), [e, c], retain_graph=True)
        for one, other in zip(found, exact, strict=True):
            close(one, other if eps < largest else torch.zeros_like(other))


@pytest.mark.parametrize(
    ("more", "error", "said"),
    [
        ({"vocab_parallel_options": object()}, BadSetting, "has no start and no stop"),
        ({"filter_eps": 1e-4, "filter_c_grad": False}, Unsupported, "only one of the two"),
        ({"filter_eps": 1e-4, "impl": "cce_kahan_full_e"}, Unsupported, "only one of the two"),
        ({"filter_eps": "low"}, BadSetting, "filter_eps='low' should be 'auto', None, or"),
        ({"filter_eps": -1.0}, BadSetting, "filter_eps=-1.0 should be 'auto', None, or"),
        ({"impl": "cce_exat"}, Unsupported, "impl='cce_exat' .* Did you mean 'cce_exact'"),
        ({"reduction": "average"}, BadSetting, "reduction='average' should be 'mean'"),
        ({"softcap": 0.0}, BadSetting, "softcap=0.0 should be a number above 0"),
        ({"softcap": -3}, BadSetting, "softcap=-3 should be a number above 0"),
        ({"shift": 4}, BadSetting, "shift=4 should be a whole number from 0 to 3"),
        ({"shift": -1}, BadSetting, "shift=-1 should be a whole number from 0 to 3"),
        ({"ignore_index": -100}, ShapeError, "the target of row . is -7; words are numbered 0"),
    ],
)
@pytest.mark.usefixtures("untyped")
def test_refusals(more, error, said):
    e, c, targets, b = make((2, 4), ignored=0.5)
    targets[0, 1] = IGNORED
    with pytest.raises(error, match=said) as caught:
        linear_cross_entropy(e, c, targets, b, **{"ignore_index": IGNORED, **more})
    assert str(caught.value).startswith("linear_cross_entropy: ")


@pytest.mark.usefixtures("untyped")
def test_tensors_that_do_not_fit_are_told():
    e, c, targets, b = make((2, 4), ignored=0)
    for wrong in ((e[0], c, targets, b), (e[..., :2], c, targets, b), (e[0, 0], c, targets[0, 0])):
        with pytest.raises(ShapeError, match=r"e should be \[\.\.\., D\]"):
            linear_cross_entropy(*wrong)
    with pytest.raises(ShapeError, match="bias must have one entry a word"):
        linear_cross_entropy(e, c, targets, b[:3])
    with pytest.raises(ShapeError, match=r"lse is \[5\], and \[4\] targets"):
        compute_z_loss(torch.ones(5), torch.ones(4, dtype=torch.int64))
