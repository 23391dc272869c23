"""Axes that people can read: words, units, round numbers, and colours of ordered values."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

if TYPE_CHECKING:
    from matplotlib.axes import Axes


MARKERS = "osD^vPX"
_NAMES = {
    "flops": "compute (FLOPs)",
    "params": "parameters",
    "tokens": "training tokens",
    "loss": "loss (nats/token)",
    "from_loss": "other loss (nats/token)",
    "step": "steps",
    "critical_batch": "critical batch (tokens)",
    "batch_tokens": "batch (tokens)",
    "learning_rate": "learning rate",
    "unique_tokens": "different tokens",
    "average_params": "parameters on average",
    "encoder_params": "parameters of the encoder",
    "decoder_params": "parameters of the decoder",
    "amount": "amount",
}


def named(column: str) -> str:
    """A column as a label of an axis.

    Args:
        column: its name.

    Returns:
        Words, with the unit where it is known.
    """
    return _NAMES.get(column, plain(column.replace("_", " ")))


def plain(text: str, most: int = 40) -> str:
    """A text from a table as it may stand in a picture.

    Args:
        text: anything.
        most: characters that are kept.

    Returns:
        The text without what XML forbids, shortened in its middle.
    """
    kept = "".join(c if c.isprintable() else " " for c in str(text))
    if len(kept) > most:
        kept = f"{kept[: most // 2 - 1]}…{kept[-(most // 2) :]}"
    # matplotlib leaves labels with a leading underscore out of legends.
    return f"\u200b{kept}" if kept.startswith("_") else kept


def short(value: float) -> str:
    """A size as people say it.

    Args:
        value: above 0.

    Returns:
        `10M`, `1.4T`, `0.25`; `1e21` beyond.

    Example:
        >>> short(1e7), short(1.4e12), short(3e20), short(2.5), short(3e-4)
        ('10M', '1.4T', '3e20', '2.5', '3e-4')
    """
    for unit, letter in ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k")):
        if unit <= abs(value) * 1.0005 < 1e3 * unit:
            return f"{value / unit:.3g}{letter}"
    if value == 0 or 1e-3 <= abs(value) < 1e3:
        return f"{value:.3g}"
    mantissa, power = f"{value:.2e}".split("e")
    return f"{float(mantissa):g}e{int(power)}"


def logarithmic(
    axes: "Axes", which: str, *, low: float, high: float, fine: bool = False, most: int = 7
) -> None:
    """Give an axis a logarithmic scale whose labels people can read, and few enough to fit.

    Args:
        axes: of the figure.
        which: x or y.
        low: smallest value shown.
        high: largest.
        fine: whether numbers are written out instead of 10M and 1B, as losses are.
        most: labels at most.
    """
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullFormatter, NullLocator

    getattr(axes, f"set_{which}scale")("log")
    getattr(axes, f"set_{which}lim")(low, high)
    axis = getattr(axes, f"{which}axis")
    axis.set_major_locator(FixedLocator(ticks(low, high, most=most)))
    axis.set_major_formatter(
        FuncFormatter(lambda v, _: f"{v:.4g}" if fine and v < 1e4 else short(v))
    )
    axis.set_minor_locator(NullLocator())
    axis.set_minor_formatter(NullFormatter())


def ticks(low: float, high: float, most: int) -> list[float]:
    """Round numbers between two ends of a logarithmic axis.

    Args:
        low: the lower end.
        high: the upper end.
        most: how many at most.

    Returns:
        The finest set of round numbers that is not too many.

    Example:
        >>> ticks(1e6, 1.1e9, most=6), ticks(1.9, 4.2, most=6)
        ([1000000.0, 10000000.0, 100000000.0, 1000000000.0], [2.0, 2.5, 3.0, 3.5, 4.0])
    """
    decades = np.arange(np.floor(np.log10(low)), np.ceil(np.log10(high)) + 1)
    sets: list[Any] = [np.outer(10**decades, list(parts)).ravel() for parts in _PARTS]
    sets += [10.0 ** decades[::every] for every in (2, 3, 5, 10)]
    for one in (*_even(low, high), *sets):
        inside = np.unique([v for v in one if low * 0.9999 <= v <= high * 1.0001])
        if 2 <= len(inside) <= most:
            return [float(f"{v:.6g}") for v in inside]
    return [low, high]


_PARTS = ((1, 2, 3, 5), (1, 2, 5), (1, 3), (1,))


def _even(low: float, high: float) -> list[Float[np.ndarray, "_"]]:
    """Even steps for axes of less than a decade, where powers of ten are too coarse."""
    if high / low > 8:
        return []
    size = 10 ** np.floor(np.log10(high - low))
    steps = [size * part for part in (0.1, 0.2, 0.25, 0.5, 1.0, 2.0)]
    return [
        np.arange(np.ceil(low / step * (1 - 1e-9)), np.floor(high / step * (1 + 1e-9)) + 1) * step
        for step in steps
    ]


def shades(values: Any) -> Any:
    """Colours of ordered values, dark for small: told apart in grey and without red or green cones.

    Args:
        values: above 0; their logarithms are shaded.

    Returns:
        One colour each.
    """
    import matplotlib

    logs = np.log(np.asarray(values, np.float64))
    wide = float(np.ptp(logs)) or 1.0
    return matplotlib.colormaps["viridis"](0.05 + 0.8 * (logs - logs.min()) / wide)


def key_of(axes: "Axes", title: str = "", names: Sequence[str] = (), **where: Any) -> None:
    """A legend where it hides least.

    Args:
        axes: of the figure.
        title: above it.
        names: nothing is drawn where there is only one.
        where: matplotlib's own settings.
    """
    if len(names) == 1:
        return
    made = axes.legend(title=title or None, **({"loc": "best"} | where))
    made.get_title().set_fontsize(8.5)
