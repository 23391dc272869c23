"""Grammars, tags and pairs: probabilities and best scores, by enumeration and simulation."""

import math
import re
from collections import Counter
from functools import cache

import numpy as np
import pytest

from likely.core.errors import BadSetting, ShapeError
from likely.data.tasks._grammar import Grammar, Rule, random_grammar
from likely.data.tasks.imbalanced_tagging import imbalanced_tagging
from likely.data.tasks.paired_sentences import paired_sentences, preferred
from likely.data.tasks.pcfg import pcfg


def inside(grammar, text):
    """The probability of a string, summed over all its parses, without any parser of ours."""

    @cache
    def sequence(items, begin, end):
        if not items:
            return float(begin == end)
        first, rest = items[0], items[1:]
        return sum(one(first, begin, cut) * sequence(rest, cut, end)
                   for cut in range(begin + 1, end + 1))  # fmt: skip

    @cache
    def one(item, begin, end):
        if isinstance(item, str):
            return float(text[begin:end] == item)
        return sum(
            rule.probability
            * sequence(
                (rule.first, *rule.children, *((rule.last,) if rule.last else ())), begin, end
            )
            for rule in grammar.rules[item]
        )

    return sequence(grammar.roots, 0, len(text))


def grammar_of(seed, growth=0.7, roots=2):
    return random_grammar(3, 4, 2, roots, growth, np.random.default_rng(seed))


@pytest.mark.parametrize("seed", range(4))
def test_a_string_has_one_parse_and_its_probability_is_that_of_all_parses(seed):
    grammar, rng = grammar_of(seed), np.random.default_rng(seed)
    texts = [text for text in (grammar.draw(rng) for _ in range(60)) if len(text) < 16]
    assert len(texts) > 10
    for text in texts:
        assert math.exp(grammar.parse(text).log_prob) == pytest.approx(inside(grammar, text))
    letters = sorted({character for text in texts for character in text})
    broken = 0
    for text in texts:
        other = "".join(letters[place] for place in rng.integers(len(letters), size=len(text)))
        assert (grammar.parse(other) is None) == (inside(grammar, other) == 0)
        broken += grammar.parse(other) is None
    assert broken


def test_what_is_no_string_has_no_parse():
    grammar = Grammar((0,), ((Rule("(", (0, 0), ")", 0.25), Rule("a", (), "", 0.75)),))
    assert grammar.parse("(a(aa))").log_prob == pytest.approx(
        2 * math.log(0.25) + 3 * math.log(0.75)
    )
    assert grammar.parse("(a(aa))").rules == {"A(": 2, "Aa": 3}
    assert (grammar.parse("(a(aa))").depth, grammar.parse("(a(aa))").brackets) == (2, 2)
    for text in ("", "aa", "(a)", "(aa", "(aa))", ")", "b", "(aaa)"):
        assert grammar.parse(text) is None, text


def strings(grammar, left, least):
    """All strings of a sequence of symbols that are likelier than `least`, with probabilities."""
    done, todo = [], [("", left, 1.0)]
    while todo:
        text, rest, p = todo.pop()
        if p < least:
            continue
        if not rest:
            done.append((text, p))
        elif isinstance(rest[0], str):
            todo.append((text + rest[0], rest[1:], p))
        else:
            todo += [
                (text + r.first, (*r.children, *((r.last,) if r.last else ()), *rest[1:]),
                 p * r.probability) for r in grammar.rules[rest[0]]
            ]  # fmt: skip
    return done


def test_entropy_and_length_by_enumeration():
    grammar = grammar_of(0, growth=0.05, roots=1)
    found = strings(grammar, grammar.roots, 1e-9)
    p = np.array([one for _, one in found])
    assert len({text for text, _ in found}) == len(found)
    assert p.sum() == pytest.approx(1, abs=1e-5)
    assert -(p * np.log(p)).sum() == pytest.approx(grammar.entropy, abs=2e-4)
    assert sum(len(text) * one for text, one in found) == pytest.approx(grammar.length, abs=2e-4)


