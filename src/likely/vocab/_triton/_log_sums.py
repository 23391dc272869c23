"""Log-sums over parts of the vocabulary and over mixtures in a kernel, each about its own shift."""

from likely.vocab._triton._term import NEGATIVE, Saved, Term
from likely.vocab._triton._writer import Kernel


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
    there = f"(z0 > {NEGATIVE})"
    kernel.once(name, f"{there} & ~{kernel.is_target()}" if what == "target" else there)
    if what == "ids":
        number, width = term.given[0]
        pointer = kernel.argument(f"t{number}")
        kernel.add(
            f"for c in range({width}):",
            f"    gone = tl.load({pointer} + rows * {width} + c).to(tl.int32)",
            f"    {name} = {name} & ~{kernel.holds(kernel.place('gone'))}",
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
            self.name("share"),
            f"tl.exp(tl.minimum({mixed} - {whole}, 80.0)) * {at.grad(kernel, 0)}",
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
