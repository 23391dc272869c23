"""Calibration: how far the model's certainty lies from how often it is right."""

from likely.audit.metrics.expected_calibration_error import (
    Binning,
    Bins,
    expected_calibration_error,
)
from likely.core.settings import checked
from likely.models.reader import Reader
from likely.train.exam import Exam
from likely.train.judge import Measure
from likely.train.judges._read import predicted

NEEDS = ("test",)
MEASURES = {
    "calibration_error": Measure(
        "expected calibration error on test tokens", "probability", "lower"
    )
}


def calibration(
    reader: Reader, exam: Exam, *, bins: Bins = 15, binning: Binning = "mass"
) -> dict[str, float | list[float]]:
    r"""Expected calibration error of the likeliest token, over all test tokens.

    $$ \sum_k \frac{n_k}{N} \, |\text{accuracy}_k - \text{confidence}_k| $$

    Measure: `calibration_error`, a probability, 0 … 1: the mean distance, over bins of tokens,
    between the probability of the likeliest token and how often it came.

    Args:
        reader: the model.
        exam: needs `test`.
        bins: how many.
        binning: `mass` for about equally many tokens a bin, `width` for equal parts of 0 … 1.

    Returns:
        The measure, one number.

    Raises:
        BadSetting: `bins` below 1, or a `binning` that is none.
        BadInput: the exam has no test text.

    References:
        Guo et al., On Calibration of Modern Neural Networks, 2017, equation 3. arXiv:1706.04599.
    """
    checked(calibration, locals())
    exam.need("calibration", *NEEDS)
    found = predicted(reader, exam)
    error = expected_calibration_error(found.confidence, found.correct, bins=bins, binning=binning)
    return {"calibration_error": error}
