"""Number error: how far predicted numbers lie from those that came."""

from likely.audit.number_error import number_error as errors_of
from likely.models.reader import Reader
from likely.train.exam import Exam
from likely.train.judge import Measure

NEEDS = ("test",)
MEASURES = {
    "number_error_expected": Measure("mean error of expected numbers", "numbers", "lower"),
    "number_error_greedy": Measure("mean error of likeliest numbers", "numbers", "lower"),
}


def number_error(reader: Reader, exam: Exam) -> dict[str, float | list[float]]:
    r"""Mean absolute error of predicted numbers, at test tokens that spell one.

    $$ \tfrac1N \sum_n |\hat\nu_n - \nu_{y_n}| $$

    Measures, in the units of the numbers: `number_error_expected`, of the expected value over the
    tokens that spell a number; `number_error_greedy`, of the likeliest of them. A number of several
    tokens counts once for each, by that token's own value: digits, where tokens are digits.

    Args:
        reader: the model.
        exam: needs `test`, with numbers in it.

    Returns:
        The measures by name, a number each.

    Raises:
        BadInput: the exam has no test text, or no token of it spells a number.

    References:
        Zausinger et al., Regress, Don't Guess: A Regression-like Loss on Number Tokens, 2024.
        arXiv:2411.02083.
    """
    exam.need("number_error", *NEEDS)
    assert exam.test is not None
    found = errors_of(reader, exam.test, length=exam.length, rows=exam.rows)
    return {
        "number_error_expected": float(found.expected.mean()),
        "number_error_greedy": float(found.greedy.mean()),
    }
