"""A vocabulary with its tokenizer on disk."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from likely.core.errors import BadInput
from likely.core.tokenizer import Tokenizer
from likely.core.vocabulary import Vocabulary
from likely.data.tokenizers import _characters, _library

FILE = "vocabulary.json"


def save(vocabulary: Vocabulary, folder: Path) -> None:
    """Write a vocabulary and its tokenizer.

    Args:
        vocabulary: what to write.
        folder: where to; it exists.
    """
    text = json.dumps(vocabulary.to_dict(), indent=1) + "\n"
    (folder / FILE).write_text(text, encoding="utf-8")
    if vocabulary.tokenizer is not None:
        vocabulary.tokenizer.save(folder)


def load(folder: Path) -> Vocabulary:
    """Read what `save` wrote.

    Args:
        folder: where it lies.

    Returns:
        The vocabulary.

    Raises:
        BadInput: it is missing or damaged.
    """
    try:
        data = json.loads((folder / FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError) as problem:
        raise BadInput(f"{folder / FILE}: this vocabulary cannot be read: {problem}.") from problem
    return vocabulary_of(data, folder)


def vocabulary_of(data: Mapping[str, Any], folder: Path) -> Vocabulary:
    """A vocabulary from its JSON, with the tokenizer that lies in the same folder.

    Args:
        data: what `Vocabulary.to_dict` wrote.
        folder: where the tokenizer lies.

    Returns:
        The vocabulary.

    Raises:
        BadInput: one of the two is missing or damaged.
    """
    name = data.get("tokenizer")
    return Vocabulary.from_dict(data, _tokenizer(str(name), folder) if name else None)


def _tokenizer(name: str, folder: Path) -> Tokenizer:
    """The tokenizer; nothing is fetched and no code of the folder runs."""
    characters, library = folder / _characters.FILE, folder / _library.FILE
    try:
        if characters.is_file():
            known = json.loads(characters.read_text(encoding="utf-8"))["characters"]
            return _characters.Characters(name, known)
        text = library.read_text(encoding="utf-8")
        names = json.loads((folder / _library.NAMES).read_text(encoding="utf-8"))
        template = str(names.get("chat_template") or "")
        return _library.Library(name, text, names["bos_token"], names["eos_token"], template)
    except FileNotFoundError as problem:
        raise BadInput(
            f"{problem.filename}: this file is missing, and the tokenizer {name} is kept in it; "
            "copy the whole folder."
        ) from problem
    except (OSError, ValueError, KeyError, TypeError) as problem:
        raise BadInput(f"{folder}: the tokenizer {name} cannot be read: {problem!r}.") from problem
