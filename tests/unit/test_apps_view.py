"""`likely view`: a page of a text, of two models, of a run; and one sentence for each mistake."""

import io
import json
import re
import subprocess
import sys

import pytest

from likely.apps._run_report import write_run_report
from likely.audit.likelihood import likelihood
from likely.core.vocabulary import Vocabulary
from likely.data.corpus import Corpus, Document
from likely.data.files import read
from likely.data.tokens import encode
from likely.models.feed_forward import feed_forward
from likely.train.loop import run
from likely.train.recipe import Recipe, Schedule
from tests.unit.test_apps_cli import here

TEXT = 'Call me Ishmael. <b>Some</b> years ago – never mind "how long" & so on.\n' * 12


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    for seed, name in enumerate(("one", "two")):
        vocabulary = Vocabulary.of_bytes()
        feed_forward(vocabulary, context=3, embedding=4, width=8, seed=seed).save(folder / name)
    return folder


@pytest.fixture(scope="module")
def a_run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    notes = folder / "notes"
    notes.mkdir()
    for i in range(12):
        words = " ".join(str((i + 3) ** 5 * n % 9973) for n in range(150))
        (notes / f"{i}.md").write_text(f"Note {i}: <b>{words}</b>", encoding="utf-8")
    recipe = Recipe(
        model="feed_forward(context=3, embedding=4, width=8)",
        data=(str(notes),),
        steps=4,
        rows=2,
        length=32,
        evaluate_every=2,
        schedule=Schedule(warmup=1),
    )
    run(recipe, folder=folder / "first", device="cpu")
    return folder / "first"


@pytest.fixture
def file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "moby.txt").write_text(TEXT, encoding="utf-8")
    return "moby.txt"


def test_a_page_of_a_text(capsys, models, file, tmp_path):
    code, out, _ = here(capsys, "view", str(models / "one"), file, "--no-open")
    assert code == 0
    assert out.startswith("view.html: open it")
    page = (tmp_path / "view.html").read_text(encoding="utf-8")
    tokens = encode(read(file), Vocabulary.of_bytes())
    from likely.models.load import load

    bits = likelihood(load(models / "one"), tokens).bits_per_byte
    assert f"<b>{bits:.4f}</b>" in page
    assert "<h1>one needs " in page
    assert "&lt;</i>" in page
    assert "<b>Some" not in page
    data = re.search(r'type="application/json">(.*?)</script>', page).group(1)
    (reading,) = json.loads(data)
    assert len(reading["rows"]) == len(TEXT) + 1
    assert sum(row[0] for row in reading["rows"]) == pytest.approx(
        bits * len(TEXT.encode()), abs=0.005 * len(TEXT)
    )


def test_two_models_are_compared(capsys, models, file, tmp_path):
    words = ["view", str(models / "one"), file, "--against", str(models / "two"), "--no-open"]
    code, _, _ = here(capsys, *words, "--out", "both.html")
    page = (tmp_path / "both.html").read_text(encoding="utf-8")
    assert code == 0
    assert page.count('<pre class="text"') == 3
    assert re.search(r"one needs [\d.]+ bits per byte (more|fewer) than two; over 30 blocks", page)
    data = json.loads(re.search(r'type="application/json">(.*?)</script>', page).group(1))
    assert [data[2]["first"], data[2]["second"]] == ["one", "two"]
    for (first, second), a, b in zip(
        data[2]["rows"], data[0]["rows"], data[1]["rows"], strict=True
    ):
        assert (first, second) == (a[0], b[0])


def test_text_from_the_command_line_and_from_standard_input(capsys, models, file, monkeypatch):
    del file
    code, _, _ = here(capsys, "view", str(models / "one"), "--text", "to be", "--no-open")
    assert code == 0
    given = type("Given", (), {"buffer": io.BytesIO(b"or not")})
    monkeypatch.setattr("sys.stdin", given)
    code, _, _ = here(capsys, "view", str(models / "one"), "-", "--no-open")
    assert code == 0
    with open("view.html", encoding="utf-8") as page:
        assert "standard input" in page.read()


def test_a_long_text_is_cut_and_says_so(capsys, models, file, tmp_path):
    words = ("view", str(models / "one"), file, "--limit", "100", "--no-open")
    assert here(capsys, *words)[0] == 0
    page = (tmp_path / "view.html").read_text(encoding="utf-8")
    assert f"100 of {len(TEXT):,} characters" in page
    assert page.count("⟨end⟩") == page.count('"⟨end⟩"')


