"""Sums over the vocabulary in a kernel."""

from math import comb

from likely.vocab._triton._term import NEGATIVE, Saved, Term, exponential, fading, power
from likely.vocab._triton._writer import Kernel


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
            value = " + ".join(f"{g} * {self.column(kernel, 0, j)}" for j, g in enumerate(grads))
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
