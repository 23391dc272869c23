"""Frequency buckets: the loss on rare and on frequent tokens apart."""

from typing import Annotated

import numpy as np
from annotated_types import Ge

from likely.audit.by_frequency import frequency_buckets as bucket_of
from likely.core.settings import checked
from likely.models.reader import Reader
from likely.train.exam import Exam
from likely.train.judge import Measure
from likely.train.judges._read import predicted

NEEDS = ("test", "train")
MEASURES = {
    "nats_of_rare_*": Measure("nats per token, from rare (1) to frequent ones", "nats", "lower"),
}


def frequency_buckets(
    reader: Reader, exam: Exam, *, buckets: Annotated[int, Ge(2)] = 4
) -> dict[str, float | list[float]]:
    r"""Nats per test token in buckets of tokens that fill equal shares of the training text.

    $$ -\tfrac{1}{N_k} \sum_{n:\, y_n \in B_k} \log p_n $$

    Measures, nats a token: `nats_of_rare_1` … `nats_of_rare_4`. The first bucket holds the rarest
    tokens, those never read in training too; the last one those that are everywhere. A bucket of
    which the test text has no token is left out.

    Args:
        reader: the model.
        exam: needs `test` and `train`.
        buckets: how many.

    Returns:
        The measures by name.

    Raises:
        BadSetting: fewer than two buckets.
        BadInput: the exam has no test text or no training text.

    References:
        Kunstner et al., Heavy-Tailed Class Imbalance and Why Adam Outperforms Gradient Descent on
        Language Models, 2024 (loss in groups of tokens by frequency). arXiv:2402.19449.
    """
    checked(frequency_buckets, locals())
    exam.need("frequency_buckets", *NEEDS)
    assert exam.train is not None
    assert exam.test is not None
    where = bucket_of(exam.train, buckets=buckets)[exam.test.ids]
    log_prob = predicted(reader, exam).log_prob
    return {
        f"nats_of_rare_{bucket + 1}": float(-log_prob[where == bucket].mean())
        for bucket in np.unique(where).tolist()
    }
