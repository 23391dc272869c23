"""BM25: how well documents fit queries, by the words that both have."""

import logging
import re
from typing import Annotated, Any

import numpy as np
from annotated_types import Ge, Le
from jaxtyping import Float
from numpy.typing import NDArray

from likely.audit.metrics._given import Texts, needs, together
from likely.core.errors import BadInput
from likely.core.settings import checked

BOUNDS = (0.0, float("inf"))
LAWS = frozenset[str]()
_WORD = re.compile(r"\w+")


def bm25(
    queries: Texts,
    documents: Texts,
    *,
    k1: Annotated[float, Ge(0)] = 1.5,
    b: Annotated[float, Ge(0), Le(1)] = 0.75,
) -> Float[NDArray[np.float64], "Q M"]:
    r"""Score of every document for every query, in the form that Lucene uses.

    $$ \sum_{w \in q} \ln\!\Big(1 + \frac{M - m_w + \frac12}{m_w + \frac12}\Big)
    \frac{c_w}{c_w + k_1 (1 - b + b\, l / \bar l)} $$

    M documents there are, m_w of them with the word w, which stands c_w times in this one of l
    words. Scores of one query can be ranked; between queries they cannot be compared. Words are
    runs of letters and digits in small letters; none is left out and none is stemmed. Original BM25
    has another factor k₁ + 1, which changes no rank. By the library bm25s.

    Args:
        queries: what is looked for.
        documents: where.
        k1: how soon more of the same word stops to count.
        b: how much long documents are held back; 0 for not at all.

    Returns:
        One row a query, one column a document, 0 and above.

    Raises:
        BadSetting: `k1` below 0, or `b` outside 0 … 1.
        BadInput: there are no queries or documents, or no words in any document.
        Unsupported: bm25s is not installed.

    Example:
        >>> bm25(["cat"], ["a cat sat", "a dog ran off", "the cat and the cat"]).round(2)
        array([[0.21, 0.  , 0.25]])

    References:
        Robertson, Zaragoza, The Probabilistic Relevance Framework: BM25 and Beyond, 2009.
        Kamphuis et al., Which BM25 Do You Mean?, 2020 (Lucene's form).
        Lù, BM25S: Orders of Magnitude Faster Lexical Search via Eager Sparse Scoring, 2024.
        arXiv:2407.03618.
    """
    checked(bm25, locals())
    together("bm25", queries=queries)
    together("bm25", documents=documents)
    words = [_WORD.findall(document.lower()) for document in documents]
    if not any(words):
        raise BadInput("bm25: the documents have no words, so there is nothing to find.")
    index = _library().BM25(k1=k1, b=b, method="lucene", dtype="float64")
    index.index(words, create_empty_token=False, show_progress=False)
    asked = [index.get_tokens_ids(_WORD.findall(query.lower())) for query in queries]
    return np.array([index.get_scores_from_ids(one) for one in asked], np.float64)


def _library() -> Any:
    try:
        import bm25s
    except ImportError as problem:
        raise needs("bm25s", "bm25") from problem
    # It lets through what only its own authors want to read.
    logging.getLogger("bm25s").setLevel(logging.WARNING)
    return bm25s
