"""The function and the module with torch's arguments, against torch on plain logits."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional

from likely.core.errors import BadSetting, ShapeError, Unsupported
from likely.core.head import Head
from likely.vocab import LinearCrossEntropyLoss, _dense_rows, linear_cross_entropy_loss
from likely.vocab._token_loss import TokenLoss


def make(tokens, words, outs=(), probable=False, bias=True, weighted=False, seed=0):
    """States [N, D] ([D] for None), a classifier, targets, a bias and class weights."""
    g = torch.Generator().manual_seed(seed)

    def leaf(*size):
        return torch.randn(*size, generator=g, dtype=torch.float64).requires_grad_()

    batch = () if tokens is None else (tokens,)
    if probable:
        target = leaf(*batch, words, *outs)
    else:
        target = torch.randint(words, (*batch, *outs), generator=g)
    weight = torch.rand(words, generator=g, dtype=torch.float64) + 0.1 if weighted else None
    return (
        leaf(*batch, 4),
        leaf(words, *outs, 4),
        target,
        leaf(words, *outs) if bias else None,
        weight,
    )


def dense(input, linear_weight, target, *, linear_bias=None, ignore_index=None, **settings):
    """Logits, then torch's cross-entropy: the definition in torch's documentation."""
    rows, width = linear_weight.shape[:-1], linear_weight.shape[-1]
    z = input @ linear_weight.reshape(-1, width).T
    z = z if linear_bias is None else z + linear_bias.flatten()
    ignored = {} if ignore_index is None else {"ignore_index": ignore_index}
    return functional.cross_entropy(
        z.reshape(*input.shape[:-1], *rows), target, **ignored, **settings
    )


def close(ours, theirs, rtol=1e-9):
    finite = theirs.detach().nan_to_num()
    scale = max(float(finite.abs().max()) if finite.numel() else 0.0, 1e-300)
    torch.testing.assert_close(ours, theirs, rtol=rtol, atol=rtol * scale, equal_nan=True)


def agree(ours, theirs, leaves):
    assert ours.shape == theirs.shape
    assert ours.dtype == theirs.dtype
    close(ours, theirs)
    g = torch.Generator().manual_seed(3)
    upstream = torch.randn(ours.shape, generator=g, dtype=torch.float64).to(ours.dtype)
    found = torch.autograd.grad(ours, leaves, upstream)
    truth = torch.autograd.grad(theirs, leaves, upstream)
    for one, other in zip(found, truth, strict=True):
        close(one, other)


@settings(max_examples=100)
@given(
    tokens=st.sampled_from([None, 1, 2, 6]),
    words=st.integers(1, 19),
    outs=st.sampled_from([(), (), (3,), (2, 2)]),
    probable=st.booleans(),
    bias=st.booleans(),
    weighted=st.booleans(),
    reduction=st.sampled_from(["mean", "sum", "none"]),
    ignore_index=st.sampled_from([None, -100, 0]),
    label_smoothing=st.sampled_from([0.0, 0.1, 1.0]),
    seed=st.integers(0, 2**31),
)
def test_every_option_against_logits(
    tokens, words, outs, probable, bias, weighted, reduction, ignore_index, label_smoothing, seed
):
    outs = () if tokens is None else outs
    h, w, target, b, weight = make(tokens, words, outs, probable, bias, weighted, seed)
    probable = target.shape == (*h.shape[:-1], *w.shape[:-1])
    if probable and not target.is_floating_point():
        return  # torch reads such a shape as probabilities, and refuses whole numbers.
    settings = {
        "weight": weight,
        "reduction": reduction,
        "ignore_index": None if probable else ignore_index,
        "label_smoothing": label_smoothing,
    }
    ours = linear_cross_entropy_loss(h, w, target, linear_bias=b, **settings)
    theirs = dense(h, w, target, linear_bias=b, **settings)
    agree(ours, theirs, [t for t in (h, w, b, target) if t is not None and t.requires_grad])


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("smoothing", [0.0, 0.3])
@pytest.mark.parametrize("weighted", [False, True])
def test_where_everything_is_ignored(reduction, smoothing, weighted):
    h, w, _, b, weight = make(3, 5, weighted=weighted)
    target = torch.full((3,), -100)
    settings = {"weight": weight, "reduction": reduction, "label_smoothing": smoothing}
    ours = linear_cross_entropy_loss(h, w, target, linear_bias=b, **settings)
    theirs = dense(h, w, target, linear_bias=b, **settings)
    close(ours, theirs)
    for one in torch.autograd.grad(ours.sum(), [h, w, b]):
        assert bool((one == 0).all())


@pytest.mark.parametrize("probable", [False, True])
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_no_tokens(probable, reduction):
    h, w, target, b, _ = make(0, 5, probable=probable)
    ours = linear_cross_entropy_loss(h, w, target, linear_bias=b, reduction=reduction)
    theirs = dense(h, w, target, linear_bias=b, reduction=reduction)
    assert ours.shape == theirs.shape
    close(ours, theirs)


@settings(max_examples=50)
@given(
    block=st.integers(1, 180),
    smoothing=st.sampled_from([0.0, 0.2]),
    penalty=st.sampled_from([0.0, 0.1]),
    scaled=st.booleans(),
    weighted=st.booleans(),
    softcap=st.sampled_from([None, 2.0]),
    reference=st.booleans(),
)
def test_chunks_do_not_matter(block, smoothing, penalty, scaled, weighted, softcap, reference):
    h, w, target, b, weight = make(7, 23, weighted=weighted)
    head, plain = Head(w, b, softcap=softcap), (weight, smoothing, penalty, scaled)
    whole = TokenLoss(*plain, backend="reference")
    parts = TokenLoss(
        *plain,
        backend="reference" if reference else "chunked",
        block=None if reference else block,
    )
    agree(parts.summed(h, head, target, {})[0], whole.summed(h, head, target, {})[0], [h, w, b])
    agree(parts.each(h, head, target, {})[0], whole.each(h, head, target, {})[0], [h, w, b])


@pytest.mark.parametrize("rows", [1, 2, 3, 6, 100])
def test_chunks_of_whole_rows_do_not_matter(rows, monkeypatch):
    h, w, target, b, weight = make(6, 9, probable=True, weighted=True)
    monkeypatch.setattr(_dense_rows, "ROW_BYTES", 4 * 9 * rows)
    ours = linear_cross_entropy_loss(h, w, target, linear_bias=b, weight=weight)
    agree(ours, dense(h, w, target, linear_bias=b, weight=weight), [h, w, b, target])


@pytest.mark.parametrize("probable", [False, True])
def test_tokens_do_not_see_each_other(probable):
    h, w, target, b, weight = make(6, 9, probable=probable, weighted=True)
    settings = {"linear_bias": b, "weight": weight, "reduction": "none", "label_smoothing": 0.1}
    whole = linear_cross_entropy_loss(h, w, target, **settings)
    each = [linear_cross_entropy_loss(h[i], w, target[i], **settings) for i in range(6)]
    close(whole, torch.stack(each))


def test_gradients_can_be_taken_twice_and_under_any_options():
    h, w, target, b, _ = make(6, 9)
    truth = torch.autograd.grad(dense(h, w, target, linear_bias=b), [h, w, b])
    for options in (None, nn.LinearCrossEntropyOptions(batch_chunk_size=2, acc_policy="compact")):
        loss = linear_cross_entropy_loss(h, w, target, linear_bias=b, options=options)
        for _ in range(2):
            found = torch.autograd.grad(loss, [h, w, b], retain_graph=True)
            for one, other in zip(found, truth, strict=True):
                close(one, other)


@pytest.mark.parametrize("frozen", range(3))
@pytest.mark.parametrize("probable", [False, True])
def test_what_is_frozen_stays_without_gradient(frozen, probable):
    h, w, target, b, _ = make(5, 7, probable=probable)
    given_leaves = [h, w, b]
    given_leaves[frozen] = given_leaves[frozen].detach()
    loss = linear_cross_entropy_loss(*given_leaves[:2], target, linear_bias=given_leaves[2])
    truth = dense(*given_leaves[:2], target, linear_bias=given_leaves[2])
    agree(loss, truth, [one for one in given_leaves if one.requires_grad])


@pytest.mark.parametrize("outs", [(), (2, 3)])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("bias", [False, True])
def test_the_module_loads_the_state_of_torchs(outs, weighted, bias):
    weight = torch.rand(5, dtype=torch.float64) if weighted else None
    settings = {
        "out_features": outs,
        "bias": bias,
        "dtype": torch.float64,
        "weight": weight,
        "ignore_index": 1,
        "label_smoothing": 0.1,
    }
    theirs = nn.LinearCrossEntropyLoss(4, 5, **settings)
    ours = LinearCrossEntropyLoss(4, 5, **settings)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    ours.load_state_dict(theirs.state_dict())
    h, _, target, _, _ = make(6, 5, outs)
    loss, truth = ours(h, target), theirs(h, target)
    close(loss, truth)
    loss.backward()
    truth.backward()
    for one, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        close(one.grad, other.grad)
    for said in ("in_features=4", "num_classes=5", f"bias={bias}", "label_smoothing=0.1"):
        assert said in repr(ours)


def test_the_constructors_take_the_same_arguments():
    import inspect

    ours = inspect.signature(LinearCrossEntropyLoss).parameters
    theirs = inspect.signature(nn.LinearCrossEntropyLoss).parameters
    assert list(ours) == list(theirs)
    assert {k: p.default for k, p in ours.items()} == {k: p.default for k, p in theirs.items()}
    ours = inspect.signature(linear_cross_entropy_loss).parameters
    theirs = inspect.signature(functional.linear_cross_entropy).parameters
    assert {k: (p.default, p.kind) for k, p in ours.items()} == {
        k: (p.default, p.kind) for k, p in theirs.items()
    }


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("probable", [False, True])
def test_low_precision_returns_its_dtype_rounded_once(dtype, probable):
    h, w, target, b, weight = make(40, 30, probable=probable, weighted=True)
    target = target.detach().softmax(-1) if probable else target
    low = [t.detach().to(dtype) for t in (h, w, b, weight)]
    wide = [t.double() for t in low]
    settings = {"label_smoothing": 0.1, "reduction": "sum"}
    truth = dense(wide[0], wide[1], target, linear_bias=wide[2], weight=wide[3], **settings)
    target = target.to(dtype) if probable else target
    plain = dense(low[0], low[1], target, linear_bias=low[2], weight=low[3], **settings)
    ours = linear_cross_entropy_loss(
        low[0], low[1], target, linear_bias=low[2], weight=low[3], **settings
    )
    assert ours.dtype == dtype
    assert (ours - truth).abs() <= (plain - truth).abs() + torch.finfo(dtype).eps * truth.abs()


@pytest.mark.parametrize(
    ("more", "error", "said"),
    [
        ({"reduction": "Mean"}, BadSetting, "reduction='Mean' .* Did you mean 'mean'"),
        ({"label_smoothing": 1.5}, BadSetting, "label_smoothing=1.5 .* at most 1"),
        ({"label_smoothing": -0.5}, BadSetting, "label_smoothing=-0.5 .* at least 0"),
        ({"label_smoothing": True}, BadSetting, "label_smoothing=True"),
        ({"options": 3}, BadSetting, "options=3 should be a torch.nn.LinearCrossEntropyOptions"),
        ({"weight": torch.ones(3)}, ShapeError, r"weight must have .* \[5\], and it is \[3\]"),
        ({"weight": torch.ones(5, dtype=torch.int64)}, ShapeError, "of torch.int64"),
        ({"weight": torch.ones(5, requires_grad=True)}, Unsupported, r"weight\.detach"),
        ({"target": torch.tensor([0, 9])}, ShapeError, "the target of row 1 is 9"),
        ({"target": torch.tensor([0, -3])}, ShapeError, "the target of row 1 is -3"),
        ({"target": torch.tensor([0])}, ShapeError, r"shape \(2,\), got \(1,\)"),
        ({"target": torch.tensor([0.0, 1.0])}, ShapeError, "int64, got torch.float32"),
        ({"target": torch.ones(2, 5).long()}, ShapeError, "probabilities, got torch.int64"),
    ],
)
@pytest.mark.usefixtures("untyped")
def test_refusals(more, error, said):
    h, w, target, b, _ = make(2, 5)
    more = {"target": target, **more}
    with pytest.raises(error, match=said) as caught:
        linear_cross_entropy_loss(h, w, more.pop("target"), linear_bias=b, **more)
    assert str(caught.value).startswith("linear_cross_entropy_loss: ")
    assert "\n" not in str(caught.value)


def test_finer_sums_than_float32_are_refused_where_they_are_not_done():
    h, w, target, _, _ = make(2, 5)
    options = nn.LinearCrossEntropyOptions(acc_dtype=torch.float64)
    linear_cross_entropy_loss(h, w, target, options=options)
    with pytest.raises(Unsupported, match=r"options\.acc_dtype=torch\.float64 of torch\.float32"):
        linear_cross_entropy_loss(h.float(), w.float(), target, options=options)


@pytest.mark.usefixtures("untyped")
def test_the_module_refuses_at_once():
    with pytest.raises(BadSetting, match="label_smoothing=2 should be a number"):
        LinearCrossEntropyLoss(4, 5, label_smoothing=2)
    with pytest.raises(ShapeError, match=r"weight must have .* \[5\]"):
        LinearCrossEntropyLoss(4, 5, weight=torch.ones(4))
