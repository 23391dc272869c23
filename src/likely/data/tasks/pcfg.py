"""A probabilistic context-free grammar: nested text whose probability is known exactly."""

from collections.abc import Iterator
from typing import Annotated

import numpy as np
from annotated_types import Ge, Le

from likely.core.settings import checked
from likely.data.corpus import Document
from likely.data.task import Task
from likely.data.tasks._documents import HELD_OUT, TRAIN, Row, corpus, with_trained
from likely.data.tasks._draw import Count, Seed
from likely.data.tasks._grammar import Grammar, random_grammar


def pcfg(
    *,
    documents: Count = 1000,
    held_out: Count = 200,
    symbols: Annotated[int, Ge(1), Le(26)] = 4,
    letters: Annotated[int, Ge(1), Le(26)] = 8,
    brackets: Annotated[int, Ge(1), Le(4)] = 2,
    roots: Count = 8,
    growth: Annotated[float, Ge(0), Le(0.95)] = 0.8,
    seed: Seed = 0,
) -> Task:
    r"""Strings of a random context-free grammar of brackets and letters.

    $$ \log p(x) = \sum_{r \in \mathrm{parse}(x)} \log p_r $$

    Every rule of a symbol begins with another character (a letter, or a bracket that closes behind
    two or three symbols), so a string has one parse and the sum above is its probability: no sum
    over parses is needed. Symbols share letters, so that which symbol a letter stands for follows
    from the brackets around it alone. A string is `roots` symbols long and ends by itself: its end
    costs a perfect model nothing.

    Both parts are drawn from one law, so that entropies hold for both; `trained` marks a held-out
    string that training has too.

    What is asked: to go on from the first half of a string. Every end that makes a string of the
    grammar is right; `answer` is the one that was drawn.

    Args:
        documents: strings to train on.
        held_out: strings to be judged on.
        symbols: how many symbols the grammar has.
        letters: of the alphabet; each symbol uses half of them.
        brackets: how many kinds of brackets, each a rule of every symbol.
        roots: how many symbols a string is made of.
        growth: symbols that one symbol is written with, on average; the higher, the deeper.
        seed: of the grammar and the strings.

    Returns:
        The task. Metadata: `log_prob` (nats), `depth`, `brackets`, `rules` (uses of each), and in
        the held-out part `trained`. Known: `entropy`, nats a string; `length`, characters a string
        on average; `entropy_rate`, the one by the other, what a perfect model needs a character.

    Raises:
        BadSetting: settings outside their bounds.

    Example:
        >>> task = pcfg(documents=2, held_out=1, letters=3, roots=2, seed=1)
        >>> [document.text for document in task.train]
        ['ca', '[cc]a']
        >>> task.prompts, task.answers, round(task.known["entropy_rate"], 3)
        (('[c',), ('a]a',), 0.815)

    References:
        Allen-Zhu and Li, Physics of Language Models: Part 1, Learning Hierarchical Language
        Structures, 2023. arXiv:2305.13673; Booth and Thompson, Applying Probability Measures to
        Abstract Languages, 1973 (expected length and entropy).
    """
    checked(pcfg, locals())
    rng = np.random.default_rng(seed)
    grammar = random_grammar(symbols, letters, brackets, roots, growth, rng)
    train = corpus("pcfg", TRAIN, _rows(grammar, documents, rng))
    held = corpus("pcfg", HELD_OUT, _rows(grammar, held_out, rng))

    def judge(document: Document, answer: str) -> float:
        whole = str(document.metadata["prompt"]) + answer.strip()
        return float(grammar.parse(whole) is not None)

    known = {"entropy": grammar.entropy, "length": grammar.length}
    known["entropy_rate"] = grammar.entropy / grammar.length
    return Task("pcfg", train, with_trained(held, train), known, judge)


def _rows(grammar: Grammar, count: int, rng: np.random.Generator) -> Iterator[Row]:
    for _ in range(count):
        text = grammar.draw(rng)
        found = grammar.parse(text)
        assert found is not None
        middle = len(text) // 2
        yield text[:middle], text[middle:], vars(found)
