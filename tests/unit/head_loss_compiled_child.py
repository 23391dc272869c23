"""A compiled model in a process of its own: beartype is no company for the compiler."""

import json
import sys
import warnings

import torch
import torch._dynamo as dynamo

from likely.models.head_loss import lm_loss
from likely.train.patching import patch
from tests.unit.tiny_models import furthest, gradients, micro_batches, tiny


def compiled(objective):
    model, (batch,) = tiny("llama"), micro_batches(1)
    expected = lm_loss(model, batch, objective)
    expected.backward()
    known = gradients(model)
    model.zero_grad()
    with patch(model, objective=objective):
        loss = torch.compile(model)(**batch).loss
        loss.backward()
    distance = furthest(gradients(model), known)
    return {"loss": loss.item(), "expected": expected.item(), "gradient": distance}


def breaks(objective):
    """Why the graph of the whole model breaks, in torch's words."""
    dynamo.reset()
    model, (batch,) = tiny("llama"), micro_batches(1)
    with patch(model, objective=objective):
        found = dynamo.explain(model)(**batch)
    return [f"{reason.reason} {reason.user_stack[-1:]}" for reason in found.break_reasons]


def in_turn(objective):
    """How far the gradient is off where another objective was compiled before."""
    (batch,) = micro_batches(1)
    found = {}
    model = tiny("llama")
    for one in ("cross_entropy", objective):
        model.zero_grad()
        lm_loss(model, batch, one).backward()
        known = gradients(model)
        model.zero_grad()
        with patch(model, objective=one):
            torch.compile(model, backend="aot_eager")(**batch).loss.backward()
        found[one] = furthest(gradients(model), known)
    return found


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    what = {"compiled": compiled, "breaks": breaks, "in_turn": in_turn}[sys.argv[1]]
    json.dump(what(sys.argv[2]), sys.stdout)
