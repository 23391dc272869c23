"""Likelihood: nats a token, bits a byte, perplexity and accuracy on test text."""

from likely.models.reader import Reader
from likely.train.exam import Exam
from likely.train.judge import Measure
from likely.train.judges._read import likelihood_of

NEEDS = ("test",)
MEASURES = {
    "nats_per_token": Measure("nats per token of test text", "nats", "lower"),
    "bits_per_byte": Measure("bits per byte of test text", "bits", "lower"),
    "perplexity": Measure("perplexity of test text", "", "lower"),
    "accuracy": Measure("share of test tokens that were the likeliest", "share", "higher"),
}


def likelihood(reader: Reader, exam: Exam) -> dict[str, float | list[float]]:
    r"""How likely the test text is, over all of its tokens together.

    $$ -\tfrac1N \sum_n \log p_n, \qquad -\sum_n \log_2 p_n \,/\, \text{bytes} $$

    Measures: `nats_per_token`, in nats; `bits_per_byte`, in bits, comparable across tokenizers;
    `perplexity`, e to the nats per token; `accuracy`, the share of tokens that no other one beat.

    Args:
        reader: the model.
        exam: needs `test`.

    Returns:
        The measures by name, a number each: sums over the text divided once, as papers report them.

    Raises:
        BadInput: the exam has no test text.

    References:
        Jelinek et al., Perplexity: a measure of the difficulty of speech recognition tasks, 1977.
    """
    exam.need("likelihood", *NEEDS)
    found = likelihood_of(reader, exam)
    return {name: float(getattr(found, name)) for name in MEASURES}
