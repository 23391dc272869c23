"""From text to a model and back through the commands, with every tokenizer."""

import dataclasses
import json
import shutil

import numpy as np
import pytest

from likely.apps.cli import main
from likely.core.errors import BadInput
from likely.data.corpus import Corpus, Document
from likely.data.tokenizers.bpe import bpe
from likely.data.tokens import encode
from likely.models.load import load
from likely.models.ngram import ngram
from likely.train._texts import read_data
from likely.train.loop import run
from likely.train.recipe import Recipe, Schedule

SENTENCE = "the cat sat on a mat while seven naïve dogs saw 12 birds in their garden"


def sentences(count, seed=0):
    rng = np.random.default_rng(seed)
    return [" ".join(rng.choice(SENTENCE.split(), 12)) for _ in range(count)]


@pytest.fixture(scope="module")
def text(tmp_path_factory):
    path = tmp_path_factory.mktemp("text") / "x.jsonl"
    lines = [json.dumps({"body": sentence}) for sentence in sentences(60)]
    path.write_text("\n".join(["nonsense", *lines]), "utf-8")
    return path


def call(capsys, *words):
    with pytest.raises(SystemExit) as left:
        main([str(word) for word in words])
    said = capsys.readouterr()
    return left.value.code, said.out, said.err


TINY = ("--model", "feed_forward(context=3, embedding=4, width=8)")
SMALL = ("--steps", "3", "--rows", "2", "--length", "16", "--device", "cpu")
SKIP = ("--field", "body", "--on-error", "skip")


@pytest.mark.parametrize("tokenizer", ["characters(least=3)", "bpe(size=300)"])
def test_train_evaluate_generate(tmp_path, capsys, text, tokenizer):
    out = tmp_path / "run"
    words = ("train", "--data", text, "--tokenizer", tokenizer, *TINY, *SMALL, *SKIP)
    code, _, err = call(capsys, *words, "--out", out)
    assert code == 0, err
    assert "Skipped 1 of 61 documents or files:" in err
    assert "x.jsonl, line 1" in err
    reader = load(out)
    assert reader.vocabulary.size > 257
    assert reader.vocabulary.counts.sum() > 0
    assert reader.vocabulary.tokenizer.name.startswith(tokenizer[:-1])

    code, said, err = call(capsys, "evaluate", out, text, *SKIP, "--json")
    assert code == 0, err
    row = json.loads(said)
    assert row["bytes"] == sum(len(sentence.encode()) for sentence in sentences(60))
    assert 0 < row["bits_per_byte"] < 12
    code, said, err = call(capsys, "generate", out, "--prompt", "the", "--max-new-tokens", "9")
    assert code == 0, err

    # The folder of the model alone is enough.
    shutil.copytree(out / "model", tmp_path / "alone")
    shutil.rmtree(out)
    again = load(tmp_path / "alone").vocabulary
    assert again.fingerprint == reader.vocabulary.fingerprint
    assert again.encode("the naïve ☃").tolist() == reader.vocabulary.encode("the naïve ☃").tolist()


def test_mistakes_of_the_command_line(tmp_path, capsys, text):
    words = ("train", "--data", text, *SMALL, "--out", tmp_path / "run")
    code, _, err = call(capsys, *words, "--tokenizer", "bpee")
    assert (code, "Did you mean 'bpe'?" in err) == (2, True)
    code, _, err = call(capsys, *words, "--on-error", "skp")
    assert (code, "skp" in err) == (2, True)
    code, _, err = call(capsys, *words)
    assert (code, "x.jsonl, line 1" in err) == (2, True)
    code, _, err = call(capsys, *words, "--field", "bdy", "--on-error", "skip")
    assert (code, "nothing could be read, 61 skipped" in err) == (2, True)
    code, _, err = call(capsys, "train", "--resume", tmp_path, "--on-error", "skip")
    assert (code, "--on-error" in err) == (2, True)


def recipe(text, **more):
    return Recipe(
        model=TINY[1],
        data=(str(text),),
        field="body",
        on_error="skip",
        tokenizer="bpe(size=300)",
        steps=4,
        length=16,
        rows=2,
        schedule=Schedule(warmup=0),
        checkpoint_every=2,
        **more,
    )


def test_a_run_keeps_its_tokenizer_and_makes_it_from_training_text(tmp_path, text):
    class Stop(Exception):
        pass

    def stop(step, reader):
        if step == 3:
            raise Stop

    folder, wanted = tmp_path / "run", recipe(text)
    with pytest.raises(Stop):
        run(wanted, folder=folder, device="cpu", on_step=stop)
    kept = (folder / "tokenizer" / "tokenizer.json").read_text()
    done = run(wanted, folder=folder, device="cpu", resume=True)
    assert (folder / "tokenizer" / "tokenizer.json").read_text() == kept
    whole = run(wanted, folder=tmp_path / "whole", device="cpu")
    assert [row["loss"] for row in done.training] == [row["loss"] for row in whole.training]
    corpus = read_data(wanted)
    counts = load(folder).vocabulary.counts
    assert counts.sum() < len(encode(corpus, load(folder).vocabulary).ids)


def test_a_second_model_may_take_the_tokenizer_of_the_first(tmp_path, text):
    first = run(recipe(text), folder=tmp_path / "one", device="cpu")
    for path in (first.folder, first.folder / "model"):
        chosen = f"pretrained(path={str(path)!r})"
        other = run(
            dataclasses.replace(recipe(text), tokenizer=chosen),
            folder=tmp_path / path.name / "two",
            device="cpu",
        )
        assert other.model.vocabulary.fingerprint == first.model.vocabulary.fingerprint


def test_a_stale_tokenizer_is_not_used(tmp_path, text):
    (tmp_path / "run" / "tokenizer").mkdir(parents=True)
    (tmp_path / "run" / "tokenizer" / "vocabulary.json").write_text("stale")
    run(recipe(text), folder=tmp_path / "run", device="cpu")
    assert load(tmp_path / "run").vocabulary.tokenizer.name == "bpe(size=300, least=2)"


def test_an_ngram_over_larger_vocabularies(tmp_path):
    names = [f"w{number:04d}" for number in range(3000)]
    rng = np.random.default_rng(0)
    texts = [" ".join(rng.choice(names, 40)) for _ in range(150)]
    documents = [Document(str(place), text) for place, text in enumerate(texts)]
    train = Corpus("train", tuple(documents[:120]))
    vocabulary = bpe(train, size=5000)
    assert vocabulary.size > 1500
    tokens = encode(train, vocabulary)
    held_out = encode(Corpus("rest", tuple(documents[120:])), vocabulary)
    model = ngram(tokens, held_out, order=4)
    before = model.log_prob(held_out)
    assert np.isfinite(before).all()
    model.save(tmp_path / "model")
    again = load(tmp_path / "model")
    same = encode(Corpus("rest", tuple(documents[120:])), again.vocabulary)
    assert np.allclose(again.log_prob(same), before)


def test_a_folder_whose_tokenizer_is_lost_says_so(tmp_path, text):
    done = run(recipe(text), folder=tmp_path / "run", device="cpu")
    (done.folder / "model" / "tokenizer.json").unlink()
    with pytest.raises(BadInput, match=r"tokenizer.json: this file is missing"):
        load(done.folder)
