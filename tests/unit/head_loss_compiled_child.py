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


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    what = {"compiled": compiled, "breaks": breaks}[sys.argv[1]]
    json.dump(what(sys.argv[2]), sys.stdout)
