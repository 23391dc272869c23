"""The oracle of every statistic: a wish with arguments, its dense twin in float64, and the rule."""

import inspect
import itertools
from dataclasses import dataclass

import torch

from likely.core.catalogue import catalogue, module_of
from likely.core.stats import Statistic
from likely.vocab.scan import scan

ROOM = "vocab.statistics"
NAMES = tuple(catalogue(ROOM))
DISCRETE = ("argmax", "gumbel_sample", "rank")
TO_ONE_WORD = ("best_wrong_logit", "mass_above", "max_logit", "top")
"""Their gradient jumps where two logits cross."""
AGAINST = tuple(
    n for n in NAMES if "t" in inspect.signature(module_of(ROOM, n).dense).parameters
)  # fmt: skip
"""Statistics against a second reader."""


def saturated(z, y):
    """A function of whole rows that looks at the target too."""
    return (z.clamp_min(-50.0) / 50).tanh().mean(-1) + z.gather(-1, y[:, None])[:, 0] / 7


@dataclass(frozen=True)
class Smaller:
    """The smaller probability, to a power."""

    power: float

    def __call__(self, log_p, log_q):
        both = torch.minimum(log_p, log_q)
        return (self.power * both).exp()


def wishes(problem, seed=0, dtype=torch.float64):
    """A wish for every statistic, and the tensors in them that want a gradient."""
    g = torch.Generator().manual_seed(seed)
    n, v = len(problem.batch), problem.head.size
    gone = problem.head.exclude
    allowed = torch.arange(v) if gone is None else (~gone).nonzero()[:, 0]

    def leaf(*shape):
        return torch.randn(*shape, generator=g, dtype=torch.float64).to(dtype).requires_grad_()

    def some(*shape):
        return allowed[torch.randint(len(allowed), shape, generator=g)]

    mask = torch.rand(v, generator=g) < 0.5
    mask[allowed[0]] = True
    u, a, b, w = leaf(v, 2), leaf(n, 2), leaf(v, 2), leaf(n)
    left = some(n, 2)
    left[:, 1:] = torch.where(torch.rand(n, 1, generator=g) < 0.3, -1, left[:, 1:])
    asked = {name: Statistic(name) for name in NAMES}
    asked |= {
        "column_sums": Statistic("column_sums", {"weight": w}),
        "covariance": Statistic("covariance", settings={"u": u}),
        "expect": Statistic("expect", settings={"u": u}),
        "expect_lowrank": Statistic("expect_lowrank", {"a": a}, {"b": b}),
        "gather": Statistic("gather", {"ids": some(n, 3)}),
        "gumbel_sample": Statistic("gumbel_sample", settings={"seed": 7, "temperature": 0.8}),
        "power_lse": Statistic("power_lse", settings={"tau": 0.6}),
        "renyi": Statistic("renyi", settings={"order": 0.5}),
        "rest_lse": Statistic("rest_lse", {"ids": left}),
        "row": Statistic("row", settings={"f": saturated}),
        "subset_expect": Statistic("subset_expect", settings={"mask": mask, "u": u}),
        "subset_lse": Statistic("subset_lse", settings={"mask": mask}),
        "top": Statistic("top", settings={"k": 2}),
        "top_k_kl": Statistic("top_k_kl", settings={"k": 3}),
        "tsallis": Statistic("tsallis", settings={"order": 1.5}),
        "two_head_sum": Statistic("two_head_sum", settings={"f": Smaller(0.5)}),
        # The same names with other settings, and words by sequence.
        "renyi 1": Statistic("renyi", settings={"order": 1.0}),
        "tsallis 3": Statistic("tsallis", settings={"order": 3.0}),
        "mixture 2 1": Statistic("mixture_lse", settings={"a": 2.0, "b": 1.0}),
        "top_k_kl renormalised": Statistic("top_k_kl", settings={"k": 2, "rest": False}),
        "skew_kl 0": Statistic("skew_kl", settings={"alpha": 0.0}),
        "jsd 0.9": Statistic("jsd", settings={"beta": 0.9}),
        "gather by sequence": Statistic(
            "gather", {"sequence": problem.batch.segment}, {"ids": some(2, 4)}
        ),
        "rest_lse of many": Statistic("rest_lse", {"ids": some(n, 20)}),
    }
    if problem.teacher is None:
        asked = {k: wish for k, wish in asked.items() if wish.name not in AGAINST}
    return asked, [u, a, b, w]


def dense_logits(problem):
    """Logits of the model and of the teacher, cut or padded with impossible words."""
    z = problem.head.logits(problem.hidden)
    if problem.teacher is None:
        return z, None
    states, head = problem.teacher
    t = head.logits(states)[:, : z.shape[1]]
    return z, torch.nn.functional.pad(t, (0, z.shape[1] - t.shape[1]), value=-torch.inf)


def twin(wish, z, y, t=None):
    """The plain definition on whole logits."""
    against = (t,) if wish.name in AGAINST else ()
    return module_of(ROOM, wish.name).dense(z, y, *against, **wish.rows, **wish.settings)


def floats(value):
    return value[1] if isinstance(value, tuple) else value


