"""The backend that holds the logits: large in memory, the oracle of the others."""

from collections.abc import Sequence

import torch
from torch import Tensor

from likely.vocab._spec import Spec
from likely.vocab._way import Way
from likely.vocab.moments._accumulator import State


def run(spec: Spec, way: Way, tensors: Sequence[Tensor]) -> tuple[list[Tensor], list[State]]:
    """One block that holds everything; autograd differentiates it, as often as you like.

    Args:
        spec: what is summed.
        way: gives the dtype of the products.
        tensors: in the fixed order.

    Returns:
        Shifts and states.
    """
    rest = list(tensors)
    products: list[Tensor] = []
    dtype = getattr(torch, way.narrow or way.sums)
    for reader in spec.readers:
        if reader.source == "stored":
            ids, logits = rest[:2]
            empty = logits.new_full((len(ids), products[0].shape[1]), -torch.inf, dtype=dtype)
            product = empty.scatter(1, ids, logits.to(dtype))
        elif reader.table:
            hidden, weight, sequence = rest[:3]
            product = torch.einsum("nd,nvd->nv", hidden.to(dtype), weight.to(dtype)[sequence])
        else:
            hidden, weight = rest[:2]
            product = hidden.to(dtype) @ weight.to(dtype).T
        products.append(product)
        rest = rest[3 if reader.table else 2 :]
    return spec.evaluate(products, rest, 0)
