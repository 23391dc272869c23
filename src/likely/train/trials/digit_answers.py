"""Digit answers: how far from right the digits of a calculation are that a model writes."""

from typing import Annotated, Literal

from annotated_types import Ge, Gt

from likely.core.settings import checked
from likely.core.vocabulary import Vocabulary
from likely.models.transformer import transformer
from likely.train.recipe import Optimizer, Schedule
from likely.train.trials._calculations import answer_log_prob, calculations, passes, write
from likely.train.trials._fit import fit

Count = Annotated[int, Ge(1)]


def digit_answers(
    seed: int,
    *,
    objective: str = "cross_entropy",
    rate: Annotated[float, Gt(0)] = 4e-3,
    steps: Count = 300,
    rows: Count = 64,
    problems: Count = 2000,
    held_out: Annotated[int, Ge(2)] = 512,
    operation: Literal["+", "*"] = "*",
    digits: Count = 2,
    width: Annotated[int, Ge(8)] = 64,
) -> dict[str, float | list[float]]:
    """Train on calculations, and measure the distance of written answers from right ones.

    A byte-level transformer of two layers reads calculations of two numbers, padded with zeros, and
    is trained on the digits of the answers alone. Then it writes the likeliest digits of held-out
    answers, one after the other; every other held-out problem is for tuning.

    Measures, one number a held-out problem: `digit_error`, the mean absolute difference between
    the digits written and the right ones, place by place (something that is no digit counts as 9);
    `number_error`, that of the whole numbers over the largest possible answer; `exact`, whether
    all digits are right; `log_prob` of the right answer, nats. And `tuning_digit_error`, the first
    one on the problems for tuning.

    Args:
        seed: of problems, their order and first weights.
        objective: what the model is trained by.
        rate: the highest learning rate, of AdamW.
        steps: of training.
        rows: problems a step.
        problems: to train on.
        held_out: to be judged on and to tune on, half each.
        operation: of the calculations.
        digits: of their numbers.
        width: of the transformer.

    Returns:
        The measures by name.

    Raises:
        BadSetting: a setting out of range, or more problems than there are.

    References:
        Zausinger et al., Regress, Don't Guess: A Regression-like Loss on Number Tokens for
        Language Models, 2024, §4. arXiv:2411.02083.
    """
    settings = checked(digit_answers, locals())
    known, asked = calculations(seed, problems, held_out, operation, digits)
    vocabulary = Vocabulary.of_bytes()
    reader = transformer(vocabulary, layers=2, width=width, heads=4, context=32, seed=seed)
    fit(
        reader,
        passes(known, rows, seed),
        steps=steps,
        objective=objective,
        optimizer=Optimizer(lr=settings["rate"]),
        schedule=Schedule(warmup=0.1, floor=0.0),
        seed=seed,
    )
    length = asked.answer.shape[1]
    zero = ord("0")
    written = write(reader, asked.prompt, length) - zero
    right = asked.answer - zero
    is_digit = (written >= 0) & (written <= 9)
    error = (written - right).abs().where(is_digit, 9).double().mean(dim=1)
    place = 10 ** right.new_tensor(range(length - 1, -1, -1))
    off = ((written.clamp(0, 9) - right) * place).sum(dim=1).abs().double() / 10**length
    return {
        "digit_error": error[::2].tolist(),
        "tuning_digit_error": error[1::2].tolist(),
        "number_error": off[::2].tolist(),
        "exact": (written == right).all(dim=1)[::2].double().tolist(),
        "log_prob": answer_log_prob(reader, asked)[::2].double().tolist(),
    }
