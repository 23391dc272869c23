"""Prompts with reference answers from a file of examples."""

from likely.core.errors import BadInput
from likely.data.chat import ANSWERS, plain
from likely.data.example import Example
from likely.data.example_files import read_examples

_GIVE = "give the columns prompt and completion, or messages."


def references_in(path: str) -> dict[str, tuple[str, ...]]:
    """Read references; those that a prompt has in several lines are all its own.

    Args:
        path: JSONL or Parquet with prompt and completion, or with messages, the last of which is
            the reference. Conversations are written by the plain template.

    Returns:
        Prompt → what may follow it.

    Raises:
        BadInput: no such file, lines that are something else, or a single prompt.
    """
    found: dict[str, tuple[str, ...]] = {}
    try:
        for example in read_examples(path)[0]:
            prompt, answer = _pair(example)
            found[prompt] = (*found.get(prompt, ()), answer)
    except BadInput as problem:
        raise BadInput(f"material.references: {problem}") from problem
    if len(found) < 2:
        raise BadInput(
            f"material.references: {path} holds one prompt, and tuning and verdicts need one each "
            "at least: give more."
        )
    return found


def _pair(example: Example) -> tuple[str, str]:
    """The prompt and the answer to it, as text."""
    if example.is_pair or example.parts or example.label == 0:
        raise BadInput(f"{example.where}: a reference is one answer that is wanted: {_GIVE}")
    answer = example.answers[0]
    before = () if isinstance(example.prompt, str) else example.prompt
    if isinstance(answer, str):
        prompt = str(example.prompt)
    else:
        turns = (*before, *answer)
        if len(turns) < 2 or turns[-1]["role"] != ANSWERS:
            raise BadInput(
                f"{example.where}: the last turn should be the assistant's, which is the "
                "reference, behind a turn that asks."
            )
        prompt, answer = "".join(one.text for one in plain(turns)[:-1]), turns[-1]["content"]
    if not prompt:
        raise BadInput(f"{example.where}: there is no prompt that a reference answers: {_GIVE}")
    if not answer.strip():
        raise BadInput(f"{example.where}: the answer is empty; remove this line.")
    return prompt, answer
