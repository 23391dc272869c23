"""Templates, styles and scripts as one page that needs nothing but itself."""

import base64
import hashlib
import json
import platform
from collections.abc import Sequence
from datetime import date
from functools import cache
from importlib.metadata import version
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from likely.apps.report._numbers import short_count, short_time
from likely.apps.report._text import legends

STYLES = ("page", "table", "chart", "text", "comparison", "forecast", "print")
SCRIPTS = ("tip", "text", "chart", "table")


def page(template: str, readings: Sequence[Any] = (), /, **values: Any) -> str:
    """Render a template.

    The browser is told to run this page's own script and nothing else: not even a tag that came
    with the text could load or run anything.

    Args:
        template: its name, without the suffix.
        readings: what the coloured texts tell on hover, by their number.
        values: what the template shows.

    Returns:
        HTML with styles, script and data inside.
    """
    script = _asset_text(SCRIPTS, "js")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    text = (
        _environment()
        .get_template(f"{template}.html.j2")
        .render(
            style=Markup(_asset_text(STYLES, "css")),
            script=Markup(script),
            policy=f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'; "
            "base-uri 'none'; form-action 'none'",
            readings=Markup(as_data(readings)),
            legends=legends(),
            **values,
        )
    )
    return text.rstrip() + "\n"


def known_environment() -> dict[str, str]:
    """What the foot of a page says: the day, and versions."""
    return {
        "date": date.today().isoformat(),
        "likely": version("likely"),
        "python": platform.python_version(),
        "torch": version("torch"),
    }


def as_data(value: Any) -> str:
    r"""JSON that may stand inside a script element.

    Args:
        value: plain values.

    Returns:
        JSON without any ``<``.

    Example:
        >>> as_data(["</script>"])
        '["\\u003c/script>"]'
    """
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("likely.apps.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"count": short_count, "time": short_time}
    return environment


@cache
def _asset_text(names: tuple[str, ...], suffix: str) -> str:
    folder = files("likely.apps.report") / "assets"
    parts = [(folder / f"{name}.{suffix}").read_text(encoding="utf-8") for name in names]
    text = "\n".join(parts)
    return f'(() => {{\n"use strict";\n{text}}})();' if suffix == "js" else text
