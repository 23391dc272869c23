"""Sizes of a first run, from how much text there is and how fast the machine reads it.

Plain functions of numbers; docs/decisions/0010 says where theirs come from.
"""

from dataclasses import dataclass

MOST_PASSES = 6
"""More passes over the same text, and a model of these sizes begins to learn it by heart."""
FEWEST_STEPS, MOST_STEPS = 10, 200_000
LOOKS = 8
"""Evaluations on validation text, where they are quick beside the training."""
_SHARE_OF_LOOKS = 0.15


@dataclass(frozen=True)
class Shape:
    """A transformer and the windows it reads.

    Args:
        layers: of the transformer.
        width: of the transformer.
        length: tokens of a window.
        rows: windows of a step.
        lr: the highest learning rate, of Muon.
        text: tokens of training text from which it is worth its size.
        reads: tokens that it must be able to read in the time there is.
    """

    layers: int
    width: int
    length: int
    rows: int
    lr: float
    text: int = 0
    reads: int = 0

    @property
    def tokens_per_step(self) -> int:
        """Tokens of a step."""
        return self.length * self.rows

    @property
    def model(self) -> str:
        """The transformer as a recipe names it."""
        return f"transformer(layers={self.layers}, width={self.width}, context={self.length})"


SHAPES = (
    Shape(2, 64, length=64, rows=4, lr=0.012),
    Shape(2, 128, length=64, rows=4, lr=0.012, text=3_000),
    Shape(2, 128, length=128, rows=4, lr=0.012, text=60_000, reads=250_000),
    Shape(4, 128, length=256, rows=8, lr=0.006, text=600_000, reads=1_500_000),
    Shape(4, 192, length=256, rows=16, lr=0.005, text=5_000_000, reads=10_000_000),
    Shape(6, 384, length=512, rows=32, lr=0.003, text=50_000_000, reads=200_000_000),
)
"""From small to large."""


def shape_of(tokens: int) -> Shape:
    """The largest shape that a text is enough for.

    Args:
        tokens: of training text.

    Returns:
        One of `SHAPES`.

    Example:
        >>> shape_of(2_000).model, shape_of(1_000_000).layers
        ('transformer(layers=2, width=64, context=64)', 4)
    """
    return max((shape for shape in SHAPES if shape.text <= tokens), key=SHAPES.index)


def smaller(shape: Shape) -> Shape:
    """The next smaller shape, for a machine that is too slow for this one.

    Args:
        shape: one of `SHAPES`.

    Returns:
        The one before; the first stays.
    """
    return SHAPES[max(SHAPES.index(shape) - 1, 0)]


def suits_the_machine(shape: Shape, tokens: int, speed: float, seconds: float) -> bool:
    """Whether a shape can read enough in the time there is.

    Args:
        shape: what was measured.
        tokens: of training text.
        speed: tokens a second.
        seconds: there are for training.

    Returns:
        True where it reads what it needs, or `MOST_PASSES` over the text.
    """
    return speed * seconds >= min(shape.reads, MOST_PASSES * tokens)


def steps_of(tokens: int, tokens_per_step: int, speed: float, seconds: float) -> int:
    """How many steps to take: as many as there is time for, and not too many for the text.

    Args:
        tokens: of training text.
        tokens_per_step: rows × length × accumulate.
        speed: tokens a second.
        seconds: there are for training.

    Returns:
        Steps, at least 10.

    Example:
        >>> steps_of(1_000_000, 2_048, speed=20_000.0, seconds=100.0)
        976
        >>> steps_of(10_000, 1_024, speed=20_000.0, seconds=100.0)
        58
    """
    time, text = speed * seconds / tokens_per_step, MOST_PASSES * tokens / tokens_per_step
    return int(min(max(min(time, text), FEWEST_STEPS), MOST_STEPS))


def looks_of(steps: int, tokens_per_step: int, validation: int) -> int:
    """How often to look at validation text, so that looking stays cheap beside training.

    A token is read twice by a look (windows overlap by half) and costs a third of one that is
    trained on.

    Args:
        steps: of the run.
        tokens_per_step: that are trained on.
        validation: tokens that are looked at.

    Returns:
        At least 1, the one at the end.
    """
    one = max(2 * validation / 3, 1)
    return int(min(max(_SHARE_OF_LOOKS * steps * tokens_per_step / one, 1), LOOKS, steps))
