"""What is drawn: problems, logits, heads, segments. Every field of every noun is drawn."""

from dataclasses import dataclass

import torch
from hypothesis import strategies as st

from likely.core.batch import Batch
from likely.core.head import Head


@dataclass(eq=False)
class Problem:
    """States, a head and a batch whose targets the head does not exclude."""

    hidden: torch.Tensor
    head: Head
    batch: Batch
    block: int

    @property
    def leaves(self):
        found = [self.hidden, self.head.weight]
        return found if self.head.bias is None else [*found, self.head.bias]


def make_problem(n, v, d, kind, scale, softcap, temperature, bias, exclude, block, seed):
    g = torch.Generator().manual_seed(seed)

    def leaf(*shape):
        return torch.randn(*shape, generator=g, dtype=torch.float64).requires_grad_()

    hidden, weight = leaf(n, d), leaf(v, d)
    with torch.no_grad():
        if kind == "flat":
            hidden.zero_()
        elif kind == "peaked":
            hidden.mul_(30)
        elif kind == "wide":
            hidden.mul_(3000)
        elif kind == "tied":
            hidden.round_()
            weight.round_()
    mask = None
    if exclude and v > 2:
        mask = torch.rand(v, generator=g) < 0.3
        mask[0] = False
    allowed = torch.arange(v) if mask is None else (~mask).nonzero()[:, 0]
    target = allowed[torch.randint(len(allowed), (n,), generator=g)]
    head = Head(weight, leaf(v) if bias else None, scale, softcap, temperature, mask)
    cut = int(torch.randint(1, n, (1,), generator=g)) if n > 1 else 1
    segment = (torch.arange(n) >= cut).long()
    batch = Batch(
        ids=torch.randint(v, (n,), generator=g),
        target=target,
        segment=segment,
        position=torch.arange(n) - segment * cut,
        weight=torch.rand(n, generator=g, dtype=torch.float64) + 0.1,
        document=segment,
        pair=torch.tensor([[0, 1]]) if n > 1 else torch.zeros(0, 2, dtype=torch.int64),
        columns={"reference_log_prob": -torch.rand(n, generator=g, dtype=torch.float64) * 5},
    )
    return Problem(hidden, head, batch, block)


def problems(kinds=("normal", "flat", "peaked", "wide", "tied"), least=1):
    return st.builds(
        make_problem,
        n=st.integers(least, 7),
        v=st.integers(2, 37),
        d=st.integers(1, 4),
        kind=st.sampled_from(kinds),
        scale=st.sampled_from([1.0, 0.5, 3.0]),
        softcap=st.sampled_from([None, None, 5.0]),
        temperature=st.sampled_from([1.0, 0.7, 2.0]),
        bias=st.booleans(),
        exclude=st.booleans(),
        block=st.integers(1, 40),
        seed=st.integers(0, 2**31),
    )


def make_logits(kind, words, seed):
    z = torch.randn(3, words, generator=torch.Generator().manual_seed(seed))
    changed = {
        "normal": z * 5,
        "flat": z * 0,
        "peaked": z * 100,
        "tied": z.round(),
        "wide": z * 1e4,
        "excluded": z.masked_fill(z < -0.5, -torch.inf),
    }[kind]
    # A row needs a word that can come.
    return changed.masked_fill(changed.isneginf().all(-1, keepdim=True), 0.0)


def logits():
    kinds = ["normal", "flat", "peaked", "tied", "wide", "excluded"]
    return st.builds(make_logits, st.sampled_from(kinds), st.integers(1, 40), st.integers(0, 2**31))
