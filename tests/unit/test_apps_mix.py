"""`likely mix`: weights that are said, a model that others can use."""

import json

import pytest

from likely.core.vocabulary import Vocabulary
from likely.data.corpus import Corpus, Document
from likely.data.tokens import encode
from likely.models.feed_forward import feed_forward
from likely.models.ngram import sweep
from tests.unit.test_apps_cli import here

BYTES = Vocabulary.of_bytes()


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    train, text = (
        encode(Corpus(n, (Document(n, t),)), BYTES)
        for n, t in (("a", "a cat sat on a mat. " * 20), ("b", "a mat sat on a cat."))
    )
    for order, model in sweep(train, text, [1, 4]).items():
        model.save(folder / f"{order}-gram")
    feed_forward(BYTES, context=2, embedding=2, width=2).save(folder / "random")
    return folder


def test_mixed_and_used(capsys, models, tmp_path):
    text = tmp_path / "text.txt"
    text.write_text("the mat on a cat sat on the mat. " * 8)
    names = ["1-gram", "4-gram", "random"]
    words = ["mix", *(str(models / n) for n in names), "--fit-on", str(text)]
    code, out, err = here(capsys, *words, "--out", str(tmp_path / "one"), "--json")
    assert code == 0, err
    found = json.loads(out)
    rows = {row["kind"] + str(i): row for i, row in enumerate(found["members"])}
    assert sum(row["weight"] for row in rows.values()) == pytest.approx(1)
    assert found["bits_per_byte"] < min(row["bits_per_byte"] for row in rows.values())
    code, out, _ = here(capsys, *words, "--out", str(tmp_path / "two"))
    assert code == 0
    assert "mixture" in out
    assert "likely evaluate" in out
    code, out, _ = here(capsys, "evaluate", str(tmp_path / "one"), str(text), "--json")
    assert json.loads(out)["bits_per_byte"] == pytest.approx(found["bits_per_byte"], rel=1e-5)
    written = here(capsys, "generate", str(tmp_path / "one"), "--max-new-tokens", "5")
    assert written[0] == 0


def test_everything_that_is_missing_is_told_at_once(capsys, models, tmp_path):
    code, out, err = here(capsys, "mix", str(models / "1-gram"), "--limit", "0")
    assert (code, out) == (2, "")
    for said in ("two models or more", "--fit-on TEXT", "limit=0", "--out mixed"):
        assert said in err
    pair = [str(models / "1-gram"), str(models / "4-gram")]
    code, _, err = here(capsys, "mix", *pair, "--fit-on", __file__, "--out", str(tmp_path))
    assert code == 2
    assert "there already" in err
