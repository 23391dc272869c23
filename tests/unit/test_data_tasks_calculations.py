"""Sums on a line and on a circle, choices and steps: checked by other code, and by enumeration."""

import re
from collections import Counter
from itertools import product

import numpy as np
import pytest
from scipy.stats import chisquare

from likely.core.errors import BadSetting
from likely.data.tasks.arithmetic import arithmetic
from likely.data.tasks.modular_addition import modular_addition
from likely.data.tasks.multiple_choice import multiple_choice
from likely.data.tasks.stepwise_maths import steps_right, stepwise_maths

ALL = ("+", "-", "*")


@pytest.mark.parametrize("base", [2, 10, 16, 36])
@pytest.mark.parametrize("reverse", [False, True])
def test_calculations_are_right(base, reverse):
    task = arithmetic(documents=150, held_out=30, operations=ALL, base=base, digits=5,
                      reverse=reverse)  # fmt: skip
    used = set()
    for document in (*task.train, *task.held_out):
        a, sign, b, result = re.fullmatch(r"(\w+)([-+*])(\w+)=(.*)", document.text).groups()
        used.add(sign)
        x, y = int(a, base), int(b, base)
        value = int(result[::-1] if reverse else result, base)
        assert value == {"+": x + y, "-": x - y, "*": x * y}[sign]
        said = document.metadata
        assert (said["a"], said["b"], said["value"]) == (x, y, value)
    assert used == set(ALL)


def test_padded_numbers_have_one_width():
    task = arithmetic(documents=60, held_out=40, operations=("+", "*"), digits=3, padded=True)
    for document in task.train:
        wide = {"+": 12, "*": 14}[document.metadata["operation"]]
        assert len(document.text) == wide


def test_all_sums_of_a_small_space_and_no_exchanged_pair():
    task = arithmetic(documents=60, held_out=20, digits=1)
    trained = {(d.metadata["a"], d.metadata["b"]) for d in task.train}
    kept = {(d.metadata["a"], d.metadata["b"]) for d in task.held_out}
    assert (len(trained), len(kept)) == (60, 20)
    assert not trained & (kept | {(b, a) for a, b in kept})
    with pytest.raises(BadSetting, match="these settings allow 100 different problems"):
        arithmetic(documents=61, held_out=20, digits=1)


def test_differences_may_be_exchanged():
    task = arithmetic(documents=80, held_out=20, digits=1, operations=("-",))
    pairs = {(d.metadata["a"], d.metadata["b"]) for d in (*task.train, *task.held_out)}
    assert len(pairs) == 100


@pytest.mark.parametrize("operations", [("+",), ("-",), ("*",), ALL])
def test_chance_by_enumeration(operations):
    known = arithmetic(documents=4, held_out=2, digits=1, base=5, operations=operations).known
    best = []
    for sign in operations:
        made = Counter({"+": a + b, "-": a - b, "*": a * b}[sign]
                       for a, b in product(range(5), repeat=2))  # fmt: skip
        best.append(max(made.values()) / 25)
    assert known["chance_of_all"] == pytest.approx(np.mean(best))
    assert known["problems"] == 25 * len(operations)


@pytest.mark.parametrize("carries", [0, 1, 3])
def test_sums_with_chosen_carries(carries):
    task = arithmetic(documents=50, held_out=10, digits=3, carries=carries)
    for document in (*task.train, *task.held_out):
        a, b = document.metadata["a"], document.metadata["b"]
        carried = [(a % 10**n + b % 10**n) >= 10**n for n in (1, 2, 3)]
        runs = "".join("01"[c] for c in carried).split("0")
        assert max(map(len, runs)) == carries == document.metadata["carries"]
    assert "chance_of_all" not in task.known


def test_carries_that_cannot_be():
    with pytest.raises(BadSetting, match="carries=4 should be at most digits=3"):
        arithmetic(carries=4)
    with pytest.raises(BadSetting, match="should be None where operations are not sums alone"):
        arithmetic(carries=1, operations=ALL)
    with pytest.raises(BadSetting, match="should hold at least one"):
        arithmetic(operations=())


@pytest.mark.parametrize("mirrored", [True, False])
@pytest.mark.parametrize("written", ["characters", "numbers"])
@pytest.mark.parametrize(("p", "share"), [(2, 0.5), (7, 0.01), (7, 0.99), (12, 0.37)])
def test_modular_addition_is_the_whole_table(mirrored, written, p, share):
    task = modular_addition(p=p, share=share, mirrored=mirrored, written=written)
    both = (*task.train, *task.held_out)
    table = {(d.metadata["a"], d.metadata["b"]): d.metadata["value"] for d in both}
    assert len(both) == p * p
    assert table == {(a, b): (a + b) % p for a in range(p) for b in range(p)}
    wanted = min(max(round(share * p * p), 1), p * p - 1)
    assert abs(len(task.train) - wanted) <= (0 if mirrored else 1)
    assert len(task.held_out) > 0
    answers = Counter(d.metadata["answer"] for d in both)
    assert {count / p**2 for count in answers.values()} == {task.known["chance"]} == {1 / p}
    if written == "numbers":
        assert all(eval(d.text.split("=")[0]) % p == int(d.text.split("=")[1]) for d in both)
    else:
        assert all(len(d.text) == 5 for d in both)
    if not mirrored:
        kept = {(d.metadata["a"], d.metadata["b"]) for d in task.held_out}
        assert kept == {(b, a) for a, b in kept}