def test_documents_that_are_left_out_are_said(capsys, models, file, tmp_path):
    (tmp_path / "other.txt").write_text("more of it\n", encoding="utf-8")
    words = ("view", str(models / "one"), file, "other.txt", "--no-open")
    assert here(capsys, *words, "--limit", str(len(TEXT)))[0] == 0
    page = (tmp_path / "view.html").read_text(encoding="utf-8")
    assert f"{len(TEXT):,} of {len(TEXT) + 11:,} characters" in page
    assert here(capsys, *words)[0] == 0
    page = (tmp_path / "view.html").read_text(encoding="utf-8")
    assert '<span class="document">other.txt</span>' in page
    assert "This is the beginning" not in page


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nowhere", "moby.txt"], "nowhere is no folder"),
        (["MODEL", "no.txt"], "no such file"),
        (["MODEL", "moby.tx"], "Did you mean 'moby.txt'"),
        (["MODEL", "empty.txt"], "every document is empty"),
        (["MODEL", "binary.bin"], "is not valid UTF-8"),
        (["MODEL", "moby.txt", "--against", "nowhere"], "nowhere is no folder"),
        (["MODEL", "moby.txt", "--out", "no/page.html"], "there is no folder no"),
        (["MODEL", "moby.txt", "--out", "."], "is a folder: name a file in it"),
        (["MODEL", "moby.txt", "--limit", "0"], "limit=0 should be at least 1"),
        (["MODEL", "moby.txt", "--text", "x"], "give one or the other"),
        (["MODEL", "--text", " "], "--text is empty"),
        (["MODEL", "moby.txt", "--agianst", "x"], "Did you mean '--against'?"),
        (["MODEL"], "is a model and no run: name a text"),
        (["nowhere"], "nowhere holds no run"),
        (["MODEL", "--against", "MODEL"], "compares two models on a text"),
    ],
)
def test_a_mistake_is_a_sentence(capsys, models, file, tmp_path, words, said):
    (tmp_path / "empty.txt").write_text(" \n")
    (tmp_path / "binary.bin").write_bytes(b"\x89PNG\xff\xfe")
    before = sorted(tmp_path.iterdir())
    words = [str(models / "one") if word == "MODEL" else word for word in words]
    code, out, err = here(capsys, "view", *words, "--no-open")
    assert (code, out) == (2, "")
    assert said in err
    assert "Traceback" not in err
    assert sorted(tmp_path.iterdir()) == before


def test_the_page_of_a_run(capsys, a_run):
    code, out, _ = here(capsys, "view", str(a_run), "--no-open")
    assert code == 0
    assert "report.html" in out
    page = (a_run / "report.html").read_text(encoding="utf-8")
    rows = [json.loads(line) for line in (a_run / "metrics.jsonl").read_text().splitlines()]
    last = [row for row in rows if "bits_per_byte" in row][-1]
    assert f"first reached {last['bits_per_byte']:.3f} bits per byte" in page
    for section in ("learning", "text", "samples", "recipe"):
        assert f'<section id="{section}"' in page
    assert page.count("<svg") == 4
    assert "feed_forward(context=3, embedding=4, width=8)" in page
    assert not re.search(r"https?://|<link|src=", page)


def test_a_run_without_a_model_or_text_still_has_a_page(a_run, tmp_path):
    import shutil

    half = tmp_path / "half"
    shutil.copytree(a_run, half)
    shutil.rmtree(half / "model")
    page = write_run_report(half).read_text(encoding="utf-8")
    assert "It stopped at step" in page
    assert '<section id="samples"' not in page
    gone = tmp_path / "gone"
    shutil.copytree(a_run, gone)
    recipe = (gone / "recipe.toml").read_text().replace("notes", "moved")
    (gone / "recipe.toml").write_text(recipe)
    page = write_run_report(gone).read_text(encoding="utf-8")
    assert "Its text cannot be shown" in page
    assert '<section id="samples"' in page


def test_validation_text_can_be_given(a_run, tmp_path):
    text = Corpus("given", (Document("given.md", TEXT),))
    page = write_run_report(a_run, tmp_path / "page.html", validation=text)
    assert "<b>given.md</b>" in page.read_text(encoding="utf-8")


def test_a_browser_is_opened_where_there_is_a_screen_only(capsys, models, file, monkeypatch):
    opened = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    monkeypatch.setattr("sys.platform", "linux")
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    words = ("view", str(models / "one"), file, "--limit", "20")
    here(capsys, *words)
    assert not opened
    monkeypatch.setenv("DISPLAY", ":0")
    here(capsys, *words)
    assert len(opened) == 1
    assert opened[0].endswith("/view.html")
    assert opened[0].startswith("file:")


def test_help_imports_nothing_heavy():
    code = (
        "import sys\n"
        "from likely.apps.cli import main\n"
        "try:\n"
        "    main(['view', '--help'])\n"
        "except SystemExit:\n"
        "    print([m for m in ('torch', 'numpy', 'jinja2') if m in sys.modules],"
        " file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr.splitlines()[-1] == "[]"
    assert "--against" in done.stdout
    assert "--no-open" in done.stdout


def test_a_page_that_cannot_be_written_is_a_sentence(capsys, models, file, monkeypatch):
    def full(path, text):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("likely.core.disk.write_whole", full)
    code, out, err = here(capsys, "view", str(models / "one"), file, "--no-open")
    assert (code, out) == (2, "")
    assert "cannot be written (No space left on device)" in err
