"""sacrebleu's scores, and references in the form in which it reads them."""

from typing import Any, Literal

from likely.audit.metrics._given import References, Texts, needs, references_of

Tokenize = Literal["13a", "intl", "zh", "char", "none"]


def library(metric: str) -> Any:
    """The module of sacrebleu that holds its scores.

    Args:
        metric: who asks, for the message.

    Returns:
        `sacrebleu.metrics`.

    Raises:
        Unsupported: it is not installed.
    """
    try:
        import sacrebleu.metrics
    except ImportError as problem:
        raise needs("sacrebleu", metric) from problem
    return sacrebleu.metrics


def corpus_score(metric: str, scorer: Any, texts: Texts, references: References) -> float:
    """The score of all texts together.

    Args:
        metric: who asks, for messages.
        scorer: one of sacrebleu's.
        texts: what was written.
        references: what is wanted, one or several for each text.

    Returns:
        0 … 100.
    """
    wanted = references_of(metric, texts, references)
    most = max(map(len, wanted))
    # Its columns are the first, second … reference of every text, and None where there is none.
    columns = [[one[at] if at < len(one) else None for one in wanted] for at in range(most)]
    return min(100.0, float(scorer.corpus_score(list(texts), columns).score))
