"""`likely new`: names, refusals, and a package of one's own that likely finds."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from likely.apps._skeleton import files_in_checkout
from likely.apps.cli import main
from likely.core.catalogue import catalogue

ROOT = Path(__file__).parents[2]
KINDS = ("objective", "sampler", "statistic")


def said(capsys, *tokens):
    with pytest.raises(SystemExit) as stop:
        main(["new", *tokens])
    out, err = capsys.readouterr()
    assert "Traceback" not in err
    return stop.value.code, out + err


@pytest.mark.parametrize(
    ("tokens", "answer"),
    [
        (("objective", "My-Loss"), "Did you mean 'my_loss'?"),
        (("objective", "2nd_try"), "Did you mean 'nd_try'?"),
        (("objective", "class"), "means something in Python"),
        (("objective", "dense"), "means something in Python"),
        (("sampler", ""), "a letter first"),
        (("objective", "focal"), "There is an objective 'focal' already"),
        (("sampler", "top_p"), "There is a sampler 'top_p' already"),
        (("objektive", "mine"), 'Did you mean "objective"?'),
        (("objective", "mine", "--into", "nowhere"), "--package"),
    ],
)
def test_mistakes_are_one_sentence(tokens, answer, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, text = said(capsys, *tokens)
    assert code == 2, text
    assert answer in text
    assert not list(tmp_path.iterdir())


def test_a_file_where_a_folder_was_meant(capsys, tmp_path):
    (tmp_path / "file").write_text("")
    code, text = said(capsys, "sampler", "mine", "--package", "--into", str(tmp_path / "file"))
    assert code == 2, text
    assert "cannot be written: Not a directory" in text


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_overwritten_and_nothing_half_written(kind, capsys, tmp_path):
    for room in ("src/likely/objectives", "src/likely/decode", "src/likely/vocab/statistics"):
        (tmp_path / room).mkdir(parents=True)
    (tmp_path / "tests/contracts").mkdir(parents=True)
    *others, last = files_in_checkout(kind, "mine", tmp_path)
    last.parent.mkdir(parents=True, exist_ok=True)
    last.write_text("precious")
    code, text = said(capsys, kind, "mine", "--into", str(tmp_path))
    assert code == 2, text
    assert "would be overwritten" in text
    assert last.read_text() == "precious"
    assert not any(path.exists() for path in others)


def installed(folder, site):
    """What pip leaves behind for an editable install: a path, a name and the entry points."""
    project = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
    info = site / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    info.mkdir(parents=True)
    name = f"Name: {project['name']}\nVersion: {project['version']}\n"
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\n{name}")
    points = project["entry-points"].items()
    lines = [f"[{group}]\n{k} = {v}\n" for group, row in points for k, v in row.items()]
    (info / "entry_points.txt").write_text("".join(lines))
    return [str(folder / "src"), str(site)]


def test_packages_of_ones_own_are_found_and_pass_their_tests(capsys, tmp_path):
    paths, tests = [str(ROOT / "src")], []
    for kind in KINDS:
        code, text = said(capsys, kind, f"my_{kind}", "--package", "--into", str(tmp_path))
        assert code == 0, text
        folder = tmp_path / f"likely-my-{kind}"
        paths += installed(folder, tmp_path / "site")
        tests.append(str(folder / "tests"))
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "OMP_NUM_THREADS": "1"}
    code = (
        "import sys, pytest\n"
        "from likely.core.bind import bind\n"
        "print(bind('my_objective(power=0.25)'), bind('my_sampler', room='decode'))\n"
        "sys.exit(pytest.main(['-q', '-p', 'no:cacheprovider', '--import-mode=importlib',"
        f" '--rootdir={tmp_path}', *sys.argv[1:]]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *tests],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "my_objective(power=0.25) my_sampler(floor=0.0003)" in done.stdout
    assert "10 passed" in done.stdout, done.stdout


def test_the_rooms_are_those_of_the_catalogue():
    from likely.apps._skeleton import ROOM_OF

    for room in ROOM_OF.values():
        assert catalogue(room)
