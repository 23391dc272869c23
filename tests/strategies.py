"""What is drawn: problems, logits, heads, segments. Every field of every noun is drawn."""

from dataclasses import dataclass

import torch
from hypothesis import strategies as st

from likely.core.batch import Batch
from likely.core.head import Harmonic, Head

KINDS = ("normal", "flat", "peaked", "wide", "tied")
FORMS = ("number", "whole", "row")
"""A scale or temperature: a float, a tensor of one number, or of one number a token."""


@dataclass(eq=False)
class Problem:
    """States, a head and a batch whose targets the head does not exclude."""

    hidden: torch.Tensor
    head: Head
    batch: Batch
    block: int
    teacher: tuple[torch.Tensor, Head] | None = None

    @property
    def leaves(self):
        """Everything that wants a gradient: states, weight, bias, scale, temperature, teacher's."""
        head = self.head
        found = [self.hidden, head.weight, head.bias, head.scale, head.temperature]
        if self.teacher is not None:
            found += [self.teacher[0], self.teacher[1].weight]
        return [t for t in found if isinstance(t, torch.Tensor) and t.requires_grad]


def make_problem(
    n, v, d, kind, scale, softcap, temperature, bias, exclude, block, seed, *,
    score="dot", scale_form="number", temperature_form="number", teacher="",
):  # fmt: skip
    g = torch.Generator().manual_seed(seed)

    def leaf(*shape):
        return torch.randn(*shape, generator=g, dtype=torch.float64).requires_grad_()

    def number(value, form):
        if form == "number":
            return value
        shape = (n,) if form == "row" else ()
        drawn = torch.rand(shape, generator=g, dtype=torch.float64) + 0.5
        return (value * drawn).requires_grad_()

    hidden = leaf(n, d)
    weight = leaf(2, v, d) if score == "tables" else leaf(v, d)
    offset = {"high": 1e4, "low": -1e4}.get(kind, 0.0)
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
    if teacher == "smaller" and v > 2:
        mask = torch.zeros(v, dtype=torch.bool) if mask is None else mask
        mask[-(v // 3) :] = True
    allowed = torch.arange(v) if mask is None else (~mask).nonzero()[:, 0]
    target = allowed[torch.randint(len(allowed), (n,), generator=g)]
    cut = int(torch.randint(1, n, (1,), generator=g)) if n > 1 else 1
    segment = (torch.arange(n) >= cut).long()
    added = leaf(v) if bias or offset else None
    if added is not None:
        with torch.no_grad():
            added.add_(offset)
    head = Head(
        weight,
        added,
        number(scale, scale_form),
        softcap,
        number(temperature, temperature_form),
        mask,
        Harmonic(1.5, 1e-2) if score == "harmonic" else "dot",
        segment if score == "tables" else None,
    )
    batch = Batch(
        ids=torch.randint(v, (n,), generator=g),
        target=target,
        segment=segment,
        position=torch.arange(n) - segment * cut,
        weight=torch.rand(n, generator=g, dtype=torch.float64) + 0.1,
        document=segment,
        pair=torch.tensor([[0, 1]]) if n > 1 else torch.zeros(0, 2, dtype=torch.int64),
        columns={
            "reference_log_prob": -torch.rand(n, generator=g, dtype=torch.float64) * 5,
            "step": torch.randint(-1, 3, (n,), generator=g),
        },
    )
    return Problem(hidden, head, batch, block, make_teacher(teacher, n, v, d, mask, leaf))


def make_teacher(kind, n, v, d, mask, leaf):
    """A second reader of another width that excludes what the model does: no ratio is infinite."""
    if not kind:
        return None
    size = {"same": v, "larger": v + 3, "smaller": v - v // 3 if v > 2 else v}[kind]
    there = None if mask is None else torch.nn.functional.pad(mask, (0, max(0, size - v)))[:size]
    return leaf(n, d + 1), Head(leaf(size, d + 1), exclude=there)


def make_pair(teacher="same", seed=0, **more):
    chosen = {"n": 5, "v": 19, "exclude": False, **more}
    return make_problem(
        chosen.pop("n"), chosen.pop("v"), 3, "normal", 1.0, None, 1.0, True,
        chosen.pop("exclude"), 7, seed, teacher=teacher, **chosen,
    )  # fmt: skip


def problems(kinds=KINDS, least=1, every=False, teacher=""):
    """Problems; with `every`, all fields of a head are drawn, and a teacher."""
    more = {"teacher": st.just(teacher)}
    if every:
        more = {
            "score": st.sampled_from(["dot", "dot", "harmonic", "tables"]),
            "scale_form": st.sampled_from(FORMS),
            "temperature_form": st.sampled_from(FORMS),
            "teacher": st.sampled_from(["same", "larger", "smaller"]),
        }
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
        **more,
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
