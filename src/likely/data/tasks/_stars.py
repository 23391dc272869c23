"""Stars of paths: many graphs at once, as numbers of nodes."""

from dataclasses import dataclass
from math import factorial, perm
from typing import Any

import numpy as np
from numpy.typing import NDArray

from likely.core.errors import BadSetting

Nodes = NDArray[np.int64]
NAMES = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
"""What nodes are called, one character each."""


@dataclass(frozen=True, eq=False)
class Stars:
    """Graphs in which arms of one length leave a source, and the end of one arm is the goal.

    Args:
        edges: from where to where, in random order, `[B, E, 2]`.
        arms: the nodes of every arm from the source outwards, `[B, degree, length − 1]`; the
            first arm of each graph is the one that leads to the goal.
        source: the node that all arms leave, `[B]`.
    """

    edges: Nodes
    arms: Nodes
    source: Nodes

    @property
    def path(self) -> Nodes:
        """The nodes after the source on the way to the goal, `[B, length − 1]`."""
        return self.arms[:, 0]

    @property
    def prompt(self) -> Nodes:
        """Edges, then source and goal: `[B, 2 E + 2]`."""
        edges = self.edges.reshape(len(self.edges), -1)
        return np.concatenate([edges, self.source[:, None], self.path[:, -1:]], axis=1)

    @property
    def keys(self) -> NDArray[Any]:
        """One text a graph with its goal, the same in whatever order its edges stand, `[B]`."""
        others = self.arms[:, 1:]
        order = others[:, :, 0].argsort(axis=1)[:, :, None]
        others = np.take_along_axis(others, order, axis=1).reshape(len(others), -1)
        whole = np.concatenate([self.source[:, None], self.path, others], axis=1)
        # As bytes, from 1: numpy drops zeros at the end of bytes.
        spelled = np.ascontiguousarray((whole + 1).astype(np.uint8))
        return spelled.view(f"S{spelled.shape[1]}")[:, 0]

    def __getitem__(self, which: NDArray[np.bool_] | slice) -> "Stars":
        return Stars(self.edges[which], self.arms[which], self.source[which])


def check_sizes(where: str, *, degree: int, length: int, nodes: int) -> None:
    """Raise where there are too few names for the nodes of a graph.

    Args:
        where: what the sizes were given to.
        degree: how many arms.
        length: nodes of a path, the source too.
        nodes: how many names there are.

    Raises:
        BadSetting: too few.
    """
    needed = 1 + degree * (length - 1)
    if nodes < needed:
        raise BadSetting(
            where,
            [
                f"nodes={nodes} names are too few for degree={degree} arms of length={length}: "
                f"these have {needed} nodes."
            ],
        )


def graphs_there_are(*, degree: int, length: int, nodes: int) -> int:
    """How many graphs with a goal there are, edges in whatever order.

    Args:
        degree: how many arms.
        length: nodes of a path, the source too.
        nodes: how many names there are.

    Returns:
        Ways to name the nodes; the arms that lead elsewhere have no order.
    """
    return perm(nodes, 1 + degree * (length - 1)) // factorial(degree - 1)


def stars(count: int, rng: np.random.Generator, *, degree: int, length: int, nodes: int) -> Stars:
    """Draw graphs, each as likely as any other.

    Args:
        count: B, how many.
        rng: draws names and the order of edges.
        degree: how many arms leave the source.
        length: nodes of a path, the source too.
        nodes: how many names there are.

    Returns:
        The graphs.
    """
    named = rng.random((count, nodes)).argsort(axis=1)[:, : 1 + degree * (length - 1)]
    source, arms = named[:, 0], named[:, 1:].reshape(count, degree, length - 1)
    first = np.broadcast_to(source[:, None, None], (count, degree, 1))
    begins = np.concatenate([first, arms[:, :, :-1]], axis=2)
    edges = np.stack([begins, arms], axis=3).reshape(count, -1, 2)
    order = rng.random(edges.shape[:2]).argsort(axis=1)[:, :, None]
    return Stars(np.take_along_axis(edges, order, axis=1), arms, source)


def others(
    count: int, rng: np.random.Generator, apart: Stars, *, degree: int, length: int, nodes: int
) -> Stars:
    """Draw graphs that are none of some.

    Args:
        count: B, how many.
        rng: draws them.
        apart: graphs that must not be drawn, in whatever order their edges stand.
        degree: how many arms leave the source.
        length: nodes of a path, the source too.
        nodes: how many names there are.

    Returns:
        The graphs.
    """
    sizes = {"degree": degree, "length": length, "nodes": nodes}
    taken = np.unique(apart.keys)
    found = stars(count, rng, **sizes)
    while (again := np.isin(found.keys, taken)).any():
        fresh = stars(int(again.sum()), rng, **sizes)
        for mine, theirs in zip(
            (found.edges, found.arms, found.source),
            (fresh.edges, fresh.arms, fresh.source),
            strict=True,
        ):
            mine[again] = theirs
    return found
