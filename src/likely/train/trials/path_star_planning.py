"""Ways to train on path-star: does a model plan, or read later nodes off those before them."""

from collections.abc import Callable
from typing import Annotated, Literal

import numpy as np
import torch
from annotated_types import Ge, Gt
from jaxtyping import Bool, Int
from torch import Tensor

from likely.core.batch import Batch
from likely.core.errors import BadSetting
from likely.core.settings import checked
from likely.core.vocabulary import Vocabulary
from likely.data._answers import answered
from likely.data.tasks._stars import (
    NAMES,
    Stars,
    check_sizes,
    graphs_there_are,
    others,
    stars,
)
from likely.models._ahead import Ahead, ahead
from likely.models._judge import evaluating
from likely.models.reader import Reader
from likely.models.transformer import Transformer, transformer
from likely.train.recipe import Optimizer, Schedule
from likely.train.trials._fit import fit

Training = Literal["next_token", "teacherless", "multi_token", "reversed"]
Count = Annotated[int, Ge(1)]
HELD_OUT = 512
SCHEDULE = Schedule("wsd", warmup=50, decay_share=0.3, floor=0.02)


def path_star_planning(
    seed: int,
    *,
    training: Training = "next_token",
    rate: Annotated[float, Gt(0)] = 3e-3,
    steps: Count = 800,
    rows: Count = 32,
    degree: Annotated[int, Ge(2)] = 2,
    length: Annotated[int, Ge(3)] = 4,
    nodes: Annotated[int, Ge(3)] = 8,
) -> dict[str, float | list[float]]:
    """Train a small transformer to find its way in graphs it has not seen, and let it find it.

    The task is `path_star`, with one token an edge, so that a lookup takes one layer of attention.
    Every step reads graphs drawn anew, none of them one of the 512 that it is judged on. The
    transformer has three layers of width 64 and is trained by Muon, on the tokens of the answer
    alone. The ways to train it:

    - `next_token`: with the path as teacher, a node is predicted from the true ones before it;
    - `teacherless`: dummies in place of the path, all nodes at once;
    - `multi_token`: with the path as teacher, and at each place as many heads as there are nodes
      left predict all of them; the heads beyond the next token are dropped in the end;
    - `reversed`: as `next_token`, from the goal to the first node, which takes no planning.

    Graphs, their order and first weights are the same for each of them.

    Args:
        seed: of graphs and first weights.
        training: which way.
        rate: highest learning rate.
        steps: of training.
        rows: graphs a step.
        degree: arms of a graph.
        length: nodes of a path, the source too.
        nodes: names that nodes are drawn from.

    Returns:
        One number a held-out graph: `accuracy`, 1 where the whole path is right, written greedily,
        node by node (teacherless: at once); `first_node_accuracy`, 1 where the node after the
        source is, which without planning is right in one of `degree`; `forced_accuracy`, the share
        of the nodes after that one that are right where the true ones before them are read
        (teacherless: where none are).

    Raises:
        BadSetting: a setting out of range, or names for too few graphs.

    References:
        Bachmann and Nagarajan, The pitfalls of next-token prediction, 2024, §4 and §5.
        arXiv:2403.06963; Gloeckle et al., Better & Faster Large Language Models via Multi-token
        Prediction, 2024, §2. arXiv:2404.19737 (`multi_token`).
    """
    checked(path_star_planning, locals())
    sizes = {"degree": degree, "length": length, "nodes": nodes}
    check_sizes("path_star_planning", **sizes)
    if (most := graphs_there_are(**sizes)) < 2 * HELD_OUT:
        problem = f"nodes={nodes} should be more: {HELD_OUT} graphs are held out of {most}."
        raise BadSetting("path_star_planning", [problem])
    held_out = stars(HELD_OUT, np.random.default_rng([seed, 0]), **sizes)
    model = _model(seed, **sizes)
    batch_of = _reading(training, nodes, length)
    several = training == "multi_token"

    def batches(step: int) -> Batch:
        fresh = others(rows, np.random.default_rng([seed, 1 + step]), held_out, **sizes)
        batch = batch_of(fresh)
        return ahead(batch, length - 1) if several else batch

    fit(
        Ahead(model, length - 1) if several else model,
        batches,
        steps=steps,
        optimizer=Optimizer("muon", lr=rate),
        schedule=SCHEDULE,
        seed=seed,
    )
    return _measures(model, training, held_out, nodes, batch_of(held_out))


def _model(seed: int, *, degree: int, length: int, nodes: int) -> Transformer:
    return transformer(
        _vocabulary(nodes, length - 2),
        layers=3,
        width=64,
        heads=2,
        hidden_ratio=2.0,
        context=degree * (length - 1) + length,
        seed=seed,
    )


def _vocabulary(nodes: int, dummies: int) -> Vocabulary:
    """Nodes, all pairs of them, then dummies and one that opens and closes a document."""
    single = [name.encode() for name in NAMES[:nodes]]
    pairs = [first + second for first in single for second in single]
    known = len(single) + len(pairs)
    special = range(known, known + dummies + 1)
    spelled = (*single, *pairs, *(b"" for _ in special))
    return Vocabulary(spelled, bos=special[-1], eos=special[-1], special=frozenset(special))


def _prompt(graphs: Stars, nodes: int) -> Int[Tensor, "S T"]:
    """Edges, one id each, then source and goal."""
    edges = nodes + graphs.edges[:, :, 0] * nodes + graphs.edges[:, :, 1]
    return torch.from_numpy(np.concatenate([edges, graphs.prompt[:, -2:]], axis=1))


def _answer(graphs: Stars, training: str) -> Int[Tensor, "S A"]:
    path = graphs.path[:, ::-1] if training == "reversed" else graphs.path
    return torch.from_numpy(np.ascontiguousarray(path))


def _reading(training: str, nodes: int, length: int) -> Callable[[Stars], Batch]:
    """From graphs to what one way to train reads of them."""
    first = nodes + nodes * nodes
    dummies = torch.arange(first, first + length - 2) if training == "teacherless" else None
    return lambda graphs: answered(_prompt(graphs, nodes), _answer(graphs, training), dummies)


def _measures(
    model: Reader, training: str, graphs: Stars, nodes: int, batch: Batch
) -> dict[str, float | list[float]]:
    answer = _answer(graphs, training)
    counted = batch.weight > 0
    with evaluating(model):
        forced = model.logits(batch)[counted].argmax(-1).view_as(answer) == answer
        if training == "teacherless":
            written = forced
        else:
            written = _greedy(model, _prompt(graphs, nodes), answer.shape[1]) == answer
    first = -1 if training == "reversed" else 0
    return {
        "accuracy": _numbers(written.all(dim=1)),
        "first_node_accuracy": _numbers(written[:, first]),
        "forced_accuracy": _numbers(forced[:, 1:]),
    }


def _greedy(model: Reader, prompt: Int[Tensor, "S T"], count: int) -> Int[Tensor, "S A"]:
    state, tokens, written = model.start(len(prompt)), prompt, []
    for _ in range(count):
        logits, state = model.step(state, tokens)
        tokens = logits.argmax(-1, keepdim=True)
        written.append(tokens)
    return torch.cat(written, dim=1)


def _numbers(right: Bool[Tensor, "..."]) -> list[float]:
    """One number a graph."""
    shares = right.double() if right.ndim == 1 else right.double().mean(dim=1)
    return [float(share) for share in shares]
