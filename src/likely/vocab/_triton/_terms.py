"""What each accumulator is in a kernel: its states, how a tile adds to them, its cotangent.

The states of a tile's rows are vectors `[BN]`. `x0` are the model's logits about the running shift,
`x1` … those of second readers; `rise0` … say by how much the shifts rose with this tile. In the
backward kernel the shifts are final, and each term adds to the gradient `d0` on the model's logits.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import comb
from typing import Any

from likely.vocab._triton._writer import Kernel
from likely.vocab.moments._accumulator import SELF, Accumulator
from likely.vocab.moments._extreme import Above, MassAbove, Pick, Top
from likely.vocab.moments._gumbel import MASK, Gumbel
from likely.vocab.moments._log_sum import Mixture, Rest, SubsetColumns
from likely.vocab.moments._tilted import Below, Columns, LowRank, Plain, Tilted

NEGATIVE = 'float("-inf")'
MOST_COLUMNS = 16
"""So many columns of `u` are summed in registers."""
MOST_IDS = 256
"""So many ids a token are compared with every word."""
MOST_TOP = 64
"""So many of the largest logits are kept in registers."""


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
    outputs: list[str] = field(default_factory=list)
    """Expressions of what is stored in float32, one `[BN]` each; known after `forward`."""
    layout: list[int] = field(default_factory=list)
    """How they make up the state: a number a part, 0 for `[N]` and K for `[N, K]`."""
    whole: list[str] = field(default_factory=list)
    """Expressions of what is stored as whole numbers."""
    whole_layout: list[int] = field(default_factory=list)
    """How these make up the parts behind."""
    scattered: int = 0
    """How many numbers a token are stored where they are found: logits of chosen words."""
    wide: int = 0
    """How many of the largest logits are stored, with their ids."""

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
        """The gradient on a state, `[BN, 1]`, 0 beyond the last row.

        Args:
            kernel: what is written.
            part: the number of the flat state.
            at: which of its columns.

        Returns:
            An expression.
        """
        row = self.grads[part] + at
        load = f"tl.where(row_in, tl.load(flat + {row} * flat_stride + rows), 0.0)"
        return f"{kernel.before(f'g{row}', load)}[:, None]"

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


class TiltedTerm(Term):
    """Σ e^{t·x_w} x_r^k."""

    def forward(self, kernel: Kernel) -> None:
        """One sum a power, moved by the binomial rule."""
        weigher, reader = self.readers[self.one.weigher], self.readers[self.one.reader]
        order = range(self.one.order + 1)
        names = [self.name(k) for k in order]
        self.zero(kernel, *names)
        fade = fading(kernel, self.one.tilt, weigher)
        e = exponential(kernel, self.one.tilt, weigher)
        for k in reversed(order):
            moved = [
                f"{comb(k, j) * (-1.0) ** (k - j)!r} * {power(f'rise{reader}', k - j)} * {names[j]}"
                for j in range(k + 1)
            ]
            added = " * ".join([e, *[f"x{reader}"] * k])
            kernel.add(f"{names[k]} = {fade} * ({' + '.join(moved)}) + tl.sum({added}, 1)")
        self.outputs, self.layout = names, [0] * len(names)

    def backward(self, kernel: Kernel, at: Saved) -> None:
        """E t Σ G_k x^k to the weigher, e Σ k G_k x^{k−1} to the reader."""
        weigher, reader = self.readers[self.one.weigher], self.readers[self.one.reader]
        e = exponential(kernel, self.one.tilt, weigher)
        grads = [at.grad(kernel, k) for k in range(self.one.order + 1)]
        x = f"x{reader}"
        own = " + ".join(f"{g} * {power(x, k)}" for k, g in enumerate(grads))
        kernel.add(f"d{weigher} += {e} * ({own}) * {self.one.tilt!r}")
        if self.one.order:
            slope = " + ".join(
                f"{float(k)!r} * {g} * {power(x, k - 1)}" for k, g in enumerate(grads) if k
            )
            kernel.add(f"d{reader} += {e} * ({slope})")


class ColumnsTerm(Term):
    """Σ eˣ x^k u_j."""

    def forward(self, kernel: Kernel) -> None:
        """One sum a power and column."""
        width = self.given[0][1]
        order = range(self.one.order + 1)
        fade, e = fading(kernel, 1.0, 0), exponential(kernel, 1.0, 0)
        for j in range(width):
            names = [self.name(f"{k}_{j}") for k in order]
            self.zero(kernel, *names)
            u = self.column(kernel, 0, j)
            for k in reversed(order):
                moved = [
                    f"{comb(k, i) * (-1.0) ** (k - i)!r} * {power('rise0', k - i)} * {names[i]}"
                    for i in range(k + 1)
                ]
                added = " * ".join([e, *["x0"] * k, u])
                kernel.add(f"{names[k]} = {fade} * ({' + '.join(moved)}) + tl.sum({added}, 1)")
        self.outputs = [self.name(f"{k}_{j}") for k in order for j in range(width)]
        self.layout = [width] * len(order)

    def backward(self, kernel: Kernel, at: Saved) -> None:
        """Eˣ (x^k + k x^{k−1}) G·u to the logits; eˣ x^k G to u."""
        number, width = self.given[0]
        e = exponential(kernel, 1.0, 0)
        for k in range(self.one.order + 1):
            grads = [at.grad(kernel, k, j) for j in range(width)]
            value = " + ".join(
                f"{g} * {self.column(kernel, 0, j)}" for j, g in enumerate(grads)
            )
            slope = f"{power('x0', k)} + {float(k)!r} * {power('x0', max(k - 1, 0))}"
            kernel.add(f"d0 += {e} * ({slope}) * ({value})")
            if number in at.wanted:
                for j, g in enumerate(grads):
                    at.by_column.append((number, j, f"{e} * {power('x0', k)} * {g}"))


class LowRankTerm(Term):
    """Σ eˣ a·b, a·b being a product of its own."""

    def forward(self, kernel: Kernel) -> None:
        """One sum."""
        self.zero(kernel, self.name())
        fade, e = fading(kernel, 1.0, 0), exponential(kernel, 1.0, 0)
        kernel.add(f"{self.name()} = {fade} * {self.name()} + tl.sum({e} * z{self.product}, 1)")
        self.outputs, self.layout = [self.name()], [0]

    def backward(self, kernel: Kernel, at: Saved) -> None:
        """To the logits, and to the product."""
        e, g = exponential(kernel, 1.0, 0), at.grad(kernel, 0)
        kernel.add(f"d0 += {e} * {g} * z{self.product}", f"d{self.product} += {e} * {g}")


class BelowTerm(Term):
    """Σ eˣ over smaller ids."""

    def forward(self, kernel: Kernel) -> None:
        """A sum under a mask."""
        self.zero(kernel, self.name())
        fade, e = fading(kernel, 1.0, 0), exponential(kernel, 1.0, 0)
        some = f"tl.sum(tl.where(ids[None, :] < target[:, None], {e}, 0.0), 1)"
        kernel.add(f"{self.name()} = {fade} * {self.name()} + {some}")
        self.outputs, self.layout = [self.name()], [0]

    def backward(self, kernel: Kernel, at: Saved) -> None:
        """Eˣ under the mask."""
        e, g = exponential(kernel, 1.0, 0), at.grad(kernel, 0)
        kernel.add(f"d0 += tl.where(ids[None, :] < target[:, None], {e} * {g}, 0.0)")


class PlainTerm(Term):
    """Σ z and Σ z²."""

    def forward(self, kernel: Kernel) -> None:
        """Two sums over words that can come."""
        self.zero(kernel, self.name(1), self.name(2))
        there = kernel.once("finite", f"tl.where(z0 == {NEGATIVE}, 0.0, z0)")
        kernel.add(
            f"{self.name(1)} += tl.sum({there}, 1)",
            f"{self.name(2)} += tl.sum({there} * {there}, 1)",
        )
        self.outputs, self.layout = [self.name(1), self.name(2)], [0, 0]

    def backward(self, kernel: Kernel, at: Saved) -> None:
        """The same for all words, and 2 z."""
        there = kernel.once("finite", f"tl.where(z0 == {NEGATIVE}, 0.0, z0)")
        kernel.add(f"d0 += {at.grad(kernel, 0)} + 2 * {at.grad(kernel, 1)} * {there}")


def beaten(kernel: Kernel) -> str:
    """Words with a logit strictly above the target's; the target itself never has.

    Args:
        kernel: what is written.

    Returns:
        A variable.
    """
    return kernel.once(
        "beaten", "(z0 > target_logit[:, None]) & (ids[None, :] != target[:, None])"
    )


class AboveTerm(Term):
    """How many words beat the target."""

    def forward(self, kernel: Kernel) -> None:
        """A count."""
        self.zero(kernel, self.name(), value="0", kind="int32")
        kernel.add(f"{self.name()} += tl.sum({beaten(kernel)}.to(tl.int32), 1)")
        self.whole, self.whole_layout = [self.name()], [0]


class MassAboveTerm(Term):
    """Σ eˣ of words that beat the target, and of all."""

    def forward(self, kernel: Kernel) -> None:
        """Two sums."""
        some, every = self.name("some"), self.name("all")
        self.zero(kernel, some, every)
        fade, e = fading(kernel, 1.0, 0), exponential(kernel, 1.0, 0)
        above = beaten(kernel)
        kernel.add(
            f"{some} = {fade} * {some} + tl.sum(tl.where({above}, {e}, 0.0), 1)",
            f"{every} = {fade} * {every} + tl.sum({e}, 1)",
        )
        self.outputs, self.layout = [some, every], [0, 0]

    def backward(self, kernel: Kernel, at: Saved) -> None:
        """Eˣ, and eˣ under the mask."""
        e, some, every = exponential(kernel, 1.0, 0), at.grad(kernel, 0), at.grad(kernel, 1)
        kernel.add(f"d0 += {e} * (tl.where({beaten(kernel)}, {some}, 0.0) + {every})")


def staying(term: Term, kernel: Kernel) -> str:
    """Which words a part of the vocabulary holds.

    Args:
        term: says which.
        kernel: what is written.

    Returns:
        A variable, `[BN, BV]` or `[1, BV]`.
    """
    name = term.name("stay")
    what = getattr(term.one, "what", "mask")
    if what == "mask":
        mask = kernel.column(term.given[0][0], kind="tl.int1")
        return kernel.once(name, f"{mask} & (z0 > {NEGATIVE})")
    kernel.once(name, f"(z0 > {NEGATIVE}) & (ids[None, :] != target[:, None])" if what == "target"
                else f"z0 > {NEGATIVE}")  # fmt: skip
    if what == "ids":
        number, width = term.given[0]
        pointer = kernel.argument(f"t{number}")
        kernel.add(
            f"for c in range({width}):",
            f"    {name} = {name} & (ids[None, :] != tl.load({pointer} + rows * {width} + c)[:, None])",
        )
    return name


class RestTerm(Term):
    """log Σ eˣ over a part of the vocabulary, about a shift of its own."""

    def forward(self, kernel: Kernel) -> None:
        """The largest logit of the part, and Σ e^{z − largest}."""
        most, total = self.name("most"), self.name("sum")
        self.zero(kernel, most, value=NEGATIVE)
        self.zero(kernel, total)
        some, new, base = self.name("z"), self.name("new"), self.name("base")
        kernel.add(
            *self._exponents(kernel, some),
            f"{new} = tl.maximum({most}, tl.max({some}, 1))",
            f"{base} = tl.where({new} == {NEGATIVE}, 0.0, {new})",
            f"{self.name('e')} = tl.exp({some} - {base}[:, None])",
            f"{self.name('fade')} = tl.exp({most} - {base})",
            f"{total} = {total} * {self.name('fade')} + tl.sum({self.name('e')}, 1)",
            *self._more(kernel),
            f"{most} = {new}",
        )
        found = f"tl.where({total} > 0.0, {most} + tl.log(tl.where({total} > 0.0, {total}, 1.0))"
        self.outputs, self.layout = [f"{found} - {self._shift()}, {NEGATIVE})"], [0]

    def _exponents(self, kernel: Kernel, some: str) -> list[str]:
        stay = staying(self, kernel)
        return [f"{some} = tl.where({stay}, z0, {NEGATIVE})"]

    def _more(self, kernel: Kernel) -> list[str]:
        del kernel
        return []

    def _shift(self) -> str:
        return "base0"

    def backward(self, kernel: Kernel, at: Saved) -> None:
        """The share of each word in the part."""
        stay = staying(self, kernel)
        whole = f"tl.where({at.state(kernel, 0)} == {NEGATIVE}, 0.0, {at.state(kernel, 0)})"
        share = kernel.once(
            self.name("share"), f"tl.where({stay}, tl.exp(tl.minimum(x0 - {whole}, 80.0)), 0.0)"
        )
        kernel.add(f"d0 += {share} * {at.grad(kernel, 0)}")


class MixtureTerm(RestTerm):
    """log Σ e^{a·x + b·x̃}; its largest exponent falls as the shifts rise."""

    def _tile(self, kernel: Kernel) -> tuple[str, int]:
        other = self.readers[self.one.reader]
        gone = f"(z0 == {NEGATIVE})"
        if self.one.b > 0:
            gone = f"({gone} | (z{other} == {NEGATIVE}))"
        mixed = f"{float(self.one.a)!r} * x0 + {float(self.one.b)!r} * x{other}"
        name = self.name("mixed")
        return kernel.once(name, f"tl.where({gone}, {NEGATIVE}, {mixed})"), other

    def _exponents(self, kernel: Kernel, some: str) -> list[str]:
        mixed, other = self._tile(kernel)
        fall = f"{float(self.one.a)!r} * rise0 + {float(self.one.b)!r} * rise{other}"
        return [f"{self.name('most')} = {self.name('most')} - ({fall})", f"{some} = {mixed}"]

    def _shift(self) -> str:
        return "0.0"

    def backward(self, kernel: Kernel, at: Saved) -> None:
        """A and b times the share of each word."""
        mixed, other = self._tile(kernel)
        whole = f"tl.where({at.state(kernel, 0)} == {NEGATIVE}, 0.0, {at.state(kernel, 0)})"
        share = kernel.once(
            self.name("share"), f"tl.exp(tl.minimum({mixed} - {whole}, 80.0)) * {at.grad(kernel, 0)}"
        )
        kernel.add(
            f"d0 += {float(self.one.a)!r} * {share}", f"d{other} += {float(self.one.b)!r} * {share}"
        )


class SubsetTerm(RestTerm):
    """log Σ eˣ and means of columns over the words of a mask."""

    def _more(self, kernel: Kernel) -> list[str]:
        lines = []
        for j in range(self.given[1][1]):
            self.zero(kernel, self.name(j))
            u = self.column(kernel, 1, j)
            lines.append(
                f"{self.name(j)} = {self.name(j)} * {self.name('fade')}"
                f" + tl.sum({self.name('e')} * {u}, 1)"
            )
        return lines

    def forward(self, kernel: Kernel) -> None:
        """The log-sum, then the means."""
        super().forward(kernel)
        total = self.name("sum")
        some = f"tl.where({total} > 0.0, {total}, 1.0)"
        self.outputs += [f"{self.name(j)} / {some}" for j in range(self.given[1][1])]
        self.layout.append(self.given[1][1])

    def backward(self, kernel: Kernel, at: Saved) -> None:
        """The share of each word, times how far its value is from the mean."""
        stay = staying(self, kernel)
        whole = f"tl.where({at.state(kernel, 0)} == {NEGATIVE}, 0.0, {at.state(kernel, 0)})"
        share = kernel.once(
            self.name("share"), f"tl.where({stay}, tl.exp(tl.minimum(x0 - {whole}, 80.0)), 0.0)"
        )
        number, width = self.given[1]
        pulls = [at.grad(kernel, 0)]
        for j in range(width):
            g = at.grad(kernel, 1, j)
            pulls.append(f"{g} * ({self.column(kernel, 1, j)} - {at.state(kernel, 1, j)})")
            if number in at.wanted:
                at.by_column.append((number, j, f"{share} * {g}"))
        kernel.add(f"d0 += {share} * ({' + '.join(pulls)})")


class PickTerm(Term):
    """Logits of chosen words, stored where they are found."""

    def _loop(self, kernel: Kernel, *body: str) -> None:
        if self.one.target:
            kernel.add(*(line.replace("$id", "target").replace("$c", "0") for line in body))
            return
        number, width = self.given[0]
        pointer = kernel.argument(f"t{number}")
        chosen = f"tl.load({pointer} + rows * {width} + c)"
        kernel.add(
            f"for c in range({width}):",
            f"    chosen = {chosen}",
            *("    " + line.replace("$id", "chosen").replace("$c", "c") for line in body),
        )

    def forward(self, kernel: Kernel) -> None:
        """Each is in one tile."""
        self.scattered = 1 if self.one.target else self.given[0][1]
        first = f"found_at{self.number}"
        kernel.argument(first)
        kernel.argument("found")
        kernel.argument("found_stride")
        self._loop(
            kernel,
            "hit = ids[None, :] == $id[:, None]",
            "there = row_in & (tl.max((hit & word_in[None, :]).to(tl.int32), 1) > 0)",
            "value = tl.sum(tl.where(hit, z0, 0.0), 1)",
            f"tl.store(found + ({first} + $c) * found_stride + row, value, mask=there)",
        )

    def backward(self, kernel: Kernel, at: Saved) -> None:
        """To the chosen words alone."""
        load = f"tl.load(flat + ({at.grads[0]} + $c) * flat_stride + rows)"
        self._loop(
            kernel,
            f"pull = tl.where(row_in, {load}, 0.0)",
            "d0 += tl.where(ids[None, :] == $id[:, None], pull[:, None], 0.0)",
        )


class TopTerm(Term):
    """The k largest logits and their ids, in no order."""

    def forward(self, kernel: Kernel) -> None:
        """While a row's best of the tile beats its least, they change places."""
        k, best, ids = self.one.k, self.name("best"), self.name("ids")
        slots = 1 << (k - 1).bit_length()
        self.wide = k
        kernel.head += [
            f"{self.name('slot')} = tl.arange(0, {slots})[None, :]",
            # Slots beyond k are never the least.
            f'{best} = tl.where({self.name("slot")} < {k}, {NEGATIVE}, float("inf"))',
            f"{best} = tl.broadcast_to({best}, (BN, {slots}))",
            f"{ids} = tl.full((BN, {slots}), -1, tl.int32)",
        ]
        left, most, least = self.name("left"), self.name("most"), self.name("least")
        gone = " & (ids[None, :] != target[:, None])" if self.one.wrong else ""
        slot = self.name("slot")
        kernel.add(
            f"{left} = tl.where(word_in[None, :]{gone}, z0, {NEGATIVE})",
            f"{most} = tl.max({left}, 1)",
            f"{least} = tl.min({best}, 1)",
            f"while tl.max(({most} > {least}).to(tl.int32), 0) > 0:",
            f"    where_most = tl.argmax({left}, 1)",
            f"    where_least = tl.argmin({best}, 1)",
            f"    here = ({most} > {least})[:, None] & ({slot} == where_least[:, None])",
            f"    {best} = tl.where(here, {most}[:, None], {best})",
            f"    {ids} = tl.where(here, (first_id + tile * BV + where_most)[:, None], {ids})",
            f"    {left} = tl.where(tl.arange(0, BV)[None, :] == where_most[:, None],"
            f" {NEGATIVE}, {left})",
            f"    {most} = tl.max({left}, 1)",
            f"    {least} = tl.min({best}, 1)",
        )

    def backward(self, kernel: Kernel, at: Saved) -> None:
        """To the words that were found."""
        kernel.argument("found_ids")
        load = f"tl.load(flat + ({at.grads[0]} + c) * flat_stride + rows)"
        kernel.add(
            f"for c in range({self.one.k}):",
            f"    chosen = tl.load(found_ids + ({at.ids[1]} + c) * flat_stride + rows)",
            f"    pull = tl.where(row_in, {load}, 0.0)",
            "    d0 += tl.where(ids[None, :] == chosen[:, None], pull[:, None], 0.0)",
        )


