"""Sidecars: equal to what is measured live, finished after a kill, refused where they misfit."""

import json
import os
import signal
import subprocess
import sys

import numpy as np
import pytest
import torch

from likely.core.bind import bind
from likely.core.errors import BadInput, BadSetting, UnknownName, Unsupported
from likely.core.stats import Statistic
from likely.core.vocabulary import Vocabulary
from likely.data import _shards, sidecar
from likely.data.corpus import Corpus, Document
from likely.data.example_files import examples_of
from likely.data.example_plan import ExamplePlan
from likely.data.examples import encode_examples
from likely.data.packing import TrainingPlan, evaluation_batches
from likely.data.tokens import encode
from likely.models.annotate import annotate
from likely.models.evaluate import evaluate
from likely.models.feed_forward import feed_forward
from likely.models.ngram import ngram
from likely.models.transformer import transformer

pytest.importorskip("pyarrow")

BYTES = Vocabulary.of_bytes()
ROWS = [{"prompt": f"{n} + 1 = ", "chosen": f"{n + 1}", "rejected": f"{n}2"} for n in range(9)]


def model(seed=0):
    return transformer(BYTES, layers=1, width=16, heads=2, context=64, seed=seed)


def corpus(count=12):
    texts = (f"Document {n}: " + "abc " * (7 * n % 23) for n in range(count))
    return Corpus("c", tuple(Document(f"d{n}", text) for n, text in enumerate(texts)))


@pytest.fixture
def tokens():
    return encode(corpus(), BYTES)


def test_stored_is_what_is_measured_live_in_the_same_windows(tmp_path, tokens):
    reader, want = model(), ("log_prob", "entropy", "top(k=4)")
    made = annotate(reader, tokens, tmp_path / "s", role="teacher", want=want, length=24, rows=3)
    assert made.shards == (0, len(tokens))
    found = sidecar.attach(tokens, tmp_path / "s")
    asked = {name: Statistic(name) for name in ("log_prob", "entropy", "lse")}
    asked["top"] = Statistic("top", settings={"k": 4})
    seen = 0
    with torch.no_grad():
        for batch in evaluation_batches(found, length=24, rows=3):
            live, scored = reader.read(batch, asked), batch.weight > 0
            for name in ("log_prob", "entropy"):
                # To the bit: a float32 is stored as it is.
                assert torch.equal(live[name][scored], batch[f"teacher_{name}"][scored])
            ids, logits = live["top"]
            assert batch["teacher_top_ids"].dtype == torch.int64
            assert torch.equal(ids[scored], batch["teacher_top_ids"][scored])
            normal = logits - live["lse"][:, None]
            assert torch.equal(normal[scored], batch["teacher_top_logits"][scored])
            seen += int(scored.sum())
    assert seen == len(tokens.ids)


def test_shards_do_not_change_what_is_measured_of_a_model_that_counts(tmp_path, tokens):
    reader = ngram(tokens, tokens, order=3)
    for name, shard in (("one", 10**6), ("many", 40)):
        annotate(reader, tokens, tmp_path / name, shard=shard)
    one, many = (sidecar.attach(tokens, tmp_path / n).columns for n in ("one", "many"))
    assert len(sidecar.read_manifest(tmp_path / "many").shards) > 4
    assert np.array_equal(one["reference_log_prob"], many["reference_log_prob"])
    judged = reader.judge(tokens)[0]
    assert np.allclose(one["reference_log_prob"], judged, atol=1e-5)


