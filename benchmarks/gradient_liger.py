"""How Liger is asked for the loss of a problem of `benchmarks/gradients.py`, without a GPU."""

from functools import cache

import numpy as np
import torch

from benchmarks.gradient_cells import BONUS, IGNORED, SMOOTHING, SOFTCAP, TEMPERATURE, Z_SCALE
from benchmarks.gradient_rule import reduce


@cache
def fill_interpreter():
    """Give Triton's interpreter what its compiler has, and Liger's kernel needs.

    Numbers with a point reach a kernel as float32 scalars, not as Python's floats; and there is
    a hyperbolic tangent. Nothing of Liger's own is changed.
    """
    import triton.language as tl
    from liger_kernel.ops import cross_entropy
    from triton.runtime import interpreter

    convert = interpreter._implicit_cvt

    def converted(value):
        if not isinstance(value, float):
            return convert(value)
        handle = interpreter.TensorHandle(np.array([value], np.float32), tl.float32)
        return tl.tensor(handle, tl.float32)

    interpreter._implicit_cvt = converted
    cross_entropy.tanh = lambda x: 2 * tl.sigmoid(2 * x) - 1


def fused(problem, accumulate=None):
    """Liger's fused linear cross-entropy; its kernel runs in Triton's interpreter."""
    from liger_kernel.transformers.functional import liger_fused_linear_cross_entropy

    fill_interpreter()
    return ask(problem, liger_fused_linear_cross_entropy, accumulate)


def ask(problem, function, accumulate=None):
    """Liger's function, or what takes the same arguments."""
    uses = problem.option.uses
    problem.able("bias", "softcap", "ignored", "class_weights", "smoothing", "z_loss", "none")
    return function(
        problem.hidden,
        problem.weight,
        problem.target,
        bias=problem.bias,
        ce_weight=problem.class_weights,
        lse_square_scale=Z_SCALE if "z_loss" in uses else 0.0,
        label_smoothing=SMOOTHING if "smoothing" in uses else 0.0,
        softcap=SOFTCAP if "softcap" in uses else None,
        reduction=problem.option.reduction,
        accum_dtype=accumulate,
    )


def scaled(problem):
    """Liger's second function, which takes a temperature and returns entropy."""
    from liger_kernel.ops import LigerFusedLinearScaledCrossEntropyFunction

    problem.able("ignored", "temperature", "entropy", "none")
    temperature = TEMPERATURE if "temperature" in problem.option.uses else 1.0
    wants = "entropy" in problem.option.uses
    loss = LigerFusedLinearScaledCrossEntropyFunction.apply(
        problem.hidden, problem.weight, problem.target, temperature, IGNORED, 1, wants
    )
    return reduce(problem, loss[0] - BONUS * loss[1] if wants else loss)


def accumulated(problem):
    """The same with gradients of head and bias added up in float32."""
    return fused(problem, torch.float32)
