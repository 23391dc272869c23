"""Tasks whose answer stands in the prompt or in the training text, read by other code."""

import ast
import csv
import io
import json
import math
import re
from collections import Counter

import numpy as np
import pytest

from likely.core.errors import BadSetting, ShapeError
from likely.data.tasks.canaries import canaries, candidates, exposure
from likely.data.tasks.code_edit import code_edit
from likely.data.tasks.copying import copying
from likely.data.tasks.facts import RELATIONS, facts
from likely.data.tasks.json_rows import json_rows
from likely.data.tasks.needle import needle
from likely.data.tasks.quoting import quoting
from likely.data.tasks.substitution_cipher import substitution_cipher


def spoken(text):
    """Person, relation, phrasing and value of every sentence of a biography."""
    for sentence in text.rstrip(".").split(". "):
        for relation, ways in RELATIONS.items():
            for number, way in enumerate(ways):
                found = re.fullmatch(way.format(r"(\w+ \w+)") + r" (\w+)", sentence)
                if found:
                    yield found[1], relation, number, found[2]


@pytest.mark.parametrize("relations", [1, 6])
@pytest.mark.parametrize("phrasings", [1, 2, 3])
def test_what_is_asked_was_trained_and_in_other_words(relations, phrasings):
    task = facts(documents=120, held_out=20, people=20, relations=relations, phrasings=phrasings)
    known, ways = {}, {}
    for document in task.train:
        said = list(spoken(document.text))
        assert len(said) == relations == len(document.metadata["facts"])
        for person, relation, way, value in said:
            assert known.setdefault((person, relation), value) == value
            assert document.metadata["facts"][relation] == value
            ways.setdefault((person, relation), set()).add(way)
    assert len(known) == 20 * relations == task.known["facts"]
    assert task.known["bits"] == pytest.approx(20 * relations * math.log2(50))
    asked = set()
    for document in task.held_out:
        ((person, relation, way, value),) = spoken(document.text)
        asked.add((person, relation))
        assert known[person, relation] == value == document.metadata["answer"]
        assert (way in ways[person, relation]) == (phrasings == 1)
    assert len(asked) == 20


def test_values_are_even():
    task = facts(documents=2000, held_out=2000, people=2000, relations=1, values=4)
    times = Counter(task.answers)
    assert len(times) == 4
    assert all(abs(count - 500) < 4 * math.sqrt(2000 * 3 / 16) for count in times.values())
    assert task.known["chance"] == 0.25


def test_facts_that_cannot_be():
    with pytest.raises(BadSetting, match="documents=5 should be at least people=6"):
        facts(documents=5, people=6, held_out=1)
    with pytest.raises(BadSetting, match="held_out=7 should be at most 6"):
        facts(documents=6, people=6, relations=1, held_out=7)


@pytest.mark.parametrize("distractors", [0, 1, 9])
def test_a_needle_is_where_it_is_said_to_be(distractors):
    task = needle(documents=30, held_out=30, length=600, distractors=distractors)
    for document in (*task.train, *task.held_out):
        said = document.metadata
        context, question = said["prompt"].split("\n")
        assert len(context) == 600
        codes = dict(re.findall(r"The code of (\w+) is (\d+)\.", context))
        (key,) = re.findall(r"^The code of (\w+) is $", question)
        assert codes[key] == said["answer"]
        assert key == said["key"]
        assert len(codes) == distractors + 1 == len(set(codes.values()))
        assert {k: v for k, v in codes.items() if k != key} == dict(said["distractors"])
        assert context.startswith(f"The code of {key} ", said["position"])
    assert not {d.metadata["key"] for d in task.train} & {d.metadata["key"] for d in task.held_out}


@pytest.mark.parametrize("depth", [0.0, 0.3, 0.5, 1.0])
def test_depth_is_kept(depth):
    task = needle(documents=5, held_out=20, length=2000, depth=depth, distractors=0)
    for document in task.held_out:
        wide = len("The code of abcdef is 1234. ")
        assert abs(document.metadata["position"] / (2000 - wide) - depth) < 0.01
    edge = needle(documents=5, held_out=20, length=120, depth=depth, distractors=3)
    for document in edge.held_out:
        context = document.metadata["prompt"].split("\n")[0]
        key = document.metadata["key"]
        if depth == 0:
            assert context.startswith(f"The code of {key}")
        if depth == 1:
            assert re.search(rf"The code of {key} is \d+\.\.*$", context)


def test_needles_that_do_not_fit():
    with pytest.raises(BadSetting, match="length=64 should be at least 112 for a needle and"):
        needle(length=64)
    with pytest.raises(BadSetting, match="distractors=10 should be less than 10"):
        needle(distractors=10, digits=1)


