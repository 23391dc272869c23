"""Contexts of examples that follow a rule of their own: what there is to learn stands in them."""

from itertools import combinations
from typing import Annotated

import numpy as np
from annotated_types import Ge, Gt, Le

from likely.core.settings import checked
from likely.data._dirichlet import bayes
from likely.data.corpus import Corpus, Document
from likely.data.task import Task

INPUTS, LABELS = "0123456789ABCDEF", "abcdefghijklmnop"
Count = Annotated[int, Ge(1)]


def rules_in_context(
    *,
    documents: Count = 4096,
    held_out: Count = 256,
    length: Count = 48,
    bits: Annotated[int, Ge(0), Le(4)] = 3,
    labels: Annotated[int, Ge(2), Le(16)] = 2,
    concentration: Annotated[float, Gt(0)] = 1.0,
    seed: Annotated[int, Ge(0)] = 0,
) -> Task:
    """Examples `input label input label …`, each context under a noisy rule drawn for it alone.

    An input is a number of `bits` bits, all as likely, written as one digit; a label is a letter. A
    rule looks at some of the bits: how many is drawn, each number as likely, then which. For each
    value of those bits it has probabilities of the labels, drawn from a symmetric Dirichlet law. A
    model that has seen many contexts can do no better than infer the rule of a new one from its
    beginning; what Bayes' rule gives to each label then makes the shortest code on average that
    there is. A rule that looks at more bits has more to be told about it.

    Held-out contexts have rules and inputs of their own. Inputs are random, so that a held-out
    context is as good as never one of the training contexts, unless they are very short.

    Args:
        documents: training contexts.
        held_out: held-out contexts.
        length: examples a context.
        bits: of an input.
        labels: how many labels there are: a, b, …
        concentration: of the Dirichlet law; below 1 most rules are nearly certain.
        seed: of rules and examples.

    Returns:
        The task; it asks nothing, labels are coded in turn. Metadata of each context: `looks_at`
        (bits the rule looks at, 0 the lowest), `parameters` (its free numbers), `source`
        (probability of each label for every input), and for held-out ones `bayes_nats`, what the
        code of Bayes takes for their labels. Known, in nats a label: `chance`, `bayes` (mean over
        the held-out contexts), `entropy_rate` (mean over their rules: what remains once a rule is
        known).

    Raises:
        BadSetting: a setting out of range.

    Example:
        >>> task = rules_in_context(documents=2, held_out=1, length=6, seed=1)
        >>> [document.text for document in task.train]
        ['6b7a3a0b5a4b', '6b3a2b0b3b5b']
        >>> task.known["entropy_rate"] < task.known["chance"]
        True

    References:
        Elmoznino et al., In-Context Learning and Occam's Razor, 2024. arXiv:2410.14086 (tasks drawn
        from a law, learned in context).
    """
    checked(rules_in_context, locals())
    sizes = (length, bits, labels, concentration)
    train, _ = _contexts("train", documents, *sizes, np.random.default_rng((seed, 0)))
    fresh, known = _contexts("held_out", held_out, *sizes, np.random.default_rng((seed, 1)))
    return Task("rules_in_context", train, fresh, known)


def _ways(bits: int) -> tuple[list[tuple[int, ...]], np.ndarray, np.ndarray]:
    """What a rule may look at, which of its rows rules each input, and how likely each way is."""
    ways = [chosen for many in range(bits + 1) for chosen in combinations(range(bits), many)]
    inputs = np.arange(2**bits)
    rows = np.array(
        [sum(((inputs >> bit) & 1) << n for n, bit in enumerate(way)) + 0 * inputs for way in ways]
    )
    looks = np.array([len(way) for way in ways])
    prior = 1 / ((bits + 1) * np.bincount(looks)[looks])
    return ways, rows, prior


def _contexts(
    name: str,
    count: int,
    length: int,
    bits: int,
    labels: int,
    concentration: float,
    rng: np.random.Generator,
) -> tuple[Corpus, dict[str, float]]:
    """Rules, examples of each, and for held-out ones what Bayes makes of them."""
    ways, rows, prior = _ways(bits)
    way = rng.choice(len(ways), size=count, p=prior)
    drawn = rng.dirichlet(np.full(labels, concentration), size=(count, 2**bits))
    rules = drawn[np.arange(count)[:, None], rows[way]]
    asked = rng.integers(2**bits, size=(count, length))
    upto = rules.cumsum(-1)[np.arange(count)[:, None], asked, :-1]
    given = (rng.random((count, length, 1)) >= upto).sum(-1)
    facts: list[dict[str, object]] = [
        {
            "looks_at": list(ways[which]),
            "parameters": 2 ** len(ways[which]) * (labels - 1),
            "source": rule.tolist(),
        }
        for which, rule in zip(way, rules, strict=True)
    ]
    known = {"chance": float(np.log(labels))}
    if name == "held_out":
        settings = {"rows": rows, "prior": prior.tolist(), "concentration": concentration}
        after = bayes(given, asked, size=labels, **settings)
        example, place = np.ogrid[:count, :length]
        nats = -after[example, place, asked, given].sum(-1)
        for fact, value in zip(facts, nats, strict=True):
            fact["bayes_nats"] = float(value)
        known["bayes"] = float(nats.mean() / length)
        entropy = -(rules * np.log(np.maximum(rules, 1e-300))).sum(-1)
        known["entropy_rate"] = float(entropy.mean())
    made = [
        Document(f"{name}/{number}", _text(*pair), f"{len(ways[which])} bits", fact)
        for number, (pair, which, fact) in enumerate(
            zip(zip(asked, given, strict=True), way, facts, strict=True)
        )
    ]
    return Corpus(f"rules in context, {name.replace('_', ' ')}", tuple(made)), known


def _text(inputs: np.ndarray, labels: np.ndarray) -> str:
    return "".join(INPUTS[x] + LABELS[y] for x, y in zip(inputs, labels, strict=True))
