"""The loss inside the head against whole logits: values and every gradient."""

import copy
import functools

import pytest
import torch
from torch import nn

from likely.core.errors import BadInput, NotMeasured, ShapeError, Unsupported
from likely.core.head import Head
from likely.models._flat import Given, flat_batch
from likely.models._install import inside_head, install, remove
from likely.models._replaced import NAME
from likely.models.head_loss import lm_loss
from likely.objectives.dpop import dpop
from likely.objectives.goldfish import dense as goldfish
from likely.vocab.scan import scan
from tests.unit.tiny_models import (
    MAKERS,
    PLAIN,
    furthest,
    gradients,
    micro_batches,
    plain_sum,
    targets,
    tiny,
)


def number(tensor):
    return tensor.detach().item()


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("objective", PLAIN)
@pytest.mark.parametrize("name", MAKERS)
def test_loss_and_gradients_are_those_of_whole_logits(name, objective, count):
    model, batches = tiny(name), micro_batches(count)
    items = sum(map(targets, batches))
    expected = 0.0
    for batch in batches:
        loss = plain_sum(model, batch, objective) / items
        loss.backward()
        expected += number(loss)
    known = gradients(model)
    model.zero_grad()
    found = 0.0
    for batch in batches:
        # Where there is one batch, the weights' own sum is the number of its targets.
        more = {"num_items_in_batch": torch.tensor(items)} if count > 1 else {}
        loss = lm_loss(model, {**batch, **more}, objective)
        loss.backward()
        found += number(loss)
    assert found == pytest.approx(expected, rel=1e-6)
    assert furthest(gradients(model), known) < 5e-6


@pytest.mark.parametrize("name", MAKERS)
def test_float64_to_the_last_digits(name):
    model, (batch,) = tiny(name).double(), micro_batches(1)
    given = {k: v for k, v in batch.items() if k != "labels"}
    logits = model(**given).logits[:, :-1].flatten(0, 1)
    y = batch["labels"][:, 1:].flatten()
    expected = nn.functional.cross_entropy(logits, y, ignore_index=-100)
    expected.backward()
    known = gradients(model)
    model.zero_grad()
    loss = lm_loss(model, batch)
    loss.backward()
    assert number(loss) == pytest.approx(number(expected), rel=1e-13)
    assert furthest(gradients(model), known) < 1e-11


def test_nothing_is_left_behind():
    model, (batch,) = tiny("llama"), micro_batches(1)
    before = [dict(m.__dict__) for m in (model, model.lm_head)]
    classes = [vars(type(m)).get("forward") for m in (model, model.lm_head)]
    expected = model(**batch).loss
    with inside_head(model, "focal"):
        assert model(**batch).logits is None
        logits = model(input_ids=batch["input_ids"]).logits
        assert logits.shape == (2, 9, 128)
    with pytest.raises(ZeroDivisionError), inside_head(model, "focal"):
        raise ZeroDivisionError
    assert [set(m.__dict__) for m in (model, model.lm_head)] == [set(b) for b in before]
    assert [vars(type(m)).get("forward") for m in (model, model.lm_head)] == classes
    assert torch.equal(model(**batch).loss, expected)
    torch.testing.assert_close(model(input_ids=batch["input_ids"]).logits, logits)


def test_head_hooks_see_a_plain_call():
    model, (batch,) = tiny("llama"), micro_batches(1)
    seen = []
    before = model.lm_head.register_forward_pre_hook(lambda m, given: seen.append(given[0].shape))
    after = model.lm_head.register_full_backward_hook(lambda m, i, o: seen.append(i[0].shape))
    lm_loss(model, batch).backward()
    assert seen == [(2, 9, 32), (2, 9, 32)]
    before.remove()
    after.remove()


