"""Which bytes each id of a `tokenizer.json` stands for."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

_SPLITS = {"BertPreTokenizer", "CharDelimiterSplit", "Whitespace", "WhitespaceSplit"}
_BYTE = re.compile(r"<0x([0-9A-Fa-f]{2})>")
_PRINTED = [*range(33, 127), *range(161, 173), *range(174, 256)]
_OTHERS = sorted(set(range(256)) - set(_PRINTED))
_ALPHABET = {chr(b): b for b in _PRINTED} | {chr(256 + n): b for n, b in enumerate(_OTHERS)}
"""The letters that byte-level BPE writes bytes with (Radford et al., 2019)."""


def spelled(
    data: Mapping[str, Any], ids: Mapping[str, int]
) -> tuple[tuple[bytes, ...], frozenset[int]]:
    """Bytes of each id, and the ids that stand for no text.

    Args:
        data: the parsed `tokenizer.json`.
        ids: token → id, added ones too.

    Returns:
        `[V]` bytes, where V is the highest id and one; special ids, those that no token has, and
        that of unknown words.
    """
    size = max(ids.values(), default=-1) + 1
    read = _reader(data)
    bytes_of, special = [b""] * size, set(range(size)) - set(ids.values())
    for token, place in ids.items():
        bytes_of[place] = read(token)
    for added in data.get("added_tokens") or ():
        if added["id"] < size:
            bytes_of[added["id"]] = added["content"].encode("utf-8")
            special |= {added["id"]} if added["special"] else set()
    model = data["model"]
    unknown = ids.get(model.get("unk_token") or "", model.get("unk_id"))
    special |= set() if unknown is None else {unknown}
    for place in special:
        bytes_of[place] = b""
    return tuple(bytes_of), frozenset(special)


def _reader(data: Mapping[str, Any]) -> Callable[[str], bytes]:
    """How a token is read."""
    model = data["model"]
    parts = [p for name in ("normalizer", "pre_tokenizer", "decoder") for p in _parts(data[name])]
    kinds = {part["type"] for part in parts}
    marks = {p["replacement"] for p in parts if p["type"] == "Metaspace"}
    marks |= {"▁"} if _writes_spaces(parts) else set()
    inside = model.get("continuing_subword_prefix") or ""
    last = model.get("end_of_word_suffix") or ""
    words = model["type"] == "WordPiece" or (
        model["type"] == "WordLevel" and not marks and bool(kinds & _SPLITS)
    )
    fallback = model.get("byte_fallback") or "ByteFallback" in kinds
    by_byte = "ByteLevel" in kinds

    def read(token: str) -> bytes:
        match = _BYTE.fullmatch(token) if fallback else None
        if match:
            return bytes([int(match[1], 16)])
        before = " " if words else ""
        if inside and token.startswith(inside):
            before, token = "", token.removeprefix(inside)
        after = " " if last and token.endswith(last) else ""
        token = token.removesuffix(last)
        if by_byte and all(letter in _ALPHABET for letter in token):
            body = bytes(_ALPHABET[letter] for letter in token)
        else:
            for mark in marks:
                token = token.replace(mark, " ")
            body = token.encode("utf-8")
        return before.encode() + body + after.encode()

    return read


def _parts(data: Any) -> Iterator[dict[str, Any]]:
    """Every step of a chain, however deep."""
    if isinstance(data, dict):
        if "type" in data:
            yield data
        for value in data.values():
            yield from _parts(value)
    elif isinstance(data, list):
        for value in data:
            yield from _parts(value)


def _writes_spaces(parts: list[dict[str, Any]]) -> bool:
    """Whether ▁ stands for a space, as in files made from SentencePiece."""
    return any(
        part["type"] == "Replace"
        and (part.get("pattern"), part.get("content"))
        in (({"String": "▁"}, " "), ({"String": " "}, "▁"))
        for part in parts
    )