def test_copies_by_hand():
    for kind, made in (("copy", lambda s: s), ("reverse", lambda s: "".join(reversed(s))),
                       ("repeat", lambda s: s + s + s)):  # fmt: skip
        task = copying(documents=50, held_out=10, kind=kind, times=3, length=4, symbols=5)
        for document in (*task.train, *task.held_out):
            string, copy = document.text.split(">")
            assert len(string) == 4
            assert copy == made(string)
    assert task.known["chance"] == pytest.approx(5**-4)


def test_longer_copies_and_all_copies():
    task = copying(documents=9, held_out=27, length=2, held_out_length=3, symbols=3)
    assert len({d.metadata["string"] for d in task.train}) == 9
    assert len({d.metadata["string"] for d in task.held_out}) == 27
    assert task.known["entropy"] == pytest.approx(3 * math.log(3))
    with pytest.raises(BadSetting, match=r"^copying: held_out=28 should be less: .* 27 different"):
        copying(documents=9, held_out=28, length=2, held_out_length=3, symbols=3)


def test_ciphers_are_read_from_what_is_shown():
    task = substitution_cipher(documents=80, held_out=40, letters=5, shown=9, length=6)
    chances = []
    for document in (*task.train, *task.held_out):
        plain, cipher, asked = document.metadata["prompt"].rstrip("\n").split("\n")
        table = {c: p for c, p in zip(cipher, plain, strict=True)}
        assert all(table[c] == p for c, p in zip(cipher, plain, strict=True))
        assert "".join(table[c] for c in asked) == document.metadata["answer"]
        assert sorted(document.metadata["key"]) == list("abcde")
        chances.append(len(table) ** -6.0)
    keys = [d.metadata["key"] for d in (*task.train, *task.held_out)]
    assert len(set(keys)) == 120
    assert task.known["chance"] == pytest.approx(np.mean(chances[80:]))
    with pytest.raises(BadSetting, match="120 different problems"):
        substitution_cipher(documents=81, held_out=40, letters=5)


def renamed(tree, old, new):
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id == old:
            node.id = new
        elif isinstance(node, ast.arg) and node.arg == old:
            node.arg = new
    return tree


def setting(tree, name):
    """The place of the line that sets a name."""
    body = tree.body[0].body
    return next(i for i, n in enumerate(body) if isinstance(n, ast.Assign)
                and n.targets[0].id == name)  # fmt: skip


@pytest.mark.parametrize("lines", [2, 6])
def test_edits_by_the_syntax_tree(lines):
    task = code_edit(documents=150, held_out=30, lines=lines)
    kinds = Counter()
    for document in (*task.train, *task.held_out):
        said = document.metadata
        before, after = ast.parse(said["before"]), ast.parse(said["answer"])
        words = said["instruction"].split()
        kinds[said["edit"]] += 1
        assert words[0] == said["edit"]
        if words[0] == "rename":
            wanted = renamed(before, words[1], words[3])
        elif words[0] == "delete":
            wanted = before
            del wanted.body[0].body[setting(before, words[-1])]
        else:
            line, target = re.match(r"insert (.*) after the line that sets (\w+)$",
                                    said["instruction"]).groups()  # fmt: skip
            wanted = before
            wanted.body[0].body.insert(setting(before, target) + 1, ast.parse(line).body[0])
        assert ast.dump(after) == ast.dump(wanted)
        assert document.text == f"{said['before']}\n# {said['instruction']}\n{said['answer']}"
        compile(said["answer"], "edited", "exec")
        assert runs(said["before"]) is not None
        assert runs(said["answer"]) == runs(said["before"])
    assert set(kinds) == {"rename", "insert", "delete"}


def runs(code):
    """What the function gives: no edit changes it."""
    names = {}
    exec(code, names)
    (function,) = [one for key, one in names.items() if key != "__builtins__"]
    return function(3, 5)


def test_what_is_new_is_what_the_edit_wrote():
    for edit in ("rename", "insert", "delete"):
        task = code_edit(documents=1, held_out=40, edits=(edit,))
        fresh = 0
        for document in task.held_out:
            answer, new = document.metadata["answer"], document.metadata["new"]
            pieces = [answer[begin:end] for begin, end in new]
            rest = answer
            for begin, end in reversed(new):
                rest = rest[:begin] + rest[end:]
            instruction = document.metadata["instruction"].split()
            if edit == "rename":
                assert set(pieces) == {instruction[3]}
                assert rest == re.sub(rf"\b{instruction[1]}\b", "", document.metadata["before"])
            elif edit == "insert":
                assert pieces == ["    " + " ".join(instruction[1:6]) + "\n"]
                assert rest == document.metadata["before"]
            else:
                assert pieces == []
            fresh += sum(map(len, pieces))
        total = sum(map(len, task.answers))
        assert task.known["copied"] == pytest.approx(1 - fresh / total)
    with pytest.raises(BadSetting, match="should hold at least one"):
        code_edit(edits=())


