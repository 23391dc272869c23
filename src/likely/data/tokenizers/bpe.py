"""Byte-level BPE: bytes, and the sequences of them that are worth an id."""

from typing import Annotated

from annotated_types import Ge

from likely.core.vocabulary import Vocabulary
from likely.data.corpus import Corpus
from likely.data.tokenizers._counted import counted
from likely.data.tokenizers._library import END, vocabulary_of


def bpe(
    corpus: Corpus, *, size: Annotated[int, Ge(257)] = 4096, least: Annotated[int, Ge(1)] = 2
) -> Vocabulary:
    """Byte-pair encoding as in GPT-2, trained on the training text by the library `tokenizers`.

    Lossless: all 256 bytes are ids, and text is neither normalised nor given a leading space. The
    same text gives the same ids each time.

    Args:
        corpus: the training text.
        size: ids at most, with the bytes and the one that opens and closes a document; a small
            corpus may have fewer pairs that occur often enough.
        least: how often a pair must occur to become an id.

    Returns:
        The vocabulary.

    Example:
        >>> from likely.data.corpus import Document
        >>> made = bpe(Corpus("c", (Document("a", "low lower lowest low"),)), size=260)
        >>> [made.bytes_of[i] for i in made.encode("slow low")]
        [b's', b'low', b' low']

    References:
        Sennrich, Haddow and Birch 2016, arXiv:1508.07909. Radford et al., Language Models are
        Unsupervised Multitask Learners, 2019, §2.2 (on bytes).
    """
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        min_frequency=least,
        special_tokens=[END],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    made.train_from_iterator((document.text for document in corpus), trainer)
    return counted(vocabulary_of(f"bpe(size={size}, least={least})", made.to_str()), corpus)
