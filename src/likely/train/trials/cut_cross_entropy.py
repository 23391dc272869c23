"""Cut Cross-Entropy: the same loss in flat memory, and training with a gradient filter."""

from typing import Annotated, Literal

import numpy as np
import torch
from annotated_types import Ge, Gt
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from likely.audit.likelihood import likelihood
from likely.core.head import Head
from likely.core.settings import checked
from likely.data._docstrings import docstrings
from likely.data.sample import shortened
from likely.data.tokens import encode
from likely.models.reader import Reader
from likely.train.trials._cut import HELD, cut, errors
from likely.train.trials._cut_training import Setting, plan_of, text_of, tuned
from likely.train.trials._dropped import certain, dropped
from likely.train.trials._peak_memory import growth
from likely.vocab.fused_loss import fused_loss

_JUDGED = 16_384
"""Bytes of held-out text that are read."""
_WINDOW = 5
"""Steps over which a training curve is averaged before two are compared."""


def cut_cross_entropy(
    seed: int,
    *,
    filtered: Literal["nothing", "tuning", "everything"] = "nothing",
    filter_eps: Annotated[float, Gt(0)] = 2.0**-12,
    words: Annotated[int, Ge(4096)] = 16_384,
    width: Annotated[int, Ge(8)] = 64,
    rows: Annotated[int, Ge(1)] = 3,
    pretraining_steps: Annotated[int, Ge(1)] = 50,
    steps: Annotated[int, Ge(1)] = 40,
    rate: Annotated[float, Gt(0)] = 4e-3,
    tuning_rate: Annotated[float, Gt(0)] = 1e-3,
) -> dict[str, float | list[float]]:
    """Train a small transformer with a large head by cross-entropy that never holds its logits.

    The backward pass of `scan` computes the logits again, as CCE does. A filter takes blocks of
    128 tokens and 256 words as 0 where all gradients on logits are below `filter_eps`; words are
    put in the order of their mean logit before each step, so that what can be dropped lies
    together. The model is pretrained, then tuned on text it has not read, at a rate that warms up
    anew; all arms of a seed begin from the same weights and read the same.

    Measures, on what was trained:

    - `held_out_bits_per_byte`; `training_loss`, one number a step of tuning, in nats a token;
      `curve_distance`, the largest difference to the curve without filter, over windows of 5 steps.
    - `relative_error`: the largest difference to `F.cross_entropy` on float32 logits over its
      largest value, of the losses and both gradients without filter; `loss_error`,
      `hidden_error` and `weight_error` one by one; `float64_error` and `dense_float64_error`, of
      ours and of `F.cross_entropy` against float64.
    - `hidden_filter_error` and `weight_filter_error`: the norm of what the filter takes from a
      gradient, over its norm; `small_entries`, `dropped_blocks` and `dropped_blocks_by_id`, what it
      could drop and what it does with words in order of their mean logit and of their ids.
    - `z_gradient_lost_by_loss` and `z_gradient_lost_by_whole`: the share of a z-loss' gradient
      that goes with the dropped blocks, where they are chosen by the gradient of the loss alone
      (as in CCE's source) and by the whole gradient (as here). `certain_tokens` is the share of
      tokens that are predicted but for less than `filter_eps`; the same three of made-up states
      that all are, with `made_up_` before their names.

    And of random states and weights of growing vocabularies: `memory_growth`, peak memory above
    the gradients with 32,768 words over that with 4,096, and `memory_mib` with more of them, where
    262,144 logits are held at once; the same of `fused_loss`, which takes gradients in its one
    sweep, with `fused_` before their names, and of `F.cross_entropy`, with `dense_`.

    Args:
        seed: of the text's order and the first weights.
        filtered: which steps use the filter.
        filter_eps: of the filter; the default is CCE's for bfloat16.
        words: ids of the BPE at most.
        width: of the transformer, which has one layer.
        rows: windows of 128 tokens a step.
        pretraining_steps: before the curves are compared.
        steps: whose curves are compared.
        rate: the highest learning rate of pretraining, of AdamW.
        tuning_rate: the highest of tuning.

    Returns:
        The measures by name.

    References:
        Wijmans et al., Cut Your Losses in Large-Vocabulary Language Models, 2025, §4.
        arXiv:2411.09009.
    """
    given = checked(cut_cross_entropy, locals())
    kept = {name: value for name, value in given.items() if not name.startswith("filter")}
    setting = Setting(seed, **kept)
    first = filter_eps if filtered == "everything" else None
    then = None if filtered == "nothing" else filter_eps
    reader, curve = tuned(setting, first, then)
    _, exact = tuned(setting, None, None)
    vocabulary, _ = text_of(words)
    held_out = encode(shortened(docstrings().held_out, _JUDGED), vocabulary)
    made_up = dropped(*certain(seed), filter_eps)
    alike = ("certain_tokens", "z_gradient_lost_by_loss", "z_gradient_lost_by_whole")
    return {
        "held_out_bits_per_byte": float(likelihood(reader, held_out).bits_per_byte),
        "training_loss": curve.tolist(),
        "curve_distance": float(np.abs(_smooth(curve) - _smooth(exact)).max()),
        **_of_states(reader, setting, filter_eps),
        **{f"made_up_{name}": made_up[name] for name in alike},
        **_memory(then),
    }


def _smooth(curve: NDArray[np.float64]) -> NDArray[np.float64]:
    many = min(_WINDOW, len(curve))
    return np.convolve(curve, np.ones(many) / many, "valid")


def _of_states(reader: Reader, setting: Setting, eps: float) -> dict[str, float]:
    """Errors and what is dropped, on the batch after the last one that was read."""
    batch = plan_of(setting).batch(setting.pretraining_steps + setting.steps)
    with torch.no_grad():
        hidden, head = reader.hidden(batch)
    given = hidden, head.weight.detach(), batch.target
    return {**errors(*given, eps), **dropped(*given, eps)}


def _memory(eps: float | None) -> dict[str, float]:
    """Growth of peak memory with the vocabulary."""

    def ours(hidden: Tensor, weight: Tensor, targets: Tensor) -> None:
        values = cut(hidden, Head(weight), targets, filter_eps=eps, block=HELD)
        torch.autograd.backward(values.sum())

    def fused(hidden: Tensor, weight: Tensor, targets: Tensor) -> None:
        given = hidden, Head(weight), targets, {"log_prob"}
        found = fused_loss(
            lambda stats, columns: -stats["log_prob"],
            *given,
            backend="chunked",
            block=HELD,
            compiled=False,
            filter_eps=eps,
        )
        torch.autograd.backward(found.total)

    def plain(hidden: Tensor, weight: Tensor, targets: Tensor) -> None:
        logits = hidden @ weight.T
        torch.autograd.backward(F.cross_entropy(logits, targets, reduction="sum"))

    ratio, size = growth(ours)
    in_sweep, more = growth(fused)
    dense, large = growth(plain)
    return {
        "memory_growth": ratio,
        "memory_mib": size,
        "fused_memory_growth": in_sweep,
        "fused_memory_mib": more,
        "dense_memory_growth": dense,
        "dense_memory_mib": large,
    }