@pytest.mark.parametrize("seed", range(3))
def test_entropy_and_length_by_simulation(seed):
    task = pcfg(documents=2500, held_out=5, roots=3, growth=0.6, seed=seed)
    surprisal = np.array([-d.metadata["log_prob"] for d in task.train])
    length = np.array([len(d.text) for d in task.train])
    for values, wanted in ((surprisal, "entropy"), (length, "length")):
        assert abs(values.mean() - task.known[wanted]) < 4 * values.std() / 2500**0.5
    assert task.known["entropy_rate"] == pytest.approx(task.known["entropy"] / task.known["length"])


def test_what_is_told_of_a_string_is_so():
    task = pcfg(documents=50, held_out=50, brackets=4)
    for document in (*task.train, *task.held_out):
        depth = deepest = 0
        for character in document.text:
            depth += (character in "([{<") - (character in ")]}>")
            deepest = max(deepest, depth)
        assert depth == 0
        said = document.metadata
        assert said["depth"] == deepest
        assert said["brackets"] == len(re.findall(r"[(\[{<]", document.text))
        rest = len(document.text) - said["brackets"]
        assert sum(said["rules"].values()) == rest


def test_every_right_end_is_right_and_no_other():
    task = pcfg(documents=1, held_out=30, letters=3)
    for document in task.held_out:
        right = document.metadata["answer"]
        assert task.judge(document, right) == 1
        assert task.judge(document, right[:-1]) == 0
        assert task.judge(document, right + "a") == 0
    first, letter = task.held_out.documents[0], re.compile("[a-c]")
    swapped = {letter.sub(new, first.metadata["answer"]) for new in "abc"}
    assert {task.judge(first, one) for one in swapped} <= {0.0, 1.0}


def test_strings_that_training_has_are_marked():
    task = pcfg(documents=400, held_out=100, letters=1, symbols=1, brackets=1, roots=1)
    assert {d.metadata["trained"] for d in task.held_out} == {True, False}


def tables(task, tags, words):
    """Tag and word of every place, read off the text."""
    letters = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
    counted = Counter()
    for document in (*task.train, *task.held_out):
        text, _, said = document.text.partition(">")
        assert len(text) == len(said)
        counted.update(zip(map(letters.index, said), (letters.index(w) - tags for w in text),
                           strict=True))  # fmt: skip
    made = np.zeros((tags, tags * words))
    for (tag, word), times in counted.items():
        made[tag, word] = times
    return made


