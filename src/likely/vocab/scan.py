"""The one scan: hidden states in, per-token statistics out."""

from collections.abc import Mapping
from typing import Annotated, Literal

import torch
from annotated_types import Ge, Gt
from jaxtyping import Float, Int
from torch import Tensor

from likely.core.errors import NotMeasured
from likely.core.head import Form, Head
from likely.core.settings import checked
from likely.core.stats import Stats, Want, as_wishes
from likely.vocab._engines import Backend
from likely.vocab._plan import Plan
from likely.vocab._prepared import check_targets, prepare
from likely.vocab._ranks import Group
from likely.vocab._readers import Role
from likely.vocab._run import run
from likely.vocab._second_readers import by_role
from likely.vocab._spec import SELF, Reader, Spec
from likely.vocab._way import Schedule

__all__ = ["Backend", "from_logits", "scan"]


def scan(
    hidden: Float[Tensor, "N D"],
    head: Head,
    targets: Int[Tensor, "N"],
    want: Want,
    *,
    roles: Mapping[str, Role] | None = None,
    backend: Backend = "auto",
    block: Annotated[int, Ge(1)] | None = None,
    schedule: Schedule = "auto",
    compiled: bool | None = None,
    filter_eps: Annotated[float, Gt(0)] | Literal["auto"] | None = None,
    group: Group | None = None,
) -> Stats:
    """Measure statistics of p(· | hidden) without keeping the logits.

    Statistics are float32 whatever the inputs (float64 for float64), and differentiable with
    respect to the states, everything in the head, and tensors given in a wish. Backward computes
    the logits again: four products of the head's size in all, two where the head wants no gradient
    and three with its gradient alone, one where nothing does.

    Args:
        hidden: last hidden states, `[N, D]`.
        head: what turns them into logits.
        targets: the token that came next, `[N]`.
        want: names of statistics, or wishes by name. `<role>_<name>` measures a second reader.
        roles: second readers by name: their states `[N, D']` and head, or stored `TopLogits`.
            What they say alone is measured without gradient; statistics between them and the model
            have one for both. Heads of other sizes are cut or padded with impossible words.
        backend: `reference` keeps the logits, `chunked` a block of them, `triton` a tile on a GPU;
            `auto` chooses by size and device. What a Triton kernel cannot sum goes by `chunked`,
            and the result's `.backend` says so.
        block: how many logits `chunked` holds at once, or gradients on them `triton`; by default
            what caches and products like.
        schedule: whether `chunked` takes some tokens and all words (`rows`) or some words and all
            tokens (`tiles`); `auto` takes rows, and tiles for the gradient of a weight.
        compiled: whether the elementwise work is compiled; None where there is a C++ compiler and
            so much to do that it pays.
        filter_eps: tiles where every logit's gradient is smaller are taken as 0, as Cut
            Cross-Entropy does: `triton` then skips their products (a tile is that of its kernel),
            and `chunked` (128 tokens, 256 words) saves no time. A number is compared with the
            gradient of what is differentiated: divide a sum afterwards. `auto` is 1/32 of the
            products' epsilon (bfloat16: 2⁻¹²) times the largest gradient that arrives at a token.
            None drops nothing; neither does a sum over all logits, whose gradient does not fade.
        group: processes of which each holds some words of the head (a process group, or a mesh of
            one dimension) while all read the same tokens: the head's weight is a DTensor, or the
            rows of the own words. Everything else, and what comes back, is the same on each.

    Returns:
        One row a token for each statistic; `.backend` and `.sweeps` say what ran.

    Raises:
        UnknownName: no statistic has this name.
        NotMeasured: a statistic needs a role that is not given.
        ShapeError: states, head and targets do not fit, or a target is no word or an excluded one.
        BadSetting: block is not positive, or there is no such backend.
        Unsupported: a second derivative is taken through `chunked`, or a head lies on other
            processes than `group` says.

    Example:
        >>> import torch
        >>> h, head = torch.zeros(2, 3), Head(torch.zeros(5, 3))
        >>> scan(h, head, torch.tensor([0, 1]), {"log_prob"})["log_prob"].exp()
        tensor([0.2000, 0.2000])

    References:
        Wijmans et al., Cut Your Losses in Large-Vocabulary Language Models, 2025.
        arXiv:2411.09009 (the sweep); Milakov and Gimelshein, 2018. arXiv:1805.02867 (the shift).
    """
    checked(scan, locals())
    asked = prepare(
        hidden,
        head,
        targets,
        want,
        roles or {},
        backend=backend,
        block=block,
        schedule=schedule,
        compiled=compiled,
        filter_eps=filter_eps,
        group=group,
    )
    shifts, states = run(asked)
    values = asked.plan.finish(asked.spec.by_name(shifts), states, asked.plan.rows)
    return Stats(asked.known | values, asked.backend, asked.sweeps)


def from_logits(
    logits: Float[Tensor, "N V"],
    targets: Int[Tensor, "N"],
    want: Want,
    *,
    roles: Mapping[str, Tensor] | None = None,
) -> Stats:
    """The same statistics where logits (or log-probabilities) are already there.

    Args:
        logits: `[N, V]`; −∞ for words that cannot come.
        targets: the token that came next, `[N]`.
        want: names of statistics, or wishes by name.
        roles: logits `[N, V]` of second readers by name.

    Returns:
        One row a token for each statistic.

    Raises:
        UnknownName: no statistic has this name.
        NotMeasured: a statistic needs a role that is not given.
        ShapeError: logits and targets do not fit, or a target is no word.

    Example:
        >>> import torch
        >>> from_logits(torch.zeros(1, 4), torch.tensor([2]), {"entropy"})["entropy"].exp()
        tensor([4.])
    """
    check_targets(len(logits), logits.shape[1], targets)
    roles = roles or {}
    own, others = by_role(as_wishes(want), roles)
    plan = Plan(own, targets)
    for role in plan.roles:
        if role not in roles:
            remedy = f"Give it: from_logits(..., roles={{{role!r}: its logits}})."
            raise NotMeasured(role, list(roles), remedy)
    names = (SELF, *plan.roles)
    spec = Spec(tuple(Reader(name, "product", Form()) for name in names), plan.sums)
    given = [logits, *(roles[name] for name in plan.roles)]
    shifts, states = spec.evaluate(given, [targets, *plan.given], 0)
    values = plan.finish(spec.by_name(shifts), states, plan.rows)
    for role, wishes in others.items():
        with torch.no_grad():
            second = from_logits(roles[role], targets, wishes)
        values |= dict(second)
    return Stats(values, "reference", 1)
