"""Data sets of the library `datasets`: objects, saved folders and names."""

import json
import os
import subprocess
import sys
from pathlib import Path

import datasets
import pytest

from likely.core.errors import BadInput, BadSetting
from likely.data.dataset import from_dataset
from likely.data.files import read

ROWS = {"id": ["a", "b"], "text": ["one", "two"], "source": ["s", "s"], "year": [1, 2]}
EXPECTED = [
    ("a", "one", "s", {"source": "s", "year": 1}),
    ("b", "two", "s", {"source": "s", "year": 2}),
]


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")


@pytest.fixture
def folder(tmp_path):
    """Two splits of JSON lines, as people keep them."""
    where = tmp_path / "mine"
    where.mkdir()
    for split, times in (("train", 1), ("test", 2)):
        rows = [dict(zip(ROWS, row, strict=True)) for row in zip(*ROWS.values(), strict=True)]
        text = "".join(json.dumps(row) + "\n" for row in rows * times)
        (where / f"{split}.jsonl").write_text(text)
    return where


def found(corpus):
    return [(d.id, d.text, d.domain, dict(d.metadata)) for d in corpus]


def refused(call, *args, **kwargs):
    with pytest.raises(BadInput) as caught:
        call(*args, **kwargs)
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_objects():
    whole = datasets.Dataset.from_dict(ROWS)
    assert found(from_dataset(whole)) == EXPECTED
    assert found(from_dataset(whole.to_iterable_dataset())) == EXPECTED
    assert found(from_dataset(datasets.DatasetDict({"train": whole}))) == EXPECTED
    assert found(from_dataset(whole.with_format("numpy"), domain="d"))[0][2] == "d"
    assert len(from_dataset(whole, limit=1)) == 1


def test_mistakes_with_objects():
    whole = datasets.Dataset.from_dict(ROWS)
    splits = datasets.DatasetDict({"train": whole, "test": whole})
    assert "has the splits train, test" in refused(from_dataset, splits)
    assert "Did you mean 'year'?" in refused(from_dataset, whole, field="yaer")
    assert "row 1: the field 'year' is int" in refused(from_dataset, whole, field="year")
    assert "of type list" in refused(from_dataset, [1, 2])
    gaps = datasets.Dataset.from_dict({"text": ["one", None, "three"]})
    corpus = from_dataset(gaps, on_error="skip", name="gaps")
    assert [d.id for d in corpus] == ["gaps:1", "gaps:3"]
    assert len(corpus.skipped) == 1
    with pytest.raises(BadSetting, match="limit=-1"):
        from_dataset(whole, limit=-1)


def test_saved_folders(tmp_path):
    whole = datasets.Dataset.from_dict(ROWS)
    whole.save_to_disk(tmp_path / "one")
    datasets.DatasetDict({"train": whole, "test": whole}).save_to_disk(tmp_path / "two")
    assert found(read(tmp_path / "one")) == EXPECTED
    assert found(read(f"dataset:{tmp_path / 'two'}?split=test")) == EXPECTED
    assert "has the splits train, test" in refused(read, tmp_path / "two")
    assert "Did you mean 'train'?" in refused(read, f"dataset:{tmp_path / 'two'}?split=trian")
    (tmp_path / "one" / "data-00000-of-00001.arrow").unlink()
    assert "cannot be read" in refused(read, tmp_path / "one")


@pytest.mark.parametrize("streaming", ["", "&streaming=true"])
def test_names_load_what_the_library_loads(folder, streaming):
    corpus = read(f"dataset:{folder}?split=train{streaming}")
    assert found(corpus) == EXPECTED
    assert corpus.name == "mine"
    assert len(read(f"dataset:{folder}?split=test{streaming}")) == 4


def test_packaged_builders_take_files(folder):
    address = f"dataset:json?data_files={folder}/train.jsonl"
    assert found(read(address)) == EXPECTED


def test_mistakes_in_names(folder):
    assert "has the splits train, test" in refused(read, f"dataset:{folder}")
    message = refused(read, f"dataset:{folder}?split=tran")
    assert "Did you mean 'train'?" in message
    assert "cannot be loaded" in refused(read, f"dataset:{folder}?name=klingon&split=train")
    assert "Did you mean 'split'?" in refused(read, f"dataset:{folder}?splt=train")
    assert "streaming should be" in refused(read, f"dataset:{folder}?streaming=1")
    assert "name a data set" in refused(read, "dataset:?split=train")
    assert "there is no column 'body'" in refused(
        read, f"dataset:{folder}?split=train", field="body"
    )


def test_a_name_without_network_is_one_sentence(tmp_path):
    """The hub is switched off for the whole process, as the library reads that when imported."""
    code = (
        "from likely.data.files import read\n"
        "from likely.core.errors import BadInput\n"
        "try:\n    read('dataset:nobody/nothing-at-all?split=train')\n"
        "except BadInput as problem:\n    print(problem)\n"
    )
    source = str(Path(__file__).parents[2] / "src")
    offline = {"HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path), "PYTHONPATH": source}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **offline},
        capture_output=True,
        text=True,
        check=True,
    )
    assert len(done.stdout.strip().splitlines()) == 1, done.stdout
    assert (
        "dataset:nobody/nothing-at-all?split=train: this data set cannot be loaded" in done.stdout
    )
