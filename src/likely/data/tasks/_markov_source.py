"""A Markov source of any order: its table, what it settles into, its entropies, its text."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float, Int
from numpy.typing import NDArray

Array = NDArray[np.float64]
Symbols = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Source:
    """What follows the last `order` symbols, with some probability each.

    Contexts are numbers written in base A, the oldest symbol first.

    Args:
        table: p(symbol | context), `[A ** order, A]`, all above 0.
        order: how many symbols back it looks.
    """

    table: Float[Array, "C A"]
    order: int

    @property
    def alphabet(self) -> int:
        """A: how many symbols there are."""
        return self.table.shape[1]

    @cached_property
    def stationary(self) -> Float[Array, "C"]:
        """How often each context occurs in the long run, `[C]`; solved exactly."""
        contexts = len(self.table)
        moves = np.zeros((contexts, contexts))
        for symbol in range(self.alphabet):
            moves[np.arange(contexts), self.then(np.arange(contexts), symbol)] += self.table[
                :, symbol
            ]
        # One of the equations follows from the others, and makes room for Σ = 1.
        equations = moves.T - np.eye(contexts)
        equations[-1] = 1.0
        right = np.zeros(contexts)
        right[-1] = 1.0
        found = np.maximum(np.linalg.solve(equations, right), 0.0)
        return np.asarray(found / found.sum())

    @property
    def entropy_rate(self) -> float:
        """Nats a symbol that no model can do without: Σ π(c) H(p(· | c))."""
        return float(-(self.stationary @ (self.table * np.log(self.table)).sum(axis=1)))

    @property
    def unigram(self) -> float:
        """Nats a symbol of the best model that looks at nothing: H of how often symbols occur."""
        symbols = np.asarray(self.stationary @ self.table)
        return float(-(symbols * np.log(symbols)).sum())

    def then(self, contexts: Int[Symbols, "N"], symbols: Int[Symbols, "N"] | int) -> Symbols:
        """The contexts that follow when a symbol was read in each.

        Args:
            contexts: numbers.
            symbols: one for all, or one each.

        Returns:
            Numbers.
        """
        kept = self.alphabet ** (self.order - 1)
        return np.asarray(contexts % kept * self.alphabet + symbols)

    def draw(self, count: int, length: int, rng: np.random.Generator) -> Int[Symbols, "N T"]:
        """Texts that begin as in the middle of a long one.

        Args:
            count: of texts, N.
            length: symbols each, more than the order.
            rng: where chance comes from.

        Returns:
            Symbols from 0.
        """
        text = np.empty((count, length), np.int64)
        contexts = rng.choice(len(self.table), size=count, p=self.stationary)
        for place in range(self.order):
            text[:, place] = contexts // self.alphabet ** (self.order - 1 - place) % self.alphabet
        steps = self.table.cumsum(axis=1)[:, :-1]
        for place in range(self.order, length):
            text[:, place] = (rng.random((count, 1)) > steps[contexts]).sum(axis=1)
            contexts = self.then(contexts, text[:, place])
        return text

    def log_prob(self, text: Int[Symbols, "N T"]) -> Float[Array, "N"]:
        """Log p of texts, their first symbols as the source settles into them.

        Args:
            text: symbols, more than the order each.

        Returns:
            Nats, at most 0.
        """
        contexts = np.zeros(len(text), np.int64)
        for place in range(self.order):
            contexts = contexts * self.alphabet + text[:, place]
        total = np.log(self.stationary[contexts])
        for place in range(self.order, text.shape[1]):
            total += np.log(self.table[contexts, text[:, place]])
            contexts = self.then(contexts, text[:, place])
        return np.asarray(total)


def switching(alphabet: int, order: int, flip: float) -> Source:
    """The symbol `order` places back comes again, or with probability `flip` another one.

    Args:
        alphabet: A.
        order: places back.
        flip: shared evenly by the other symbols.

    Returns:
        A source in which every symbol is as frequent as any other.
    """
    oldest = np.arange(alphabet**order) // alphabet ** (order - 1)
    table = np.full((len(oldest), alphabet), flip / (alphabet - 1))
    table[np.arange(len(oldest)), oldest] = 1 - flip
    return Source(table, order)


def random(alphabet: int, order: int, concentration: float, rng: np.random.Generator) -> Source:
    """Every context has a distribution of its own, drawn from a symmetric Dirichlet law.

    Args:
        alphabet: A.
        order: places back.
        concentration: of the law; small ones make contexts nearly certain.
        rng: where chance comes from.

    Returns:
        A source.
    """
    table = rng.dirichlet(np.full(alphabet, concentration), size=alphabet**order)
    # With a millionth at least everywhere, each context is reached from every other one.
    table = np.maximum(table, 1e-6)
    return Source(table / table.sum(axis=1, keepdims=True), order)