def offset(z, t=None):
    """How far from 0 the logits lie: the larger, the more digits any implementation loses."""
    every = [r.detach()[r.detach().isfinite()].abs() for r in (z, t) if r is not None]
    return max([float(r.max()) for r in every if r.numel()], default=0.0)


def agree(got, want, far, tolerance=1e-9, what=""):
    """‖got − want‖ ≤ tolerance · κ · ‖want‖ with κ = 1 + offset / ‖want‖; infinities are equal."""
    got = torch.zeros_like(want) if got is None else got
    finite = want.isfinite()
    assert torch.equal(got[~finite].nan_to_num(0.5), want[~finite].nan_to_num(0.5)), what
    got, want = got[finite].double(), want[finite].double()
    error, bound = float((got - want).norm()), tolerance * (float(want.norm()) + far)
    assert error <= bound, f"{what}: error {error:.3g} above {bound:.3g}"


def clear(z):
    """Rows in which no two logits are within 4 units of the last place of each other."""
    z = z.detach()
    ordered = z.masked_fill(z.isneginf(), 0.0).sort(-1).values
    unit = torch.finfo(z.dtype).eps * ordered.abs().amax(-1).clamp_min(1.0)
    words = torch.where(z.isneginf(), torch.inf, z).sort(-1).values
    gaps = (words[:, 1:] - words[:, :-1]).nan_to_num(nan=torch.inf)
    return (gaps > 4 * unit[:, None]).all(-1)


def discrete_agree(wish, got, want, z):
    """Whole numbers are equal in rows where no two logits are all but equal."""
    sure = clear(z)
    if wish.name == "gumbel_sample":
        sure = sure | True  # Noise parts what ties.
    assert not got.is_floating_point()
    assert torch.equal(got[sure], want[sure]), wish


WAYS = {
    "reference": {"backend": "reference"},
    "rows": {"backend": "chunked", "schedule": "rows"},
    "tiles": {"backend": "chunked", "schedule": "tiles"},
}


def measured(problem, asked, way="rows", block=None, **more):
    roles = {"teacher": problem.teacher} if problem.teacher else {}
    block = problem.block if block is None else block
    arguments = (problem.hidden, problem.head, problem.batch.target, asked)
    return scan(*arguments, roles=roles, block=block, **WAYS[way], **more)


def smooth_parts(asked, values, z):
    """Name, values with a gradient, and weights: 0 in rows where it would jump."""
    g = torch.Generator().manual_seed(1)
    sure = clear(z)
    for key, wish in asked.items():
        if wish.name in DISCRETE:
            continue
        value = floats(values[key])
        mix = torch.randn(value.shape, dtype=torch.float64, generator=g)
        if wish.name in TO_ONE_WORD:
            mix = mix * (sure[:, None] if value.ndim == 2 else sure)
        yield key, torch.where(value.isfinite(), value, 0.0), mix.to(value.dtype)


def gradient(value, mix, leaves):
    if not value.requires_grad:
        return [None] * len(leaves)
    return torch.autograd.grad((value * mix).sum(), leaves, allow_unused=True, retain_graph=True)


def prove(problem, way, every=1, first=0, **more):
    """Values of all statistics, gradients of every n-th, against float64 on dense logits."""
    asked, given_leaves = wishes(problem)
    z, t = dense_logits(problem)
    far = offset(z, t)
    y = problem.batch.target
    got = measured(problem, asked, way, **more)
    want = {key: twin(wish, z, y, t) for key, wish in asked.items()}
    for key, wish in asked.items():
        if wish.name in DISCRETE:
            discrete_agree(wish, got[key], want[key], z)
        else:
            agree(floats(got[key]).detach(), floats(want[key]).detach(), far, what=key)
    leaves = [*problem.leaves, *given_leaves]
    reach = max([1.0, *(float(leaf.detach().abs().max()) for leaf in leaves)])
    pairs = zip(smooth_parts(asked, got, z), smooth_parts(asked, want, z), strict=True)
    for (key, ours, mix), (_, theirs, _) in list(pairs)[first % every :: every]:
        found = gradient(ours, mix, leaves)
        for leaf, a, b in zip(leaves, found, gradient(theirs, mix, leaves), strict=True):
            b = torch.zeros_like(leaf) if b is None else b
            agree(a, b, (1 + far) * reach, what=f"{key} to {list(leaf.shape)}")


def covering(factors, seed=0):
    """Few combinations in which every pair of values of two factors stands side by side."""
    names = list(factors)
    left = {
        ((a, x), (b, y))
        for a, b in itertools.combinations(names, 2)
        for x in factors[a]
        for y in factors[b]
    }
    g, found = torch.Generator().manual_seed(seed), []

    def draw():
        pick = lambda k: factors[k][int(torch.randint(len(factors[k]), (), generator=g))]  # noqa: E731
        return {name: pick(name) for name in names}

    def new(case):
        return {p for p in itertools.combinations(case.items(), 2) if p in left}

    while left:
        (a, x), (b, y) = min(left, key=repr)
        best = max(({**draw(), a: x, b: y} for _ in range(30)), key=lambda case: len(new(case)))
        left -= new(best)
        found.append(best)
    return found
