"""Pass@k: how likely one of k tries would have been right."""

from typing import Annotated

import numpy as np
from annotated_types import Ge
from jaxtyping import Float
from numpy.typing import NDArray

from likely.audit.metrics._given import Array, Numbers, numbers, together
from likely.core.errors import BadInput, BadSetting
from likely.core.settings import checked

BOUNDS = (0.0, 1.0)
LAWS = frozenset({"order_indifferent"})


def pass_at_k(
    samples: Numbers, correct: Numbers, *, k: Annotated[int, Ge(1)] = 1
) -> Float[NDArray[np.float64], "M"]:
    r"""Unbiased estimate of the chance that at least one of k tries is right, a problem each.

    $$ 1 - \binom{n - c}{k} \Big/ \binom{n}{k} = 1 - \prod_{i = n - c + 1}^{n}
    \Big(1 - \frac{k}{i}\Big) $$

    n tries were drawn and c of them were right. The plug-in estimate 1 − (1 − c/n)ᵏ is too low.
    The product never forms a large binomial.

    Args:
        samples: n, tries for each problem.
        correct: c, how many of them were right.
        k: tries allowed; at most the fewest samples of a problem.

    Returns:
        0 … 1, one number a problem.

    Raises:
        BadSetting: `k` below 1 or above the samples of a problem.
        BadInput: no problems; numbers that are not whole; more right than were tried.
        ShapeError: another number of samples than of correct.

    Example:
        >>> pass_at_k([5, 5, 5], [0, 1, 5], k=2)
        array([0. , 0.4, 1. ])

    References:
        Chen et al., Evaluating Large Language Models Trained on Code, 2021, equation 1.
        arXiv:2107.03374.
    """
    checked(pass_at_k, locals())
    together("pass_at_k", samples=samples, correct=correct)
    tries, right = _whole("samples", samples), _whole("correct", correct)
    if (right > tries).any() or (right < 0).any():
        at = int(np.argmax((right > tries) | (right < 0)))
        raise BadInput(
            f"pass_at_k: problem {at} has {right[at]:.0f} correct of {tries[at]:.0f} samples; "
            "there can be none below 0 and none above all samples."
        )
    if k > tries.min():
        problem = f"k={k} should be at most the fewest samples of a problem, {tries.min():.0f}."
        raise BadSetting("pass_at_k", [problem])
    return np.array([_chance(int(n), int(c), k) for n, c in zip(tries, right, strict=True)])


def _chance(samples: int, correct: int, k: int) -> float:
    last = np.arange(samples - correct + 1, samples + 1)
    # A factor below 0 stands behind one that is 0: there are fewer wrong ones than tries.
    return float(1.0 - np.prod(np.maximum(1.0 - k / last, 0.0)))


def _whole(name: str, values: Numbers) -> Array:
    found = numbers("pass_at_k", name, values)
    if (found != np.round(found)).any():
        at = int(np.argmax(found != np.round(found)))
        raise BadInput(f"pass_at_k: {name}[{at}] is {found[at]}, and should be a whole number.")
    return found
