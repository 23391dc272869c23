"""Answers: how likely held-out answers are, and how often the wanted one is the likelier."""

from likely.models.reader import Reader
from likely.train._answers import read_answers
from likely.train.exam import Exam
from likely.train.judge import Measure

NEEDS = ("answers",)
MEASURES = {
    "answer_nats_per_token": Measure("nats per token of wanted answers", "nats", "lower"),
    "answer_bits_per_byte": Measure("bits per byte of wanted answers", "bits", "lower"),
    "answer_accuracy": Measure("share of their tokens that were the likeliest", "share", "higher"),
    "preferred": Measure("share of pairs whose wanted answer was likelier", "share", "higher"),
    "rejected_nats_per_token": Measure("nats per token of rejected answers", "nats", "neither"),
}


def answers(reader: Reader, exam: Exam) -> dict[str, float | list[float]]:
    r"""How likely answers are behind their prompts, and of pairs which one is likelier.

    $$ -\tfrac1N \sum_n \log p_n, \qquad
       \tfrac1P \sum_p [\log p(\text{chosen}) > \log p(\text{rejected})] $$

    Measures: `answer_nats_per_token`, `answer_bits_per_byte` and `answer_accuracy` of answers, of
    pairs the chosen ones, with their ends; of pairs also `preferred`, the share whose chosen answer
    as a whole is likelier than the rejected one, and `rejected_nats_per_token`.

    Args:
        reader: the model.
        exam: needs `answers`.

    Returns:
        The measures by name: sums over answers divided once, and `preferred` one a pair.

    Raises:
        BadInput: the exam has no answers.

    References:
        Chen et al., Preference Learning Algorithms Do Not Learn Preference Rankings, 2024 (ranking
        accuracy: how often the preferred answer is the likelier). arXiv:2405.19534.
    """
    exam.need("answers", *NEEDS)
    asked = exam.answers
    assert asked is not None
    read = exam.once(reader, "answers", lambda: read_answers(reader, asked, exam.rows))
    wanted = read.likelihood()
    found: dict[str, float | list[float]] = {
        f"answer_{name}": wanted[name] for name in ("nats_per_token", "bits_per_byte", "accuracy")
    }
    if asked.is_pairs:
        rejected = read.likelihood(1)["nats_per_token"]
        found |= {"preferred": read.preferred.tolist(), "rejected_nats_per_token": rejected}
    return found