def test_hooks_that_replace_the_output_keep_the_gradient():
    """ZeRO-3 wraps what a module returns in an autograd function of its own."""

    class Through(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x.clone()

        @staticmethod
        def backward(ctx, g):
            called.append(1)
            return g

    model, (batch,) = tiny("gemma2"), micro_batches(1)
    lm_loss(model, batch).backward()
    known, called = gradients(model), []
    model.zero_grad()
    hook = model.lm_head.register_forward_hook(lambda m, given, out: Through.apply(out))
    lm_loss(model, batch).backward()
    hook.remove()
    assert called
    assert furthest(gradients(model), known) < 1e-6


def test_a_copy_of_a_patched_model_is_itself():
    model, (batch,) = tiny("llama"), micro_batches(1)
    inside = install(model, "focal")
    twin = copy.deepcopy(model)
    with torch.no_grad():
        twin.lm_head.weight.mul_(2)
    assert number(twin(**batch).loss) != pytest.approx(number(model(**batch).loss))
    remove(inside)
    assert NAME not in model.__dict__
    assert twin(**batch).logits is None
    remove(getattr(twin, NAME))
    assert twin(**batch).logits is not None


def test_a_wrapped_forward_lets_calls_through_once_restored():
    model, (batch,) = tiny("llama"), micro_batches(1)
    expected = model(**batch).loss
    inside = install(model, "focal")
    model.forward = functools.partial(model.forward)
    remove(inside)
    out = model(**batch)
    assert out.logits is not None
    assert torch.equal(out.loss, expected)


def test_shift_labels_are_honoured():
    model, (batch,) = tiny("llama"), micro_batches(1)
    shifted = nn.functional.pad(batch["labels"], (0, 1), value=-100)[:, 1:]
    alone = lm_loss(model, {"input_ids": batch["input_ids"], "shift_labels": shifted})
    both = lm_loss(model, {**batch, "shift_labels": shifted.roll(1, 0)})
    assert torch.equal(alone, lm_loss(model, batch))
    expected = model(**batch, shift_labels=shifted.roll(1, 0)).loss
    torch.testing.assert_close(both, expected)


def test_positional_arguments_and_tuples():
    model, (batch,) = tiny("llama"), micro_batches(1)
    expected = model(**batch).loss
    with inside_head(model, "cross_entropy"):
        loss, logits, *_ = model(batch["input_ids"], labels=batch["labels"], return_dict=False)
    torch.testing.assert_close(loss, expected)
    assert logits is None


def test_no_targets_cost_nothing():
    model, (batch,) = tiny("llama"), micro_batches(1)
    batch["labels"][:] = -100
    for more in ({}, {"num_items_in_batch": 7}):
        for objective in ("focal", "goldfish"):
            model.zero_grad()
            loss = lm_loss(model, {**batch, **more}, objective)
            loss.backward()
            assert number(loss) == 0
            assert not model.lm_head.weight.grad.any()
            assert all(p.grad is not None for p in model.parameters())


def test_gradient_checkpointing():
    model, (batch,) = tiny("llama"), micro_batches(1)
    lm_loss(model, batch).backward()
    known = gradients(model)
    model.zero_grad()
    # Its name before transformers 5.2x.
    enable = getattr(model, "activation_checkpointing_enable", model.gradient_checkpointing_enable)
    enable({"use_reentrant": False})
    lm_loss(model, batch).backward()
    assert furthest(gradients(model), known) < 1e-6


def test_autocast_is_that_of_the_plain_head():
    model, (batch,) = tiny("llama"), micro_batches(1)
    with torch.autocast("cpu", torch.bfloat16):
        expected = plain_sum(model, batch, "cross_entropy") / targets(batch)
        loss = lm_loss(model, batch)
    truth = lm_loss(model, batch)
    assert loss.dtype == torch.float32
    error = abs(number(expected - truth)) + 2e-3 * number(truth)
    assert abs(number(loss - truth)) <= error
    assert number(loss) != number(truth)
    loss.backward()
    known = gradients(model)
    assert known["lm_head.weight"].dtype == torch.float32
    model.zero_grad()
    expected.backward()
    assert furthest(known, gradients(model)) < 3e-2


def test_a_whole_model_in_bfloat16():
    model, (batch,) = tiny("gemma2").bfloat16(), micro_batches(1)
    expected = plain_sum(model, batch, "cross_entropy") / targets(batch)
    loss = lm_loss(model, batch)
    assert number(loss) == pytest.approx(number(expected), rel=1e-2)
    loss.backward()
    assert model.lm_head.weight.grad.dtype == torch.bfloat16


def test_packed_rows_are_segments():
    """Positions that begin anew begin a segment; padding on either side is none."""
    position = torch.tensor([[0, 1, 2, 0, 1, 0], [1, 1, 0, 1, 2, 3]])
    mask = torch.tensor([[1, 1, 1, 1, 1, 1], [0, 0, 1, 1, 1, 1]])
    labels = torch.arange(12).view(2, 6)
    given = Given(labels, input_ids=labels, attention_mask=mask, position_ids=position)
    batch = flat_batch(given, 2, 6, torch.device("cpu"))
    assert batch.segment.tolist() == [0, 0, 0, 1, 1, 2, -1, -1, 3, 3, 3, 3]
    assert batch.position.tolist() == [0, 1, 2, 0, 1, 0, 0, 0, 0, 1, 2, 3]
    assert batch.target.tolist() == [1, 2, 3, 4, 5, 0, 7, 8, 9, 10, 11, 0]
    assert batch.weight.tolist() == [1, 1, 1, 1, 1, 0] * 2
    one = Given(labels, position_ids=torch.arange(6)[None])
    assert flat_batch(one, 2, 6, torch.device("cpu")).segment.tolist() == [0] * 6 + [1] * 6


def test_an_objective_that_reads_tokens_and_places():
    model, (batch,) = tiny("llama"), micro_batches(1, length=16)
    batch["position_ids"] = torch.tensor([[*range(6), *range(10)]] * 2)
    loss = lm_loss(model, batch, "goldfish(k=2, context=3)")
    z = model(input_ids=batch["input_ids"], position_ids=batch["position_ids"]).logits.flatten(0, 1)
    y = nn.functional.pad(batch["labels"], (0, 1), value=-100)[:, 1:].flatten()
    ids, place = batch["input_ids"].flatten(), batch["position_ids"].flatten()
    value, weight = goldfish(z, y.clamp(0), ids, place, (y != -100).float(), k=2, context=3)
    assert 0 < weight.sum() < (y != -100).sum()
    torch.testing.assert_close(loss, (value * weight).sum() / weight.sum())


def test_an_objective_that_reads_the_head():
    model, (batch,) = tiny("gemma2"), micro_batches(1)
    loss = lm_loss(model, batch, "emo")
    states = model.model(input_ids=batch["input_ids"]).last_hidden_state[:, :-1].flatten(0, 1)
    y = batch["labels"][:, 1:].flatten()
    from likely.objectives.emo import dense

    z = Head(model.lm_head.weight, softcap=3.0).logits(states)[y != -100]
    torch.testing.assert_close(loss, dense(z, y[y != -100], model.lm_head.weight).mean())


def test_pairs_and_a_column_of_a_second_model():
    model, other, (batch,) = tiny("llama"), tiny("llama", seed=5), micro_batches(1, rows=4)
    batch["pair"] = torch.tensor([[0, 2], [1, 3]])
    with pytest.raises(NotMeasured, match=r"'reference_log_prob'.*a column"):
        lm_loss(model, batch, "dpop")

    def log_probs(of):
        states = of.model(input_ids=batch["input_ids"]).last_hidden_state.flatten(0, 1)
        y = nn.functional.pad(batch["labels"], (0, 1), value=0)[:, 1:].flatten()
        return scan(states, Head(of.lm_head.weight), y.clamp(0), {"log_prob"})["log_prob"]

    with torch.no_grad():
        batch["reference_log_prob"] = log_probs(other).view(4, 9)
    loss = lm_loss(model, batch, "dpop")
    counts = nn.functional.pad(batch["labels"], (0, 1), value=-100)[:, 1:].flatten() != -100
    segment = torch.arange(4).repeat_interleave(9)
    expected = dpop(
        log_probs(model),
        batch["reference_log_prob"].flatten(),
        segment,
        counts.float(),
        batch["pair"],
    ).mean()
    torch.testing.assert_close(loss, expected)
    with pytest.raises(Unsupported, match="num_items_in_batch counts tokens"):
        lm_loss(model, {**batch, "num_items_in_batch": 3}, "dpop")


# ---- what is refused ----


def test_heads_that_are_no_plain_product_are_refused():
    model, (batch,) = tiny("llama"), micro_batches(1)

    class Odd(nn.Linear):
        def forward(self, x):
            return super().forward(x).relu()

    model.lm_head = Odd(32, 128, bias=False)
    with pytest.raises(Unsupported, match="Odd, which is no plain linear layer"):
        lm_loss(model, batch)
    model.lm_head = nn.Linear(32, 128, bias=False)
    model.lm_head.weight = nn.Parameter(torch.zeros(128, 32, dtype=torch.int8), requires_grad=False)
    with pytest.raises(Unsupported, match="quantised"):
        lm_loss(model, batch)
    model.lm_head = None
    with pytest.raises(Unsupported, match="no output embeddings"):
        lm_loss(model, batch)
    with pytest.raises(Unsupported, match="holds no model of transformers"):
        lm_loss(nn.Linear(2, 2), batch)


@pytest.mark.parametrize(
    "change",
    [
        lambda z: z * 1.5,
        lambda z: z + 1.0,
        lambda z: z[..., :100],
        lambda z: z + torch.ones(128).index_fill(0, torch.tensor([7]), -50.0),
        lambda z: z[:, :-1],
        lambda z: z.view(2, 9, 128),
    ],
)
def test_logits_that_are_changed_in_an_unknown_way_are_refused(change):
    model, (batch,) = tiny("llama"), micro_batches(1)
    hook = model.lm_head.register_forward_hook(lambda m, given, z: change(z))
    with pytest.raises(Unsupported, match=r"LlamaForCausalLM (changes|does something)"):
        lm_loss(model, batch)
    hook.remove()
    assert torch.isfinite(lm_loss(model, batch))


def test_a_forward_that_passes_the_head_by_is_refused():
    class Past(type(tiny("llama"))):
        def forward(self, input_ids, labels=None, **given):
            states = self.model(input_ids=input_ids).last_hidden_state
            return {"loss": (states @ self.lm_head.weight.T).logsumexp(-1).mean()}

    model, (batch,) = Past(tiny("llama").config), micro_batches(1)
    with pytest.raises(Unsupported, match="did not call its head"):
        lm_loss(model, batch)


def test_what_nobody_can_place_is_refused():
    model, (batch,) = tiny("llama"), micro_batches(1)
    with pytest.raises(BadInput, match="neither labels nor shift_labels"):
        lm_loss(model, {"input_ids": batch["input_ids"]})
    with pytest.raises(ShapeError, match="logits_to_keep"):
        lm_loss(model, {**batch, "logits_to_keep": 3})
    embedded = {"inputs_embeds": torch.randn(2, 9, 32), "labels": batch["labels"]}
    assert torch.isfinite(lm_loss(model, embedded))
    with pytest.raises(Unsupported, match="inputs_embeds"):
        lm_loss(model, embedded, "goldfish")
    with pytest.raises(Unsupported, match="past its patch"), inside_head(model, "focal"):
        model.loss_function(torch.zeros(2, 9, 128), batch["labels"], 128)
    model.loss_function = lambda logits, labels, **given: logits.sum()
    with pytest.raises(Unsupported, match="loss function of LlamaForCausalLM is"):
        lm_loss(model, batch)


def test_a_second_patch_is_refused_and_a_loss_within_one_is_not():
    model, (batch,) = tiny("llama"), micro_batches(1)
    with inside_head(model, "focal"):
        with pytest.raises(Unsupported, match="patched already, with focal"):
            install(model, "cross_entropy")
        plain = lm_loss(model, batch)
        focal = model(**batch).loss
    torch.testing.assert_close(plain, model(**batch).loss)
    assert number(focal) < number(plain)
