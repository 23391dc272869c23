"""One small network for each context, trained on it from nothing while its tokens come."""

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor


def train_per_token(
    states: Int[np.ndarray, "M T"],
    symbols: Int[np.ndarray, "M T"],
    *,
    size: int,
    bits: int,
    width: int,
    updates: int,
    rate: float,
    seed: int,
) -> Float[np.ndarray, "M T1 S V"]:
    """Gradient descent on all that a context has shown so far, before each next token.

    All networks start from the same weights, and say 1/V before they have seen anything. Every
    token is followed by full-batch steps of Adam on the mean loss of the tokens so far. Contexts
    never see each other: their losses are summed, and Adam works number by number.

    Args:
        states: the state that each symbol was drawn from, `[M, T]`.
        symbols: numbers below `size`, `[M, T]`.
        size: V, how many symbols there are.
        bits: of a state.
        width: of the hidden layer.
        updates: steps after each token.
        rate: of Adam.
        seed: of the weights.

    Returns:
        Log p of each symbol in every state, in nats: entry t after t tokens.
    """
    many, length = symbols.shape
    x, weights = _bits(bits), _networks(many, bits, width, size, seed)
    optimizer = torch.optim.Adam(weights, lr=rate, betas=(0.9, 0.99))
    counts, row = torch.zeros(many, len(x), size), torch.arange(many)
    state, symbol = torch.from_numpy(states), torch.from_numpy(symbols)
    result = np.empty((many, length + 1, len(x), size))
    for place in range(length + 1):
        with torch.no_grad():
            result[:, place] = _log_probs(weights, x).double().numpy()
        if place == length:
            break
        counts[row, state[:, place], symbol[:, place]] += 1
        for _ in range(updates):
            optimizer.zero_grad(set_to_none=True)
            loss = -(counts * _log_probs(weights, x)).sum() / (place + 1)
            torch.autograd.backward(loss)
            optimizer.step()
    return result


def _bits(bits: int) -> Float[Tensor, "S I"]:
    """Every state as its bits, each −1 or 1, and a 1."""
    state = torch.arange(2**bits)
    columns = [(state >> bit & 1) * 2 - 1 for bit in range(bits)]
    return torch.stack([*columns, torch.ones_like(state)], dim=1).float()


def _networks(many: int, bits: int, width: int, size: int, seed: int) -> list[Tensor]:
    """The same first weights for every context; the last layer says nothing yet."""
    generator = torch.Generator().manual_seed(seed)
    first = torch.randn(bits + 1, width, generator=generator) * (bits + 1) ** -0.5
    made = (first, torch.zeros(width, size), torch.zeros(1, size))
    return [weight.expand(many, *weight.shape).clone().requires_grad_() for weight in made]


def _log_probs(weights: list[Tensor], x: Float[Tensor, "S I"]) -> Float[Tensor, "M S V"]:
    first, second, bias = weights
    return ((x @ first).tanh() @ second + bias).log_softmax(-1)
