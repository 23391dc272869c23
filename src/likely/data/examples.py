"""Prompts with answers as token ids, and which of them are learned."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any

import numpy as np
from annotated_types import Ge, MinLen
from numpy.typing import NDArray

from likely.core.errors import BadInput, ShapeError
from likely.core.settings import checked
from likely.core.vocabulary import Vocabulary
from likely.data._encoding import Fitting, TooLong, encoded, one_kind
from likely.data._sides import Side
from likely.data.chat import template_of
from likely.data.example import Example
from likely.data.tokens import Tokens

_BATCH = 256  # examples to encode at once


@dataclass(frozen=True, eq=False)
class Examples:
    """Sides of examples end to end; the targets of side m are `ids[offsets[m]:offsets[m + 1]]`.

    A side is a prompt with one answer. What is read at its first place is BOS, and at every later
    place the target before. Every example has one side, or two where answers are compared.

    Args:
        ids: targets of all sides.
        offsets: where sides start, and the end, `[M + 1]`.
        weight: 1 where a target is learned and 0 in prompts, one entry a target.
        names: ids of the sides; those of a pair end in `/chosen` and `/rejected`.
        pairs: sides that are compared, chosen and rejected, `[P, 2]`; none where answers stand
            alone.
        byte_lengths: UTF-8 bytes of what is learned of each, `[M]`.
        vocabulary: what the ids mean.
        columns: what is known of targets, one entry each: `step`, `label`, `segment_score` …
        shortened: examples whose prompt was cut, each with by how much.
        left_out: examples that are not there because their answer is too long.

    Raises:
        ShapeError: fields that do not agree on the number of sides or targets.
    """

    ids: NDArray[np.int32]
    offsets: NDArray[np.int64]
    weight: NDArray[np.float32]
    names: tuple[str, ...]
    pairs: NDArray[np.int64]
    byte_lengths: NDArray[np.int64]
    vocabulary: Vocabulary
    columns: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    shortened: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        sides = {len(self.offsets) - 1, len(self.names), len(self.byte_lengths)}
        counts = {len(self.weight), int(self.offsets[-1]), *map(len, self.columns.values())}
        if len(sides) > 1 or counts != {len(self.ids)} or self.pairs.shape[1:] != (2,):
            raise ShapeError(
                f"Examples: {len(self.names)} names, {len(self.offsets)} offsets (one more is "
                f"needed), {len(self.byte_lengths)} byte lengths, {len(self.ids)} ids, "
                f"{len(self.weight)} weights, pairs {list(self.pairs.shape)} and columns of "
                f"{sorted(map(len, self.columns.values()))} do not fit together."
            )

    def __len__(self) -> int:
        """How many examples there are."""
        return len(self.pairs) if self.is_pairs else len(self.names)

    @property
    def is_pairs(self) -> bool:
        """Whether answers are compared."""
        return len(self.pairs) > 0

    @property
    def units(self) -> NDArray[np.int64]:
        """Sides of each example: `[P, 2]` or `[M, 1]`."""
        return self.pairs if self.is_pairs else np.arange(len(self.names))[:, None]

    @property
    def tokens(self) -> Tokens:
        """The sides as documents of a text, prompts too: what a model can measure."""
        domains = ("example",) * len(self.names)
        parts = self.ids, self.offsets, self.names, domains, self.byte_lengths
        return Tokens(*parts, self.vocabulary, self.columns)

    @property
    def longest(self) -> int:
        """Targets of the longest side."""
        return int(np.diff(self.offsets).max(initial=0))


def encode_examples(
    examples: Iterable[Example],
    vocabulary: Vocabulary,
    *,
    chat_template: str | None = None,
    length: Annotated[int, Ge(2)] | None = None,
    too_long: TooLong = "shorten",
    delimiter: Annotated[str, MinLen(1)] = "\n",
) -> Examples:
    r"""Tokens of prompts and answers: what is read, what is learned, and columns of what is known.

    A prompt is cut into tokens as if nothing followed, as it is when a model answers it; no token
    reaches from it into the answer. Answers end with EOS, which is learned too. Conversations are
    written by the tokenizer's own template where it has one, which then says how an answer ends.

    Columns are `step` (which step of the answer a token belongs to, −1 in prompts), for pairs and
    labelled answers `label` (1 wanted, 0 not), and for parts with scores `segment_score`: that of
    the part which the predicted token ends in. The delimiter belongs to the step before it, as EOS
    does.

    Args:
        examples: as `read_examples` gives them; all of one kind.
        vocabulary: how text becomes ids.
        chat_template: Jinja text for conversations; `plain` for a line with the role, the text and
            an empty line; None for the tokenizer's own, and for `plain` where it has none.
        length: positions that a side may have; None for any number.
        too_long: `shorten` cuts the prompt on its left, that of both sides of a pair alike, and
            leaves out examples whose answer alone is too long; both are listed. `raise` stops at
            the first one.
        delimiter: what stands between steps of an answer.

    Returns:
        The examples.

    Raises:
        BadInput: pairs among examples without, labels or scores that only some have, a
            conversation that the template refuses, an example that is too long.
        BadSetting: a `length`, `too_long` or `delimiter` that is none.

    Example:
        >>> example = Example("a", "2 + 2 =", (" 4",))
        >>> made = encode_examples([example], Vocabulary.of_bytes())
        >>> made.ids[-3:].tolist(), made.weight.astype(int).tolist()
        ([32, 52, 256], [0, 0, 0, 0, 0, 0, 0, 1, 1, 1])
    """
    checked(encode_examples, locals())
    given = list(examples)
    if not given:
        raise BadInput("encode_examples: there are no examples; give at least one.")
    one_kind(given)
    template = template_of(chat_template, vocabulary)
    kept: list[tuple[Example, list[Side]]] = []
    fitting = Fitting(length, too_long)
    for begin in range(0, len(given), _BATCH):
        batch = given[begin : begin + _BATCH]
        made = encoded(batch, vocabulary, template, delimiter)
        for example, sides in zip(batch, made, strict=True):
            if fits := fitting.fit(example, sides):
                kept.append((example, fits))
    if not kept:
        first = fitting.left_out[0]
        raise BadInput(f"encode_examples: every example is too long; the first: {first}")
    return _joined(kept, vocabulary, fitting)


def _joined(
    kept: Sequence[tuple[Example, list[Side]]], vocabulary: Vocabulary, fitting: Fitting
) -> Examples:
    sides = [side for _, own in kept for side in own]
    is_pairs = kept[0][0].is_pair
    ends = ("/chosen", "/rejected") if is_pairs else ("",)
    lengths = [len(side.ids) for side in sides]
    columns: dict[str, NDArray[Any]] = {"step": np.concatenate([side.step for side in sides])}
    labels = [label for example, own in kept for label in _labels(example, own)]
    if labels[0] is not None:
        columns["label"] = np.concatenate(labels)
    if sides[0].score is not None:
        columns["segment_score"] = np.concatenate([side.score for side in sides])
    return Examples(
        ids=np.concatenate([side.ids for side in sides]).astype(np.int32),
        offsets=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        weight=np.concatenate([side.weight for side in sides]),
        names=tuple(example.id + end for example, _ in kept for end in ends),
        pairs=np.arange(len(sides)).reshape(-1, 2) if is_pairs else np.zeros((0, 2), np.int64),
        byte_lengths=np.array([side.bytes for side in sides], np.int64),
        vocabulary=vocabulary,
        columns=columns,
        shortened=tuple(fitting.shortened),
        left_out=tuple(fitting.left_out),
    )


def _labels(example: Example, sides: Sequence[Side]) -> list[Any]:
    """One array a side, or None where nothing says what is wanted."""
    if example.is_pair:
        values: list[int | None] = [1, 0]
    elif sides[0].label is not None:
        return [sides[0].label]
    else:
        values = [example.label]
    return [
        None if value is None else np.full(len(side.ids), value, np.float32)
        for value, side in zip(values, sides, strict=True)
    ]
