"""What a model writes: once for all judges that look at it."""

from collections.abc import Sequence
from typing import Literal

import torch

from likely.core.bind import bind
from likely.core.vocabulary import Vocabulary
from likely.decode._generate import generate
from likely.models.reader import Reader
from likely.train.exam import Exam

How = Literal["greedy", "sampled"]


def written(
    reader: Reader,
    exam: Exam,
    prompts: Sequence[str],
    how: How,
    *,
    new_tokens: int,
    stop: bool = True,
) -> list[str]:
    """Continuations of prompts.

    Args:
        reader: the model.
        exam: says how tokens are drawn.
        prompts: what is continued.
        how: `greedy` takes the likeliest token, `sampled` draws by the exam's samplers and seed.
        new_tokens: tokens written at most.
        stop: whether the model may end the text.

    Returns:
        One text a prompt, without it.
    """
    names = ("greedy",) if how == "greedy" else exam.samplers

    def write() -> list[str]:
        samplers = [bind(name, room="decode") for name in names]
        rng = torch.Generator().manual_seed(exam.seed)
        return generate(
            reader, prompts, samplers=samplers, max_new_tokens=new_tokens, rng=rng, stop=stop
        )

    return exam.once(reader, ("written", tuple(prompts), how, new_tokens, stop), write)


def continuations(reader: Reader, exam: Exam, how: How) -> list[str]:
    """What a model writes after the prompts of the exam: as many tokens each, without an end."""
    assert exam.continued is not None
    prompts = exam.continued.prompts
    return written(reader, exam, prompts, how, new_tokens=exam.new_tokens, stop=False)


def real(exam: Exam) -> list[str]:
    """What really followed the prompts of the exam."""
    assert exam.continued is not None
    return [text if isinstance(text, str) else text[0] for text in exam.continued.wanted]


def to_references(reader: Reader, exam: Exam) -> tuple[list[str], Sequence[str | tuple[str, ...]]]:
    """Greedy answers to the prompts that have references, and the references."""
    assert exam.referenced is not None
    asked = exam.referenced
    references = [one for own in asked.wanted for one in ([own] if isinstance(own, str) else own)]
    most = room_for(reader.vocabulary, references)
    return written(reader, exam, asked.prompts, "greedy", new_tokens=most), asked.wanted


def room_for(vocabulary: Vocabulary, answers: Sequence[str]) -> int:
    """Tokens that are enough for each of some answers, and for the end after it.

    An answer can be spelled in more tokens than its tokenizer would, but in no more than bytes.
    """
    longest = max(map(len, vocabulary.encode_many(answers)))
    return 1 + min(max(len(answer.encode()) for answer in answers), 2 * longest)
