"""Chosen, largest and winning words in a kernel, and those that beat the target."""

from likely.vocab._triton._term import NEGATIVE, Saved, Term, exponential, fading
from likely.vocab._triton._writer import Kernel
from likely.vocab.moments._gumbel import MASK


def beaten(kernel: Kernel) -> str:
    """Words with a logit strictly above the target's; the target itself never has.

    Args:
        kernel: what is written.

    Returns:
        A variable.
    """
    return kernel.once("beaten", f"(z0 > target_logit[:, None]) & ~{kernel.is_target()}")


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


class PickTerm(Term):
    """Logits of chosen words, stored where they are found."""

    def _loop(self, kernel: Kernel, *body: str) -> None:
        """Lines for each chosen word: its place is `$place`, its number `$c`."""
        if self.one.target:
            place = kernel.before("target_place", kernel.place("target"))
            kernel.add(*(line.replace("$place", place).replace("$c", "0") for line in body))
            return
        number, width = self.given[0]
        pointer = kernel.argument(f"t{number}")
        chosen = f"tl.load({pointer} + rows * {width} + c).to(tl.int32)"
        kernel.add(
            f"for c in range({width}):",
            f"    chosen = {chosen}",
            f"    chosen_place = {kernel.place('chosen')}",
            *("    " + line.replace("$place", "chosen_place").replace("$c", "c") for line in body),
        )

    def forward(self, kernel: Kernel) -> None:
        """Each is in one tile."""
        self.scattered = 1 if self.one.target else self.given[0][1]
        first = kernel.argument(f"found_at{self.number}")
        kernel.argument("found")
        kernel.argument("found_stride")
        self._loop(
            kernel,
            "stop_word = tl.minimum(start_word + BV, size)",
            "there = row_in & ($place >= start_word) & ($place < stop_word)",
            f"value = tl.sum(tl.where({kernel.holds('$place')}, z0, 0.0), 1)",
            f"tl.store(found + ({first} + $c) * found_stride + row, value, mask=there)",
        )

    def backward(self, kernel: Kernel, at: Saved) -> None:
        """To the chosen words alone."""
        load = f"tl.load(flat + ({at.grads[0]} + $c) * flat_stride + rows)"
        self._loop(
            kernel,
            f"d0 += tl.where({kernel.holds('$place')}, {load}[:, None], 0.0)",
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
        gone = f" & ~{kernel.is_target()}" if self.one.wrong else ""
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
            f"    chosen_place = {kernel.place('chosen')}",
            f"    d0 += tl.where({kernel.holds('chosen_place')}, {load}[:, None], 0.0)",
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
