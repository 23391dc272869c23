"""What an objective's docstring says of itself beside its formula."""

import re

FACTS = ("Cost", "Status", "Detached", "Denominator")


def facts(text: str) -> dict[str, str]:
    """What a docstring says of status, cost, gradient and denominator, one line each.

    Args:
        text: the docstring.

    Returns:
        Fact → what is said, without the full stop; a fact that is not there is left out.
    """
    plain = re.sub(r"\n\s*\n", "\n\n", text)
    found = {}
    for fact in FACTS:
        match = re.search(
            rf"^\s*{fact}: (.*?)(?=\n\n|\n\s*(?:{'|'.join(FACTS)}): |\Z)",
            plain,
            re.DOTALL | re.MULTILINE,
        )
        if match:
            found[fact] = " ".join(match[1].split()).rstrip(".")
    return found