@pytest.mark.parametrize("noise", [0.0, 0.4, 1.0])
@pytest.mark.parametrize("exponent", [0.0, 1.5])
def test_tags_follow_their_law_and_the_best_tagger_scores_what_is_known(noise, exponent):
    tags, words = 5, 2
    task = imbalanced_tagging(documents=400, held_out=1, length=50, tags=tags, words=words,
                              noise=noise, exponent=exponent)  # fmt: skip
    share = [(t + 1) ** -exponent for t in range(tags)]
    share = [one / sum(share) for one in share]
    joint = np.zeros((tags, tags * words))
    for t in range(tags):  # From the definition: a word of one's own, or any word.
        for w in range(tags * words):
            joint[t, w] += share[t] * noise / (tags * words)
            joint[t, w] += share[t] * (1 - noise) / words * (w // words == t)
    counted = tables(task, tags, words)
    total = counted.sum()
    assert total == 401 * 50
    error = np.abs(counted / total - joint)
    assert (error < 4.5 * np.sqrt(joint * (1 - joint) / total) + 1e-12).all()
    best = joint.argmax(0)
    known = task.known
    right = sum(joint[best[w], w] for w in range(tags * words))
    assert known["bayes_accuracy"] == pytest.approx(right)
    scored = sum(counted[best[w], w] for w in range(tags * words)) / total
    assert abs(scored - right) < 4.5 * math.sqrt(right * (1 - right) / total) + 1e-12
    assert known["chance"] == pytest.approx(share[0])
    entropy = -sum(joint[t, w] * math.log(joint[t, w] / joint[:, w].sum())
                   for t in range(tags) for w in range(tags * words) if joint[t, w])  # fmt: skip
    assert known["entropy_rate"] == pytest.approx(entropy, abs=1e-9)


def test_the_best_balanced_tagger_by_trying_all():
    """All ways to give three words one of three tags each."""
    known = imbalanced_tagging(documents=1, held_out=1, tags=3, words=1, noise=0.6).known
    given = [[0.4 * (w == t) + 0.6 / 3 for w in range(3)] for t in range(3)]
    best = 0.0
    for code in range(27):
        says = [code // 3**w % 3 for w in range(3)]
        best = max(best, sum(given[says[w]][w] for w in range(3)) / 3)
    assert known["bayes_balanced_accuracy"] == pytest.approx(best)


def test_the_share_of_tags_that_are_right():
    task = imbalanced_tagging(documents=1, held_out=1, length=4)
    document, right = task.held_out.documents[0], task.answers[0]
    other = "z" if right[0] != "z" else "y"
    assert task.judge(document, other + right[1:]) == 0.75
    assert task.judge(document, right[:2]) == 0.5
    assert task.judge(document, right * 2) == 0.5


@pytest.mark.parametrize("distance", [0, 1, 3])
def test_verbs_agree_with_the_first_noun(distance):
    many = {"documents": 30, "held_out": 10} if distance == 0 else {}
    task = paired_sentences(distance=distance, **many)
    for document in (*task.train, *task.held_out):
        words = document.text.rstrip(".").split()
        assert len(words) == 2 + 2 * distance
        assert words[-1][-1] == {"a": "o", "i": "u"}[words[0][-1]]
        said = document.metadata
        assert said["chosen"][:-2] == said["rejected"][:-2]
        assert {said["chosen"][-2], said["rejected"][-2]} == {"o", "u"}
    nearest = [
        d.metadata["chosen"][-2] == {"a": "o", "i": "u"}[d.metadata["prompt"].split()[-1][-1]]
        for d in (*task.train, *task.held_out)
    ]
    wanted = task.known["nearest_noun"]
    assert abs(np.mean(nearest) - wanted) <= 4 * math.sqrt(wanted * (1 - wanted) / len(nearest))
    prompts = {d.metadata["prompt"] for d in task.train}
    assert not prompts & set(task.prompts)


def test_pairs_cannot_be_told_apart_by_their_words():
    task = paired_sentences(documents=2000, held_out=100)
    endings = Counter(d.metadata["chosen"][-2] for d in task.train)
    assert abs(endings["o"] - 1000) < 4 * math.sqrt(2000) / 2


@pytest.mark.parametrize("distance", [0, 2])
def test_translations_say_the_same(distance):
    task = paired_sentences(kind="translation", distance=distance)
    words = {}
    for document in (*task.train, *task.held_out):
        said = document.metadata
        source = document.text.split(" > ")[0].split()
        *described, subject, verb, thing = source
        target = said["chosen"].rstrip(".").split()
        assert subject != thing
        for one, other in zip((subject, *described, thing, verb), target, strict=True):
            assert words.setdefault(one, other) == other
        wrong = [words[one] for one in (thing, *described, subject, verb)]
        assert said["rejected"].rstrip(".").split() == wrong
        assert sorted(wrong) == sorted(target)
    assert len(set(words.values())) == len(words)
    assert not set(words) & set(words.values())


def test_the_share_that_is_preferred():
    assert preferred(np.array([-1.0, -2.0, -3.0, -4.0]), [-2.0, -1.0, -3.0, -9.0]) == 0.625
    for wrong in (([], []), ([1.0], [1.0, 2.0]), ([[1.0]], [[1.0]])):
        with pytest.raises(ShapeError, match="one of each a pair"):
            preferred(*map(np.array, wrong))
    with pytest.raises(BadSetting, match="these settings allow 40 different problems"):
        paired_sentences(distance=0)