def test_half_precision_is_for_stored_words_only(tmp_path, tokens):
    reader = model()
    annotate(
        reader, tokens, tmp_path / "s", role="teacher", want=("log_prob", "top(k=300)"),
        stored="float16",
    )  # fmt: skip
    columns = sidecar.attach(tokens, tmp_path / "s").columns
    assert {n: c.dtype.name for n, c in columns.items()} == {
        "teacher_log_prob": "float32",
        "teacher_top_ids": "int32",
        "teacher_top_logits": "float16",
    }
    assert columns["teacher_top_ids"].shape[1] == BYTES.size  # there are no more words
    total = np.exp(columns["teacher_top_logits"].astype(np.float64)).sum(1)
    assert np.allclose(total, 1, atol=2e-3)
    batch = TrainingPlan(sidecar.attach(tokens, tmp_path / "s"), length=16, rows=2).batch(0)
    assert batch["teacher_top_logits"].dtype == torch.float32


def test_pairs_are_compared_with_a_stored_reference_as_with_a_live_one(tmp_path):
    examples = encode_examples(examples_of(ROWS)[0], BYTES)
    reader, reference = model(1), model(2)
    annotate(reference, examples, tmp_path / "s")
    stored = ExamplePlan(sidecar.attach(examples, tmp_path / "s"), rows=6, length=32).batch(1)
    live = ExamplePlan(examples, rows=6, length=32).batch(1)
    objective = {"dpo": bind("dpop(beta=0.1, penalty=0)")}
    with torch.no_grad():
        one = evaluate(objective, reader, stored).values["dpo"]
        other = evaluate(objective, reader, live, roles={"reference": reference}).values["dpo"]
    # Rows of other widths are added up in another order.
    assert torch.allclose(one, other, atol=1e-6)


def test_a_stored_teacher_with_every_word_is_the_teacher(tmp_path, tokens):
    reader, teacher = model(1), model(2)
    annotate(
        teacher, tokens, tmp_path / "s", role="teacher", want=("top(k=257)",), length=64, rows=4
    )
    batch = next(
        iter(evaluation_batches(sidecar.attach(tokens, tmp_path / "s"), length=64, rows=4))
    )
    objective = {"kd": bind("knowledge_distillation")}
    with torch.no_grad():
        one = evaluate(objective, reader, batch).total("kd")[0]
        other = evaluate(objective, reader, batch, roles={"teacher": teacher}).total("kd")[0]
    assert torch.allclose(one, other, rtol=1e-5)


def test_a_part_in_another_order_will_do(tmp_path, tokens):
    annotate(model(), tokens, tmp_path / "s")
    whole = sidecar.attach(tokens, tmp_path / "s").columns["reference_log_prob"]
    part = tokens.select([7, 2])
    found = sidecar.attach(part, tmp_path / "s").columns["reference_log_prob"]
    spans = [slice(*tokens.offsets[m : m + 2]) for m in (7, 2)]
    assert np.array_equal(found, np.concatenate([whole[span] for span in spans]))


CHILD = """
import os, signal, sys
from likely.core.vocabulary import Vocabulary
from likely.data import _shards
from likely.data.corpus import Corpus, Document
from likely.data.tokens import encode
from likely.models.annotate import annotate
from likely.models.feed_forward import feed_forward
write, left = _shards.whole_file, 3
def dies(path):
    global left
    left -= 1
    if left < 0:
        path.with_name(f".{path.name}.part").write_bytes(b"half a shard")
        os.kill(os.getpid(), signal.SIGKILL)
    return write(path)
_shards.whole_file = dies
reader = feed_forward(Vocabulary.of_bytes(), context=2, embedding=4, width=4)
texts = (f"Document {n}: " + "abc " * (7 * n % 23) for n in range(12))
corpus = Corpus("c", tuple(Document(f"d{n}", text) for n, text in enumerate(texts)))
annotate(reader, encode(corpus, reader.vocabulary), sys.argv[1], shard=40)
"""


