"""Muon against torch's own, against singular values, and inside a run."""

import pytest
import torch
from torch import nn

from likely.core.vocabulary import Vocabulary
from likely.models.feed_forward import feed_forward
from likely.models.transformer import transformer
from likely.train._optimizers import optimizers_of
from likely.train.muon import Muon, orthogonal
from likely.train.recipe import Optimizer, Recipe


@pytest.mark.parametrize("shape", [(8, 8), (6, 20), (20, 6), (1, 5)])
def test_singular_values_come_near_one_and_directions_stay(shape):
    matrix = torch.randn(3, *shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    left, _, right = torch.linalg.svd(matrix, full_matrices=False)
    turned = left.mT @ orthogonal(matrix) @ right.mT
    values = torch.diagonal(turned, dim1=-2, dim2=-1)
    assert values.min() > 0.5
    assert values.max() < 1.3
    torch.testing.assert_close(turned, torch.diag_embed(values), rtol=0, atol=1e-9)


def test_each_matrix_of_a_stack_is_alone():
    stack = torch.randn(4, 5, 7, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    alone = torch.cat([orthogonal(one[None]) for one in stack])
    torch.testing.assert_close(orthogonal(stack), alone, rtol=0, atol=1e-12)
    torch.testing.assert_close(orthogonal(1e6 * stack), orthogonal(stack), rtol=0, atol=1e-6)
    assert not orthogonal(torch.zeros(2, 3, 4)).any()


@pytest.mark.skipif(not hasattr(torch.optim, "Muon"), reason="this torch has no Muon of its own")
def test_the_steps_are_those_of_torch():
    shapes = [(8, 8), (8, 8), (24, 8), (8, 24)]
    generator = torch.Generator().manual_seed(2)
    ours = [nn.Parameter(torch.randn(shape, generator=generator)) for shape in shapes]
    theirs = [nn.Parameter(p.detach().clone()) for p in ours]
    settings = {"lr": 0.01, "momentum": 0.9, "weight_decay": 0.2}
    first = Muon(ours, **settings, dtype=torch.bfloat16)
    second = torch.optim.Muon(theirs, **settings, adjust_lr_fn="match_rms_adamw")
    for _ in range(5):
        for p, q in zip(ours, theirs, strict=True):
            p.grad = torch.randn(p.shape, generator=generator)
            q.grad = p.grad.clone()
        first.step()
        second.step()
    for p, q in zip(ours, theirs, strict=True):
        # bfloat16 has eight bits; five steps of about 0.01 leave no more than this between them.
        torch.testing.assert_close(p, q, rtol=0, atol=2e-3)


def test_vectors_are_refused_and_what_has_no_gradient_stays():
    with pytest.raises(ValueError, match="two axes"):
        Muon([nn.Parameter(torch.zeros(3))], lr=0.1)
    still, moved = nn.Parameter(torch.eye(3)), nn.Parameter(torch.eye(3))
    optimizer = Muon([still, moved], lr=0.1)
    moved.grad = torch.eye(3)
    assert optimizer.step(lambda: 2.5) == 2.5
    assert torch.equal(still, torch.eye(3))
    assert not torch.equal(moved, torch.eye(3))


@pytest.mark.parametrize("make", [transformer, feed_forward])
def test_embeddings_head_and_vectors_stay_with_adamw(make):
    small = {"layers": 2, "width": 8, "heads": 2} if make is transformer else {"width": 8}
    reader = make(Vocabulary.of_bytes(), **small)
    muon, adamw = optimizers_of(Recipe(optimizer=Optimizer("muon")), reader)
    names = {id(p): name for name, p in reader.named_parameters()}
    of = [{names[id(p)] for g in o.param_groups for p in g["params"]} for o in (muon, adamw)]
    assert not of[0] & of[1]
    assert of[0] | of[1] == set(names.values())
    outer = ("embed_tokens", "lm_head", "norm") if make is transformer else ("embedding", "output")
    assert of[1] == {name for name in of[1] if any(o in name for o in outer) or "bias" in name}
    assert len(of[0]) == (14 if make is transformer else 1)


def test_a_tied_head_is_an_embedding_once():
    reader = transformer(Vocabulary.of_bytes(), layers=1, width=8, heads=2, tie=True)
    muon, adamw = optimizers_of(Recipe(optimizer=Optimizer("muon")), reader)
    counts = [sum(len(g["params"]) for g in o.param_groups) for o in (muon, adamw)]
    assert sum(counts) == len(list(reader.parameters()))
