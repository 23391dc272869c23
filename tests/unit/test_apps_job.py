"""The main job: what it says of numbers, what it keeps, and all of it once."""

import json
import math
import subprocess
import sys
import time

import pytest
import torch

from likely.apps import _findings
from likely.apps._console import Clock, messages
from likely.apps._excerpts import choose, passage
from likely.apps._memorise import ask
from likely.apps._stages import Stages, write_whole
from likely.core.errors import BadInput
from likely.core.vocabulary import Vocabulary
from likely.data.corpus import Corpus, Document
from likely.data.plant import Planted
from likely.models.reader import Reader


class Parrot(Reader):
    """Knows one text by heart, and everything else not at all."""

    kind = "parrot"

    def __init__(self, known):
        self.vocabulary, self.known = Vocabulary.of_bytes(), known.encode()

    def _row(self, before):
        """Logits after some tokens: the next byte of the known text where they open it."""
        row = torch.zeros(self.vocabulary.size)
        text = bytes(t for t in before if t < 256)
        if len(text) >= 4 and self.known.find(text) == 0 and len(text) < len(self.known):
            row[self.known[len(text)]] = 20.0
        return row

    def logits(self, batch):
        rows, ids = [], batch.ids.tolist()
        for n, (segment, position) in enumerate(
            zip(batch.segment.tolist(), batch.position.tolist(), strict=True)
        ):
            rows.append(self._row(ids[n - position : n + 1] if segment >= 0 else []))
        return torch.stack(rows)

    def start(self, rows):
        return [[] for _ in range(rows)]

    def step(self, state, tokens):
        state = [s + t for s, t in zip(state, tokens.tolist(), strict=True)]
        return torch.stack([self._row(s) for s in state]), state

    def save(self, folder):
        raise NotImplementedError

    @property
    def parameters_count(self):
        return 0


def row(label, bits, parameters=10):
    return {"label": label, "bits_per_byte": bits, "parameters": parameters}


MODELS = {
    "ngram": row("14-gram", 1.7, 10**7),
    "transformer": row("transformer", 1.8),
    "feed_forward": row("feed-forward model", 2.2),
}
ORDERS = {str(k): row("", 1.6 + 3 / k) for k in range(2, 17)}


def test_the_headline_is_honest():
    loses = {"xz_given_training_text": row("xz given the training text", 1.9)}
    wins = {"xz_given_training_text": row("xz given the training text", 1.48)}
    assert _findings.headline(MODELS, loses).startswith("The 14-gram predicts held-out text best")
    three = MODELS | {"other": row("other", 3.0)}
    assert _findings.headline(three, loses).endswith(
        "before the transformer (1.80), the feed-forward model (2.20) and the other (3.00)"
    )
    assert "A compressor wins: xz given the training text" in _findings.headline(MODELS, wins)
    assert "No model is first" in _findings.table_sentence(MODELS, wins)
    assert "No compressor is ahead" in _findings.table_sentence(MODELS, loses)
    assert "14-gram" in _findings.table_sentence(MODELS, {})


def test_the_order_that_overtakes():
    assert _findings.overtaking_order(ORDERS, 1.8) == 16
    assert _findings.overtaking_order(ORDERS, 2.2) == 6
    assert _findings.overtaking_order(ORDERS, 1.0) is None
    better = {order: row("", cell["bits_per_byte"] - 0.2) for order, cell in ORDERS.items()}
    both = {"Dirichlet": ORDERS, "Kneser–Ney": better}

    def said(bits, longer=True):
        models = MODELS | {"transformer": row("transformer", bits)}
        _, _, transformer, why = _findings.overtaking(both, models, 14, longer=longer)
        return transformer, "--long" in why

    name = "the transformer (1.800, 10 numbers)"
    two = f"N-grams are below {name} from order 16 on with Dirichlet and 8 on with Kneser–Ney"
    assert said(1.8) == (f"{two} smoothing.", True)
    assert said(1.8, longer=False)[1] is False
    one = "from order 16 on with Kneser–Ney smoothing; none is with Dirichlet smoothing."
    assert said(1.6)[0].endswith(one)
    alike = {"Dirichlet": ORDERS, "Kneser–Ney": ORDERS}
    same = _findings.overtaking(alike, MODELS, 14, longer=True)[2]
    assert same == f"From order 16 on, n-grams are below {name} with any smoothing."
    none = "No n-gram overtakes the transformer (1.300, 10 numbers): it is below every order"
    assert said(1.3) == (f"{none} up to 16.", False)
    assert said(9.5)[0].startswith("Even the shortest n-gram, order 2, is below")


def test_differences_say_when_they_are_unsure():
    sure, unsure = _findings.differences(
        [("a", "b", (0.1, 0.05, 0.2)), ("a", "c", (0.1, -1.0, 1.0))]
    )
    assert "holds 0" not in sure
    assert "holds 0" in unsure


