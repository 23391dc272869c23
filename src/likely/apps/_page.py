"""From readers and a text to the page of it."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from likely.apps._comparison import apart, stretches
from likely.apps._reading import read_text
from likely.apps.report import render_view
from likely.apps.report._seen import Compared, Seen
from likely.core.vocabulary import Vocabulary
from likely.data.corpus import Corpus
from likely.data.tokens import Tokens, encode
from likely.models.reader import Reader


def text_page(
    readers: Sequence[Reader], folders: Sequence[Path], corpus: Corpus, limit: int
) -> str:
    """The page of a text as one model or two see it.

    Args:
        readers: the models.
        folders: where they lie; the page calls them by these.
        corpus: the text.
        limit: characters to show at most.

    Returns:
        HTML.
    """
    shown, cut = shorten(corpus, limit)
    seen = [
        Seen(label, reader.kind, reader.parameters_count, tokens_are(reader.vocabulary), reading)
        for reader, label in zip(readers, labels_of(folders), strict=True)
        for reading in [read_text(reader, tokens_of(shown, reader.vocabulary, cut=cut))]
    ]
    notes = _cut_note(corpus, shown)
    notes += _changed_notes(seen, shown)
    compared = None
    if len(seen) == 2:
        both = stretches(seen[0].reading, seen[1].reading)
        notes += _comparison_notes([reader.vocabulary for reader in readers], both is not None)
        if both is not None:
            compared = Compared(both, apart(seen[0].reading, seen[1].reading, both))
    names = [document.id for document in shown]
    title = names[0] if len(names) == 1 else corpus.name
    return render_view(title, names, seen, compared, notes, cut=cut)


def shorten(corpus: Corpus, limit: int) -> tuple[Corpus, bool]:
    """The first characters of a corpus.

    Args:
        corpus: the text.
        limit: characters at most.

    Returns:
        As many documents as fit, the last one cut where it must be, and whether it was.
    """
    left, kept = limit, []
    for document in corpus:
        kept.append(replace(document, text=document.text[:left]))
        left -= len(document.text)
        if left <= 0:
            break
    return Corpus(corpus.name, tuple(kept)), left < 0


def tokens_of(corpus: Corpus, vocabulary: Vocabulary, *, cut: bool) -> Tokens:
    """A text as tokens; one that was cut does not end, so its end is not scored.

    Args:
        corpus: the text.
        vocabulary: what encodes it.
        cut: whether the last document goes on in truth.

    Returns:
        The tokens.
    """
    tokens = encode(corpus, vocabulary)
    if not cut or tokens.offsets[-1] - tokens.offsets[-2] < 2:
        return tokens
    offsets = np.concatenate([tokens.offsets[:-1], tokens.offsets[-1:] - 1])
    return replace(tokens, ids=tokens.ids[:-1], offsets=offsets)


def tokens_are(vocabulary: Vocabulary) -> str:
    """What the tokens of a vocabulary are, in words.

    Args:
        vocabulary: of a model.

    Returns:
        ``byte``, ``character`` or ``token``.
    """
    if vocabulary.is_bytes:
        return "byte"
    texts = [data.decode("utf-8", errors="replace") for data in vocabulary.bytes_of]
    return "character" if max(map(len, texts)) <= 1 else "token"


def labels_of(folders: Sequence[Path]) -> list[str]:
    """What to call models: the names of their folders, with as much path as tells them apart.

    Args:
        folders: where they lie.

    Returns:
        One label a model.

    Example:
        >>> labels_of([Path("a/run/model"), Path("b/run")]), labels_of([Path("x"), Path("x")])
        (['a/run', 'b/run'], ['x', 'x (again)'])
    """
    paths = [folder.absolute() for folder in folders]
    parts = [(path.parent if path.name == "model" else path).parts for path in paths]
    for depth in range(1, max(map(len, parts))):
        labels = ["/".join(part[-depth:]) for part in parts]
        if len(set(labels)) == len(labels):
            return labels
    return [f"{part[-1]}{' (again)' if i else ''}" for i, part in enumerate(parts)]


def _changed_notes(seen: Sequence[Seen], shown: Corpus) -> list[str]:
    spelled = "".join(document.text for document in shown)
    return [
        f"The tokenizer of {one.label} changes the text (such as its spaces, or letters that it "
        "does not know): what is shown is what its tokens spell."
        for one in seen
        if "".join(piece.text for piece in one.reading.pieces) != spelled
    ]


def _comparison_notes(vocabularies: Sequence[Vocabulary], comparable: bool) -> list[str]:
    if not comparable:
        return ["The two tokenizers spell different texts, so only sums are compared."]
    if len({vocabulary.fingerprint for vocabulary in vocabularies}) == 1:
        return []
    return [
        "The two models cut the text into different tokens: they are compared over the shortest "
        "stretches at whose end both end a token."
    ]


def _cut_note(corpus: Corpus, shown: Corpus) -> list[str]:
    whole = sum(len(document.text) for document in corpus)
    here = sum(len(document.text) for document in shown)
    if here == whole:
        return []
    return [
        f"This is the beginning: {here:,} of {whole:,} characters (--limit shows more). The "
        "numbers are those of what is shown."
    ]
