"""From the columns of a line to an example, by the conventions of TRL."""

from collections.abc import Mapping, Sequence
from typing import Any

from likely.core.errors import BadInput, did_you_mean
from likely.data._columns import label_of, pairs, scored_parts, unicode, wrong
from likely.data.example import Example, Part, Written, turns

COLUMNS = {
    ("chosen", "rejected"): "a pair, with its prompt or with a prompt that both begin with",
    ("prompt", "completion"): "an answer, with `label` where it is wanted or not",
    ("prompt", "completions", "labels"): "an answer in steps that are right or wrong",
    ("messages",): "a conversation",
    ("segments",): "text in pieces with scores, also behind a prompt",
    ("texts", "scores"): "the same in two lists",
    ("text",): "plain text",
}
"""Columns that make an example, and what it then is; the first that are all there count."""


def example_of(row: Mapping[str, Any], where: str, name: str) -> Example:
    """One line or row as an example.

    Args:
        row: values by column; None is a column that is not there.
        where: file and line, for messages.
        name: the id where the row has none.

    Returns:
        The example.

    Raises:
        BadInput: no known columns, or one that holds something else than it should.
    """
    row = {column: value for column, value in row.items() if value is not None}
    given = row.get("id")
    named = isinstance(given, str | int) and not isinstance(given, bool) and given != ""
    name = str(given) if named else name
    found = next((columns for columns in COLUMNS if all(c in row for c in columns)), None)
    if found is None:
        raise _unknown(row, where)
    if found[0] == "chosen":
        return _pair(row, where, name)
    prompt = _written(row, "prompt", where) if "prompt" in row else ""
    if found[-1] in ("labels", "scores", "segments"):
        return _in_parts(row, found, prompt, where, name)
    answer = _written(row, found[-1], where)
    if found[-1] == "text" and not isinstance(answer, str):
        raise wrong(where, "text", answer, "plain text; a conversation is called messages")
    if found[-1] == "messages" and isinstance(answer, str):
        raise wrong(where, "messages", answer, "a list of turns; plain text is called text")
    if found[-1] == "completion":
        _alike(prompt, answer, "completion", where)
    elif not isinstance(answer, str):
        prompt = ()
    label = label_of(row["label"], "label", where) if "label" in row else None
    return Example(name, prompt, (answer,), label if found[-1] == "completion" else None, (), where)


def _unknown(row: Mapping[str, Any], where: str) -> BadInput:
    have = ", ".join(row) or "none"
    if set(row) & {"prompt"} and not set(row) & {"chosen", "rejected", "completions"}:
        near = did_you_mean("completion", row) if "completion" not in row else ""
        return BadInput(
            f"{where}: there is a prompt and nothing to learn from it (columns here: {have}); add "
            f"the column completion, or chosen and rejected.{near}"
        )
    known = "; ".join(" and ".join(columns) for columns in COLUMNS)
    missing = next(
        (c for c in ("rejected", "chosen") if {"chosen", "rejected"} - set(row) == {c}), ""
    )
    if missing:
        other = "chosen" if missing == "rejected" else "rejected"
        return BadInput(
            f"{where}: there is the column {other} and no column {missing} (columns here: {have}); "
            f"a pair needs both.{did_you_mean(missing, set(row) - {other})}"
        )
    near = next((hint for cs in COLUMNS for c in cs for hint in [did_you_mean(c, row)] if hint), "")
    return BadInput(
        f"{where}: these columns make no example (columns here: {have}); there should be {known}."
        f"{near}"
    )


def _written(row: Mapping[str, Any], column: str, where: str) -> Written:
    value = row[column]
    if isinstance(value, str):
        return unicode(value, column, where)
    if not isinstance(value, Sequence) or not value:
        raise wrong(where, column, value, "text or a list of turns")
    for place, one in enumerate(value):
        at = f"{column}[{place}]"
        if not isinstance(one, Mapping) or not isinstance(one.get("role"), str):
            wanted = 'a turn such as {"role": "user", "content": "…"}'
            raise wrong(where, at, one, wanted)
        if not isinstance(one.get("content"), str):
            content = one.get("content", "missing")
            raise wrong(where, f"{at}.content", content, "text: only text can be learned from here")
        unicode(one["content"], f"{at}.content", where)
    return turns(value)


def _alike(prompt: Written, answer: Written, column: str, where: str) -> None:
    if prompt and isinstance(prompt, str) != isinstance(answer, str):
        both = "text, or both lists of turns"
        raise wrong(where, column, answer, f"of the same kind as prompt: both {both}")


def _pair(row: Mapping[str, Any], where: str, name: str) -> Example:
    chosen, rejected = (_written(row, column, where) for column in ("chosen", "rejected"))
    _alike(chosen, rejected, "rejected", where)
    prompt = _written(row, "prompt", where) if "prompt" in row else None
    if chosen == rejected:
        raise BadInput(
            f"{where}, column rejected: it is the same as chosen, and a pair of equals teaches "
            "nothing; remove this line."
        )
    if isinstance(prompt, str) and not isinstance(chosen, str) and chosen[0]["content"] == prompt:
        prompt = None  # both conversations begin with it
    if prompt is None:
        prompt, chosen, rejected = _implicit(chosen, rejected)
    _alike(prompt, chosen, "chosen", where)
    return Example(name, prompt, (chosen, rejected), None, (), where)


def _implicit(chosen: Written, rejected: Written) -> tuple[Written, Written, Written]:
    """What both begin with, and what follows; a space between them to the answers."""
    both = zip(chosen, rejected, strict=False)
    short = min(len(chosen), len(rejected))
    cut = next((place for place, (one, other) in enumerate(both) if one != other), short)
    if isinstance(chosen, str) and cut and chosen[cut - 1] == " ":
        cut -= 1
    return chosen[:cut], chosen[cut:], rejected[cut:]


def _in_parts(
    row: Mapping[str, Any], found: tuple[str, ...], prompt: Written, where: str, name: str
) -> Example:
    if not isinstance(prompt, str):
        raise wrong(where, "prompt", prompt, f"text, because {found[-1]} are pieces of text")
    if found[-1] == "labels":
        texts, labels = pairs(row, "completions", "labels", where)
        values = [label_of(v, f"labels[{n}]", where) for n, v in enumerate(labels)]
        # As TRL joins them: the prompt, then one step a line.
        parts = tuple(
            Part(text + ("\n" if n + 1 < len(texts) else ""), label=value)
            for n, (text, value) in enumerate(zip(texts, values, strict=True))
        )
        prompt += "\n" if prompt and not prompt.endswith("\n") else ""
    else:
        parts = scored_parts(row, where)
    answer = "".join(part.text for part in parts)
    if "text" in row and row["text"] != answer:
        raise wrong(where, "text", row["text"], f"what {found[0]} say one after the other")
    return Example(name, prompt, (answer,), None, parts, where)
