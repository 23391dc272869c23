"""How a kernel turns products into logits, and gradients on logits into gradients on products."""

from collections.abc import Callable
from dataclasses import dataclass

from likely.vocab._spec import Reader
from likely.vocab._triton._writer import Kernel


@dataclass(frozen=True)
class Placed:
    """A reader, and where its small tensors stand.

    Args:
        reader: the reader.
        number: of the reader, and of its product.
        first: the number of the first of its small tensors.
    """

    reader: Reader
    number: int
    first: int

    def part(self, kernel: Kernel, name: str) -> str | None:
        """A small tensor of the head.

        Args:
            kernel: what is written.
            name: `bias`, `scale` …

        Returns:
            An expression that broadcasts against a tile, or None where the head has none.
        """
        for at, (own, axis) in enumerate(self.reader.parts, start=self.first):
            if own == name:
                kind = "tl.int1" if name == "exclude" else "tl.float32"
                if axis == "whole":
                    return kernel.whole(at)
                read = kernel.row if axis == "row" else kernel.column
                return read(at, kind=kind)
        return None

    def logits(self, kernel: Kernel) -> None:
        """Write how products become logits; both are called z and the reader's number.

        Args:
            kernel: what is written.
        """
        z, form, into = f"z{self.number}", self.reader.form, kernel.add

        def part(name: str) -> str | None:
            return self.part(kernel, name)

        if form.harmonic is not None:
            square = f"{z}_square"
            into(f"{square} = {part('state_square')} + {part('word_square')} - 2 * {z}")
            floor = f"tl.maximum({square}, 0.0) + {form.harmonic.epsilon!r}"
            into(f"{z} = {-form.harmonic.exponent / 2!r} * tl.log({floor})")
        if bias := part("bias"):
            into(f"{z} = {z} + {bias}")
        if scale := part("scale"):
            into(f"{z}_plain = {z}")
            into(f"{z} = {z} * {scale}")
        if form.softcap is not None:
            # tanh as 2 σ(2y) − 1, which is 1 in float32 long before y = 15.
            near = f"tl.minimum(tl.maximum({z} * {2 / form.softcap!r}, -30.0), 30.0)"
            into(f"{z}_tanh = 2 * tl.sigmoid({near}) - 1")
            into(f"{z} = {z}_tanh * {form.softcap!r}")
        if temperature := part("temperature"):
            into(f"{z}_warm = {z} / {temperature}")
            into(f"{z} = {z}_warm")
        if excluded := part("exclude"):
            into(f'{z} = tl.where({excluded}, float("-inf"), {z})')

    def back(self, kernel: Kernel, d: str, wanted: Callable[[int], bool]) -> dict[int, str]:
        """Write how a gradient on logits becomes one on products.

        Args:
            kernel: what is written.
            d: a variable that holds the one and shall hold the other.
            wanted: whether a small tensor wants a gradient.

        Returns:
            Gradients on small tensors as tiles, still to be summed, by number.
        """
        z, form = f"z{self.number}", self.reader.form
        found: dict[int, str] = {}
        at = {name: i for i, (name, _) in enumerate(self.reader.parts, start=self.first)}

        def keep(name: str, value: str) -> None:
            if name in at and wanted(at[name]):
                found[at[name]] = kernel.once(f"to_{at[name]}", value)

        if temperature := self.part(kernel, "temperature"):
            kernel.add(f"{d} = {d} / {temperature}")
            # Excluded words have a gradient of 0 and no finite logit.
            keep("temperature", f"-{d} * tl.where({d} == 0.0, 0.0, {z}_warm)")
        if form.softcap is not None:
            kernel.add(f"{d} = {d} * (1 - {z}_tanh * {z}_tanh)")
        if scale := self.part(kernel, "scale"):
            keep("scale", f"{d} * {z}_plain")
            kernel.add(f"{d} = {d} * {scale}")
        keep("bias", d)
        if form.harmonic is not None:
            slope = f"{-form.harmonic.exponent / 2!r} / ({z}_square + {form.harmonic.epsilon!r})"
            kernel.add(f"{d} = tl.where({z}_square >= 0.0, {d} * ({slope}), 0.0)")
            keep("state_square", d)
            keep("word_square", d)
            kernel.add(f"{d} = -2 * {d}")
        return found
