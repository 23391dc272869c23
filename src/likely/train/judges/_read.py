"""The test text as a model reads it: once for all judges."""

from likely.audit.likelihood import Likelihood, from_tokens
from likely.audit.predictions import Predictions, predictions
from likely.models.reader import Reader
from likely.train.exam import Exam


def predicted(reader: Reader, exam: Exam) -> Predictions:
    """What a model predicts at every token of the test text."""

    def read() -> Predictions:
        assert exam.test is not None
        return predictions(reader, exam.test, length=exam.length, rows=exam.rows)

    return exam.once(reader, "predictions", read)


def likelihood_of(reader: Reader, exam: Exam) -> Likelihood:
    """The likelihood of the test text, from the same reading."""
    found = predicted(reader, exam)
    assert exam.test is not None
    return from_tokens(exam.test, found.log_prob, found.correct)