class GumbelTerm(Term):
    """The word that wins with noise, which is the reference's own hash."""

    def forward(self, kernel: Kernel) -> None:
        """The best of the tile against the best so far."""
        best, winner = self.name("best"), self.name("id")
        self.zero(kernel, best, value=NEGATIVE)
        self.zero(kernel, winner, value="-1", kind="int32")
        number, warm = self.given[0][0], repr(float(self.one.temperature))
        row = kernel.row(number, kind="tl.uint32").removesuffix("[:, None]")
        noise = f"gumbel({row}, ids, {self.one.seed & MASK})"
        noisy, most, at = self.name("noisy"), self.name("most"), self.name("at")
        kernel.add(
            f"{best} = {best} - rise0 / {warm}",
            f"{noisy} = tl.where(z0 == {NEGATIVE}, {NEGATIVE}, x0 / {warm} + {noise})",
            f"{most} = tl.max({noisy}, 1)",
            f"{at} = first_id + tile * BV + tl.argmax({noisy}, 1)",
            f"{winner} = tl.where({most} > {best}, {at}, {winner})",
            f"{best} = tl.maximum({most}, {best})",
        )
        self.outputs, self.layout = [best], [1]
        self.whole, self.whole_layout = [winner], [1]


TERMS: dict[type[Accumulator], type[Term]] = {
    Tilted: TiltedTerm,
    Columns: ColumnsTerm,
    LowRank: LowRankTerm,
    Below: BelowTerm,
    Plain: PlainTerm,
    Above: AboveTerm,
    MassAbove: MassAboveTerm,
    Rest: RestTerm,
    Mixture: MixtureTerm,
    SubsetColumns: SubsetTerm,
    Pick: PickTerm,
    Top: TopTerm,
    Gumbel: GumbelTerm,
}
"""Every accumulator that a kernel can sum; the rest goes by whole rows of logits."""

__all__ = ["MOST_COLUMNS", "MOST_IDS", "MOST_TOP", "SELF", "TERMS", "Saved", "Term"]


def fits(one: Accumulator, given: Sequence[Any]) -> bool:
    """Whether a kernel can hold an accumulator's state in registers.

    Args:
        one: the accumulator.
        given: its tensors.

    Returns:
        True or False.
    """
    if type(one) not in TERMS:
        return False
    widths = [t.shape[1] if t.ndim == 2 else 1 for t in given]
    if isinstance(one, Columns | SubsetColumns):
        return 0 < widths[-1] <= MOST_COLUMNS
    if isinstance(one, Top):
        return one.k <= MOST_TOP
    if isinstance(one, LowRank):
        return given[0].is_floating_point() and widths[0] > 0
    return isinstance(one, Gumbel) or not widths or 0 < widths[0] <= MOST_IDS
