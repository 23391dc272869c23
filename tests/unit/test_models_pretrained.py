"""Models of `transformers` that others trained: read, measured, viewed and trained further."""

import json

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

from likely.core.errors import BadInput, BadSetting, Unsupported
from likely.core.vocabulary import Vocabulary
from likely.data.corpus import Corpus, Document
from likely.data.tokens import encode
from likely.models.load import load
from likely.models.pretrained import open_pretrained, pretrained
from tests.unit.test_apps_cli import here

TEXT = "the cat sat on the mat, and the dog sat on the log. naïve café ☕\n"


def made(folder, end="<|endoftext|>", more_rows=0, positions=32):
    """A folder as `save_pretrained` leaves it: a tiny GPT-2 and a byte-level BPE."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    names = [end] if end else []
    trainer = trainers.BpeTrainer(
        vocab_size=300,
        special_tokens=names,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator([TEXT * 9], trainer)
    ends = {"bos_token": end, "eos_token": end} if end else {}
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, **ends).save_pretrained(folder)
    config = GPT2Config(
        vocab_size=tokenizer.get_vocab_size() + more_rows,
        n_positions=positions,
        n_embd=16,
        n_layer=1,
        n_head=2,
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = GPT2LMHeadModel(config)
        with torch.no_grad():
            model.lm_head.weight.mul_(20)
    model.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return made(tmp_path_factory.mktemp("hub") / "tiny", more_rows=5)


def test_probabilities_are_those_of_the_library(folder):
    reader = load(folder)
    tokens = encode(Corpus("c", (Document("a", TEXT),)), reader.vocabulary)
    ids = torch.tensor([reader.vocabulary.bos, *tokens.ids])
    assert b"".join(reader.vocabulary.bytes_of[i] for i in tokens.ids) == TEXT.encode()
    own = GPT2LMHeadModel.from_pretrained(folder).eval()
    with torch.no_grad():
        logits = own(ids[None, :-1]).logits[0, :, : reader.vocabulary.size].double()
    expected = logits.log_softmax(-1).gather(1, ids[1:, None])[:, 0].numpy()
    assert len(expected) <= reader.window
    np.testing.assert_allclose(reader.judge(tokens)[0], expected, rtol=1e-5, atol=1e-5)


def test_saved_as_ours_it_is_the_same(folder, tmp_path):
    reader = load(folder)
    reader.save(tmp_path / "ours")
    again = load(tmp_path / "ours")
    tokens = encode(Corpus("c", (Document("a", TEXT),)), again.vocabulary)
    np.testing.assert_array_equal(again.judge(tokens)[0], reader.judge(tokens)[0])


def test_commands_take_it(folder, tmp_path, capsys):
    (tmp_path / "a.txt").write_text(TEXT * 3, encoding="utf-8")
    code, out, err = here(capsys, "evaluate", str(folder), str(tmp_path / "a.txt"), "--json")
    assert code == 0, err
    assert json.loads(out)["kind"] == "transformer"
    page = str(tmp_path / "page.html")
    words = ["view", str(folder), str(tmp_path / "a.txt"), "--out", page, "--no-open"]
    assert here(capsys, *words)[0] == 0
    assert here(capsys, "generate", str(folder), "--max-new-tokens", "4")[0] == 0


def test_it_is_trained_further_with_its_own_tokenizer(folder, tmp_path, capsys):
    (tmp_path / "a.txt").write_text(TEXT * 60, encoding="utf-8")
    words = ["train", "--data", str(tmp_path / "a.txt"), "--steps", "30", "--lr", "0.01"]
    words += ["--model", f"pretrained(path={str(folder)!r})", "--length", "32", "--rows", "4"]
    code, out, err = here(capsys, *words, "--out", str(tmp_path / "run"), "--json")
    assert code == 0, err
    found = json.loads(out)
    code, before, _ = here(capsys, "evaluate", str(folder), str(tmp_path / "a.txt"), "--json")
    assert found["bits_per_byte"] < 0.8 * json.loads(before)["bits_per_byte"]
    assert "adamw" in err
    assert load(tmp_path / "run").vocabulary.bytes_of == load(folder).vocabulary.bytes_of


def test_mistakes_are_sentences(folder, tmp_path, monkeypatch):
    with pytest.raises(BadSetting, match="path is empty"):
        pretrained(Vocabulary.of_bytes(), path="")
    with pytest.raises(BadInput, match=r"give --tokenizer .pretrained\(path="):
        pretrained(Vocabulary.of_bytes(), path=str(folder))
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "config.json").write_text("{}")
    with pytest.raises(BadInput, match="transformers cannot load this causal language model"):
        load(tmp_path / "broken")
    with pytest.raises(Unsupported, match="choose a model with an end-of-text token"):
        open_pretrained(str(made(tmp_path / "endless", end=None)))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(BadInput, match="nobody/nothing: transformers cannot load"):
        load("hub:nobody/nothing")
