"""Sides of examples as tokens: what is read, what is learned, and what is known of each token."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Any

import numpy as np
from numpy.typing import NDArray

from likely.core.errors import BadInput
from likely.core.vocabulary import Vocabulary
from likely.data._borders import Encode, Ids, cut_many, stretch_of
from likely.data.chat import Piece, plain, templated
from likely.data.example import Example, Part

Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Side:
    """One text of an example as tokens; one entry a token in every array.

    Args:
        ids: what is read and predicted, EOS at the end.
        weight: 1 where it is learned, 0 where it is only read.
        step: which step of the answer it belongs to; −1 where it belongs to none.
        score: score of its part of the answer, if parts have scores; 0 in the prompt.
        label: 1 where its part is wanted and 0 where not, if parts have labels; 0 in the prompt.
        bytes: UTF-8 bytes of what is learned.
    """

    ids: Ids
    weight: Floats
    step: Ids
    score: Floats | None
    label: Floats | None
    bytes: int

    @property
    def spare(self) -> int:
        """How many tokens stand before the first that is learned."""
        return int(np.argmax(self.weight > 0))

    def without(self, count: int) -> "Side":
        """The same without its first tokens.

        Args:
            count: how many.

        Returns:
            What is left.
        """
        parts: dict[str, Any] = {
            name: None if (column := getattr(self, name)) is None else column[count:]
            for name in ("ids", "weight", "step", "score", "label")
        }
        return replace(self, **parts)


def pieces_of(example: Example, template: str | None, vocabulary: Vocabulary) -> list[list[Piece]]:
    """What is read and what is learned of each side of an example.

    Args:
        example: as it was written.
        template: Jinja text for conversations; None for the plain one.
        vocabulary: that of the text.

    Returns:
        One list of pieces a side.

    Raises:
        BadInput: a conversation that teaches nothing, or that the template refuses.
    """
    made = []
    for answer in example.answers:
        if isinstance(answer, str):
            assert isinstance(example.prompt, str)
            begin = [Piece(example.prompt, False)] if example.prompt else []
            made.append([*begin, Piece(answer, True, closes=True)])
            continue
        prompt = () if isinstance(example.prompt, str) else example.prompt
        messages, first = (*prompt, *answer), len(prompt)
        if template is None:
            pieces = plain(messages, first)
        else:
            pieces = templated(messages, template, vocabulary, example.where, first)
        if not any(piece.scored for piece in pieces):
            raise BadInput(
                f"{example.where}: no turn of this answer has the role 'assistant', so there is "
                "nothing to learn; give it one."
            )
        made.append(pieces)
    return made


def sides_of(
    groups: Sequence[Sequence[Piece]],
    parts: Sequence[Sequence[Part]],
    vocabulary: Vocabulary,
    encode: Encode,
    *,
    delimiter: str,
) -> list[Side]:
    """Tokens of several sides.

    Args:
        groups: pieces of each side.
        parts: what is known of stretches of each side's answer; empty where nothing is.
        vocabulary: that of the text.
        encode: cuts texts.
        delimiter: what stands between steps of an answer.

    Returns:
        The sides, in order.
    """
    stretches = [list(_stretches(pieces)) for pieces in groups]
    texts = [[piece.text for piece in stretch] for side in stretches for stretch in side]
    cut = iter(cut_many(texts, vocabulary, encode))
    return [
        _side(
            [
                (piece, ids)
                for stretch in side
                for piece, ids in zip(stretch, next(cut), strict=True)
            ],
            known,
            vocabulary,
            encode,
            delimiter,
        )
        for side, known in zip(stretches, parts, strict=True)
    ]


def _stretches(pieces: Sequence[Piece]) -> list[list[Piece]]:
    """Pieces between tokens that end a document: those are cut as one text."""
    made: list[list[Piece]] = [[]]
    for piece in pieces:
        made[-1].append(piece)
        if piece.closes:
            made.append([])
    return [stretch for stretch in made if stretch]


def _side(
    cut: Sequence[tuple[Piece, Ids]],
    parts: Sequence[Part],
    vocabulary: Vocabulary,
    encode: Encode,
    delimiter: str,
) -> Side:
    ids, weight, step, part = [], [], [], []
    steps = 0
    for piece, own in cut:
        where = stretch_of(own, piece.text, step_starts(piece.text, delimiter), vocabulary, encode)
        of_part = where
        if parts and piece.scored:
            starts = [0, *accumulate(len(one.text) for one in parts[:-1])]
            of_part = stretch_of(own, piece.text, starts, vocabulary, encode)
            where = of_part if parts[0].label is not None else where
        end = [vocabulary.eos] if piece.closes else []
        ids.append(np.append(own, end).astype(np.int64))
        weight.append(np.full(len(ids[-1]), piece.scored, np.float32))
        where, of_part = (_longer(one, len(ids[-1])) for one in (where, of_part))
        step.append(where + steps if piece.scored else np.full(len(where), -1))
        steps = int(step[-1].max(initial=steps - 1)) + 1
        part.append(of_part)
    spelled = sum(len(piece.text.encode("utf-8")) for piece, _ in cut if piece.scored)
    numbers = np.concatenate(step).astype(np.int64)
    joined = Side(np.concatenate(ids), np.concatenate(weight), numbers, None, None, spelled)
    if not cut[-1][0].closes:
        joined = _closed(joined, vocabulary.eos)
    return _known(joined, np.concatenate(part), parts)


def _longer(numbers: Ids, count: int) -> Ids:
    """EOS belongs to the step and the part before it."""
    last = numbers[-1:] if len(numbers) else np.zeros(1, np.int64)
    return np.append(numbers, np.repeat(last, count - len(numbers))).astype(np.int64)


def _closed(side: Side, eos: int) -> Side:
    """End a side by EOS, unless its template has; what is only read behind the answer goes."""
    last = len(side.ids) - int(np.argmax(side.weight[::-1] > 0))
    begin = last - int(np.argmin(np.append(side.weight[:last][::-1], 0)))
    if eos in side.ids[begin:]:
        kept = side.ids[:last], side.weight[:last], side.step[:last]
        return replace(side, ids=kept[0], weight=kept[1], step=kept[2])
    return replace(
        side,
        ids=np.append(side.ids, eos),
        weight=np.append(side.weight, np.float32(1)),
        step=np.append(side.step, max(side.step[last - 1], 0)),
    )


def _known(side: Side, part: Ids, parts: Sequence[Part]) -> Side:
    """Scores and labels of the parts that tokens belong to."""
    if not parts:
        return side
    learned = side.weight > 0
    columns: dict[str, Any] = {}
    for name in ("score", "label"):
        values = [getattr(one, name) for one in parts]
        if values[0] is not None:
            of_token = np.array(values, np.float32)[np.minimum(part, len(parts) - 1)]
            columns[name] = np.where(learned, of_token, np.float32(0))
    return replace(side, **columns)


def step_starts(text: str, delimiter: str) -> list[int]:
    r"""Where the steps of an answer begin: behind each delimiter that visible text follows.

    Args:
        text: the answer.
        delimiter: what stands between steps.

    Returns:
        Places of characters, from 0.

    Example:
        >>> step_starts("a\n\nb\n", "\n")
        [0, 3]
    """
    starts, at, visible = [0], 0, False
    for line in text.split(delimiter):
        if line.strip():
            if visible:
                starts.append(at)
            visible = True
        at += len(line) + len(delimiter)
    return starts
