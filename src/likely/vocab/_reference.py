"""The backend that holds the logits: large in memory, the oracle of the others."""

from torch import Tensor

from likely.core.head import Head
from likely.vocab._plan import Key
from likely.vocab.moments._accumulator import LOWEST, Accumulator, Block, State

Sums = tuple[Tensor, dict[Key, State], int]


def run(hidden: Tensor, head: Head, targets: Tensor, sums: tuple[Accumulator, ...]) -> Sums:
    """One block that holds the whole vocabulary; autograd differentiates it.

    Args:
        hidden: `[N, D]`.
        head: what turns states into logits.
        targets: `[N]`.
        sums: what to add up.

    Returns:
        The shift `[N]`, final states by key, and the number of sweeps.
    """
    return from_logits(head.logits(hidden), targets, sums)


def from_logits(z: Tensor, targets: Tensor, sums: tuple[Accumulator, ...]) -> Sums:
    """The same where the logits are given.

    Args:
        z: `[N, V]`, float32 or float64.
        targets: `[N]`.
        sums: what to add up.

    Returns:
        The shift `[N]`, final states by key, and the number of sweeps.
    """
    shift = z.detach().amax(-1) if z.shape[0] else z.new_zeros(0)
    block = Block((z - shift[:, None]).clamp_min(LOWEST), 0, targets)
    sweeps = 1
    states = {}
    for one in sums:
        if one.after:
            sweeps = 2
            at_target = z.detach().gather(1, targets[:, None])
            seen = Block(z.detach() - at_target, 0, targets)
            states[one.key()] = one.add(one.start(shift), seen)
        else:
            states[one.key()] = one.add(one.start(shift), block)
    return shift, states, sweeps
