"""The backend that holds one block of logits at a time, forward and backward.

Two schedules: `rows` takes some tokens and the whole vocabulary, so nothing needs to be merged;
`tiles` takes some words and every token, so that each tile of the weight's gradient is one product.
Sums are float32 whatever the inputs (float64 for float64).
"""

from collections.abc import Sequence

from torch import Tensor

from likely.vocab._filter import limit
from likely.vocab._gradients import Gradients
from likely.vocab._kernels import Flat
from likely.vocab._spec import Spec
from likely.vocab._sweep import Sweep
from likely.vocab._way import Way


def forward(spec: Spec, way: Way, tensors: Sequence[Tensor]) -> tuple[Flat, Flat]:
    """Sum over the vocabulary.

    Args:
        spec: what.
        way: how.
        tensors: of what, in the fixed order.

    Returns:
        Shifts and flat states.
    """
    return Sweep(spec, way, tensors).forward()


def backward(
    spec: Spec,
    way: Way,
    tensors: Sequence[Tensor],
    shifts: Flat,
    states: Flat,
    grads: Sequence[Tensor | None],
    needs: Sequence[bool],
) -> list[Tensor | None]:
    """Gradients on the tensors; the logits are computed again.

    Args:
        spec: what was summed.
        way: how.
        tensors: of what.
        shifts: final ones.
        states: final ones, flat.
        grads: on the states; None for zero.
        needs: which tensors want a gradient.

    Returns:
        One gradient a tensor, None where none was wanted.
    """
    sweep = Sweep(spec, way, tensors)
    total = Gradients(sweep, needs, limit(spec, way, states, grads))
    rows = way.backward == "rows" or spec.whole_rows
    per_word = [one.per_word for one in spec.sums for _ in range(one.width)]
    for place in sweep.row_blocks() if rows else sweep.tiles():
        total.add(
            place,
            sweep.products(place),
            tuple(shift[place.rows] for shift in shifts),
            tuple(s if word else s[place.rows] for s, word in zip(states, per_word, strict=True)),
            [
                g if g is None or word else g[place.rows]
                for g, word in zip(grads, per_word, strict=True)
            ],
        )
    return total.finish()
