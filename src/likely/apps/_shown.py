"""Tokens and text as they can be read in a line."""

from likely.core.vocabulary import Vocabulary


def shown(token: int, vocabulary: Vocabulary) -> str:
    """A token as it can be read in a line: white space by signs, parts of characters by numbers.

    Args:
        token: its id.
        vocabulary: what it spells.

    Returns:
        A short text, never empty.

    Example:
        >>> [shown(i, Vocabulary.of_bytes()) for i in (97, 32, 10, 195, 256)]
        ['a', '␣', '⏎', '0xc3', '⟨end⟩']
    """
    data = vocabulary.bytes_of[token]
    if not data:
        return "⟨end⟩" if token == vocabulary.eos else f"⟨{token}⟩"
    try:
        return visible(data.decode())
    except UnicodeDecodeError:
        return f"0x{data.hex()}"


def visible(text: str) -> str:
    r"""Text with signs for white space and numbers for what cannot be seen.

    Args:
        text: any text.

    Returns:
        Printable characters.

    Example:
        >>> visible("a b\n"), visible("\u200b")
        ('a␣b⏎', '⟨U+200B⟩')
    """
    signs = {" ": "␣", "\n": "⏎", "\t": "⇥", "\r": "␍"}
    return "".join(signs.get(c) or (c if c.isprintable() else f"⟨U+{ord(c):04X}⟩") for c in text)
