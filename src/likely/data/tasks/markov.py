"""Text from a Markov source of order k, whose entropy is known."""

from typing import Annotated, Literal

import numpy as np
from annotated_types import Ge, Gt, Le, Lt
from numpy.typing import NDArray

from likely.core.errors import BadSetting
from likely.core.settings import checked
from likely.data.corpus import Corpus, Document
from likely.data.task import Task
from likely.data.tasks._markov_source import Source, random, switching

Count = Annotated[int, Ge(1)]

MOST = 1024
"""Contexts of a source at most: how often each occurs is solved for exactly."""
_LETTERS = np.frombuffer(b"abcdefghijklmnopqrstuvwxyz", np.uint8)
_TRIES = 100


def markov(
    *,
    documents: Count = 256,
    held_out: Count = 64,
    length: Annotated[int, Ge(2)] = 128,
    order: Annotated[int, Ge(1), Le(10)] = 2,
    alphabet: Annotated[int, Ge(2), Le(26)] = 2,
    source: Literal["switching", "random"] = "switching",
    flip: Annotated[float, Gt(0), Lt(1)] = 0.2,
    concentration: Annotated[float, Ge(0.01)] = 0.5,
    seed: Annotated[int, Ge(0)] = 0,
) -> Task:
    r"""Text whose next letter depends on the last k alone; nothing is asked.

    $$ H = -\sum_c \pi(c) \sum_s p(s \mid c) \ln p(s \mid c) $$
    π is how often each context c of k letters occurs in the long run. No model needs fewer than H
    nats a letter, `known["entropy_rate"]`, and the best one that looks at nothing needs
    `known["unigram"]`; between them lies what a model can gain by looking back. Texts begin as in
    the middle of a long one, so the first letters have the same law as all others, and each
    document's metadata holds its `log_prob` under the source, in nats.

    Held-out texts that occur in training are drawn again. That changes their law only where texts
    are so short that the source repeats itself.

    Args:
        documents: to learn from.
        held_out: to be judged on.
        length: letters each; more than the order.
        order: k.
        alphabet: how many letters, from `a`; its k-th power is at most 1,024.
        source: `switching`: the letter k places back comes again, or another one; all letters are
            equally frequent, and fewer than k letters of context say nothing. `random`: each
            context has a distribution drawn from a Dirichlet law.
        flip: how often another letter comes, of `switching`.
        concentration: of the Dirichlet law, of `random`; small ones make contexts nearly certain.
        seed: of the source and of the texts.

    Returns:
        The task, with `entropy_rate` and `unigram` in nats a letter.

    Raises:
        BadSetting: a value out of bounds, too many contexts, or texts so short that training has
            them all.

    Example:
        >>> task = markov(documents=2, held_out=1, length=12, seed=1)
        >>> [document.text for document in task.train]
        ['abababababbb', 'baaaabababaa']
        >>> round(task.known["entropy_rate"], 4), round(task.known["unigram"], 4)
        (0.5004, 0.6931)

    References:
        Makkuva et al., Attention with Markov, 2024, arXiv:2402.04161 (binary sources);
        Rajaraman et al., Toward a Theory of Tokenization in LLMs, 2024, arXiv:2404.08335, §2
        (the source that looks k places back).
    """
    checked(markov, locals())
    _check(length, order, alphabet)
    table, train, test = (np.random.default_rng((seed, part)) for part in range(3))
    if source == "switching":
        made = switching(alphabet, order, flip)
    else:
        made = random(alphabet, order, concentration, table)
    seen = made.draw(documents, length, train)
    fresh = _unseen(made, seen, held_out, length, test)
    return Task(
        "markov",
        _corpus("train", made, seen),
        _corpus("held out", made, fresh),
        known={"entropy_rate": made.entropy_rate, "unigram": made.unigram},
    )


def _check(length: int, order: int, alphabet: int) -> None:
    problems = []
    if alphabet**order > MOST:
        problems.append(
            f"alphabet={alphabet} letters make {alphabet**order:,} contexts of order={order}, and "
            f"they should be at most {MOST:,}."
        )
    if length <= order:
        problems.append(f"length={length} should be more than order={order}.")
    if problems:
        raise BadSetting("markov", problems)


def _unseen(
    source: Source,
    seen: NDArray[np.int64],
    count: int,
    length: int,
    rng: np.random.Generator,
) -> NDArray[np.int64]:
    """Texts of which none is among those that were seen."""
    known = {text.tobytes() for text in seen}
    drawn = source.draw(count, length, rng)
    for _ in range(_TRIES):
        again = np.array([text.tobytes() in known for text in drawn])
        if not again.any():
            return drawn
        drawn[again] = source.draw(int(again.sum()), length, rng)
    raise BadSetting(
        "markov",
        [
            f"length={length} is so short that training has nearly every text of the source, and "
            f"held-out ones should not be among them; {_TRIES} draws found too few others."
        ],
    )


def _corpus(name: str, source: Source, texts: NDArray[np.int64]) -> Corpus:
    letters = _LETTERS[texts]
    return Corpus(
        f"markov/{name}",
        tuple(
            Document(f"{name}/{number}", row.tobytes().decode("ascii"), "markov", {"log_prob": p})
            for number, (row, p) in enumerate(
                zip(letters, source.log_prob(texts).tolist(), strict=True)
            )
        ),
    )