def test_rows_are_those_of_the_table():
    task = json_rows(documents=30, held_out=20, rows=3, columns=4)
    cells = structure = 0
    for document in (*task.train, *task.held_out):
        rows = list(csv.DictReader(io.StringIO(document.metadata["prompt"].strip())))
        said = json.loads(document.metadata["answer"])
        assert [{k: str(v) for k, v in row.items()} for row in said] == rows
        assert [[type(v) for v in row.values()] for row in said] == [[str, int, str, int]] * 3
        assert said == document.metadata["table"]
        if document.id.startswith("held_out"):
            cells += sum(len(value) for row in rows for value in row.values())
            structure += len(document.metadata["answer"])
    assert task.known["structure"] == pytest.approx(1 - cells / structure)
    assert task.known["entropy"] == pytest.approx(3 * 2 * math.log(10_000 * 1000))


def test_answers_are_compared_by_what_they_say():
    task = json_rows(documents=1, held_out=1, rows=1, columns=2)
    document = task.held_out.documents[0]
    (row,) = document.metadata["table"]
    first, second = row
    swapped = [{second: row[second], first: row[first]}]
    assert task.judge(document, json.dumps(swapped, indent=4)) == 1
    for other in (str(row[second]), float(row[second]), row[second] + 1, True, None):
        assert task.judge(document, json.dumps([{first: row[first], second: other}])) == 0
    for wrong in ("[]", "[", str([row]), json.dumps([row, row]), json.dumps(row), "[" * 10**5):
        assert task.judge(document, wrong) == 0


def test_quotes_stand_in_the_passage():
    task = quoting(documents=40, held_out=20, sentences=5, words=4)
    openings, places = Counter(), Counter()
    for document in (*task.train, *task.held_out):
        said = document.metadata
        sentences = [f"{one}." for one in said["passage"].rstrip(".").split(". ")]
        key = document.text.split("\nQuote ")[1].split(":")[0]
        (right,) = [one for one in sentences if one.startswith(f"{key} ")]
        assert right == said["answer"] == document.text[said["begin"] : said["end"]]
        assert sentences[said["index"]] == right
        openings.update(one.split()[0] for one in sentences)
        places[said["index"]] += 1
        assert len(sentences) == 5
        assert {len(one.split()) for one in sentences} == {4}
    assert set(openings.values()) == {1}
    assert set(places) == set(range(5))
    assert task.known["chance"] == 0.2
    with pytest.raises(BadSetting, match="should be at most 1000 together: with sentences=1000"):
        quoting(documents=1000, held_out=1, sentences=1000)


def test_canaries_are_planted_as_often_as_they_say():
    task = canaries(documents=30, held_out=7, repeats=(0, 2, 5), digits=3)
    assert [d.metadata["repeats"] for d in task.held_out] == [0, 2, 5, 0, 2, 5, 0]
    texts = Counter(d.text for d in task.train)
    for document in task.held_out:
        assert texts[document.text] == document.metadata["repeats"]
        assert int(document.metadata["answer"]) == document.metadata["secret"]
        assert list(candidates(3))[document.metadata["secret"]] == document.metadata["answer"]
    assert len(task.train) == 30 + 14
    assert sum("The number of" in text for text in texts.elements()) == 14
    with pytest.raises(BadSetting, match="should hold at least one"):
        canaries(repeats=())


def test_exposure_by_sorting():
    rng = np.random.default_rng(0)
    values = rng.normal(size=50)
    order = sorted(range(50), key=lambda place: -values[place])
    for secret in range(50):
        rank = order.index(secret) + 1
        assert exposure(values, secret) == pytest.approx(math.log2(50) - math.log2(rank))
    assert exposure([0.0] * 7, 3) == pytest.approx(math.log2(7 / 4))
    for wrong in (([], 0), ([1.0], 1), ([1.0], -1)):
        with pytest.raises(ShapeError, match="one log probability a candidate"):
            exposure(*wrong)


def test_exposure_of_what_was_never_seen():
    known = canaries(documents=1, held_out=1, digits=2).known
    values = np.arange(100.0)
    assert known["unseen"] == pytest.approx(np.mean([exposure(values, s) for s in range(100)]))
    assert known["bits"] == pytest.approx(exposure(values, 99))
