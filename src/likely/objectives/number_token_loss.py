"""Number token loss: a wrong number costs more the further it is from the right one."""

from typing import Annotated, Any, Literal

import numpy as np
import torch
from annotated_types import Ge
from jaxtyping import Float
from torch import Tensor

from likely.core.bind import Source
from likely.core.errors import Unsupported
from likely.core.stats import Statistic

KNOBS = {"variant": ("mse", "wasserstein"), "strength": (0.1, 0.3, 1.0)}


def laws(*, average: str, **_: object) -> frozenset[str]:
    """The average over number tokens counts those of the batch.

    Args:
        average: what the second term is a mean over.

    Returns:
        The laws it obeys.
    """
    return frozenset({"separable"}) if average == "tokens" else frozenset({"tokenwise"})


def wants(source: Source, *, average: str, **_: object) -> dict[str, Any]:
    """Logits of the words that spell numbers, and how far each is from the target.

    Args:
        source: its vocabulary says which words are numbers.
        average: what the second term is a mean over.

    Returns:
        `number_logits` (a wish), `number_offset` `[N, C]` and `number_weight` `[N]`.

    Raises:
        Unsupported: nobody knows what the ids mean, or no word is a number.
    """
    values = _values_of(source)
    target, device = source.batch.target, source.batch.target.device
    ids = values.isfinite().nonzero()[:, 0].to(device)
    values = values.to(device, torch.float32)
    known = (target < len(values)) & (source.batch.weight > 0)
    right = values[target.clamp_max(len(values) - 1)].masked_fill(~known, torch.nan)
    offset = (values[ids] - right[:, None]).nan_to_num(0.0)
    is_number = right.isfinite().to(source.batch.weight)
    if average == "numbers":
        counted = source.batch.weight.sum(), (source.batch.weight * is_number).sum()
        is_number = is_number * (counted[0] / counted[1].clamp_min(1e-30))
    everywhere = {"sequence": torch.zeros_like(target)}
    wish = Statistic("gather", rows=everywhere, settings={"ids": ids[None]})
    return {"number_logits": wish, "number_offset": offset, "number_weight": is_number}


def _values_of(source: Source) -> Tensor:
    if source.vocabulary is None:
        raise Unsupported(
            "The objective 'number_token_loss' must know which ids are numbers: give "
            "patch(..., vocabulary=of_tokenizer(tokenizer)), or lm_loss the same."
        )
    values = np.asarray(source.vocabulary.number_value, np.float64)
    if source.head is not None:
        values = values[: source.head.size]
    if not np.isfinite(values).any():
        raise Unsupported(
            "The objective 'number_token_loss' needs words that are numbers, and no id of this "
            "vocabulary spells one. Choose a tokenizer that keeps digits, such as 'bytes'."
        )
    return torch.tensor(values)


def number_token_loss(
    log_prob: Float[Tensor, "N"],
    number_logits: Float[Tensor, "N C"],
    number_offset: Float[Tensor, "N C"],
    number_weight: Float[Tensor, "N"],
    *,
    variant: Literal["mse", "wasserstein"] = "wasserstein",
    strength: Annotated[float, Ge(0)] = 0.3,
    average: Literal["numbers", "tokens"] = "numbers",
) -> Float[Tensor, "N"]:
    r"""Cross-entropy, and where a number was due the distance of the predicted one from it.

    $$ \mathcal{L} = -\log p_y + \lambda D, \quad
       D = \Big(\sum_{v \in A} \tilde p_v (c_v - c_y)\Big)^2 \;\text{or}\;
       \sum_{v \in A} \tilde p_v \, |c_v - c_y| $$
    A are the words that spell numbers, c their values, and $\tilde p$ the probabilities
    renormalised over A. The first is the squared error of the expected number, which two wrong
    guesses on both sides of the right one can make small; the second is the Wasserstein distance
    to the right number, which they cannot. D is in the unit of the numbers.

    With `average="numbers"`, as published, D is averaged over the tokens that are numbers and the
    cross-entropy over all: where one token in ten is a number, it counts ten times. Both counts are
    those of the micro batch. With `average="tokens"` each number counts once.

    The authors' package `ntloss` by default adds a term for probability outside A (`reweigh`),
    which is not in the paper and not here; their distribution-function variant leaves out how far
    neighbouring values lie apart, so it is this one only for evenly spaced values.

    Cost: separable, three matrix products and the logits of the numbers, `[N, C]`.
    Status: verified (numbers printed by the authors' code).
    Detached: nothing.
    Denominator: tokens.

    Args:
        log_prob: log p of the target, nats.
        number_logits: logits of the words of A.
        number_offset: c_v − c_y; 0 where the target is no number.
        number_weight: how much a number token counts against any token; 0 where there is none.
        variant: the squared error of the mean, or the Wasserstein distance.
        strength: λ.
        average: what D is a mean over.

    Returns:
        One loss a token: nats, and λ times the unit of the numbers (squared for `mse`).

    Raises:
        Unsupported: nobody knows what the ids mean, or no word is a number.

    Example:
        >>> import torch
        >>> even, offset = torch.zeros(1, 2), torch.tensor([[0.0, 4.0]])
        >>> number_token_loss(torch.zeros(1), even, offset, torch.ones(1), strength=1.0)
        tensor([2.])

    References:
        Zausinger et al., Regress, Don't Guess: A Regression-like Loss on Number Tokens for
        Language Models, 2024, eq. 2 and 4. arXiv:2411.02083.
    """
    # A row of excluded words has no distribution; where no number is due none is needed.
    due = number_weight > 0
    inside = number_logits.masked_fill(~due[:, None], 0.0).softmax(-1)
    offset = number_offset.to(inside)
    far = (inside * offset).sum(-1) ** 2 if variant == "mse" else (inside * offset.abs()).sum(-1)
    return -log_prob + strength * number_weight.to(far) * far


def dense(
    z: Tensor,
    y: Tensor,
    weight: Tensor,
    number_value: Tensor,
    *,
    variant: str = "wasserstein",
    strength: float = 0.3,
    average: str = "numbers",
) -> Tensor:
    """The same, from the logits, token by token."""
    losses = list(-z.log_softmax(-1).gather(-1, y[:, None])[:, 0])
    numbers = number_value.isfinite()
    due = [n for n in range(len(y)) if numbers[y[n]] and weight[n] > 0]
    for n in due:
        share = strength * (weight.sum() / weight[due].sum() if average == "numbers" else 1.0)
        p, values = z[n, numbers].softmax(-1), number_value[numbers]
        if variant == "mse":
            far = (p @ values - number_value[y[n]]) ** 2
        else:
            far = p @ (values - number_value[y[n]]).abs()
        losses[n] = losses[n] + share * far
    return torch.stack(losses)
