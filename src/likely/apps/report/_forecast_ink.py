"""What all figures of forecasts share: one palette, one look, and pictures as text."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from io import StringIO
from typing import TYPE_CHECKING, Any

from likely.core.errors import Unsupported

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LAW, TOLD, SEEN, SOFT, RULE = "#0b6bb3", "#b3560b", "#33312d", "#77726a", "#e4e0d8"
"""Of the law, of what it tells beyond what it saw, of runs, of words beside them, of grids."""
_LOOK: Any = {
    "font.size": 9.5,
    "axes.titlesize": 9.5,
    "axes.labelsize": 9.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": SOFT,
    "axes.labelcolor": SEEN,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": RULE,
    "grid.linewidth": 0.6,
    "xtick.color": SOFT,
    "ytick.color": SOFT,
    "xtick.labelcolor": SEEN,
    "ytick.labelcolor": SEEN,
    "xtick.labelsize": 9,
    "ytick.labelsize": 9,
    "legend.fontsize": 8.5,
    "legend.frameon": False,
    "lines.linewidth": 1.6,
    "savefig.dpi": 200,
    "text.parse_math": False,
}


@dataclass(frozen=True, eq=False)
class Picture:
    """A figure and what a reader needs beside it.

    Args:
        name: of its file.
        title: what it shows.
        caption: how to read it, in a sentence.
        figure: matplotlib's own.
    """

    name: str
    title: str
    caption: str
    figure: "Figure"


def have_matplotlib() -> None:
    """Stop where figures cannot be drawn.

    Raises:
        Unsupported: matplotlib is not installed.
    """
    try:
        import matplotlib.figure  # noqa: F401
    except ImportError as problem:
        raise Unsupported(
            'Figures and reports of forecasts need matplotlib: pip install "likely[figures]"'
        ) from problem


@contextmanager
def own_look() -> Iterator[None]:
    """Draw in the look of the reports, whatever this machine's settings say."""
    import matplotlib

    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_LOOK)
        yield


def sheet(*, wide: float = 6.4, high: float = 4.4) -> "Figure":
    """An empty figure that belongs to no window.

    Args:
        wide: inches.
        high: inches.

    Returns:
        The figure.
    """
    from matplotlib.figure import Figure

    return Figure(figsize=(wide, high), layout="constrained", facecolor="white")


def inline(picture: Picture, *, letters: bool = True, ground: str = "white") -> str:
    """A figure as SVG that may stand in a page: nothing in it reaches beyond itself.

    Args:
        picture: the figure.
        letters: whether letters stay letters; else they become shapes.
        ground: colour behind it.

    Returns:
        The element.
    """
    kind = "none" if letters else "path"
    settings = {"svg.fonttype": kind, "svg.hashsalt": picture.name}
    text = svg(picture.figure, settings, ground)
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>|<!--.*?-->", "", text, flags=re.S)
    text = re.sub(r' xmlns(:xlink)?="[^"]*"', "", text).replace("xlink:href", "href")
    # Several figures share a page: each keeps its own names.
    own = picture.name
    text = re.sub(r'\bid="', f'id="{own}-', text)
    text = re.sub(r'href="#|url\(#', lambda found: f"{found[0]}{own}-", text)
    box = re.search(r'viewBox="[^"]*"', text)
    head = f'<svg {box[0] if box else ""} role="img" aria-label="{picture.title or own}">'
    return head + text[text.index(">") + 1 :].strip()


def svg(figure: "Figure", settings: Mapping[str, Any], ground: str = "white") -> str:
    """A figure as a whole SVG file.

    Args:
        figure: the figure.
        settings: matplotlib's.
        ground: colour behind it.

    Returns:
        XML, the same for the same figure.
    """
    import matplotlib

    held = StringIO()
    nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    given: Any = dict(settings)
    with own_look(), matplotlib.rc_context(given):
        figure.savefig(held, format="svg", metadata=nothing, facecolor=ground)
    return held.getvalue()
