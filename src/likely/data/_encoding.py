"""Examples as sides of tokens, of one kind and not too long."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from likely.core.errors import BadInput
from likely.core.vocabulary import Vocabulary
from likely.data._borders import Encode
from likely.data._sides import Side, pieces_of, sides_of
from likely.data.example import Example

TooLong = Literal["shorten", "raise"]


def one_kind(examples: Sequence[Example]) -> None:
    """Refuse examples of several kinds: a column must be there for all tokens or for none.

    Args:
        examples: what is to be encoded together.

    Raises:
        BadInput: pairs and single answers, or labels or scores that only some have.
    """
    first = _kind(examples[0])
    for example in examples:
        kind = _kind(example)
        if kind != first:
            where = example.where or example.id
            raise BadInput(
                f"{where}: this is {kind}, and the first example is {first}; examples that are "
                "learned from together are all of one kind, so give the others by themselves."
            )


def _kind(example: Example) -> str:
    if example.is_pair:
        return "a pair"
    if example.label is not None:
        return "an answer with a label"
    if not example.parts:
        return "an answer without label or scores"
    return "an answer with scores" if example.parts[0].score is not None else "an answer in steps"


def encoded(
    examples: Sequence[Example], vocabulary: Vocabulary, template: str | None, delimiter: str
) -> list[list[Side]]:
    """Tokens of every side of some examples.

    Args:
        examples: as they were written.
        vocabulary: how text becomes ids.
        template: Jinja text for conversations; None for the plain one.
        delimiter: what stands between steps.

    Returns:
        One or two sides an example.
    """
    marked: Encode = getattr(vocabulary.tokenizer, "encode_marked", vocabulary.encode_many)
    made: dict[int, list[Side]] = {}
    for by_template in (False, True):
        places = [
            place
            for place, one in enumerate(examples)
            if (one.is_chat and template is not None) == by_template
        ]
        groups = {place: pieces_of(examples[place], template, vocabulary) for place in places}
        sides = iter(
            sides_of(
                [pieces for group in groups.values() for pieces in group],
                [examples[place].parts for place, group in groups.items() for _ in group],
                vocabulary,
                marked if by_template else vocabulary.encode_many,
                delimiter=delimiter,
            )
        )
        made |= {place: [next(sides) for _ in group] for place, group in groups.items()}
    return [made[place] for place in range(len(examples))]


@dataclass
class Fitting:
    """What is done about sides that are too long, and what was done.

    Args:
        length: positions a side may have; None for any number.
        too_long: whether prompts are cut, or the first side that is too long is an error.
        shortened: examples whose prompt was cut.
        left_out: examples whose answer does not fit.
    """

    length: int | None
    too_long: TooLong
    shortened: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)

    def fit(self, example: Example, sides: list[Side]) -> list[Side]:
        """The sides of an example, short enough.

        Args:
            example: for messages.
            sides: its sides.

        Returns:
            The sides; none where they do not fit.

        Raises:
            BadInput: they are too long, and that is an error.
        """
        longest = max(len(side.ids) for side in sides)
        if self.length is None or longest <= self.length:
            return sides
        over, where = longest - self.length, example.where or example.id
        said = f"{where}: {longest} tokens do not fit into length={self.length}"
        if self.too_long == "raise":
            raise BadInput(f"{said}; give more length, or too_long='shorten' to cut prompts.")
        if over > min(side.spare for side in sides):
            self.left_out.append(f"{said}, and its answer alone does not either")
            return []
        self.shortened.append(f"{said}; the first {over} of its prompt were cut")
        return [side.without(over) for side in sides]
