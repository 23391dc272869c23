"""Path-star: graphs that are what they say, one way through, and the exact chance."""

from collections import Counter, defaultdict
from itertools import permutations

import numpy as np
import pytest
import torch

from likely.core.errors import BadSetting
from likely.data._answers import answered
from likely.data.tasks._stars import graphs_there_are, others, stars
from likely.data.tasks.path_star import path_star

SIZES = {"degree": 3, "length": 4, "nodes": 12}


def ways(prompt, source, goal):
    """Every way from source to goal along the edges of a prompt, by search."""
    follows = defaultdict(list)
    for begin, end in zip(prompt[:-2:2], prompt[1:-2:2], strict=True):
        follows[begin].append(end)
    found, open_ways = [], [source]
    while open_ways:
        way = open_ways.pop()
        if way[-1] == goal:
            found.append(way)
        open_ways += [way + end for end in follows[way[-1]]]
    return found, follows


def test_every_graph_is_a_star_with_one_way():
    task = path_star(documents=40, held_out=20, **SIZES, seed=3)
    for document in (*task.train, *task.held_out):
        known, prompt = document.metadata, document.metadata["prompt"]
        assert document.text == prompt + known["answer"]
        assert prompt[-2:] == known["source"] + known["goal"]
        found, follows = ways(prompt, known["source"], known["goal"])
        assert found == [known["source"] + known["answer"]]
        assert len(follows[known["source"]]) == 3
        assert sorted(map(len, follows.values())) == [0] * 3 + [1] * 6 + [3]
        assert len(set(prompt)) == 10
    assert task.known == {"chance": pytest.approx(1 / 3)}
    assert task.score(task.answers).tolist() == [1.0] * 20
    assert task.score([answer[::-1] for answer in task.answers]).sum() == 0


def test_reversed_answers_are_the_same_paths():
    there, back = (path_star(documents=5, held_out=5, reverse=way, seed=1) for way in (False, True))
    assert there.prompts == back.prompts
    assert [answer[::-1] for answer in there.answers] == list(back.answers)
    assert back.held_out.documents[0].metadata["path"] == there.answers[0]


def test_chance_is_exact():
    """All graphs: whoever sees edges and source, and not the goal, can do no better."""
    seen = defaultdict(Counter)
    for source, a, b, c, d in permutations(range(5)):
        seen[source, frozenset([(source, a), (a, b), (source, c), (c, d)])][a, b] += 1
    right = sum(max(paths.values()) for paths in seen.values())
    total = sum(paths.total() for paths in seen.values())
    assert total == graphs_there_are(degree=2, length=3, nodes=5) == 120
    assert right / total == path_star(held_out=1, documents=1, length=3, nodes=5).known["chance"]


def test_graphs_are_drawn_evenly():
    found = stars(60_000, np.random.default_rng(0), degree=2, length=2, nodes=3)
    counts = np.array(list(Counter(found.keys.tolist()).values()))
    assert len(counts) == graphs_there_are(degree=2, length=2, nodes=3) == 6
    assert abs(counts - 10_000).max() < 400
    first = (found.edges[:, 0, 1] == found.path[:, -1]).mean()
    assert first == pytest.approx(0.5, abs=0.01)


def test_no_held_out_graph_is_one_of_training():
    sizes = {"degree": 2, "length": 3, "nodes": 5}
    task = path_star(documents=300, held_out=60, **sizes, seed=0)

    def graph(document):
        prompt = document.metadata["prompt"]
        return prompt[-2:], frozenset(zip(prompt[:-2:2], prompt[1:-2:2], strict=True))

    assert not {graph(d) for d in task.held_out} & {graph(d) for d in task.train}
    apart = stars(60, np.random.default_rng(1), **sizes)
    fresh = others(300, np.random.default_rng(2), apart, **sizes)
    assert not set(apart.keys.tolist()) & set(fresh.keys.tolist())


def test_a_key_does_not_know_the_order_of_edges_and_of_other_arms():
    found = stars(50, np.random.default_rng(0), **SIZES)
    turned = type(found)(found.edges[:, ::-1], found.arms[:, [0, 2, 1]], found.source)
    assert (found.keys == turned.keys).all()
    elsewhere = type(found)(found.edges, found.arms[:, [1, 0, 2]], found.source)
    assert (found.keys != elsewhere.keys).all()


def test_the_same_seed_is_the_same_task():
    one, same, other = (path_star(documents=5, held_out=5, seed=seed) for seed in (1, 1, 2))
    assert [d.text for d in one.train] == [d.text for d in same.train]
    assert one.prompts == same.prompts != other.prompts


def test_sizes_that_do_not_fit():
    with pytest.raises(BadSetting, match=r"nodes=6 names are too few .* these have 7 nodes"):
        path_star(nodes=6)
    with pytest.raises(BadSetting, match="held_out=70 is more than half of the 120 graphs"):
        path_star(held_out=70, length=3, nodes=5)


def test_answers_with_and_without_a_teacher():
    prompt, answer = torch.tensor([[1, 2, 3], [4, 5, 6]]), torch.tensor([[7, 8, 9], [10, 11, 12]])
    taught = answered(prompt, answer)
    assert taught.ids.view(2, 5)[0].tolist() == [1, 2, 3, 7, 8]
    alone = answered(prompt, answer, torch.tensor([20, 21]))
    assert alone.ids.view(2, 5).tolist() == [[1, 2, 3, 20, 21], [4, 5, 6, 20, 21]]
    for batch in (taught, alone):
        assert batch.target.view(2, 5)[1].tolist() == [5, 6, 10, 11, 12]
        assert batch.weight.view(2, 5).tolist() == [[0, 0, 1, 1, 1]] * 2
        assert batch.target[batch.weight > 0].view(2, 3).equal(answer)