def test_killed_it_goes_on_with_the_shard_that_is_missing(tmp_path, tokens):
    folder, reader = tmp_path / "s", feed_forward(BYTES, context=2, embedding=4, width=4)
    done = subprocess.run(
        [sys.executable, "-c", CHILD, str(folder)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        check=False,
    )
    assert done.returncode == -signal.SIGKILL
    assert len(list(folder.glob("part-*.parquet"))) == 3
    assert list(folder.glob(".*.part"))
    with pytest.raises(BadInput, match="measuring has not finished; run the same command"):
        sidecar.attach(tokens, folder)
    before = {path: path.stat().st_mtime_ns for path in folder.glob("part-*.parquet")}
    measured = []
    annotate(reader, tokens, folder, shard=40, progress=measured.append)
    assert all(path.stat().st_mtime_ns == when for path, when in before.items())
    assert not list(folder.glob(".*"))
    names = [
        name
        for path in sorted(folder.glob("*.parquet"))
        for name, _, _ in _shards.rows(path, {"reference_log_prob": 0})
    ]
    assert names == list(tokens.names)  # each once
    third = sidecar.read_manifest(folder).shards[3]
    assert sum(measured) == len(tokens.ids) - tokens.offsets[third]
    annotate(reader, tokens, tmp_path / "at_once", shard=40)
    one, other = (sidecar.attach(tokens, f).columns for f in (folder, tmp_path / "at_once"))
    assert np.array_equal(one["reference_log_prob"], other["reference_log_prob"])


def test_what_does_not_fit_is_refused(tmp_path, tokens, monkeypatch):
    folder = tmp_path / "s"
    annotate(model(), tokens, folder, shard=40)
    with pytest.raises(BadInput, match=r"another text: it does not know 1 of 13 documents.*'d12'"):
        sidecar.attach(encode(corpus(13), BYTES), folder)
    other = Vocabulary((*BYTES.bytes_of, b""), 256, 256, frozenset({256, 257}))
    with pytest.raises(BadInput, match="text that another tokenizer has cut"):
        sidecar.attach(encode(corpus(), other), folder)
    with pytest.raises(BadInput, match="not cut by the tokenizer of this model"):
        annotate(model(), encode(corpus(), other), tmp_path / "t")
    with pytest.raises(BadInput, match="'reference_log_prob' is there already"):
        sidecar.attach(tokens, [folder, folder])
    with pytest.raises(BadInput, match="there is no sidecar here"):
        sidecar.attach(tokens, tmp_path / "none")
    with pytest.raises(BadSetting, match=r"begun in another folder\)(.|\n)*model was .* and is"):
        annotate(model(1), tokens, folder, shard=40)
    with pytest.raises(BadSetting, match="settings was"):
        annotate(model(), tokens, folder, length=16, shard=40)
    with pytest.raises(BadSetting, match="holds something else"):
        annotate(model(), tokens, folder.parent)
    with pytest.raises(UnknownName, match="Did you mean 'log_prob'"):
        annotate(model(), tokens, tmp_path / "t", want=("logprob",))
    with pytest.raises(BadSetting, match="is not one number a token"):
        annotate(model(), tokens, tmp_path / "t", want=("column_sums",))
    with pytest.raises(BadSetting, match="should be a word"):
        annotate(model(), tokens, tmp_path / "t", role="my model")
    (folder / "part-00001.parquet").write_bytes(b"PAR1 no more")
    with pytest.raises(
        BadInput, match=r"part-00001.parquet: this shard of a sidecar cannot be read"
    ):
        sidecar.attach(tokens, folder)
    manifest = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps({**manifest, "format": 9}))
    with pytest.raises(BadInput, match="another format than 1"):
        sidecar.attach(tokens, folder)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(Unsupported, match=r"needs pyarrow: pip install 'likely\[data\]'"):
        annotate(model(), tokens, tmp_path / "t")


def test_models_are_told_apart_by_their_weights(tokens):
    from likely.models._fingerprint import fingerprint

    small = feed_forward(BYTES, context=2, embedding=4, width=4)
    counts = [ngram(tokens.select(some), tokens, order=2) for some in ([0, 1], [0, 1], [0, 2])]
    known = [fingerprint(one) for one in (model(0), model(0), model(1), small, *counts)]
    assert known[0] == known[1]
    assert known[4] == known[5]
    assert len(set(known)) == 5
