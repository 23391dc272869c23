"""A tokenizer that somebody else trained."""

import json
from pathlib import Path
from typing import Any

from likely.core.errors import BadInput, BadSetting, Unsupported, first_line
from likely.core.vocabulary import Vocabulary
from likely.data.corpus import Corpus
from likely.data.tokenizers._counted import counted
from likely.data.tokenizers._library import FILE, vocabulary_of
from likely.data.tokenizers._saved import load
from likely.data.tokenizers._saved import vocabulary_of as saved_vocabulary


def pretrained(corpus: Corpus, *, path: str) -> Vocabulary:
    """Any tokenizer of transformers with a `tokenizer.json`, or that of a model of ours.

    Lossless where the tokenizer is: byte-level ones are. One that lowers case, normalises or has
    an id for unknown words loses text; bits per byte still divides by the bytes of the text as it
    was, so such a model gets what was lost for nothing: compare it with its like only. A
    tokenizer of words (WordPiece, whitespace) spells every word with a space before it, and one
    made from SentencePiece puts a space before a text that has none.

    Documents open with its token for that and close with its token for that; where it has only
    one, that does both (in BERT's family [CLS] and [SEP] do), and where it has none,
    `<|endoftext|>` is added. No code of the tokenizer's author is run.

    Args:
        corpus: the training text, which is counted.
        path: a folder, a `tokenizer.json`, or a name on the Hugging Face hub; of a model or a run
            of ours, the very same vocabulary is taken.

    Returns:
        The vocabulary.

    Raises:
        BadSetting: no path.
        BadInput: there is no tokenizer, or it needs code of its author.
        Unsupported: one that is written in Python only.
    """
    if not path:
        raise BadSetting("Tokenizer 'pretrained'", ["path is empty; name a folder or a hub id."])
    name = f"pretrained(path={path!r})"
    given = Path(path)
    ours = _ours(given)
    if ours is not None:
        return counted(ours, corpus)
    file = given / FILE if given.is_dir() else given
    alone = file.name == FILE and not (file.parent / "tokenizer_config.json").is_file()
    if file.is_file() and alone:
        return counted(vocabulary_of(name, _text(file)), corpus)
    found = _loaded(str(given.parent) if given.is_file() else path)
    return counted(of_tokenizer(found, name=name), corpus)


def of_tokenizer(tokenizer: Any, *, name: str = "") -> Vocabulary:
    """What the ids of a tokenizer of transformers mean, where it is in memory already.

    Args:
        tokenizer: a fast one (`PreTrainedTokenizerFast`).
        name: what it shall be called; its own `name_or_path` where nothing is given.

    Returns:
        The vocabulary, without counts.

    Raises:
        Unsupported: one that is written in Python only.
    """
    name = name or str(getattr(tokenizer, "name_or_path", "")) or type(tokenizer).__name__
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        raise Unsupported(
            f"{name}: this tokenizer ({type(tokenizer).__name__}) is written in Python only; use "
            "one with a tokenizer.json."
        )
    begin = tokenizer.bos_token or tokenizer.cls_token
    end = tokenizer.eos_token or tokenizer.sep_token
    chat = getattr(tokenizer, "chat_template", None)
    chat = chat.get("default") if isinstance(chat, dict) else chat  # several, by their names
    return vocabulary_of(name, backend.to_str(), begin=begin, end=end, template=chat or "")


def _ours(folder: Path) -> Vocabulary | None:
    """The vocabulary of a model or a run of ours, so that two models can share one."""
    for inside in (folder, folder / "model"):
        if (inside / "likely.json").is_file():
            try:
                card = json.loads((inside / "likely.json").read_text(encoding="utf-8"))
                return saved_vocabulary(card["vocabulary"], inside)
            except (ValueError, KeyError, TypeError) as problem:
                if isinstance(problem, BadInput):
                    raise
                raise BadInput(f"{inside}: this card is damaged: {problem!r}.") from problem
    kept = folder / "tokenizer"
    return load(kept) if (kept / "vocabulary.json").is_file() else None


def _text(file: Path) -> str:
    from tokenizers import Tokenizer

    try:
        text = file.read_text(encoding="utf-8")
        Tokenizer.from_str(text)
    except Exception as problem:  # the library raises plain ones
        raise BadInput(f"{file}: this is no tokenizer ({first_line(problem)}).") from problem
    return text


def _loaded(path: str) -> Any:
    from transformers import AutoTokenizer

    try:
        return AutoTokenizer.from_pretrained(path, trust_remote_code=False)
    except Exception as problem:  # files, network, the library: exceptions of all kinds
        raise BadInput(
            f"{path}: transformers cannot load this tokenizer ({first_line(problem)}); give a "
            "folder with a tokenizer.json, or a name on the Hugging Face hub."
        ) from problem
