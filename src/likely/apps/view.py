"""`likely view`: a page of a text as a model sees it, or two models; or of a run."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from likely.apps._console import messages, results
from likely.core.errors import BadSetting, did_you_mean

if TYPE_CHECKING:
    from likely.data.corpus import Corpus

WHERE = "likely view"
OPTIONS = (
    "--text",
    "--field",
    "--on-error",
    "--against",
    "--out",
    "--limit",
    "--open",
    "--no-open",
)


def view_text(
    model: Path,
    files: Annotated[
        tuple[str, ...], Parameter(allow_leading_hyphen=True, show_default=False)
    ] = (),
    /,
    *,
    text: str | None = None,
    field: str = "text",
    on_error: Literal["raise", "skip"] = "raise",
    against: Path | None = None,
    out: Path | None = None,
    limit: int = 10_000,
    open_page: Annotated[
        bool, Parameter(name="--open", negative="--no-open", show_default=False)
    ] = True,
) -> None:
    """Open a page of a text, coloured by how much it surprises a model.

    The page is one file that needs no network: bits, entropy and rank of every token, what the
    model expected instead, and with --against where two models differ. Without a text, the page
    is that of a run: its curves, its recipe, and validation text as it sees it.

    Args:
        model: folder of a model, such as quickstart/models/transformer, or of a run; or hub:NAME
            for a model of the Hugging Face hub.
        files: files or folders of text; - reads standard input, and `embedded` is the held-out
            part of the corpus that comes with Python.
        text: the text itself, in place of files.
        field: the field or column that holds the text.
        on_error: skip what cannot be read, and list it; raise stops there.
        against: folder of a second model, to compare on the same text.
        out: file to write; view.html by default, and report.html in the folder of a run.
        limit: characters to show at most.
        open_page: open the page in a browser where there is a screen.
    """
    page = out or Path("view.html")
    _check(page, limit, text, files)
    if text is None and not files:
        page = _run_page(model, against, out)
    else:
        from likely.apps._page import text_page
        from likely.apps._stages import write_whole
        from likely.models.load import load

        folders = [model, against] if against is not None else [model]
        readers = [load(folder) for folder in folders]
        corpus = _corpus(files, text, field, on_error)
        write_whole(page, text_page(readers, folders, corpus, limit))
    results().print(f"{page}: open it in any browser")
    if open_page:
        _open(page)


def _check(page: Path, limit: int, text: str | None, files: tuple[str, ...]) -> None:
    # A lone - is standard input, so the command line passes on what begins with one.
    problems = [
        f"There is no option {name}.{did_you_mean(name, OPTIONS)}"
        for name in files
        if name.startswith("-") and name != "-"
    ]
    if limit < 1:
        problems.append(f"limit={limit} should be at least 1.")
    if text is not None and files:
        problems.append("--text takes the place of files: give one or the other.")
    if text is not None and not text.strip():
        problems.append("--text is empty: give at least one visible character.")
    if page.is_dir():
        problems.append(f"--out {page} is a folder: name a file in it, such as {page}/view.html.")
    elif not page.absolute().parent.is_dir():
        problems.append(f"--out {page}: there is no folder {page.parent}; make it first.")
    if problems:
        raise BadSetting(WHERE, problems)


def _run_page(folder: Path, against: Path | None, out: Path | None) -> Path:
    if against is not None or not (folder / "recipe.toml").is_file():
        is_model = any((folder / name).is_file() for name in ("likely.json", "model/likely.json"))
        known = f"{folder} is a model and no run" if is_model else f"{folder} holds no run"
        raise BadSetting(
            WHERE,
            [
                ("--against compares two models on a text" if against else known)
                + f': name a text, such as likely view {folder} README.md, or --text "to be".'
            ],
        )
    from likely.apps._run_report import write_run_report

    return write_run_report(folder, out)


def _corpus(
    files: tuple[str, ...], text: str | None, field: str, on_error: Literal["raise", "skip"]
) -> "Corpus":
    from likely.data.corpus import Corpus, Document

    if text is not None:
        return Corpus("this text", (Document("this text", text),))
    if files == ("-",):
        return _standard_input()
    from likely.apps._given import given_texts

    return given_texts(files, field, on_error)


def _standard_input() -> "Corpus":
    import sys

    from likely.core.errors import BadInput
    from likely.data.corpus import Corpus, Document

    data = sys.stdin.buffer.read()
    try:
        given = data.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as problem:
        raise BadInput(
            f"Standard input: byte {problem.start} (0x{data[problem.start]:02x}) is not valid "
            "UTF-8; convert the text to UTF-8 first."
        ) from problem
    if not given.strip():
        raise BadInput("Standard input is empty: pipe a text into it, or name a file.")
    return Corpus("standard input", (Document("standard input", given),))


def _open(page: Path) -> None:
    """Show the page where there is a screen; without one the sentence above is enough."""
    import os
    import sys
    import webbrowser

    screen = sys.platform in ("darwin", "win32") or any(
        os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY")
    )
    if screen:
        try:
            webbrowser.open(page.absolute().as_uri())
        except (webbrowser.Error, OSError):
            messages().print("No browser could be opened.", style="dim")
