"""One thing to learn from, as it was written: a prompt with an answer, or with two to compare."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Messages = tuple[Mapping[str, str], ...]
"""Turns of a conversation, each with its `role` and its `content`."""

Written = str | Messages
"""Plain text, or turns of a conversation."""


@dataclass(frozen=True)
class Part:
    """A stretch of an answer about which something is known.

    Args:
        text: what it says.
        score: its score, if it has one.
        label: 1 where it is wanted and 0 where it is not, if that is known.
    """

    text: str
    score: float | None = None
    label: int | None = None


@dataclass(frozen=True)
class Example:
    """A prompt, which is read, and answers, which are learned from.

    Args:
        id: a name for it.
        prompt: text or turns that are read only; may be empty.
        answers: one answer, or two that are compared: the chosen one, then the rejected one.
        label: 1 where the only answer is wanted and 0 where it is not, if that is known.
        parts: stretches that make up the only answer, where they have scores or labels.
        where: file and line, for messages.

    Example:
        >>> Example("a", "The sky is", (" blue.", " green.")).is_pair
        True
    """

    id: str
    prompt: Written
    answers: tuple[Written, ...]
    label: int | None = None
    parts: tuple[Part, ...] = ()
    where: str = ""

    @property
    def is_pair(self) -> bool:
        """Whether two answers are compared."""
        return len(self.answers) == 2

    @property
    def is_chat(self) -> bool:
        """Whether it is made of turns of a conversation."""
        return not isinstance(self.answers[0], str)


def turns(messages: Sequence[Mapping[str, Any]]) -> Messages:
    """Turns of a conversation, with what a template may read of each.

    Args:
        messages: mappings with `role` and `content`.

    Returns:
        The same, without fields that are None (columns of a table hold those that a row lacks).
    """
    return tuple({k: v for k, v in one.items() if v is not None} for one in messages)
