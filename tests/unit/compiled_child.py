"""Run without the tests' shape checks, which torch.compile cannot read: prints differences as JSON.

What is compared: the generated kernels with the same functions as torch runs them.
"""

import json
import sys

import torch

from likely.core.head import Head
from likely.core.stats import Statistic
from likely.vocab.fused_loss import fused_loss
from likely.vocab.scan import scan

g = torch.Generator().manual_seed(0)


def leaf(*shape):
    return torch.randn(*shape, generator=g, dtype=torch.float64).requires_grad_()


def problem():
    hidden, weight, bias, columns = leaf(9, 4), leaf(31, 4), leaf(31), leaf(31, 2)
    temperature = (torch.rand(9, generator=g, dtype=torch.float64) + 0.5).requires_grad_()
    head = Head(weight, bias, softcap=3.0, temperature=temperature)
    target = torch.randint(31, (9,), generator=g)
    want = {name: Statistic(name) for name in ("log_prob", "entropy", "varentropy", "wrong_lse")}
    want["expect"] = Statistic("expect", settings={"u": columns})
    return hidden, head, target, want, (hidden, weight, bias, columns, temperature)


def value(stats, _=None):
    more = stats["entropy"] ** 2 + stats["varentropy"] + stats["wrong_lse"]
    return -stats["log_prob"] + more + stats["expect"].sum(-1)


def fused(compiled):
    hidden, head, target, want, leaves = GIVEN
    found = fused_loss(
        value, hidden, head, target, want, backend="chunked", block=100, compiled=compiled
    )
    return found.total, *torch.autograd.grad(found.total, leaves)


def tiles(compiled):
    hidden, head, target, want, leaves = GIVEN
    stats = scan(hidden, head, target, want, backend="chunked", block=90, compiled=compiled)
    total = value(stats).sum()
    return total, *torch.autograd.grad(total, leaves)


GIVEN = problem()
RUNS = {"fused": fused, "tiles": tiles}

if __name__ == "__main__":
    run = RUNS[sys.argv[1]]
    pairs = zip(run(False), run(True), strict=True)
    sys.stdout.write(json.dumps([float((a - b).detach().abs().max()) for a, b in pairs]))
