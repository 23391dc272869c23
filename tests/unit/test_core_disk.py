"""Files and folders are there as a whole or not at all."""

import pytest

from likely.core.disk import remove, sweep, whole_folder, write_whole


def _names(folder):
    return sorted(path.name for path in folder.iterdir())


def _fail_inside(folder):
    with whole_folder(folder) as part:
        (part / "weights").write_text("half")
        raise OSError("disk full")


def test_a_folder_appears_when_it_is_finished_and_replaces_what_stood_there(tmp_path):
    folder = tmp_path / "model"
    for text in ("first", "second"):
        with whole_folder(folder) as part:
            (part / "sub").mkdir()
            (part / "sub" / "weights").write_text(text)
            assert not folder.exists() or (folder / "sub" / "weights").read_text() == "first"
        assert (folder / "sub" / "weights").read_text() == text
    assert _names(tmp_path) == ["model"]


def test_a_failure_leaves_what_stood_there_and_nothing_else(tmp_path):
    folder = tmp_path / "model"
    with whole_folder(folder) as part:
        (part / "weights").write_text("good")
    with pytest.raises(OSError, match="disk full"):
        _fail_inside(folder)
    assert (folder / "weights").read_text() == "good"
    assert _names(tmp_path) == ["model"]


def test_what_a_killed_process_left_is_swept_and_nothing_else(tmp_path):
    write_whole(tmp_path / "metrics.json", "{}")
    (tmp_path / ".hidden").write_text("of somebody else")
    (tmp_path / ".model.part").mkdir()
    (tmp_path / ".metrics.json.part").write_text("{")
    sweep(tmp_path)
    assert _names(tmp_path) == [".hidden", "metrics.json"]
    (tmp_path / "run").mkdir()
    remove(tmp_path / "run")
    assert _names(tmp_path) == [".hidden", "metrics.json"]
