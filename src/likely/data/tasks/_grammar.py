"""Grammars in which the next character says which rule is meant, so that all is exact."""

import math
from collections import Counter
from dataclasses import dataclass
from functools import cached_property

import numpy as np

BRACKETS = ("()", "[]", "{}", "<>")


@dataclass(frozen=True)
class Rule:
    """One way to write a symbol: a first character, other symbols, and a last character or none.

    Args:
        first: its first character; no other rule of the same symbol begins with it.
        children: symbols behind it, by number.
        last: the closing bracket; empty for a letter.
        probability: how often the symbol is written so.
    """

    first: str
    children: tuple[int, ...]
    last: str
    probability: float


@dataclass(frozen=True)
class Parse:
    """What is known of a string.

    Args:
        log_prob: the logarithm of its probability, in nats.
        depth: how many brackets are open at most.
        brackets: how many pairs of brackets it has.
        rules: how often each rule was used, by symbol and first character: `A(`.
    """

    log_prob: float
    depth: int
    brackets: int
    rules: dict[str, int]


@dataclass(frozen=True)
class Grammar:
    """Symbols, the rules of each, and the symbols a string begins with.

    Args:
        roots: what a string is made of, by number.
        rules: those of each symbol.
    """

    roots: tuple[int, ...]
    rules: tuple[tuple[Rule, ...], ...]

    def draw(self, rng: np.random.Generator) -> str:
        """A string, as likely as the grammar makes it."""
        text: list[str] = []
        left: list[int | str] = list(self.roots[::-1])
        while left:
            item = left.pop()
            if isinstance(item, str):
                text.append(item)
                continue
            place = int(np.searchsorted(self._bounds[item], rng.random(), side="right"))
            rule = self.rules[item][place]
            text.append(rule.first)
            left += [rule.last, *rule.children[::-1]] if rule.last else []
        return "".join(text)

    def parse(self, text: str) -> Parse | None:
        """The one parse of a string, or None where it is no string of this grammar."""
        left: list[int | str] = list(self.roots[::-1])
        log_prob, depth, deepest, used = 0.0, 0, 0, Counter[str]()
        for character in text:
            item = left.pop() if left else ""
            if isinstance(item, str):
                if item != character:
                    return None
                depth -= 1
                continue
            rule = self._by_first[item].get(character)
            if rule is None:
                return None
            log_prob += math.log(rule.probability)
            used[f"{chr(ord('A') + item)}{character}"] += 1
            if rule.last:
                left += [rule.last, *rule.children[::-1]]
                depth += 1
                deepest = max(deepest, depth)
        if left:
            return None
        pairs = sum(times for name, times in used.items() if name[1] in "([{<")
        return Parse(log_prob, deepest, pairs, dict(sorted(used.items())))

    @property
    def entropy(self) -> float:
        """Of a string, in nats: that of its rules, because a string has one parse."""
        own = [-sum(r.probability * math.log(r.probability) for r in rules) for rules in self.rules]
        return self._total(own)

    @property
    def length(self) -> float:
        """Characters a string has on average."""
        own = [sum(r.probability * (1 + len(r.last)) for r in rules) for rules in self.rules]
        return self._total(own)

    def _total(self, own: list[float]) -> float:
        """What a string costs on average, where writing each symbol once costs `own`."""
        count = len(self.rules)
        below = np.zeros((count, count))
        for symbol, rules in enumerate(self.rules):
            for rule in rules:
                for child in rule.children:
                    below[symbol, child] += rule.probability
        whole = np.linalg.solve(np.eye(count) - below, np.array(own))
        return float(sum(whole[root] for root in self.roots))

    @cached_property
    def _bounds(self) -> list[np.ndarray[tuple[int], np.dtype[np.float64]]]:
        return [np.cumsum([r.probability for r in rules])[:-1] for rules in self.rules]

    @cached_property
    def _by_first(self) -> list[dict[str, Rule]]:
        return [{rule.first: rule for rule in rules} for rules in self.rules]


def random_grammar(
    symbols: int, letters: int, kinds: int, roots: int, growth: float, rng: np.random.Generator
) -> Grammar:
    """A grammar whose every symbol makes `growth` symbols on average, below 1: strings end."""
    rules = []
    for _ in range(symbols):
        children = [
            tuple(rng.integers(symbols, size=size).tolist())
            for size in rng.integers(2, 4, size=kinds)
        ]
        shares = rng.dirichlet(np.ones(kinds))
        mass = growth / float(sum(s * len(c) for s, c in zip(shares, children, strict=True)))
        own = sorted(rng.choice(letters, size=(letters + 1) // 2, replace=False).tolist())
        leaves = (1 - mass) * rng.dirichlet(np.ones(len(own)))
        nested = zip(BRACKETS, children, (mass * shares).tolist(), strict=False)
        rules.append(
            (
                *(Rule(b[0], inner, b[1], p) for b, inner, p in nested if p > 0),
                *(
                    Rule(chr(ord("a") + letter), (), "", p)
                    for letter, p in zip(own, leaves.tolist(), strict=True)
                    if p > 0
                ),
            )
        )
    return Grammar(tuple(rng.integers(symbols, size=roots).tolist()), tuple(rules))
