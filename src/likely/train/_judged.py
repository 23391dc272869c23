"""What the judges of a study say of a trained model."""

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

from torch import nn

from likely.core.errors import BadInput
from likely.core.settings import parse
from likely.data.tokens import Tokens
from likely.models.reader import Reader
from likely.train._study_questions import features_of
from likely.train.exam import Asked, Exam, continued
from likely.train.judge import needed, sit

PROMPTS, PROMPT_TOKENS, NEW_TOKENS = 32, 16, 64
"""Prompts that models continue, tokens of each, and tokens that are written after it."""


def judged(
    reader: Reader, judges: Sequence[str], exam: Exam, seed: int, features: str = ""
) -> dict[str, Any]:
    """What every judge says of a model.

    Prompts are cut from the same places for all models; what is sampled after them is drawn by the
    seed of the training, so that seeds differ by that too.

    Args:
        reader: the model, in evaluation mode.
        judges: names, with settings.
        exam: what it is judged on, without prompts cut from text.
        seed: of judges that draw.
        features: folder of the model whose hidden states compare texts.

    Returns:
        Measures by name.
    """
    asked = {part for judge in judges for part in needed(parse(judge)[0])}
    exam = replace(exam, seed=seed)
    if "continued" in asked:
        assert exam.test is not None
        prompts, new_tokens = prompts_of(exam.test)
        exam = replace(exam, continued=prompts, new_tokens=new_tokens)
    if "features" in asked:
        other = features_of(features)[0]
        if isinstance(other, nn.Module):
            other.to(reader.device)
        exam = replace(exam, features=other)
    return dict(sit(reader, exam, judges))


@lru_cache(maxsize=2)
def prompts_of(test: Tokens) -> tuple[Asked, int]:
    """Prompts cut from a text; shorter ones where its documents are short.

    Args:
        test: the text.

    Returns:
        Prompts with what really followed, and how many tokens that is.

    Raises:
        BadInput: no document is long enough for the shortest ones.
    """
    for part in (1, 2, 4):
        prompt, new = PROMPT_TOKENS // part, NEW_TOKENS // part
        try:
            return continued(test, count=PROMPTS, prompt_tokens=prompt, new_tokens=new), new
        except BadInput:
            continue
    prompt, new = PROMPT_TOKENS // 8, NEW_TOKENS // 8
    return continued(test, count=PROMPTS, prompt_tokens=prompt, new_tokens=new), new
