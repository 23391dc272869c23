"""Write the generated pages of `docs/`, and build the site from all of them.

python -m scripts.make_docs             write pages, build the site (make docs)
python -m scripts.make_docs --pages     write pages only
python -m scripts.make_docs --check     write nothing; fail where a page is stale
"""

import sys

from scripts.documentation import (
    command_line,
    errors,
    ledger,
    objectives,
    papers,
    reference,
    tables,
)
from scripts.documentation.source import ROOT

DOCS = ROOT / "docs"
README = "../README.md"


def pages() -> dict[str, str]:
    """Every page with something generated in it.

    Returns:
        Path below `docs` → text.
    """
    made = {
        "papers.md": papers.page(),
        "cli.md": command_line.page(),
        "errors.md": errors.page(),
        **ledger.pages(),
        **reference.pages(),
        README: objectives.filled(ledger.filled(_read(README))),
    }
    for path in sorted(DOCS.rglob("*.md")):
        text = path.read_text(encoding="utf-8")
        if tables.MARKED.search(text):
            name = path.relative_to(DOCS).as_posix()
            made[name] = tables.filled(text, name)
    return made


def stale() -> list[str]:
    """Pages that are not what they would be now, and those of rooms and claims that are gone.

    Returns:
        Their paths below `docs`.
    """
    made = pages()
    generated = [*(DOCS / "reference").glob("*.md"), *(DOCS / "ledger").glob("*.svg")]
    gone = [path.relative_to(DOCS).as_posix() for path in generated]
    old = [name for name, text in made.items() if _read(name) != text]
    return sorted({*old, *(name for name in gone if name not in made)})


def main() -> None:
    """Write, check or build.

    Raises:
        SystemExit: a page is stale, or the site cannot be built.
    """
    if "--check" in sys.argv:
        found = stale()
        if found:
            raise SystemExit(f"Stale: {', '.join(found)}. Run make docs, and commit what changes.")
        print("Generated pages are up to date.")
        return
    for name, text in pages().items():
        path = DOCS / name
        if _read(name) != text:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="\n")
            print(f"wrote {path.resolve().relative_to(ROOT)}")
    if "--pages" not in sys.argv:
        from scripts.documentation import site

        print(f"The site: {site.build().relative_to(ROOT)}/index.html")


def _read(name: str) -> str:
    path = DOCS / name
    return path.read_text(encoding="utf-8") if path.is_file() else ""


if __name__ == "__main__":
    main()
