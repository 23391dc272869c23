"""What the pages say is true: their code runs, their commands exist, their links lead somewhere."""

import re
import shlex
from pathlib import Path
from urllib.parse import unquote

import pytest
from sybil import Sybil
from sybil.parsers.markdown import PythonCodeBlockParser

from likely.apps.cli import app, main
from scripts import make_docs

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(DOCS.rglob("*.md"))]
WRITTEN = [page for page in PAGES if page.parent != DOCS / "reference"]
NAMES = {page: page.relative_to(ROOT).as_posix() for page in PAGES}
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")


def having(pattern, pages=WRITTEN):
    """Pages in which something stands, as parameters."""
    found = [page for page in pages if re.search(pattern, text_of(page), re.MULTILINE)]
    return [pytest.param(page, id=NAMES[page]) for page in found]


def text_of(page):
    return page.read_text(encoding="utf-8")


def shell_lines(page, word):
    """Commands in `sh` blocks that begin with a word, without comments."""
    for block in re.findall(r"^```sh\n(.*?)^```", text_of(page), re.MULTILINE | re.DOTALL):
        for line in block.replace("\\\n", " ").splitlines():
            if re.match(rf"{word}\b", line):
                yield line


@pytest.mark.parametrize("page", having(r"^```python"))
def test_python_blocks_run_one_after_the_other(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    document = Sybil([PythonCodeBlockParser()]).parse(page)
    examples = list(document.examples())
    assert len(examples) >= len(re.findall(r"^```python", text_of(page), re.MULTILINE))
    for example in examples:
        example.evaluate()


@pytest.mark.parametrize("page", having(r"^likely "))
def test_commands_and_their_options_exist(page):
    for line in shell_lines(page, "likely"):
        words = shlex.split(line, comments=True)[1:]
        assert words[0] in set(app), line
        app.parse_args(words, exit_on_error=False, print_error=False)


@pytest.mark.parametrize("page", having(r"^make "))
def test_make_targets_exist(page):
    for line in shell_lines(page, "make"):
        assert re.search(rf"^{line.split()[1]}:", MAKEFILE, re.MULTILINE), line


SMALL = {
    "train": ["--steps", "3", "--rows", "2", "--length", "32", "--model", "transformer(layers=1)"],
    "generate": ["--max-new-tokens", "5"],
}


def test_the_first_commands_run(tmp_path, monkeypatch, capsys):
    """The four commands of the first page on three small files; training stops at once."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "notes").mkdir()
    for i, word in enumerate(("rivers", "stones", "clouds", "trees")):
        lines = [
            f"The {word} of note {i}, line {n}, are like no other {word}.\n" for n in range(60)
        ]
        (tmp_path / "notes" / f"{word}.md").write_text("".join(lines))
    (tmp_path / "held-out.md").write_text("The rivers of another note.\n" * 20)
    commands = list(shell_lines(DOCS / "your-own-text.md", "likely"))
    assert [line.split()[1] for line in commands] == ["train", "evaluate", "generate", "view"]
    for line in commands:
        words = [w for word in shlex.split(line, comments=True)[1:] for w in globbed(word)]
        words += SMALL.get(words[0], [])
        with pytest.raises(SystemExit) as stop:
            main(words)
        out, err = capsys.readouterr()
        assert stop.value.code == 0, f"{line}\n{err}"
        assert out.strip(), line


def globbed(word):
    return sorted(map(str, Path().glob(word))) if "*" in word else [word]


@pytest.mark.usefixtures("untyped")
def test_generated_pages_are_those_of_the_source():
    assert not make_docs.stale(), "run: make docs"


def anchors(page):
    """What headings can be linked by, as GitHub and the site name them."""
    text = re.sub(r"^```.*?^```", "", text_of(page), flags=re.MULTILINE | re.DOTALL)
    heads = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


@pytest.mark.parametrize("page", having(r"\]\(", PAGES))
def test_links_lead_somewhere(page):
    text = re.sub(r"^```.*?^```|`[^`\n]+`", "", text_of(page), flags=re.MULTILINE | re.DOTALL)
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"https?://", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{NAMES[page]} links to {link}"
        assert not anchor or anchor in anchors(target), f"{NAMES[page]} links to {link}"


def test_every_page_can_be_reached_from_the_index():
    seen, todo = set(), [DOCS / "README.md"]
    while todo:
        page = todo.pop()
        if page in seen or not page.is_file():
            continue
        seen.add(page)
        links = re.findall(r"\]\(([^)#\s]+\.md)", text_of(page))
        todo += [(page.parent / link).resolve() for link in links if "://" not in link]
    assert not set(DOCS.rglob("*.md")) - seen


@pytest.fixture(scope="module")
def built():
    """The site, in the folder where `make docs` puts it."""
    reason = 'the site needs: pip install ".[docs]"'
    pytest.importorskip("zensical", reason=reason)
    pytest.importorskip("latex2mathml", reason=reason)
    from scripts.documentation import site

    return site.build().resolve()


def test_the_site_has_every_page_and_fetches_nothing(built):
    fetched = re.compile(
        r'<(?:script|img|iframe)[^>]+src="?https?:|'
        r'<link[^>]+rel="?(?:stylesheet|preconnect|preload)[^>]+href="?https?:|'
        r'@import|url\("?https?:'
    )
    for path in [*built.rglob("*.html"), *built.rglob("*.css")]:
        found = fetched.search(path.read_text(encoding="utf-8"))
        assert found is None, f"{path}: {found.group()}"
    page = (built / "reference" / "objectives.html").read_text(encoding="utf-8")
    assert "<math" in page
    assert "```" not in page
    for page in DOCS.rglob("*.md"):
        name = page.relative_to(DOCS).with_suffix(".html").as_posix().replace("README", "index")
        assert (built / name).is_file(), name


def test_links_of_the_site_lead_somewhere(built):
    places = {
        page: set(re.findall(r'id="?([^\s">]+)', text_of(page))) for page in built.rglob("*.html")
    }
    for page in places:
        for link in re.findall(r'<a[^>]+href="?([^\s">]+)', text_of(page)):
            path, _, anchor = unquote(link).partition("#")
            if re.match(r"[a-z]+:|/", link) or page.name == "404.html":
                continue
            target = (page.parent / path).resolve() if path else page
            target = target / "index.html" if target.is_dir() else target
            assert target.exists(), f"{page.name} links to {link}"
            assert not anchor or anchor in places[target], f"{page.name} links to {link}"
