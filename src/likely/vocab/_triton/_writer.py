"""Writes the source of a kernel line by line; nothing is loaded or computed twice."""


class Kernel:
    """A kernel that is being written: what it is given, and what it does before, in, after tiles.

    Small tensors are arguments `t0`, `t1` … in the sweep's fixed order. Rows and words beyond the
    end are clamped to the last one, so that loads need no masks; `row_in` and `word_in` tell them.

    Args:
        sorts: whether its words may come in another order than their ids.
    """

    def __init__(self, sorts: bool = False) -> None:
        self.sorts = sorts
        self.arguments: list[str] = []
        self.head: list[str] = []
        self.tile: list[str] = []
        self.tail: list[str] = []
        self._known: set[str] = set()

    def argument(self, name: str) -> str:
        """Something that the kernel is given.

        Args:
            name: its name.

        Returns:
            The name.
        """
        if name not in self.arguments:
            self.arguments.append(name)
        return name

    def before(self, name: str, value: str) -> str:
        """A value that is computed once, before the tiles.

        Args:
            name: its name.
            value: an expression.

        Returns:
            The name.
        """
        if name not in self._known:
            self._known.add(name)
            self.head.append(f"{name} = {value}")
        return name

    def once(self, name: str, value: str) -> str:
        """A value of each tile.

        Args:
            name: its name.
            value: an expression.

        Returns:
            The name.
        """
        if name not in self._known:
            self._known.add(name)
            self.tile.append(f"{name} = {value}")
        return name

    def add(self, *lines: str) -> None:
        """Lines that run in each tile.

        Args:
            lines: of source.
        """
        self.tile += lines

    def place(self, ids: str) -> str:
        """Where words stand in the order in which they come.

        Args:
            ids: their ids, `[BN]`.

        Returns:
            An expression, `[BN]`: no place of this process where they lie elsewhere.
        """
        if self.sorts:
            return f"locate({ids}, inverse, first_id, size, SORTED)"
        return f"({ids} - first_id)"

    def holds(self, place: str) -> str:
        """Which column of the tile holds a word.

        Places are compared, not ids: the numbers of columns are constants of each thread, and ids
        would take a register each.

        Args:
            place: of each token's word, `[BN]`.

        Returns:
            An expression, `[BN, BV]`.
        """
        return f"(column[None, :] == ({place} - start_word)[:, None])"

    def is_target(self) -> str:
        """Which column of the tile holds the target.

        Returns:
            An expression, `[BN, BV]`.
        """
        return self.holds(self.before("target_place", self.place("target")))

    def row(self, number: int, width: int = 1, at: int = 0, kind: str = "tl.float32") -> str:
        """A small tensor's value for each token, `[BN, 1]`.

        Args:
            number: of the small tensor.
            width: how many numbers a token has there.
            at: which of them.
            kind: as what.

        Returns:
            An expression.
        """
        pointer = self.argument(f"t{number}")
        name = self.before(
            f"row{number}_{at}", f"tl.load({pointer} + rows * {width} + {at}).to({kind})"
        )
        return f"{name}[:, None]"

    def column(self, number: int, width: int = 1, at: int = 0, kind: str = "tl.float32") -> str:
        """A small tensor's value for each word, `[1, BV]`.

        Args:
            number: of the small tensor.
            width: how many numbers a word has there.
            at: which of them.
            kind: as what.

        Returns:
            An expression.
        """
        pointer = self.argument(f"t{number}")
        name = self.once(
            f"column{number}_{at}", f"tl.load({pointer} + place * {width} + {at}).to({kind})"
        )
        return f"{name}[None, :]"

    def whole(self, number: int) -> str:
        """A small tensor of one number.

        Args:
            number: of the small tensor.

        Returns:
            An expression.
        """
        pointer = self.argument(f"t{number}")
        return self.before(f"whole{number}", f"tl.load({pointer}).to(tl.float32)")

    def write(self, name: str, template: str) -> str:
        """The whole source.

        Args:
            name: of the kernel.
            template: with places `$arguments`, `$head`, `$tile` and `$tail`, each alone in a line.

        Returns:
            Python source.
        """
        parts = {
            "$arguments": [f"{argument}," for argument in self.arguments],
            "$head": self.head,
            "$tile": self.tile,
            "$tail": self.tail,
        }
        lines: list[str] = []
        for line in template.replace("$name", name).splitlines():
            word = line.strip()
            if word in parts:
                indent = line[: len(line) - len(line.lstrip())]
                lines += [indent + each for each in parts[word]]
            else:
                lines.append(line)
        return "\n".join(lines) + "\n"
