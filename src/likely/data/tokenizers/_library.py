"""Tokenizers of the library `tokenizers`, which transformers uses too."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from likely.core.errors import BadInput
from likely.core.vocabulary import Vocabulary
from likely.data.tokenizers._spelling import spelled

FILE, NAMES = "tokenizer.json", "tokenizer_config.json"
END = "<|endoftext|>"
_ENDS = (END, "</s>", "<eos>", "<|end_of_text|>", "[SEP]")
_BATCH = 1 << 22  # characters to encode at once: the library keeps some 100 bytes a token


@dataclass(frozen=True, eq=False)
class Library:
    """A tokenizer as the text of its `tokenizer.json`.

    Names of special tokens within a text are text: a document cannot end itself.

    Args:
        name: what it is called.
        text: the JSON, kept as it was written so that its hash stays the same.
        begin: the token that opens a document.
        end: the token that closes one.
        template: how it writes conversations (Jinja), if it says so.
    """

    name: str
    text: str
    begin: str = END
    end: str = END
    template: str = ""

    @property
    def fingerprint(self) -> str:
        """A short hash of the JSON."""
        return hashlib.sha256(self.text.encode("utf-8")).hexdigest()[:16]

    @cached_property
    def marks(self) -> tuple[str, ...]:
        """Names of its special tokens."""
        return tuple(sorted(_special(self._tokenizer)))

    @cached_property
    def _tokenizer(self) -> Any:
        return self._made(marked=False)

    @cached_property
    def _marked(self) -> Any:
        return self._made(marked=True)

    def _made(self, *, marked: bool) -> Any:
        from tokenizers import Tokenizer

        try:
            made = Tokenizer.from_str(self.text)
        except Exception as problem:  # the library raises plain ones
            raise BadInput(f"The tokenizer {self.name} is damaged: {problem}.") from problem
        made.no_truncation()
        made.no_padding()
        made.encode_special_tokens = not marked
        return made

    def encode_many(self, texts: Sequence[str]) -> list[NDArray[np.int64]]:
        """Ids of several texts.

        Args:
            texts: what to encode.

        Returns:
            One array a text.
        """
        return _encoded(self._tokenizer, texts)

    def encode_marked(self, texts: Sequence[str]) -> list[NDArray[np.int64]]:
        """Ids of texts in which names of special tokens are special: what a chat template writes.

        Args:
            texts: what to encode.

        Returns:
            One array a text.
        """
        return _encoded(self._marked, texts)

    def save(self, folder: Path) -> None:
        """Write `tokenizer.json`, and beside it what transformers needs to open it.

        Args:
            folder: where to.
        """
        (folder / FILE).write_text(self.text, encoding="utf-8", newline="\n")
        names = {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "bos_token": self.begin,
            "eos_token": self.end,
            "clean_up_tokenization_spaces": False,
            "likely_name": self.name,
            **({"chat_template": self.template} if self.template else {}),
        }
        (folder / NAMES).write_text(json.dumps(names, indent=1) + "\n", encoding="utf-8")


def _encoded(tokenizer: Any, texts: Sequence[str]) -> list[NDArray[np.int64]]:
    encode = tokenizer.encode_batch_fast
    return [
        np.array(found.ids, np.int64)
        for batch in _batches(texts)
        for found in encode(batch, add_special_tokens=False)
    ]


def _batches(texts: Sequence[str]) -> Iterator[list[str]]:
    batch: list[str] = []
    size = 0
    for text in texts:
        batch.append(text)
        size += len(text)
        if size >= _BATCH:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def vocabulary_of(
    name: str,
    text: str,
    *,
    begin: str | None = None,
    end: str | None = None,
    template: str = "",
) -> Vocabulary:
    """The vocabulary of a `tokenizer.json`.

    Where only one of `begin` and `end` is known, it does both; where neither is, a well-known name
    among its special tokens does, and where there is none `<|endoftext|>` is added.

    Args:
        name: what the tokenizer is called.
        text: its JSON.
        begin: the token that opens a document.
        end: the token that closes one.
        template: how it writes conversations.

    Returns:
        The vocabulary, without counts.
    """
    from tokenizers import Tokenizer

    made = Tokenizer.from_str(text)
    begin, end = _ends(made, begin, end)
    ordinary = {begin, end} - _special(made)
    if ordinary:  # not there yet, or there and still to be told apart from text
        made.add_special_tokens(sorted(ordinary))
        text = made.to_str()
    ids = made.get_vocab(with_added_tokens=True)
    bytes_of, special = spelled(json.loads(text), ids)
    library = Library(name, text, begin, end, template)
    return Vocabulary(bytes_of, ids[begin], ids[end], special, tokenizer=library)


def _special(made: Any) -> set[str]:
    added = made.get_added_tokens_decoder().values()
    return {token.content for token in added if token.special}


def _ends(made: Any, begin: str | None, end: str | None) -> tuple[str, str]:
    """Tokens that open and close a document, each for the other where there is one only."""
    known = made.get_vocab(with_added_tokens=True)
    begin, end = (token if token in known else None for token in (begin, end))
    special = _special(made)
    usual = next((token for token in _ENDS if token in special), END)
    return begin or end or usual, end or begin or usual
