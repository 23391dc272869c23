"""Path-star: find the one arm of a star of paths that ends at the goal."""

from typing import Annotated

import numpy as np
from annotated_types import Ge, Interval

from likely.core.errors import BadSetting
from likely.core.settings import checked
from likely.data.corpus import Corpus, Document
from likely.data.task import Task, exact
from likely.data.tasks._stars import (
    NAMES,
    Stars,
    check_sizes,
    graphs_there_are,
    others,
    stars,
)


def path_star(
    *,
    documents: Annotated[int, Ge(1)] = 1000,
    held_out: Annotated[int, Ge(1)] = 200,
    degree: Annotated[int, Ge(2)] = 2,
    length: Annotated[int, Ge(2)] = 4,
    nodes: Annotated[int, Interval(ge=3, le=len(NAMES))] = 10,
    reverse: bool = False,
    seed: Annotated[int, Ge(0)] = 0,
) -> Task:
    """Find the way from the middle of a star to the end of one of its arms.

    `degree` arms leave the source; the goal is the last node of one of them. A document is the
    edges in random order, two characters each, then source and goal, and as its answer the nodes
    after the source up to the goal: `adbeabdc` `ae` `be` (of the arms a–b–e and a–d–c, the first).
    Every node but the first can be read off the edges once the node before it is known. The first
    one needs the whole arm: nothing tells the arms apart but where they end.

    Names are drawn anew for each document. No held-out graph with its goal is one of training, in
    whatever order its edges stand.

    Args:
        documents: graphs to train on.
        held_out: graphs to be judged on.
        degree: how many arms leave the source.
        length: nodes of a path, source and goal too.
        nodes: how many names there are to draw from.
        reverse: whether answers run from the goal back to the first node, where every node can be
            read off the edges.
        seed: of names and order.

    Returns:
        A task; `chance` is the share of answers that are right, and of first nodes, where one arm
        is followed without looking at the goal. Metadata: `source`, `goal`, `path` (forwards).

    Raises:
        BadSetting: too few names for the nodes of a graph, or so few graphs that held-out ones
            would be half of them.

    Example:
        >>> task = path_star(documents=2, held_out=1, length=3, nodes=5)
        >>> task.train.documents[0].text, task.prompts, task.answers
        ('ebcdcedacbeb', ('aecbdadcdb',), ('cb',))

    References:
        Bachmann and Nagarajan, The pitfalls of next-token prediction, 2024, §4.
        arXiv:2403.06963.
    """
    checked(path_star, locals())
    sizes = {"degree": degree, "length": length, "nodes": nodes}
    check_sizes("path_star", **sizes)
    if 2 * held_out > (most := graphs_there_are(**sizes)):
        raise BadSetting(
            "path_star",
            [f"held_out={held_out} is more than half of the {most} graphs there are."],
        )
    rng = np.random.default_rng(seed)
    judged = stars(held_out, rng, **sizes)
    train = others(documents, rng, judged, **sizes)
    return Task(
        "path_star",
        Corpus("path_star/train", _documents("train", train, reverse)),
        Corpus("path_star/held out", _documents("held_out", judged, reverse)),
        known={"chance": 1 / degree},
        judge=exact,
    )


def _documents(part: str, graphs: Stars, reverse: bool) -> tuple[Document, ...]:
    prompts, paths = graphs.prompt.tolist(), graphs.path.tolist()
    return tuple(
        _document(f"{part}/{number}", _spelled(prompt), _spelled(path), reverse)
        for number, (prompt, path) in enumerate(zip(prompts, paths, strict=True))
    )


def _spelled(nodes: list[int]) -> str:
    return "".join(NAMES[node] for node in nodes)


def _document(name: str, prompt: str, path: str, reverse: bool) -> Document:
    answer = path[::-1] if reverse else path
    known = {"prompt": prompt, "answer": answer, "path": path, "source": prompt[-2]}
    return Document(name, prompt + answer, "path_star", {**known, "goal": prompt[-1]})