def test_one_option_is_right_and_all_have_one_width():
    task = multiple_choice(documents=300, held_out=50, options=5, numbers=31)
    for document in (*task.train, *task.held_out):
        a, b, circle = map(int, re.match(r"(\d+)\+(\d+) mod (\d+)\?", document.text).groups())
        offered = re.findall(r"^([A-E])\) (\d+)$", document.text, re.MULTILINE)
        right = [letter for letter, number in offered if int(number) == (a + b) % circle]
        assert right == [document.metadata["answer"]]
        assert len({number for _, number in offered}) == 5
        assert {len(number) for _, number in offered} == {2}
        assert document.metadata["options"] == tuple(number for _, number in offered)
    asked = [tuple(sorted(map(int, d.metadata["question"].split(" ")[0].split("+"))))
             for d in task.held_out]  # fmt: skip
    trained = {tuple(sorted(map(int, d.metadata["question"].split(" ")[0].split("+"))))
               for d in task.train}  # fmt: skip
    assert not trained & set(asked)


def test_options_alone_say_nothing():
    """Place of the right one, its rank among the options, and whether it is near another one."""
    task = multiple_choice(documents=6000, held_out=300, options=4, numbers=100)
    places, ranks, near = Counter(), Counter(), Counter()
    for document in task.train:
        numbers, index = [int(o) for o in document.metadata["options"]], document.metadata["index"]
        places[index] += 1
        ranks[sorted(numbers).index(numbers[index])] += 1
        gaps = [min(abs(n - m) for m in numbers if m != n) for n in numbers]
        near[sorted(range(4), key=lambda i: (gaps[i], i)).index(index)] += 1
    for counted in (places, ranks, near):
        assert chisquare([counted[i] for i in range(4)]).pvalue > 1e-3
    with pytest.raises(BadSetting, match="options=4 should be at most numbers=3"):
        multiple_choice(numbers=3)


def solved(prompt, modulus):
    """The value that is asked for, by substitution into the definitions."""
    given, _, asked = prompt.strip().partition("?")
    definitions = dict(one.split("=") for one in given.split(";"))

    def value(name):
        inner = re.sub("[a-z]", lambda found: f"({value(found[0])})", definitions[name])
        return eval(inner) % modulus

    return asked, value(asked)


@pytest.mark.parametrize("mistake", ["value", "order"])
@pytest.mark.parametrize("modulus", [2, 10, 97])
def test_steps_are_right_and_mistakes_are_where_they_are_said_to_be(mistake, modulus):
    task = stepwise_maths(documents=120, held_out=40, modulus=modulus, steps=5, mistakes=0.4,
                          mistake=mistake)  # fmt: skip
    for document in (*task.train, *task.held_out):
        said = document.metadata
        assert solved(said["prompt"], modulus) == (said["asked"], said["value"])
        clean, right = document.text, ";".join(said["steps"])
        for begin, end in reversed(said["mistakes"]):
            assert document.text[end - 1] == "<"
            assert document.text[begin:end].count("<") == 1
            assert clean[begin : end - 1] not in said["steps"]
            clean = clean[:begin] + clean[end:]
        assert clean == said["prompt"] + right
        for step in said["steps"][1:]:
            _, calculation, value = step.split("=")
            assert eval(calculation) % modulus == int(value)
        assert steps_right(document, said["answer"]) == (True,) * 5
    assert all(d.metadata["mistakes"] == () for d in task.held_out)
    assert any(d.metadata["mistakes"] for d in task.train)


@pytest.mark.parametrize(("mistake", "places"), [("value", 4), ("order", 3)])
def test_mistakes_are_as_many_as_expected(mistake, places):
    task = stepwise_maths(documents=3000, mistakes=0.3, mistake=mistake)
    counts = np.array([len(d.metadata["mistakes"]) for d in task.train])
    expected = task.known["mistakes_expected"]
    assert expected == pytest.approx(places * 0.3 / 0.7)
    assert abs(counts.mean() - expected) < 4 * counts.std() / 3000**0.5


def test_names_taken_too_early_are_those_of_later_steps():
    task = stepwise_maths(documents=50, held_out=1, mistakes=0.5, mistake="order")
    for document in task.train:
        order = [step[0] for step in document.metadata["steps"]]
        for piece in document.metadata["answer"].split(";"):
            *early, step = piece.split("<")
            assert all(order.index(name) > order.index(step[0]) for name in early)


def test_the_judge_reads_the_last_step_and_the_checker_every_one():
    task = stepwise_maths(documents=1, held_out=3, steps=3)
    document = task.held_out.documents[0]
    first, second, last = document.metadata["steps"]
    wrong = second[:-1] + str((int(second[-1]) + 1) % 10)
    assert task.judge(document, f"{first};{wrong};{last}") == 1
    assert steps_right(document, f"{first};{wrong};{last}") == (True, False, True)
    assert task.judge(document, f"{first};{second};{wrong}<{last}") == 1
    assert task.judge(document, f"{first};{second};{last}<") == 0
    assert task.judge(document, f"{first};{second}") == 0
    assert steps_right(document, f"{first};{second}") == (True, True, False)
    off = last[:-1] + str((int(last[-1]) + 1) % 10)
    assert task.judge(document, f"{first};{second};{off}") == 0


def test_problems_do_not_come_back_under_other_names():
    task = stepwise_maths(documents=290, held_out=40, steps=2)

    def bare(document):
        first, second = document.metadata["steps"]
        definitions = sorted(document.metadata["prompt"].partition("?")[0].split(";"))
        longer = max(definitions, key=len)
        return (first[2:], longer.replace(first[0], "X").replace(second[0], "Y"))

    assert not set(map(bare, task.train)) & set(map(bare, task.held_out))
    with pytest.raises(BadSetting, match="330 different problems"):
        stepwise_maths(documents=291, held_out=40, steps=2)
