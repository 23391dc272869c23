"""Characters: those of the training text are ids, all others are spelled in bytes."""

from collections import Counter
from typing import Annotated

from annotated_types import Ge

from likely.core.vocabulary import Vocabulary
from likely.data.corpus import Corpus
from likely.data.tokenizers._characters import FIRST, Characters
from likely.data.tokenizers._counted import counted


def characters(corpus: Corpus, *, least: Annotated[int, Ge(1)] = 2) -> Vocabulary:
    """The characters of the training text, and the 256 bytes for those it does not have.

    Lossless: an unknown character is spelled by its bytes of UTF-8. There is no id for unknown
    ones, because a model pays little for such an id whatever stands behind it: bits per byte would
    come out too low on text that the vocabulary does not know.

    Args:
        corpus: the training text.
        least: how often a character must occur to be an id.

    Returns:
        A vocabulary of the bytes (0 to 255), the characters, and one id that opens and closes a
        document.

    Example:
        >>> from likely.data.corpus import Document
        >>> made = characters(Corpus("c", (Document("a", "aab"),)))
        >>> made.size, made.encode("abé").tolist(), made.decode([256, 98, 195, 169])
        (258, [256, 98, 195, 169], 'abé')
    """
    seen: Counter[str] = Counter()
    for document in corpus:
        seen.update(document.text)
    known = "".join(sorted(character for character, times in seen.items() if times >= least))
    single = [bytes([byte]) for byte in range(FIRST)]
    end = FIRST + len(known)
    vocabulary = Vocabulary(
        bytes_of=(*single, *(character.encode("utf-8") for character in known), b""),
        bos=end,
        eos=end,
        special=frozenset({end}),
        tokenizer=Characters(f"characters(least={least})", known),
    )
    return counted(vocabulary, corpus)