def test_what_is_known_by_heart_comes_back_and_nothing_else():
    known, fresh = "alpha beta gamma delta", "omega sigma kappa taus"
    rows = ask(Parrot(known), [Planted(fresh, 0), Planted(known, 4), Planted(fresh[::-1], 4)])
    control, planted = rows
    assert (control["repeats"], control["exact"], control["bytes_share"]) == (0, 0, 0.0)
    assert (planted["repeats"], planted["exact"], planted["passages"]) == (4, 1, 2)
    assert planted["bytes_share"] == 0.5
    assert control["minus_control"] == 0
    assert planted["minus_control"] < -2
    # An unread byte costs log2(257), and so does the end of the text.
    assert control["bits_per_byte"] == pytest.approx(math.log2(257) * 23 / 22)


def test_characters_carry_the_bits_of_all_their_bytes():
    document = Document("d", "first line\n" + "naïve – “fast”\n" * 40, "text")
    found = passage({"parrot": Parrot("")}, document, 11, 11 + 150)
    pieces = found["models"]["parrot"]["pieces"]
    assert "".join(row[0] for row in pieces) == document.text[11 : 11 + 150]
    for character, bits, entropy, rank, instead, parts in pieces:
        size = len(character.encode())
        assert bits == pytest.approx(math.log2(257) * size, abs=1e-3)
        assert entropy == pytest.approx(math.log2(257) * size, abs=1e-3)
        assert (rank, len(instead), len(parts)) == (0, 5, size if size > 1 else 0)
    mean = found["models"]["parrot"]["bits_per_byte"]
    assert mean == pytest.approx(math.log2(257), abs=1e-3)


def test_excerpts_start_at_a_line_one_for_each_domain():
    long = Document("long", "some words in a line\n" * 200, "a")
    short = Document("short", "only this", "b")
    places = choose(Corpus("c", (long, short)), 100)
    assert [document.id for document, _, _ in places] == ["long", "short"]
    assert places[0][1] % 21 == 0
    assert places[1][1:] == (0, 9)


def test_a_stage_is_computed_once_for_each_settings(tmp_path):
    calls = []

    def compute():
        calls.append(1)
        return {"n": len(calls)}

    def stages(settings):
        return Stages(tmp_path, settings, Clock(messages()))

    assert stages({"seed": 0}).run("a", "A", compute) == {"n": 1}
    assert stages({"seed": 0}).run("a", "A", compute) == {"n": 1}
    assert stages({"seed": 0}).run("a", "A", compute, needs=(tmp_path / "gone",)) == {"n": 2}
    assert stages({"seed": 1}).run("a", "A", compute) == {"n": 3}
    (tmp_path / "a.json").write_text("{", encoding="utf-8")
    assert stages({"seed": 1}).run("a", "A", compute) == {"n": 4}
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]


def test_a_file_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(BadInput, match=r"file/summary.json: cannot be written"):
        write_whole(tmp_path / "file" / "summary.json", "x")


@pytest.mark.slow
def test_quickstart_fast_from_the_command_line(tmp_path):
    out = tmp_path / "quickstart"
    command = [sys.executable, "-m", "likely", "quickstart", "--fast", "--out", str(out), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    assert summary == json.loads((out / "summary.json").read_text(encoding="utf-8"))
    columns = {"nats_per_token", "bits_per_byte", "interval", "perplexity", "accuracy"}
    columns |= {"parameters", "seconds", "per_domain"}
    assert {"ngram", "feed_forward", "transformer"} <= set(summary["models"])
    for found in summary["models"].values():
        assert columns <= set(found)
        low, high = found["interval"]
        assert low < found["bits_per_byte"] < high
        assert found["perplexity"] == pytest.approx(math.exp(found["nats_per_token"]))
        assert set(found["per_domain"]) == {"code", "docstrings", "topics"}
    assert summary["data"]["total"]["leak"] < 0.03
    assert set(summary["memorisation"]["objectives"]) == {"cross_entropy", "goldfish"}
    report = (out / "report.html").read_text(encoding="utf-8")
    assert summary["headline"] in report
    assert "http" not in report.replace("http-equiv", "")
    for folder in sorted((out / "models").iterdir()):
        words = ["generate", str(folder), "--prompt", "def ", "--seed", "1"]
        words += ["--max-new-tokens", "8"]
        text = subprocess.run(
            [sys.executable, "-m", "likely", *words], capture_output=True, text=True, check=False
        )
        assert text.returncode == 0, text.stderr
        assert text.stdout.startswith("def ")
    begin = time.perf_counter()
    again = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert again.returncode == 0, again.stderr
    assert "finished before" in again.stderr
    assert time.perf_counter() - begin < 60
    assert json.loads(again.stdout)["models"] == summary["models"]
