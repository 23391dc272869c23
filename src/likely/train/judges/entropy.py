"""Entropy: how undecided the model is on test text."""

from likely.models.reader import Reader
from likely.train.exam import Exam
from likely.train.judge import Measure
from likely.train.judges._read import predicted

NEEDS = ("test",)
MEASURES = {
    "predictive_entropy": Measure("mean entropy of predictions on test text", "nats", "neither")
}


def entropy(reader: Reader, exam: Exam) -> dict[str, float | list[float]]:
    r"""Mean entropy of what the model predicts, over all test tokens.

    $$ -\tfrac1N \sum_n \sum_v p_{nv} \log p_{nv} $$

    Measure: `predictive_entropy`, nats a token. Where it equals the nats per token, the model is as
    surprised as it expects to be; below them it is too sure.

    Args:
        reader: the model.
        exam: needs `test`.

    Returns:
        The measure, one number.

    Raises:
        BadInput: the exam has no test text.

    References:
        Braverman et al., Calibration, Entropy Rates, and Memory in Language Models, 2020.
        arXiv:1906.05664.
    """
    exam.need("entropy", *NEEDS)
    return {"predictive_entropy": float(predicted(reader, exam).entropy.mean())}
