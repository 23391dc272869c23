"""An accumulator in a kernel: its states, how a tile adds to them, its cotangent.

The states of a tile's rows are vectors `[BN]`. `x0` are the model's logits about the running shift,
`x1` … those of second readers; `rise0` … say by how much the shifts rose with this tile. In the
backward kernel the shifts are final, and each term adds to the gradient `d0` on the model's logits.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from likely.vocab._triton._writer import Kernel
from likely.vocab.moments._extreme import Above, Pick, Top
from likely.vocab.moments._tilted import Plain

NEGATIVE = 'float("-inf")'


@dataclass(eq=False)
class Term:
    """An accumulator in a kernel.

    Args:
        one: the accumulator.
        number: of the accumulator in the sweep.
        given: numbers of its small tensors, and how many entries a token or word has in each.
        readers: numbers of the readers by name.
        product: the number of a product of its own.
    """

    one: Any
    number: int
    given: Sequence[tuple[int, int]]
    readers: Mapping[str, int]
    product: int = -1

    def __post_init__(self) -> None:
        # What a kernel stores is known once `forward` has been written.
        self.outputs: list[str] = []
        """Expressions of what is stored in float32, one `[BN]` each."""
        self.layout: list[int] = []
        """How they make up the state: a number a part, 0 for `[N]` and K for `[N, K]`."""
        self.whole: list[str] = []
        """Expressions of what is stored as whole numbers."""
        self.whole_layout: list[int] = []
        """How these make up the parts behind."""
        self.scattered = 0
        """How many numbers a token are stored where they are found: logits of chosen words."""
        self.wide = 0
        """How many of the largest logits are stored, with their ids."""

    @property
    def early(self) -> bool:
        """Whether it reads plain logits alone: written first, these need not be kept."""
        return isinstance(self.one, Pick | Plain | Top | Above)

    @property
    def target_logit(self) -> bool:
        """Whether the kernel must know the target's logit."""
        return bool(self.one.reads_target)

    def forward(self, kernel: Kernel) -> None:
        """Write the states.

        Args:
            kernel: what is written.
        """
        raise AssertionError

    def backward(self, kernel: Kernel, at: "Saved") -> None:
        """Write what is added to the gradients on logits.

        Args:
            kernel: what is written.
            at: gives gradients on the states and the states themselves.
        """
        raise AssertionError

    def name(self, part: object = "") -> str:
        """A variable of this term.

        Args:
            part: which.

        Returns:
            Its name.
        """
        return f"s{self.number}_{part}"

    def zero(self, kernel: Kernel, *names: str, value: str = "0.0", kind: str = "float32") -> None:
        """Write states before the first tile.

        Args:
            kernel: what is written.
            names: of the states.
            value: what they are.
            kind: their dtype.
        """
        for name in names:
            kernel.head.append(f"{name} = tl.full((BN,), {value}, tl.{kind})")

    def column(self, kernel: Kernel, tensor: int, at: int) -> str:
        """A column of one of its tensors.

        Args:
            kernel: what is written.
            tensor: which tensor.
            at: which column.

        Returns:
            An expression.
        """
        number, width = self.given[tensor]
        return kernel.column(number, width, at)


@dataclass(eq=False)
class Saved:
    """Where the gradients on one accumulator's states, and these, lie in the kernel's buffers.

    Args:
        grads: the first row of the gradient on each part of the state.
        states: the first row of each part.
        ids: the first row of each part that is whole numbers.
        wanted: small tensors that want a gradient.
        by_column: takes gradients on columns of small tensors: the tensor's number, which column
            of it, and the tile that is still to be summed over tokens.
    """

    grads: Sequence[int]
    states: Sequence[int]
    ids: Sequence[int]
    wanted: frozenset[int]
    by_column: list[tuple[int, int, str]]

    def grad(self, kernel: Kernel, part: int, at: int = 0) -> str:
        """The gradient on a state, `[BN, 1]`.

        Args:
            kernel: what is written.
            part: the number of the flat state.
            at: which of its columns.

        Returns:
            An expression.
        """
        row = self.grads[part] + at
        name = kernel.before(f"g{row}", f"tl.load(flat + {row} * flat_stride + rows)")
        return f"{name}[:, None]"

    def state(self, kernel: Kernel, part: int, at: int = 0) -> str:
        """A final state, `[BN, 1]`.

        Args:
            kernel: what is written.
            part: the number of the flat state.
            at: which of its columns.

        Returns:
            An expression.
        """
        row = self.states[part] + at
        name = kernel.before(f"f{row}", f"tl.load(flat + {row} * flat_stride + rows)")
        return f"{name}[:, None]"


def power(x: str, k: int) -> str:
    """A small power.

    Args:
        x: a variable.
        k: from 0 on.

    Returns:
        An expression.
    """
    return " * ".join([x] * k) or "1.0"


def exponential(kernel: Kernel, tilt: float, reader: int) -> str:
    """e^{tilt·x} of a reader; no exponential is taken twice.

    Args:
        kernel: what is written.
        tilt: the factor.
        reader: its number.

    Returns:
        A variable.
    """
    plain = f"e{reader}"
    if tilt == 1:
        return kernel.once(plain, f"tl.exp(x{reader})")
    if tilt == 2:
        exponential(kernel, 1.0, reader)
        return kernel.once(f"{plain}_2", f"{plain} * {plain}")
    name = f"{plain}_{tilt!r}".replace(".", "p").replace("-", "m").replace("+", "")
    return kernel.once(name, f"tl.exp(x{reader} * {tilt!r})")


def fading(kernel: Kernel, tilt: float, reader: int) -> str:
    """e^{−tilt·rise} of a reader, `[BN]`.

    Args:
        kernel: what is written.
        tilt: the factor.
        reader: its number.

    Returns:
        A variable.
    """
    name = f"fade{reader}_{tilt!r}".replace(".", "p").replace("-", "m").replace("+", "")
    return kernel.once(name, f"tl.exp(rise{reader} * {-tilt!r})")
