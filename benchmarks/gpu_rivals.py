"""How other libraries are asked for the mean loss of a case of `benchmarks/scan_gpu.py`.

Signatures were read in torch 2.13.0, liger-kernel 0.8.5, quack-kernels 0.6.5, cut-cross-entropy
25.1.1 (PyPI) and the main branch of apple/ml-cross-entropy.
"""

import inspect

import torch.nn.functional as F

from benchmarks.gpu_cases import MOST
from benchmarks.gradient_cells import IGNORED


class Refused(Exception):
    """The library has no argument for it, or it is not tried here."""


def _without_softcap(case):
    if case.softcap is not None:
        raise Refused("has no softcap")


def torch_options(case, hidden, weight):
    """Torch's own, chunked, as its options come."""
    from torch.nn import LinearCrossEntropyOptions

    _without_softcap(case)
    options = LinearCrossEntropyOptions()
    return F.linear_cross_entropy(hidden, weight, case.target, options=options)


def apple(case, hidden, weight, **chosen):
    """Cut Cross-Entropy at its defaults: small gradients are dropped."""
    from cut_cross_entropy import linear_cross_entropy

    return linear_cross_entropy(hidden, weight, case.target, softcap=case.softcap, **chosen)


def apple_exact(case, hidden, weight):
    """Cut Cross-Entropy without its filter; with wide sums where this version has them.

    The release on PyPI has no `cce_exact`: there the filter alone is switched off, and gradients
    are added up in the dtype of the inputs.
    """
    from cut_cross_entropy import linear_cross_entropy

    known = inspect.signature(linear_cross_entropy).parameters
    if {"accum_c_fp32", "use_kahan"} & set(known):
        return apple(case, hidden, weight, impl="cce_exact")
    return apple(case, hidden, weight, filter_eps=None)


def liger(case, hidden, weight):
    """Liger's fused linear cross-entropy at its defaults."""
    from liger_kernel.transformers.functional import liger_fused_linear_cross_entropy

    return liger_fused_linear_cross_entropy(hidden, weight, case.target, softcap=case.softcap)


def liger_scaled(case, hidden, weight, entropy=False):
    """Liger's second function: kernels of its own on Hopper and Blackwell, losses by token.

    Without them it takes 512 tokens at a time in torch. A temperature it has; a softcap it has not.
    """
    from liger_kernel.ops import LigerFusedLinearScaledCrossEntropyFunction

    _without_softcap(case)
    found = LigerFusedLinearScaledCrossEntropyFunction.apply(
        hidden, weight, case.target, 1.0, IGNORED, 1, entropy
    )
    return (found[0] + MOST * found[1]).mean() if entropy else found.mean()


def liger_scaled_entropy(case, hidden, weight):
    """The same with entropy, which has a gradient too."""
    return liger_scaled(case, hidden, weight, entropy=True)


def quack(case, hidden, weight):
    """Quack's chunked linear cross-entropy at its defaults."""
    from quack.linear_cross_entropy import chunked_linear_cross_entropy

    _without_softcap(case)
    return chunked_linear_cross_entropy(hidden, weight, case.target)
