"""The site: pages are copied to `build/pages`, and Zensical makes HTML of them in `build/site`."""

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

from scripts.documentation.source import ROOT

BUILD, DOCS = ROOT / "build", ROOT / "docs"
LINK = re.compile(r"(?<!!)\[([^\]]*)\]\(([^)#\s]+)(#[^)\s]*)?\)")


def build() -> Path:
    """Build the site.

    Returns:
        Its folder.

    Raises:
        SystemExit: Zensical is not installed, or stopped.
    """
    import tomli_w

    from scripts.documentation.mathematics import drawn

    pages = BUILD / "pages"
    shutil.rmtree(pages, ignore_errors=True)
    shutil.copytree(DOCS, pages)
    settings = tomllib.loads((ROOT / "zensical.toml").read_text(encoding="utf-8"))
    repository = settings["project"]["repo_url"]
    for path in pages.rglob("*.md"):
        text = path.read_text(encoding="utf-8")
        here = DOCS / path.relative_to(pages).parent
        path.write_text(drawn(_outward(text, here, repository)), encoding="utf-8")
    settings["project"]["nav"] = navigation((DOCS / "README.md").read_text("utf-8"))
    file = BUILD / "zensical.toml"
    file.write_text(tomli_w.dumps(settings), encoding="utf-8")
    command = [sys.executable, "-m", "zensical", "build", "--strict", "--config-file", str(file)]
    if subprocess.run(command, cwd=BUILD, check=False).returncode:
        raise SystemExit("Zensical stopped; what it printed above says why.")
    return BUILD / "site"


def navigation(index: str) -> list[dict[str, object]]:
    """The order of the pages: that of the index, under its headings.

    Args:
        index: the text of `docs/README.md`.

    Returns:
        What Zensical takes as `nav`; links that leave `docs` are no pages.
    """
    made: list[dict[str, object]] = [{"Documentation": "README.md"}]
    for part in re.split(r"^## ", index, flags=re.MULTILINE)[1:]:
        title = part.splitlines()[0].strip()
        found = re.findall(r"^- \[([^\]]+)\]\(([^)#]+\.md)\)", part, re.MULTILINE)
        there = [pair for pair in found if (DOCS / pair[1]).is_file() and ".." not in pair[1]]
        if there:
            made.append({title: [{name: _below(link)} for name, link in there]})
    return made


def _below(link: str) -> str | list[object]:
    """A page; or, for the index of a folder, that index and the pages beside it."""
    if not link.endswith("/README.md"):
        return link
    beside = sorted((DOCS / link).parent.glob("*.md"))
    pages = [path for path in beside if path.name != "README.md"]
    return [link, *({_title(path): path.relative_to(DOCS).as_posix()} for path in pages)]


def _title(path: Path) -> str:
    return path.read_text(encoding="utf-8").splitlines()[0].lstrip("# ")


def _outward(text: str, here: Path, repository: str) -> str:
    """Links that leave `docs`, or lead to a folder, as links into the repository."""

    def one(found: re.Match[str]) -> str:
        title, link, anchor = found[1], found[2], found[3] or ""
        target = (here / link).resolve()
        if ":" in link or (target.is_relative_to(DOCS) and target.is_file()):
            return found[0]
        kind = "tree" if target.is_dir() else "blob"
        return f"[{title}]({repository}/{kind}/main/{target.relative_to(ROOT)}{anchor})"

    return LINK.sub(one, text)
