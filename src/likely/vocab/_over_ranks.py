"""Prepares the sweep of a head that lies in parts on several processes."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from torch import Tensor

from likely.core.errors import ShapeError, Unsupported
from likely.core.head import Head
from likely.core.stats import Statistic
from likely.vocab._engines import Backend, engine_of, groups_of
from likely.vocab._meeting import check_excluded
from likely.vocab._prepared import Prepared, check_targets, product_dtype, wants_weight
from likely.vocab._ranks import Group
from likely.vocab._readers import Role
from likely.vocab._second_readers import alone, by_role
from likely.vocab._sharded import Sharded
from likely.vocab._spec import SELF
from likely.vocab._way import Way, way


def prepare_over(
    group: Group,
    hidden: Tensor,
    head: Head,
    targets: Tensor,
    wishes: Mapping[str, Statistic],
    roles: Mapping[str, Role],
    backend: Backend,
    choices: Mapping[str, Any],
) -> Prepared:
    """Check the tensors, plan the sums, choose backend and blocks.

    Args:
        group: the processes.
        hidden: as for `scan`.
        head: as for `scan`.
        targets: as for `scan`.
        wishes: as for `scan`.
        roles: as for `scan`.
        backend: as for `scan`.
        choices: block, schedule, compiled and filter_eps, as for `scan`.

    Returns:
        The sweep.
    """
    if backend == "reference":
        raise Unsupported(
            "scan: backend='reference' keeps all logits, and with group= no process has the whole "
            "head. Leave it at 'auto', or gather the head and leave group out."
        )
    # A set of names has another order on every process, and what they tell each other has one.
    wishes, roles = dict(sorted(wishes.items())), dict(sorted(roles.items()))
    own, others = by_role(wishes, roles)
    shards = Sharded(group, hidden, head, targets, roles, own, wishes)
    _check(shards)
    spec, tensors = shards.spec(), shards.of_own_words()
    hidden, ranks = shards.hidden, shards.ranks
    if backend == "auto":
        backend = engine_of(hidden.device)
    if backend == "triton" and not len(hidden):
        backend = "chunked"
    every = range(len(spec.sums))
    whole = tuple(i for i in every if spec.sums[i].whole_rows)
    rest = tuple(i for i in every if not spec.sums[i].whole_rows)
    how = _way(shards, tensors, choices, whole_rows=False)
    if any(one.reads_target for one in spec.sums):
        how = _alike(shards, how)
    groups = groups_of(spec, how, tensors, backend, rest, choices["block"])
    last, gathered = None, []
    if whole:
        gathered = shards.of_whole_rows()
        last = (whole, _way(shards, gathered, choices, whole_rows=True))
    known: dict[str, Any] = {}
    for role, asked in others.items():
        reader = shards.alone(role)
        known |= alone(
            reader, shards.targets, asked, ranks.total, backend, choices["block"], ranks.group
        )
    engines = dict.fromkeys(one.engine for _, one in (*groups, *([last] if last else [])))
    parts = "1 shard" if len(ranks.sizes) == 1 else f"{len(ranks.sizes)} shards"
    name = f"{' + '.join(engines) or backend}, {parts}"
    return Prepared(spec, how, shards.plan, tensors, name, known, groups, last, gathered)


def _check(shards: Sharded) -> None:
    width, weight = shards.hidden.shape[1], shards.heads[SELF].head.weight
    if width != weight.shape[-1]:
        raise ShapeError(
            f"scan: hidden states are {width} wide and the head reads {weight.shape[-1]}: they do "
            "not belong together."
        )
    check_targets(len(shards.hidden), shards.ranks.total, shards.targets)
    at, ranks = shards.heads[SELF], shards.ranks
    if "exclude" in at.columns:
        here = at.words(ranks.start, ranks.start + ranks.own, max(ranks.own, 1), True)
        check_excluded(ranks, shards.targets, here.exclude)


def _way(
    shards: Sharded, tensors: list[Tensor], choices: Mapping[str, Any], whole_rows: bool
) -> Way:
    spec, ranks = shards.spec(), shards.ranks
    sources = sum(3 if reader.table else 2 for reader in spec.readers)
    weight = tensors[1]
    found = way(
        len(shards.hidden),
        ranks.total if whole_rows else weight.shape[-2],
        products=product_dtype(shards.hidden, weight),
        device=shards.hidden.device,
        whole_rows=whole_rows,
        to_weight=wants_weight(spec, tensors, sources, Head(weight, sequence=_sequence(shards))),
        **choices,
    )
    return replace(found, first=0 if whole_rows else ranks.first_id, ranks=ranks)


def _sequence(shards: Sharded) -> Tensor | None:
    return shards.heads[SELF].head.sequence


def _alike(shards: Sharded, how: Way) -> Way:
    """Every sweep takes the same blocks, so that a logit is compared with itself, digit by digit.

    A compiler may take a single tanh or logarithm otherwise than many.
    """
    form = shards.spec().readers[0].form
    curved = form.softcap is not None or form.harmonic is not None
    return replace(how, backward=how.forward, compiled=how.compiled and not curved)
