"""The contract of every task: seeded, counted, exact, and nothing held out that was trained on.

A held-out document may say of itself that training has it: `repeats`, how often it was planted
there, or `trained`, whether it happens to occur there. What is said is compared with what is.
"""

import inspect
import json
import math
import os
import subprocess
import sys

import numpy as np
import pytest
import torch

from likely.core.catalogue import catalogue, get
from likely.core.errors import BadSetting, Unsupported
from likely.core.settings import settings_of
from likely.data.tokenizers.bytes import bytes as bytes_of
from likely.data.tokenizers.characters import characters
from scripts.documentation.docstring import parse

NAMES = [name for name, module in catalogue("data.tasks").items() if module.startswith("likely.")]
SIZES = {"documents": 40, "held_out": 6}
SMALL = {"facts": {"people": 10}, "modular_addition": {"p": 7}}
WRONG = "¤"
every = pytest.mark.parametrize("name", NAMES)


def settings_for(name, **more):
    """Small sizes, as far as the task has them."""
    known = settings_of(get("data.tasks", name))
    return {**{k: v for k, v in SIZES.items() if k in known}, **SMALL.get(name, {}), **more}


def made(name, **more):
    return get("data.tasks", name)(**settings_for(name, **more))


def told(corpus):
    return [(d.id, d.text, d.domain, repr(sorted(d.metadata.items()))) for d in corpus]


@every
def test_the_same_seed_gives_the_same_and_another_one_another(name):
    one, again, other = made(name, seed=3), made(name, seed=3), made(name, seed=4)
    assert told(one.train) == told(again.train)
    assert told(one.held_out) == told(again.held_out)
    assert dict(one.known) == dict(again.known)
    assert [d.text for d in one.train] != [d.text for d in other.train]
    assert [d.text for d in one.held_out] != [d.text for d in other.held_out]


@every
def test_generators_of_others_are_left_alone(name):
    def states():  # Not that of `random`, which beartype draws from.
        plain = np.random.get_state()
        return plain[1].tolist(), plain[2], torch.get_rng_state().tolist()

    before = states()
    made(name)
    assert states() == before


@every
def test_there_are_as_many_as_asked(name):
    task, asked = made(name), settings_for(name)
    assert task.name == name
    planted = [d for d in task.train if d.metadata.get("repeats")]
    if "documents" in asked:
        assert len(task.train) - len(planted) == asked["documents"]
    if "held_out" in asked:
        assert len(task.held_out) == asked["held_out"]
    assert all(document.text for document in (*task.train, *task.held_out))


@every
def test_one_of_each_is_possible(name):
    known = settings_of(get("data.tasks", name))
    least = {key: 1 for key in SIZES if key in known}
    task = made(name, **least, **({"people": 1} if name == "facts" else {}))
    assert len(task.train) >= 1
    assert len(task.held_out) >= 1


@every
def test_prompt_and_answer_make_the_text(name):
    task = made(name)
    asked = [d for d in (*task.train, *task.held_out) if "answer" in d.metadata]
    for document in asked:
        assert document.text == document.metadata["prompt"] + document.metadata["answer"]
    if task.judge is not None:
        assert set(map(id, task.held_out)) <= set(map(id, asked))
        assert all(task.answers)


@every
def test_the_judge_knows_right_from_wrong(name):
    task = made(name)
    if task.judge is None:
        with pytest.raises(Unsupported, match="asks nothing"):
            task.score([""] * len(task.held_out))
        return
    assert task.score(task.answers).tolist() == [1.0] * len(task.held_out)
    assert task.score([f" {answer}\n" for answer in task.answers]).min() == 1
    for wrong in (WRONG, ""):
        scores = task.score([wrong] * len(task.held_out))
        assert ((scores >= 0) & (scores < 1)).all(), wrong


@every
def test_what_is_held_out_is_not_trained_on_unless_it_says_so(name):
    task = made(name)
    trained = [document.text for document in task.train]
    for document in task.held_out:
        times, said = trained.count(document.text), document.metadata
        if "repeats" in said:
            assert times == said["repeats"]
        elif "trained" in said:
            assert (times > 0) == said["trained"]
        else:
            assert times == 0


@every
def test_bytes_and_characters_read_it(name):
    task = made(name)
    texts = [document.text for document in (*task.train, *task.held_out)]
    for vocabulary in (bytes_of(task.train), characters(task.train)):
        assert [vocabulary.decode(vocabulary.encode(text)) for text in texts] == texts
    whole = characters(task.train, least=1)
    for document in task.train:
        assert len(whole.encode(document.text)) == len(document.text), "one id a character"


@every
def test_what_is_known_are_numbers(name):
    known = made(name).known
    assert known
    for key, value in known.items():
        assert isinstance(value, float), key
        assert math.isfinite(value), key
        assert value >= 0, key
        if key.startswith("chance") or key.endswith("accuracy"):
            assert value <= 1, key


@every
def test_its_page_is_whole(name):
    entry = get("data.tasks", name)
    parameters = inspect.signature(entry).parameters.values()
    assert all(p.kind is p.KEYWORD_ONLY and p.default is not p.empty for p in parameters)
    assert "seed" in settings_of(entry)
    doc = parse(inspect.getdoc(entry))
    assert len(doc.line) < 100
    for part in ("Args", "Returns", "Raises", "Example", "References"):
        assert part in doc.sections, f"{name} lacks {part}"
    assert ">>>" in doc.sections["Example"]


@every
@pytest.mark.usefixtures("untyped")
def test_it_checks_what_it_is_given(name):
    with pytest.raises(BadSetting, match=rf"^{name}: .*seed=-1 should be at least 0"):
        get("data.tasks", name)(seed=-1)


CHILD = """
import json, sys
from likely.core.catalogue import get
for name, settings in json.loads(sys.argv[1]).items():
    task = get("data.tasks", name)(**settings)
    texts = [document.text for document in (*task.train, *task.held_out)]
    sys.stdout.write(json.dumps([name, texts]) + chr(10))
"""


def test_another_process_makes_the_same():
    """Nothing depends on the order of a set, which differs from process to process."""
    chosen = {name: settings_for(name) for name in NAMES}
    environment = {**os.environ, "PYTHONHASHSEED": "7", "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", CHILD, json.dumps(chosen)]
    run = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    for name, texts in map(json.loads, run.stdout.splitlines()):
        task = made(name)
        assert texts == [document.text for document in (*task.train, *task.held_out)], name
    assert run.stdout.count("\n") == len(NAMES)
