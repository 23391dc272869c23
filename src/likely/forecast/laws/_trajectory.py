"""The loss at which a training curve and its own critical batch size agree."""

from typing import Any

import numpy as np

_MOST_ROUNDS = 60


def solve(
    params: Any,
    step: Any,
    batch: Any,
    N_c: Any,
    alpha_N: Any,
    S_c: Any,
    alpha_S: Any,
    B_star: Any,
    alpha_B: Any,
) -> tuple[Any, Any, Any, Any]:
    """The loss, its two parts, and critical batch size over batch size.

    In u = ln L the equation is u = ln(a + c (1 + b e^(-u / alpha_B))^alpha_S). Its right side falls
    in u and is convex, so that there is one solution, and Newton's method from below rises to it
    without overshooting.
    """
    from_size = np.exp(alpha_N * (np.log(N_c) - np.log(params)))
    endless = np.exp(alpha_S * (np.log(S_c) - np.log(step)))
    relative = np.log(B_star) - np.log(batch)
    # Endless batches lose least: the solution is above.
    logarithm = np.log(from_size + endless) + 0.0 * relative
    for _ in range(_MOST_ROUNDS):
        excess = np.exp(relative - logarithm / alpha_B)
        from_steps = endless * np.exp(alpha_S * np.log1p(excess))
        loss = from_size + from_steps
        slope = -alpha_S / alpha_B * excess / (1 + excess) * from_steps / loss
        move = (np.log(loss) - logarithm) / (1 - slope)
        logarithm = logarithm + move
        # Candidates of a search that overflowed never settle, and nobody waits for them.
        settled = np.abs(move) <= 4e-16 * (1 + np.abs(logarithm))
        if np.all(settled | ~np.isfinite(move)):
            break
    excess = np.exp(relative - logarithm / alpha_B)
    return np.exp(logarithm), from_size, endless * np.exp(alpha_S * np.log1p(excess)), excess
