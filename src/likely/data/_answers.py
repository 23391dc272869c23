"""Batches of prompts with answers, read with a teacher or without one."""

import torch
from jaxtyping import Int
from torch import Tensor

from likely.core.batch import Batch


def answered(
    prompt: Int[Tensor, "S T"],
    answer: Int[Tensor, "S A"],
    dummies: Int[Tensor, "B"] | None = None,
) -> Batch:
    """Rows that read a prompt and are scored on the answer alone.

    With a teacher, a token of the answer is read before the next one is predicted. Without one
    the same places hold dummies, which are the same in every row: nothing of the answer is ever
    read, and all of it is predicted at once.

    Args:
        prompt: tokens read, `[S, T]`.
        answer: tokens that follow, `[S, A]`.
        dummies: what is read in place of the answer but its last token, `[A − 1]`; None for the
            answer itself.

    Returns:
        One segment of T + A − 1 positions a row, of which the last A count.

    Example:
        >>> batch = answered(torch.tensor([[1, 2]]), torch.tensor([[3, 4]]), torch.tensor([9]))
        >>> batch.ids.tolist(), batch.target.tolist(), batch.weight.tolist()
        ([1, 2, 9], [2, 3, 4], [0.0, 1.0, 1.0])

    References:
        Bachmann and Nagarajan, The pitfalls of next-token prediction, 2024, §5 (teacherless).
        arXiv:2403.06963; Monea et al., PaSS: Parallel Speculative Sampling, 2023. arXiv:2311.13581.
    """
    between = answer[:, :-1] if dummies is None else dummies.expand(len(answer), -1)
    batch = Batch.of(torch.cat([prompt, between], dim=1), torch.cat([prompt[:, 1:], answer], dim=1))
    batch.weight.view(len(prompt), -1)[:, : prompt.shape[1] - 1] = 0
    return batch
