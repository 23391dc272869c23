"""Conversations as text: by the tokenizer's own template, or by a plain one."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from likely.core.errors import BadInput, Unsupported, did_you_mean, first_line
from likely.core.vocabulary import Vocabulary

PLAIN = "plain"
ANSWERS = "assistant"
"""The role whose turns are learned."""
_MARKED = re.compile(r"\{%-?\s*generation\s*-?%\}")


@dataclass(frozen=True)
class Piece:
    """A stretch of text that is learned, or only read.

    Args:
        text: what it says.
        scored: whether it is learned.
        closes: whether the token that ends a document stands behind it.
    """

    text: str
    scored: bool
    closes: bool = False


def own_template(vocabulary: Vocabulary) -> str | None:
    """The chat template that came with a tokenizer.

    Args:
        vocabulary: that of the text.

    Returns:
        Jinja text, or None where there is none.
    """
    return getattr(vocabulary.tokenizer, "template", "") or None


def plain(messages: Sequence[Mapping[str, str]], first: int = 0) -> list[Piece]:
    r"""The plain template: a line with the role, the text, an empty line.

    What the assistant says is learned, and closed by the token that ends a document.

    Args:
        messages: turns of a conversation.
        first: the first turn that may be learned; those before are a prompt.

    Returns:
        Pieces that say everything, in order.

    Example:
        >>> asked = {"role": "user", "content": "2 + 2?"}
        >>> [p.text for p in plain([asked, {"role": "assistant", "content": "4"}])]
        ['user:\n2 + 2?\n\nassistant:\n', '4']
    """
    pieces: list[Piece] = []
    read = ""
    for place, turn in enumerate(messages):
        read += "\n\n" if place else ""
        read += f"{turn['role']}:\n"
        if turn["role"] == ANSWERS and place >= first:
            pieces += [Piece(read, False), Piece(turn["content"], True, closes=True)]
            read = ""
        else:
            read += turn["content"]
    return pieces


def templated(
    messages: Sequence[Mapping[str, str]],
    template: str,
    vocabulary: Vocabulary,
    where: str,
    first: int = 0,
) -> list[Piece]:
    """A conversation as a Jinja template writes it.

    Learned is what the template marks by `{% generation %}`; where it marks nothing, what it adds
    to the text with every turn of the assistant.

    Args:
        messages: turns of a conversation.
        template: as `transformers` reads them.
        vocabulary: names the tokens that open and close a document.
        where: file and line, for messages.
        first: the first turn that may be learned; those before are a prompt.

    Returns:
        Pieces that say everything, in order, without a token that opens a document.

    Raises:
        BadInput: the template refuses the conversation, or changes turns that went before.
    """
    names = _names(vocabulary)
    _no_marks(messages, vocabulary, where)
    text, spans = _rendered(messages, template, names, where, marked=bool(_MARKED.search(template)))
    turns = [place for place, turn in enumerate(messages) if turn["role"] == ANSWERS]
    if len(spans) == len(turns):
        kept = [span for place, span in zip(turns, spans, strict=True) if place >= first]
    elif spans:  # several a turn
        before, _ = _rendered(messages[:first], template, names, where) if first else ("", [])
        kept = [span for span in spans if span[0] >= len(before)]
    else:
        kept = [
            _span(messages, place, template, names, text, where)
            for place in turns
            if place >= first
        ]
    skip = len(names["bos_token"]) if text.startswith(names["bos_token"]) else 0
    pieces, at = [], skip
    for begin, end in kept:
        pieces += [Piece(text[at:begin], False)] if begin > at else []
        pieces += [Piece(text[begin:end], True)]
        at = end
    return pieces + ([Piece(text[at:], False)] if at < len(text) else [])


def _span(
    messages: Sequence[Mapping[str, str]],
    place: int,
    template: str,
    names: Mapping[str, str],
    text: str,
    where: str,
) -> tuple[int, int]:
    """What one turn adds to the text."""
    before, _ = _rendered(messages[:place], template, names, where, opens=True)
    after, _ = _rendered(messages[: place + 1], template, names, where)
    if not after.startswith(before) or not text.startswith(after):
        raise BadInput(
            f"{where}: the chat template writes earlier turns differently once turn {place + 1} is "
            "there, so what that turn adds cannot be told; mark it in the template with "
            "{% generation %}, or give chat_template='plain'."
        )
    return len(before), len(after)


def _rendered(
    messages: Sequence[Mapping[str, str]],
    template: str,
    names: Mapping[str, str],
    where: str,
    *,
    opens: bool = False,
    marked: bool = False,
) -> tuple[str, list[tuple[int, int]]]:
    try:
        from transformers.utils.chat_template_utils import render_jinja_template
    except ImportError as problem:
        raise Unsupported("Chat templates need jinja2: pip install jinja2") from problem

    try:
        texts, spans = render_jinja_template(
            [list(map(dict, messages))],
            chat_template=template,
            add_generation_prompt=opens,
            return_assistant_tokens_mask=marked,
            **names,
        )
    except Exception as problem:  # templates raise what they like
        raise BadInput(
            f"{where}: the chat template refuses this conversation ({first_line(problem)}); change "
            "its turns, or give chat_template='plain'."
        ) from problem
    return texts[0], [tuple(span) for span in spans[0]] if marked else []


def _names(vocabulary: Vocabulary) -> dict[str, str]:
    """What a template calls the tokens that open and close a document."""
    tokenizer: Any = vocabulary.tokenizer
    begin, end = (getattr(tokenizer, name, "") for name in ("begin", "end"))
    return {"bos_token": begin, "eos_token": end}


def _no_marks(messages: Sequence[Mapping[str, str]], vocabulary: Vocabulary, where: str) -> None:
    """Refuse a turn that spells a special token: it could end itself and speak for another role."""
    for place, turn in enumerate(messages):
        for mark in getattr(vocabulary.tokenizer, "marks", ()):
            if mark in turn["content"]:
                raise BadInput(
                    f"{where}: the text of turn {place + 1} holds {mark!r}, which this tokenizer "
                    "reads as a special token; remove it from the text."
                )


def template_of(chosen: str | None, vocabulary: Vocabulary) -> str | None:
    """The template that conversations are written by.

    Args:
        chosen: Jinja text, `plain`, or None for the tokenizer's own where it has one.
        vocabulary: that of the text.

    Returns:
        Jinja text, or None for the plain template.

    Raises:
        BadInput: a name that is none.
    """
    if chosen is None:
        return own_template(vocabulary)
    if chosen == PLAIN:
        return None
    if "{" not in chosen:
        raise BadInput(
            f"chat_template={chosen!r} is no Jinja template: give its text, or 'plain'."
            f"{did_you_mean(chosen, [PLAIN])}"
        )
    return chosen
