"""MAUVE: how near what the model samples is to real text."""

from collections.abc import Sequence
from typing import Annotated

from annotated_types import Ge, Gt
from jaxtyping import Float
from numpy import float32
from numpy.typing import NDArray

from likely.audit.features import features
from likely.audit.metrics.mauve import mauve as area
from likely.core.settings import checked
from likely.models.reader import Reader
from likely.train.exam import Exam
from likely.train.judge import Measure
from likely.train.judges._written import continuations, real

LIBRARY = ("mauve", "mauve")
NEEDS = ("continued", "features")
MEASURES = {"mauve": Measure("MAUVE of sampled continuations", "area", "higher")}
Features = Float[NDArray[float32], "M D"]


def mauve(
    reader: Reader,
    exam: Exam,
    *,
    buckets: Annotated[int, Ge(2)] | None = None,
    scale: Annotated[float, Gt(0)] = 5.0,
    redo: Annotated[int, Ge(1)] = 5,
) -> dict[str, float | list[float]]:
    r"""MAUVE between sampled continuations and what really followed, each with its prompt.

    $$ \mathrm{area}\,\big\{\big(e^{-c\,\mathrm{KL}(q \| r_\lambda)},
    e^{-c\,\mathrm{KL}(p \| r_\lambda)}\big)\big\} $$

    Texts are compared by the hidden states of the exam's own model, the same one for every model
    that is judged. Measure: `mauve`, 0 … 1. It compares only within one exam, and with fewer than
    some hundred prompts it says little: the paper uses 5,000.

    Args:
        reader: the model.
        exam: needs `continued` and `features`.
        buckets: clusters; None for a tenth of the texts.
        scale: the paper's c.
        redo: how often clustering starts anew.

    Returns:
        The measure, one number.

    Raises:
        BadSetting: settings out of range.
        BadInput: the exam has no prompts, or no model for features.
        Unsupported: mauve-text is not installed.

    References:
        Pillutla et al., MAUVE: Measuring the Gap Between Neural Text and Human Text using
        Divergence Frontiers, 2021. arXiv:2102.01454.
    """
    checked(mauve, locals())
    exam.need("mauve", *NEEDS)
    assert exam.continued is not None
    prompts = exam.continued.prompts
    own = _features(exam, prompts, continuations(reader, exam, "sampled"))
    assert exam.features is not None
    wanted = exam.once(exam.features, "real text", lambda: _features(exam, prompts, real(exam)))
    return {"mauve": area(own, wanted, buckets=buckets, scale=scale, redo=redo)}


def _features(exam: Exam, prompts: Sequence[str], texts: Sequence[str]) -> Features:
    assert exam.features is not None
    both = [prompt + text for prompt, text in zip(prompts, texts, strict=True)]
    return features(exam.features, both, rows=exam.rows)
