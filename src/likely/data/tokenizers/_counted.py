"""How often each id occurs in the training text."""

from dataclasses import replace

import numpy as np

from likely.core.vocabulary import Vocabulary
from likely.data.corpus import Corpus


def counted(vocabulary: Vocabulary, corpus: Corpus, batch: int = 1024) -> Vocabulary:
    """The same vocabulary with the counts of a corpus; each document ends with EOS.

    Args:
        vocabulary: what to count.
        corpus: the training text.
        batch: documents to encode at once.

    Returns:
        The vocabulary with `counts`.
    """
    counts = np.zeros(vocabulary.size, np.int64)
    for begin in range(0, len(corpus), batch):
        texts = [document.text for document in corpus.documents[begin : begin + batch]]
        for ids in vocabulary.encode_many(texts):
            counts += np.bincount(ids, minlength=vocabulary.size)
    counts[vocabulary.eos] += len(corpus)
    return replace(vocabulary, counts=counts)
