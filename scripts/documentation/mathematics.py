"""Formulas as MathML, which browsers draw by themselves: no script, no font from elsewhere."""

import html
import re

from latex2mathml.converter import convert

BLOCK = re.compile(r"^```math\n(.*?)\n```$", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"(?<![\\`$\w])\$([^$`\n]+(?:\n[^$`\n]+)?)\$(?![\w$])")
FENCE = re.compile(r"(^```.*?^```$|`[^`\n]+`)", re.MULTILINE | re.DOTALL)


def drawn(text: str) -> str:
    """Markdown whose formulas are MathML.

    Args:
        text: Markdown with fenced blocks `math` and with formulas between dollars.

    Returns:
        The same with HTML in their place; other code stays.
    """
    text = BLOCK.sub(lambda found: f'<div class="formula">{_mathml(found[1], "block")}</div>', text)
    parts = FENCE.split(text)
    for i in range(0, len(parts), 2):
        parts[i] = INLINE.sub(lambda found: _mathml(found[1], "inline"), parts[i])
    return "".join(parts)


def _mathml(formula: str, display: str) -> str:
    made = convert(formula.replace("\n", " "), display=display)
    # Markdown must not read stars and underscores of the result as emphasis.
    return html.unescape(made).replace("*", "&#42;").replace("_", "&#95;").replace("\n", " ")
