"""English answers in the form in which SQuAD compares them."""

import re
import string

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_PUNCTUATION = str.maketrans("", "", string.punctuation)


def normal(text: str) -> str:
    """Small letters, without ASCII punctuation, without a, an and the, one blank between words.

    Args:
        text: an answer.

    Returns:
        What is compared.

    Example:
        >>> normal("The Eiffel  Tower!")
        'eiffel tower'
    """
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_PUNCTUATION)).split())
