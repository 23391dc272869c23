"""What Bayes expects of sources drawn from Dirichlet laws: the shortest code on average."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int

Array = np.ndarray


def bayes(
    symbols: Int[Array, "M T"],
    states: Int[Array, "M T"],
    *,
    size: int,
    rows: Int[Array, "K S"],
    prior: Sequence[float],
    concentration: float,
) -> Float[Array, "M T1 S V"]:
    r"""Log-probability of each symbol in every state, after every beginning of a sequence.

    Each sequence has a source of its own. A source has rows of probabilities, drawn from a
    symmetric Dirichlet law, and one of K ways to say which row rules in which state. After the
    counts n of a beginning, way k expects

    $$ p_k(y \mid x) = \frac{n_{r_k(x) y} + \alpha}{n_{r_k(x)} + \alpha V} $$

    and the ways are mixed by their posterior: the prior times what each gave to the symbols so far,
    which is the Dirichlet–multinomial evidence.

    Args:
        symbols: numbers below `size`, `[M, T]`.
        states: the state that each symbol was drawn in, `[M, T]`.
        size: V, how many symbols there are.
        rows: number of the row that rules in each state, for each way, `[K, S]`.
        prior: probability of each way.
        concentration: α; 1/2 is the law of Krichevsky and Trofimov.

    Returns:
        `[M, T + 1, S, V]` in nats: entry t is the prediction after t symbols.

    Example:
        >>> said, one = np.array([[0, 0, 1]]), np.zeros((1, 3), int)
        >>> after = bayes(said, one, size=2, rows=one[:, :1], prior=[1.0], concentration=0.5)
        >>> np.exp(after)[0, :, 0, 0].round(3).tolist()  # (n + 1/2) / (t + 1)
        [0.5, 0.75, 0.833, 0.625]

    References:
        Krichevsky and Trofimov, The Performance of Universal Encoding, 1981.
    """
    many, length = symbols.shape
    counts = np.full((len(rows), many, int(rows.max()) + 1, size), concentration)
    weight = np.log(np.asarray(prior, np.float64))[:, None].repeat(many, 1)
    result = np.empty((many, length + 1, rows.shape[1], size))
    way, row = np.arange(len(rows))[:, None], np.arange(many)
    for place in range(length + 1):
        each = counts / counts.sum(-1, keepdims=True)
        posterior = np.exp(weight - weight.max(0))
        posterior /= posterior.sum(0)
        result[:, place] = sum(
            posterior[k][:, None, None] * each[k][:, rows[k]] for k in range(len(rows))
        )
        if place < length:
            at, now = rows[:, states[:, place]], symbols[:, place]
            weight += np.log(each[way, row, at, now])
            counts[way, row, at, now] += 1
    after: Array = np.log(result)
    return after
