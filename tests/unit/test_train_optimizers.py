"""SGD against torch's, sign descent against its formula, and both inside a run that stops."""

import pytest
import torch
from torch import nn

from likely.train._optimizers import optimizers_of
from likely.train.loop import run
from likely.train.recipe import Optimizer, Recipe, Schedule
from likely.train.sign import Sign
from tests.unit.train_child import Forgetful, recipe, texts


def gradients(shape, count, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(shape, generator=generator, dtype=torch.float64) for _ in range(count)]


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_sign_descent_is_its_formula(momentum):
    start = torch.linspace(-1, 1, 12, dtype=torch.float64).view(3, 4)
    parameter, still = nn.Parameter(start.clone()), nn.Parameter(start.clone())
    optimizer = Sign([parameter, still], lr=0.01, momentum=momentum, weight_decay=0.2)
    weight, memory = start.clone(), torch.zeros_like(start)
    for gradient in gradients((3, 4), 6):
        parameter.grad = gradient.clone()
        optimizer.step()
        memory = momentum * memory + (1 - momentum) * gradient
        weight = (1 - 0.01 * 0.2) * weight - 0.01 * memory.sign()
    torch.testing.assert_close(parameter.detach(), weight, rtol=0, atol=1e-12)
    assert torch.equal(still, start)
    assert optimizer.step(lambda: 1.5) == 1.5
    assert bool(optimizer.state[parameter]) == (momentum > 0)


def test_sign_does_not_see_how_large_a_gradient_is():
    ways = []
    for scale in (1.0, 1e-6):
        parameter = nn.Parameter(torch.zeros(5, dtype=torch.float64))
        optimizer = Sign([parameter], lr=0.1, momentum=0.5)
        for gradient in gradients((5,), 4):
            parameter.grad = scale * gradient
            optimizer.step()
        ways.append(parameter.detach())
    assert torch.equal(*ways)


@pytest.mark.parametrize("nesterov", [False, True])
def test_sgd_is_that_of_torch(nesterov):
    settings = Optimizer("sgd", lr=0.1, momentum=0.8, weight_decay=0.3, nesterov=nesterov, clip=0.0)
    ours, theirs = Forgetful(0.0), Forgetful(0.0)
    (mine,) = optimizers_of(Recipe(optimizer=settings), ours)
    groups = [
        {"params": [p for p in theirs.parameters() if p.ndim >= 2], "weight_decay": 0.3},
        {"params": [p for p in theirs.parameters() if p.ndim < 2], "weight_decay": 0.0},
    ]
    other = torch.optim.SGD(groups, lr=0.1, momentum=0.8, nesterov=nesterov)
    generator = torch.Generator().manual_seed(3)
    for _ in range(4):
        for p, q in zip(ours.parameters(), theirs.parameters(), strict=True):
            p.grad = torch.randn(p.shape, generator=generator)
            q.grad = p.grad.clone()
        mine.step()
        other.step()
    for p, q in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert torch.equal(p, q)


def test_sgd_by_hand():
    """v ← μ v + g; w ← w − η v, and with Nesterov w ← w − η (g + μ v)."""
    for nesterov in (False, True):
        chosen = Optimizer("sgd", lr=0.5, momentum=0.9, weight_decay=0.0, nesterov=nesterov)
        model = nn.Linear(2, 1, bias=False)
        with torch.no_grad():
            model.weight.copy_(torch.tensor([[1.0, -2.0]]))
        (optimizer,) = optimizers_of(Recipe(optimizer=chosen), model)
        weight, speed = torch.tensor([[1.0, -2.0]]), torch.zeros(1, 2)
        for gradient in (torch.tensor([[0.5, 1.0]]), torch.tensor([[-1.0, 2.0]])):
            model.weight.grad = gradient.clone()
            optimizer.step()
            speed = 0.9 * speed + gradient
            weight = weight - 0.5 * (gradient + 0.9 * speed if nesterov else speed)
        torch.testing.assert_close(model.weight.detach(), weight)


def test_what_is_left_out_suits_the_name():
    rates = {name: Optimizer(name).lr for name in ("adamw", "muon", "sgd", "sign")}
    assert rates["sgd"] > rates["adamw"] > rates["sign"]
    assert Optimizer("sgd").weight_decay < Optimizer().weight_decay
    assert Optimizer("sgd", momentum=0.5).momentum == 0.5
    assert Optimizer("sign", lr=1.0) == Optimizer("sign", lr=1.0, momentum=0.9)


@pytest.mark.parametrize("name", ["sgd", "sign", "muon"])
def test_a_run_goes_on_to_the_same_bits(tmp_path, name):
    def go(folder, resume=False, on_step=None):
        chosen = recipe(
            model="feed_forward(context=3, embedding=4, width=8)",
            steps=6,
            checkpoint_every=2,
            schedule=Schedule("wsd", warmup=0.2, decay="sqrt"),
            optimizer=Optimizer(name, nesterov=name == "sgd"),
        )
        return run(
            chosen, folder=folder, tokens=texts(), resume=resume, on_step=on_step, device="cpu"
        )

    def stop(step, reader):
        if step == 3:
            raise RuntimeError("the power is gone")

    whole = go(tmp_path / "whole")
    with pytest.raises(RuntimeError, match="power"):
        go(tmp_path / "cut", on_step=stop)
    cut = go(tmp_path / "cut", resume=True)
    for one, other in zip(whole.model.parameters(), cut.model.parameters(), strict=True):
        assert torch.equal(one, other)
    losses = [row["loss"] for row in whole.training]
    assert losses[-1] < losses[0]
