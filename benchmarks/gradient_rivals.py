"""How each library is asked for the loss of a problem, at its defaults and in its exact mode."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F

from benchmarks import gradient_liger as liger
from benchmarks import gradient_ours as ours
from benchmarks import gradient_trl as trl
from benchmarks.gradient_cells import SMOOTHING, SOFTCAP, TEMPERATURE, Z_SCALE
from benchmarks.gradient_rule import per_token, reduce

HALF = (torch.bfloat16, torch.float16)


@dataclass(frozen=True)
class Rival:
    """One way to call one library.

    Args:
        library: as people say it.
        package: what its version is looked up by.
        mode: which way to call it.
        call: problem → loss, one number or one a token.
        exact: it is the library's most careful way.
        environment: variables the process needs.
    """

    library: str
    package: str
    mode: str
    call: Callable
    exact: bool = False
    environment: tuple[tuple[str, str], ...] = ()


def dense(problem, upcast):
    """What people write by hand: all logits."""
    z = F.linear(problem.hidden, problem.weight, problem.bias)
    z = z.float() if upcast and z.dtype in HALF else z
    if problem.option.uses & {"z_loss", "entropy"}:
        return reduce(problem, per_token(problem, z))
    z = SOFTCAP * torch.tanh(z / SOFTCAP) if "softcap" in problem.option.uses else z
    z = z / TEMPERATURE if "temperature" in problem.option.uses else z
    weight = problem.class_weights
    return F.cross_entropy(
        z,
        problem.target,
        weight=None if weight is None else weight.to(z.dtype),
        label_smoothing=SMOOTHING if "smoothing" in problem.option.uses else 0.0,
        reduction=problem.option.reduction,
    )


def torch_fused(problem, options=None, reduction=None, function=F.linear_cross_entropy):
    """`torch.nn.functional.linear_cross_entropy`, or what takes the same arguments."""
    problem.able("bias", "ignored", "class_weights", "smoothing", "none")
    return function(
        problem.hidden,
        problem.weight,
        problem.target,
        linear_bias=problem.bias,
        weight=problem.class_weights,
        reduction=reduction or problem.option.reduction,
        label_smoothing=SMOOTHING if "smoothing" in problem.option.uses else 0.0,
        options=options,
    )


def torch_options(problem):
    """Chunked, as its options come."""
    from torch.nn import LinearCrossEntropyOptions

    return torch_fused(problem, LinearCrossEntropyOptions())


def torch_exact(problem):
    """Chunked, accumulated in float32, averaged by the caller."""
    from torch.nn import LinearCrossEntropyOptions

    wide = torch.float32 if problem.hidden.dtype in HALF else None
    options = LinearCrossEntropyOptions(acc_policy="accurate", acc_dtype=wide)
    loss = torch_fused(problem, options, reduction="none")
    loss = loss.float() if loss.dtype in HALF else loss
    if problem.option.reduction == "none":
        return loss
    if problem.class_weights is None or problem.option.reduction == "sum":
        count = problem.counted.sum() if problem.option.reduction == "mean" else 1
        return loss.sum() / count
    weight = problem.class_weights[problem.any_target].to(loss.dtype) * problem.counted
    return loss.sum() / weight.sum()


def apple(problem, **chosen):
    """Cut cross-entropy."""
    from cut_cross_entropy import linear_cross_entropy

    problem.able("softcap", "ignored", "none")
    return cut(problem, linear_cross_entropy, **chosen)


def cut(problem, function, **chosen):
    """What takes the arguments of cut cross-entropy."""
    return function(
        problem.hidden,
        problem.weight,
        problem.target,
        softcap=SOFTCAP if "softcap" in problem.option.uses else None,
        reduction=problem.option.reduction,
        **chosen,
    )


def ours_cut(problem):
    """Our function with the arguments of cut cross-entropy, those of its repository too."""
    from likely.vocab import linear_cross_entropy

    problem.able("bias", "softcap", "ignored", "z_loss", "none")
    if "z_loss" not in problem.option.uses:
        return cut(problem, linear_cross_entropy, bias=problem.bias, impl="chunked")
    loss, lse = cut(
        problem, linear_cross_entropy, bias=problem.bias, return_lse=True, impl="chunked"
    )
    return loss + Z_SCALE * (lse**2).mean()


def ours_torch(problem):
    """Our function with torch's arguments."""
    from likely.vocab import linear_cross_entropy_loss

    ours.hold_no_logits()
    return torch_fused(problem, function=linear_cross_entropy_loss)


def ours_liger(problem):
    """Our function with Liger's arguments."""
    from likely.vocab import liger_fused_linear_cross_entropy

    ours.hold_no_logits()
    return liger.ask(problem, liger_fused_linear_cross_entropy)


INTERPRETED = (("TRITON_INTERPRET", "1"),)
LIGER, APPLE = "Liger", "Cut Cross-Entropy"
RIVALS = {
    "dense": Rival("dense torch", "torch", "same dtype", lambda p: dense(p, False)),
    "dense_upcast": Rival("dense torch", "torch", "upcast", lambda p: dense(p, True), True),
    "torch": Rival("F.linear_cross_entropy", "torch", "options=None", torch_fused),
    "torch_options": Rival("F.linear_cross_entropy", "torch", "default options", torch_options),
    "torch_exact": Rival("F.linear_cross_entropy", "torch", "accurate, none", torch_exact, True),
    "liger": Rival(LIGER, "liger-kernel", "defaults", liger.fused, environment=INTERPRETED),
    "liger_exact": Rival(
        LIGER,
        "liger-kernel",
        "accum_dtype=float32",
        liger.accumulated,
        True,
        INTERPRETED,
    ),
    "liger_scaled": Rival(LIGER, "liger-kernel", "scaled function", liger.scaled),
    "apple": Rival(APPLE, "cut-cross-entropy", "cce", apple),
    "apple_exact": Rival(
        APPLE, "cut-cross-entropy", "cce_exact", lambda p: apple(p, impl="cce_exact"), True
    ),
    "apple_compile": Rival(
        APPLE, "cut-cross-entropy", "torch_compile", lambda p: apple(p, impl="torch_compile")
    ),
    "trl": Rival("TRL", "trl", "defaults", trl.asked),
    "trl_exact": Rival("TRL", "trl", "cast_lm_head_to_fp32", trl.exact, True),
    "ours_scan": Rival("likely", "likely", "scan", ours.scanned),
    "ours_fused": Rival("likely", "likely", "fused_loss", ours.fused),
    "ours_cut": Rival("likely", "likely", "linear_cross_entropy", ours_cut),
    "ours_torch": Rival("likely", "likely", "linear_cross_entropy_loss", ours_torch),
    "ours_liger": Rival("likely", "likely", "liger_fused_linear_cross_entropy", ours_liger),
}
