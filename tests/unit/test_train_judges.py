"""Judges against numbers that were computed another way."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from likely.audit.by_frequency import frequency_buckets
from likely.audit.likelihood import likelihood
from likely.audit.number_error import number_error
from likely.audit.predictions import predictions
from likely.core.catalogue import get
from likely.core.errors import BadInput, BadSetting
from likely.core.vocabulary import Vocabulary
from likely.data.corpus import Corpus, Document
from likely.data.packing import evaluation_batches
from likely.data.plant import Planted
from likely.data.task import Task, exact
from likely.data.tokens import encode
from likely.models.feed_forward import feed_forward
from likely.models.ngram import ngram
from likely.models.reader import Reader
from likely.train import judge as judge_module
from likely.train.exam import Asked, Exam, continued
from likely.train.judge import sit
from likely.train.judges import _written
from likely.train.judges.repetition import of_real_text

BYTES = Vocabulary.of_bytes()


def tokens(*texts):
    return encode(Corpus("c", tuple(Document(str(i), t) for i, t in enumerate(texts))), BYTES)


TEXT = tokens("12 birds and 7 trees, 30 stones\n" * 3, "no numbers here", "4" * 40)
MODEL = feed_forward(BYTES, width=8, seed=3)


def logits_in_order(reader, text, length):
    """Float64 logits of every target, in the order of the text."""
    parts, targets = [], []
    for batch in evaluation_batches(text, length=length, rows=5):
        counts = batch.weight > 0
        parts.append(reader.logits(batch).double()[counts])
        targets.append(batch.target[counts])
    return torch.cat(parts).detach(), torch.cat(targets)


def test_predictions_are_those_of_plain_logits():
    z, y = logits_in_order(MODEL, TEXT, 16)
    found = predictions(MODEL, TEXT, length=16, rows=3)
    log_p = z.log_softmax(-1)
    assert np.array_equal(y.numpy(), TEXT.ids)
    np.testing.assert_allclose(found.log_prob, log_p.gather(1, y[:, None].long())[:, 0], atol=1e-5)
    np.testing.assert_allclose(found.entropy, -(log_p.exp() * log_p).sum(-1), atol=1e-5)
    np.testing.assert_allclose(found.confidence, log_p.exp().max(-1).values, atol=1e-6)
    assert np.array_equal(found.correct, (z.argmax(-1) == y).numpy())


@pytest.mark.parametrize("reader", [MODEL, ngram(TEXT, TEXT, order=3)], ids=["neural", "ngram"])
def test_the_likelihood_of_an_exam_is_that_of_the_audit(reader):
    said = get("train.judges", "likelihood")(reader, Exam(TEXT, length=16))
    wanted = likelihood(reader, TEXT, length=16)
    for name, value in said.items():
        assert value == pytest.approx(getattr(wanted, name), rel=1e-12)


def test_number_errors_are_those_of_plain_logits():
    z, y = logits_in_order(MODEL, TEXT, 16)
    digits = torch.arange(48, 58)
    at = ((y >= 48) & (y < 58)).nonzero()[:, 0]
    among, wanted = z[at][:, digits], (y[at] - 48).double()
    expected = (among.softmax(-1) @ torch.arange(10.0).double() - wanted).abs()
    greedy = (among.argmax(-1) - wanted).abs()
    found = number_error(MODEL, TEXT, length=16, rows=3)
    np.testing.assert_allclose(found.expected, expected, atol=1e-5)
    assert np.array_equal(found.greedy, greedy.numpy())
    with pytest.raises(BadInput, match="no token of this text is a number"):
        number_error(MODEL, tokens("none"))


def test_buckets_share_the_training_text_and_their_losses_make_the_whole():
    train = tokens("the cat and the dog and the long road to the sea\n" * 5, "xyz")
    where = frequency_buckets(train, buckets=3)
    shares = np.bincount(where[train.ids], minlength=3) / len(train.ids)
    assert shares.min() > 0.2
    counts = np.bincount(train.ids, minlength=BYTES.size)
    for bucket in range(2):
        assert counts[where == bucket].max() <= counts[where == bucket + 1].min()
    exam = Exam(TEXT, train=train, length=16)
    found = get("train.judges", "frequency_buckets")(MODEL, exam, buckets=3)
    log_prob = predictions(MODEL, TEXT, length=16).log_prob
    sizes = np.bincount(where[TEXT.ids], minlength=3)
    whole = sum(found[f"nats_of_rare_{b + 1}"] * sizes[b] for b in range(3) if sizes[b])
    assert whole == pytest.approx(-log_prob.sum())


class Parrot(Reader):
    """Writes what it was told to, whatever the prompt: an oracle for what judges make of texts."""

    kind = "parrot"
    vocabulary = BYTES
    parameters_count = 0

    def __init__(self, answers):
        self.answers = answers
        self.asked = 0

    def start(self, rows):
        return [None] * rows

    def step(self, state, tokens):
        state = [
            self.answers[BYTES.decode(row[1:].tolist())].encode() if old is None else old[1:]
            for old, row in zip(state, tokens, strict=True)
        ]
        self.asked += 1
        logits = torch.full((len(state), BYTES.size), -torch.inf)
        for row, rest in enumerate(state):
            logits[row, rest[0] if rest else BYTES.eos] = 0.0
        return logits, state

    def save(self, folder): ...


def asked(prompt, answer):
    return Document(prompt, prompt + answer, metadata={"prompt": prompt, "answer": answer})


def test_memorisation_counts_bytes_before_the_first_mistake():
    planted = (Planted("abcdäöü.", 3), Planted("efghijkl", 1), Planted("mnopqrst", 0))
    reader = Parrot({"abcd": "äöo.", "efgh": "ijkl and more", "mnop": "qr"})
    found = get("train.judges", "memorisation")(reader, Exam(TEXT, planted=planted))
    # "ü" and "o" begin with different bytes: four of seven bytes came back.
    assert found["memorised_bytes"] == [pytest.approx(4 / 7), 1.0]
    assert found["memorised_whole"] == [0.0, 1.0]
    assert found["control_bytes"] == [0.5]
    assert found["control_whole"] == [0.0]
    assert found["memorised_bytes_after_3"] == [pytest.approx(4 / 7)]
    assert found["memorised_whole_after_1"] == [1.0]
    only = replace(Exam(TEXT), planted=planted[:2])
    found = get("train.judges", "memorisation")(reader, only)
    assert {name.partition("_after_")[0] for name in found} == {
        "memorised_bytes",
        "memorised_whole",
    }


def test_tasks_are_judged_by_whole_answers():
    held_out = Corpus("h", (asked("1+1=", "2"), asked("2+2=", "4"), asked("5+5=", "10")))
    task = Task("sums", Corpus("t", ()), held_out, judge=exact)
    reader = Parrot({"1+1=": "2", "2+2=": "44", "5+5=": "10"})
    exam = Exam(TEXT, task=task)
    assert get("train.judges", "task_accuracy")(reader, exam) == {"task_accuracy": [1.0, 0.0, 1.0]}
    found = get("train.judges", "pass_at_k")(reader, exam, k=(1, 3), samples=4)
    assert found == {"pass_at_1": [1.0, 0.0, 1.0], "pass_at_3": [1.0, 0.0, 1.0]}
    with pytest.raises(BadSetting, match="none above samples=2"):
        get("train.judges", "pass_at_k")(reader, exam, k=(3,), samples=2)


def test_references_are_compared_with_what_was_written():
    reader = Parrot({"a": "the cat sat on the mat", "b": "nothing of that kind was said"})
    wanted = ("the cat sat on the mat", ("nothing of that kind was said", "no"))
    exam = Exam(TEXT, referenced=Asked(("a", "b"), wanted), new_tokens=1)
    found = sit(reader, exam, ["bleu", "rouge(kind='rouge1')"])
    assert found == {"bleu": pytest.approx(100.0), "rouge1": [1.0, 1.0]}


def test_repetition_of_known_texts():
    reader = Parrot({"ab": "go go go go go", "cd": "one two three four five"})
    exam = Exam(TEXT, continued=Asked(("ab", "cd"), ("x y", "z z")), new_tokens=14)
    found = get("train.judges", "repetition")(reader, exam, n=2)
    assert found["rep_2_greedy"] == [0.75, 0.0] == found["rep_2_sampled"]
    # 14 bytes: "go go go go go" has 1 of 4 pairs, "one two three " has 2; 8 words in all.
    assert found["distinct_2_greedy"] == pytest.approx(3 / 8)
    real = of_real_text(exam, n=1, distinct=1)
    assert real == {"rep_1_real": [0.0, 0.5], "distinct_1_real": 0.75}
    blank = Exam(TEXT, continued=Asked(("ab",), ("",)), new_tokens=3)
    silent = get("train.judges", "repetition")(Parrot({"ab": "   "}), blank)
    assert silent["distinct_2_greedy"] == 0.0


def test_what_was_read_and_written_once_is_used_again_until_weights_change(monkeypatch):
    reader = feed_forward(BYTES, width=4, seed=1)
    exam = Exam(TEXT, train=TEXT, continued=continued(TEXT, count=2, prompt_tokens=3, new_tokens=4))
    exam = replace(exam, new_tokens=4, features=MODEL)
    written, generate = [], _written.generate

    def counted(*given, **settings):
        written.append(settings["samplers"])
        return generate(*given, **settings)

    monkeypatch.setattr(_written, "generate", counted)
    first = sit(reader, exam, ["repetition", "mauve(redo=1, buckets=2)"])
    assert len(written) == 2
    before = sit(reader, exam, ["likelihood"])
    with torch.no_grad():
        for parameter in reader.parameters():
            parameter.mul_(3.0)
    assert sit(reader, exam, ["likelihood"]) != before
    sit(reader, exam, ["repetition"])
    assert len(written) == 4
    assert set(first) >= {"mauve", "rep_4_greedy"}


def test_prompts_are_cut_from_the_text_and_go_on_as_it_does():
    found = continued(TEXT, count=50, prompt_tokens=5, new_tokens=7, seed=2)
    texts = {d: BYTES.decode(TEXT.ids[TEXT.offsets[d] : TEXT.offsets[d + 1]]) for d in range(3)}
    assert len(found.prompts) == len(texts[0]) // 12 + len(texts[1]) // 12 + len(texts[2]) // 12
    for prompt, more in zip(found.prompts, found.wanted, strict=True):
        assert any(prompt + more in text for text in texts.values())
    assert continued(TEXT, count=3, seed=1, prompt_tokens=5, new_tokens=7) == continued(
        TEXT, count=3, seed=1, prompt_tokens=5, new_tokens=7
    )
    with pytest.raises(BadInput, match="holds 90 tokens of prompt and 90"):
        continued(TEXT, prompt_tokens=90, new_tokens=90)
    with pytest.raises(BadInput, match="1 prompts and 2 texts"):
        Asked(("a",), ("b", "c"))


def test_measures_that_no_judge_gives_are_named_with_the_near_miss():
    with pytest.raises(LookupError, match="Did you mean 'bits_per_byte'"):
        judge_module.measure_of("bits_per_bite")
    assert judge_module.measure_of("rep_4_greedy")[0] == "repetition"
    assert judge_module.measure_of("pass_at_16")[1].better == "higher"
