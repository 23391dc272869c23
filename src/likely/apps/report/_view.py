"""`render_view`: a text as one model sees it, or two."""

from collections.abc import Sequence
from typing import Any

from markupsafe import Markup

from likely.apps.report._along import concentration, running
from likely.apps.report._places import ahead, most_surprising
from likely.apps.report._seen import Compared, Seen
from likely.apps.report._template import known_environment, page
from likely.apps.report._text import (
    coloured_difference,
    coloured_text,
    difference_legend,
    hover_data,
)
from likely.apps.report._words import headline, sentences

KEYS = ("first", "second")


def render_view(
    title: str,
    names: Sequence[str],
    seen: Sequence[Seen],
    compared: Compared | None,
    notes: Sequence[str],
    *,
    cut: bool = False,
) -> str:
    """Write the page of a text.

    Args:
        title: what the text is called.
        names: of its documents.
        seen: one model or two.
        compared: their difference, where there are two that spell the same text.
        notes: what a reader must know, one sentence each.
        cut: whether the text goes on, so that its end was not scored.

    Returns:
        HTML that needs nothing but itself.
    """
    labels = [one.label for one in seen]
    panels = [_panel(number, names, one) for number, one in enumerate(seen)]
    readings = [hover_data(one.reading.pieces) for one in seen]
    if compared:
        panels.append(_difference_panel(len(seen), compared, labels, names))
        readings.append(
            {
                "first": labels[0],
                "second": labels[1],
                "rows": [[round(s.first, 2), round(s.second, 2)] for s in compared.every],
            }
        )
    return page(
        "view",
        readings,
        title=title,
        headline=headline(title, seen, compared.apart if compared else None),
        sentences=sentences(title, seen, compared.apart if compared else None),
        rows=[_row(key, one) for key, one in zip(KEYS, seen, strict=False)],
        panels=panels,
        places=[most_surprising(i, one.label, one.reading) for i, one in enumerate(seen)],
        ahead=ahead(len(seen), labels, compared.every) if compared else [],
        pictures=[running(seen), concentration(seen)],
        notes=notes,
        environment=known_environment(),
        cut=cut,
    )


def _row(key: str, one: Seen) -> dict[str, Any]:
    found = one.reading.likelihood
    return {
        "key": key,
        "label": one.label,
        "kind": one.kind,
        "parameters": one.parameters,
        "tokens_are": one.tokens_are,
        "tokens": int(found.tokens.sum()),
        **{
            name: getattr(found, name)
            for name in ("bits_per_byte", "nats_per_token", "perplexity", "accuracy")
        },
    }


def _panel(number: int, names: Sequence[str], one: Seen) -> dict[str, Any]:
    parts = [coloured_text(document) for document in one.reading.documents]
    return {
        "key": KEYS[number],
        "label": one.label,
        "bits_per_byte": one.reading.likelihood.bits_per_byte,
        "number": number,
        "html": _documents(names, parts),
    }


def _difference_panel(
    number: int, compared: Compared, labels: Sequence[str], names: Sequence[str]
) -> dict[str, Any]:
    parts = [coloured_difference(document) for document in compared.cut]
    return {
        "key": "none",
        "label": "difference",
        "number": number,
        "html": _documents(names, parts),
        "legend": difference_legend(),
        "unit": f"bits of {labels[0]} minus bits of {labels[1]}: blue where {labels[0]} needs "
        f"fewer, orange where {labels[1]} does",
    }


def _documents(names: Sequence[str], parts: Sequence[Markup]) -> Markup:
    """Documents one after another, with their names where there are several."""
    if len(parts) == 1:
        return parts[0]
    return Markup("\n").join(
        Markup('<span class="document">{}</span>').format(name) + part
        for name, part in zip(names, parts, strict=True)
    )
