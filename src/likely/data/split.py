"""Train, validation and held-out text that do not repeat each other."""

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any

import numpy as np
from annotated_types import Ge, Lt
from numpy.typing import NDArray

from likely.core.errors import BadInput, BadSetting
from likely.core.settings import checked
from likely.data._clusters import duplicate_clusters
from likely.data.corpus import Corpus, Document

Share = Annotated[float, Ge(0), Lt(1)]
PARTS = ("train", "validation", "held_out")


@dataclass(frozen=True, eq=False)
class Split:
    """Three corpora without a duplicate across them.

    Args:
        train: what models learn from.
        validation: what settings are chosen by.
        held_out: what results are reported on.
        clusters: document id → id that stands for its duplicate cluster.
        cut: whether documents were cut, so that a part is a stretch of each.
    """

    train: Corpus
    validation: Corpus
    held_out: Corpus
    clusters: dict[str, str] = field(repr=False)
    cut: bool = False

    @property
    def parts(self) -> dict[str, Corpus]:
        """Name → corpus, in the order train, validation, held_out."""
        return {name: getattr(self, name) for name in PARTS}


def split(
    corpus: Corpus,
    *,
    validation: Share = 0.08,
    held_out: Share = 0.12,
    shingle: Annotated[int, Ge(8)] = 50,
    share: Share = 0.05,
    exposure: Share = 0.03,
    seed: Annotated[int, Ge(0)] = 0,
) -> Split:
    """Split by duplicate cluster, so that no part knows another by heart.

    Two documents are linked where they share more than `share` of the different `shingle`-byte
    windows of the one that has fewer: a short text copied into a long one counts as a copy.
    Clusters are the connected components. Within each domain (that of most of a cluster's bytes)
    clusters are taken in the order of a hash of `seed` and their smallest id; they are held out
    until the domain's share of bytes is reached, then they validate, then they train. A cluster
    that would overshoot its share by more than a quarter trains; where nothing fits, the smallest
    cluster is taken. So the shares are met in every domain that has small enough clusters, whatever
    the hash. The documents of a part keep the order of the corpus.

    Links bound what two documents share, not what one shares with all others together. So a
    cluster of which more than `exposure` occurs in other clusters trains, unless the rest does not
    fill the shares (then the least exposed come first). By that choice held-out text is a little
    less like the rest than a random part would be: it lacks what is copied around.

    Args:
        corpus: what to split.
        validation: share of the bytes of each domain to choose settings by.
        held_out: share of the bytes of each domain to report results on.
        shingle: bytes a window.
        share: documents that share more of their windows stay together.
        exposure: clusters of which more than this occurs elsewhere train.
        seed: another split of the same corpus.

    Returns:
        The split, the same for the same documents in any order.

    Raises:
        BadSetting: shares outside [0, 1) or too large together, a shingle below 8 bytes, a
            negative seed.
        BadInput: no documents, or all are one cluster, so that nothing can be held out.
    """
    check_shares(split, validation, held_out, locals())
    if not len(corpus):
        raise BadInput(f"The corpus {corpus.name!r} has no documents, so it cannot be split.")
    documents = sorted(corpus, key=lambda document: document.id)
    first, exposed = duplicate_clusters(documents, shingle=shingle, share=share)
    clusters = _Clusters(documents, first, np.where(exposed > exposure, exposed, 0), seed)
    if len(clusters.name) < 2 and held_out > 0:
        raise BadInput(
            f"The corpus {corpus.name!r} is {len(corpus)} document(s) in one duplicate cluster, so "
            "nothing can be held out from it: give at least two documents that differ (cut a long "
            "text into one file a chapter)."
        )
    part = clusters.assign({"held_out": held_out, "validation": validation})
    home = {d.id: cluster for d, cluster in zip(documents, first.tolist(), strict=True)}
    chosen = {
        name: Corpus(f"{corpus.name}/{name}", tuple(d for d in corpus if part[home[d.id]] == name))
        for name in PARTS
    }
    return Split(
        chosen["train"],
        chosen["validation"],
        chosen["held_out"],
        clusters={d.id: clusters.name[home[d.id]] for d in corpus},
    )


class _Clusters:
    """Clusters of documents that are sorted by id: names, bytes, order in which they are taken."""

    def __init__(
        self,
        documents: Sequence[Document],
        first: NDArray[np.int32],
        late: NDArray[np.float64],
        seed: int,
    ) -> None:
        self.bytes: dict[int, Counter[str]] = {}
        self.name: dict[int, str] = {}
        for document, cluster in zip(documents, first.tolist(), strict=True):
            self.bytes.setdefault(cluster, Counter())[document.domain] += document.bytes
            self.name.setdefault(cluster, document.id)
        self.order = sorted(
            self.name,
            key=lambda c: (
                late[c],
                hashlib.sha256(f"{seed}\0{self.name[c]}".encode()).digest(),
            ),
        )
        self.domain = {c: max(sorted(b), key=b.__getitem__) for c, b in self.bytes.items()}

    def assign(self, shares: dict[str, float]) -> dict[int, str]:
        """Cluster → part; what `shares` does not take trains."""
        part = dict.fromkeys(self.name, "train")
        total: Counter[str] = Counter()
        for sizes in self.bytes.values():
            total.update(sizes)
        for name, share in shares.items():
            have: Counter[str] = Counter()
            for domain in sorted(total):
                self._fill(part, name, domain, share * total[domain], have)
        return part

    def _fill(
        self, part: dict[int, str], name: str, domain: str, quota: float, have: Counter[str]
    ) -> None:
        """Take clusters of one domain for one part until its quota of bytes is reached."""
        free = [c for c in self.order if part[c] == "train" and self.domain[c] == domain]
        for cluster in free:
            if have[domain] >= quota:
                return
            if have[domain] + self.bytes[cluster][domain] <= 1.25 * quota:
                part[cluster] = name
                have.update(self.bytes[cluster])
        if have[domain] == 0 < quota and len(free) > 1:
            smallest = min(free, key=lambda c: sum(self.bytes[c].values()))
            part[smallest] = name
            have.update(self.bytes[smallest])


def check_shares(
    function: Callable[..., object], validation: float, held_out: float, given: Mapping[str, Any]
) -> None:
    """Raise where a function that splits was given settings that leave nothing to train on.

    Args:
        function: the one that was called.
        validation: share to choose settings by.
        held_out: share to report results on.
        given: its arguments by name.

    Raises:
        BadSetting: settings that are none, or shares that are too large together.
    """
    checked(function, given)
    if validation + held_out >= 1:
        raise BadSetting(
            function.__name__,
            [
                f"validation={validation} and held_out={held_out} should be less than 1 together: "
                "nothing is left to train on."
            ],
        )
