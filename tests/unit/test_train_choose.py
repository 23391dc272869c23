"""The hook `choose(batch, stats)`: what it is told, what it may say, and what it does."""

from dataclasses import replace
from typing import ClassVar

import pytest
import torch
from accelerate import Accelerator

from likely.core.bind import bind
from likely.core.errors import BadInput, BadSetting, UnknownName
from likely.core.stats import Statistic
from likely.models.evaluate import evaluate
from likely.train._step import Step, gradient
from likely.train.choose import check_unit, name_of, wishes_of
from likely.train.loop import run
from likely.train.recipe import Schedule
from likely.train.run import read_run
from tests.unit.test_train_loop import TINY, Fixed, both, uneven
from tests.unit.train_child import Forgetful, recipe, texts


def ones(batch, stats):
    return torch.ones_like(batch.weight)


def harder(batch, stats):
    """The less likely half; a function of each token alone, so that batches may be cut anywhere."""
    return (stats["log_prob"] < -5.5).double()


def gradients(batches, choose=None, objective="cross_entropy"):
    reader = Forgetful(0.0).double()
    step = Step(reader, bind(objective), (), {}, False, choose)
    accelerator = Accelerator(cpu=True, mixed_precision="no")
    found = gradient(accelerator, step, Fixed(*batches), 0, len(batches), None, torch.Generator())
    return found, torch.cat([p.grad.flatten() for p in reader.parameters()])


def go(folder, choose=None, **more):
    settings = {"steps": 4, "model": TINY, "schedule": Schedule(warmup=1), **more}
    resume = settings.pop("resume", False)
    return run(
        recipe(**settings),
        folder=folder,
        tokens=texts(),
        device="cpu",
        choose=choose,
        resume=resume,
    )


@pytest.mark.parametrize("objective", ["cross_entropy", "focal(gamma=2)", "goldfish(k=3)"])
def test_ones_change_no_bit(tmp_path, objective):
    with_, without = (
        go(tmp_path / name, choose, objective=objective)
        for name, choose in (("a", ones), ("b", None))
    )
    for one, other in zip(with_.model.parameters(), without.model.parameters(), strict=True):
        assert torch.equal(one, other)
    assert [row["loss"] for row in with_.training] == [row["loss"] for row in without.training]
    assert all(row["chosen"] == 1 for row in with_.training)
    assert "chosen" not in without.training[0]


def test_zeros_are_the_mask_of_the_batch():
    batch = uneven(3, 4)
    kept = torch.rand(len(batch), generator=torch.Generator().manual_seed(0)) < 0.5
    one, chosen = gradients([batch], lambda batch, stats: kept)
    other, masked = gradients([replace(batch, weight=batch.weight * kept)])
    torch.testing.assert_close(chosen, masked, rtol=1e-12, atol=1e-15)
    assert one.loss == pytest.approx(other.loss, rel=1e-12)
    assert float(one.values["chosen"]) == pytest.approx(
        float((batch.weight * kept).sum() / batch.weight.sum())
    )


def test_the_gradient_is_that_of_the_chosen_mean():
    batch = uneven(2, 3)
    weights = torch.linspace(0, 3, len(batch), dtype=torch.float64)
    reader = Forgetful(0.0).double()
    found = evaluate({"x": bind("focal(gamma=2)")}, reader, batch)
    counted = batch.weight.double() * weights
    ((counted * found.values["x"]).sum() / counted.sum()).backward()
    expected = torch.cat([p.grad.flatten() for p in reader.parameters()])
    got = gradients([batch], lambda batch, stats: weights, "focal(gamma=2)")[1]
    torch.testing.assert_close(got, expected, rtol=1e-5, atol=1e-9)


def test_two_micro_batches_are_one_large_batch():
    first, second = uneven(2, 1), uneven(3, 5)
    apart, one = gradients([first, second], harder)
    whole, other = gradients([both(first, second)], harder)
    assert 0 < float(whole.values["chosen"]) < 1
    assert apart.loss == pytest.approx(whole.loss, rel=1e-6)
    torch.testing.assert_close(one, other, rtol=1e-6, atol=1e-8)


def test_it_sees_what_it_wants_and_no_gradient():
    seen = []

    class Watch:
        wants: ClassVar = {
            "entropy": Statistic("entropy"),
            "five": Statistic("top", settings={"k": 5}),
        }

        def __call__(self, batch, stats):
            seen.append((len(batch), stats))
            assert not torch.is_grad_enabled()
            return batch.weight > 0

    gradients([uneven(2, 3)], Watch())
    ((count, stats),) = seen
    assert set(stats) == {"log_prob", "entropy", "five"}
    assert stats["entropy"].shape == (count,)
    assert not stats["log_prob"].requires_grad
    assert stats["five"][0].shape == (count, 5)
    assert name_of(Watch()).endswith("Watch")
    with pytest.raises(UnknownName, match="Did you mean 'entropy'"):
        wishes_of(type("Other", (Watch,), {"wants": ("entropi",)})())


@pytest.mark.parametrize(
    ("returned", "said"),
    [
        ([1.0, 2.0], "returned a list"),
        (torch.ones(3), r"shape \[3\], and the batch has 8 tokens"),
        (torch.full((8,), -1.0), "returned -1.0 for a token"),
        (torch.full((8,), torch.nan), "returned nan for a token"),
        (torch.full((8,), torch.inf), "returned inf for a token"),
        (torch.zeros(8), "weights of the tokens sum to 0"),
    ],
)
def test_wrong_weights_are_a_sentence(returned, said):
    with pytest.raises(BadInput, match=said):
        gradients([uneven(1, 2)], lambda batch, stats: returned)


def test_pairs_have_no_tokens_to_choose(tmp_path):
    with pytest.raises(BadSetting, match="'dpop' gives one value to pairs of sequences"):
        check_unit(ones, bind("dpop"))
    check_unit(None, bind("dpop"))


def test_a_run_goes_on_only_with_its_choice(tmp_path):
    def stop(step, reader):
        raise RuntimeError("the power is gone")

    for first, then, said in ((ones, None, "cannot go on without"), (None, ones, "without choose")):
        folder = tmp_path / said.replace(" ", "-")
        chosen = recipe(steps=4, model=TINY, schedule=Schedule(warmup=1))
        with pytest.raises(RuntimeError):
            run(
                chosen,
                folder=folder,
                tokens=texts(),
                device="cpu",
                choose=first,
                on_step=stop,
            )
        with pytest.raises(BadSetting, match=said):
            go(folder, then, resume=True)
        assert go(folder, first, resume=True).finished
    kept = read_run(tmp_path / "cannot-go-on-without").environment["choose"]
    assert kept == "tests.unit.test_train_choose.ones"


def test_dropping_easy_tokens_leaves_a_mark(tmp_path):
    done = go(tmp_path, harder, steps=8)
    assert all(0 < row["chosen"] < 1 for row in done.training[:2])
    assert read_run(tmp_path).training[0]["chosen"] == done.training[0]["chosen"]
