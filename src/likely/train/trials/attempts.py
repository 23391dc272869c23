"""Attempts: how likely one of N sampled answers is right, after shorter and longer training."""

from typing import Annotated, Literal

import numpy as np
import torch
from annotated_types import Ge, Gt

from likely.audit.metrics.pass_at_k import pass_at_k
from likely.core.settings import checked
from likely.core.vocabulary import Vocabulary
from likely.models.transformer import transformer
from likely.train.recipe import Optimizer, Schedule
from likely.train.trials._calculations import answer_log_prob, calculations, passes, write
from likely.train.trials._fit import fit

_TRIES = (1, 4, 16, 64)
"""Attempts that are measured; as many as the most of them are sampled."""
Count = Annotated[int, Ge(1)]


def attempts(
    seed: int,
    *,
    objective: str = "cross_entropy",
    passes_over: Count = 4,
    rate: Annotated[float, Gt(0)] = 4e-3,
    problems: Count = 400,
    held_out: Count = 256,
    operation: Literal["+", "-", "*"] = "*",
    digits: Count = 2,
    rows: Count = 32,
    width: Annotated[int, Ge(8)] = 64,
) -> dict[str, float | list[float]]:
    """Train on a few calculations, and sample 64 answers to each of others.

    A byte-level transformer of two layers reads calculations of two numbers, padded with zeros,
    in `passes_over` passes over all of them in ever new orders; the rate falls to 0 over these. The
    answers alone are trained on. Then it samples 64 answers to each held-out problem from its own
    probabilities.

    Measures, one number a held-out problem: `pass_1`, `pass_4`, `pass_16` and `pass_64`, the
    unbiased estimates of the chance that one of so many answers is right; `exact_pass_16`, the
    same computed from the probability that the model gives the right answer; `greedy`, whether the
    likeliest tokens are right. Numbers: `train_log_prob` and `log_prob`, nats a right answer, of
    training and of held-out problems.

    Args:
        seed: of problems, their order, first weights and samples.
        objective: what the model is trained by.
        passes_over: the training problems.
        rate: the highest learning rate, of AdamW.
        problems: to train on.
        held_out: to be judged on.
        operation: of the calculations.
        digits: of their numbers.
        rows: problems a step.
        width: of the transformer.

    Returns:
        The measures by name.

    Raises:
        BadSetting: a setting out of range, or more problems than there are.

    References:
        Chen et al., Rethinking Fine-Tuning when Scaling Test-Time Compute: Limiting Confidence
        Improves Mathematical Reasoning, 2025, §3 and §4. arXiv:2502.07154.
    """
    settings = checked(attempts, locals())
    known, asked = calculations(seed, problems, held_out, operation, digits)
    vocabulary = Vocabulary.of_bytes()
    reader = transformer(vocabulary, layers=2, width=width, heads=4, context=32, seed=seed)
    fit(
        reader,
        passes(known, rows, seed),
        steps=max(passes_over * problems // rows, 1),
        objective=objective,
        optimizer=Optimizer(lr=settings["rate"]),
        schedule=Schedule(warmup=0.1, floor=0.0),
        seed=seed,
    )
    most, length = max(_TRIES), asked.answer.shape[1]
    rng = torch.Generator().manual_seed(seed)
    written = write(reader, asked.prompt.repeat_interleave(most, dim=0), length, rng)
    right = (written.view(-1, most, length) == asked.answer[:, None]).all(dim=2).sum(dim=1).numpy()
    tries, log_prob = np.full(len(asked), most), answer_log_prob(reader, asked).double()
    greedy = (write(reader, asked.prompt, length) == asked.answer).all(dim=1)
    miss = (1 - log_prob.exp()).clamp_min(0)
    return {
        **{f"pass_{k}": pass_at_k(tries, right, k=k).tolist() for k in _TRIES},
        "exact_pass_16": (1 - miss**16).tolist(),
        "greedy": greedy.double().tolist(),
        "log_prob": float(log_prob.mean()),
        "train_log_prob": float(answer_log_prob(reader, known).double().mean()),
    }
