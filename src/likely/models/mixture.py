"""The mixture: several models of any kind as one, with weights fitted on text."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from likely.core.batch import Batch
from likely.core.disk import whole_folder
from likely.core.errors import BadInput, BadSetting
from likely.core.vocabulary import Vocabulary
from likely.data.tokens import Tokens
from likely.models._card import read_card, write_card
from likely.models._weights import Weights, fit_weights
from likely.models.load import load as load_any
from likely.models.reader import Reader


class Mixture(Reader):
    """A weighted mean of the probabilities of several models, member by member a Reader.

    Args:
        members: models over one vocabulary.
        weights: one a member, at least 0; they sum to 1.

    Raises:
        BadInput: members over different vocabularies.
        BadSetting: no member, or weights that are not a share for each.
    """

    kind = "mixture"

    def __init__(self, members: Sequence[Reader], weights: Sequence[float] | Weights) -> None:
        self.members, self.weights = tuple(members), np.asarray(weights, np.float64)
        self.vocabulary = check_members(self.members)
        fits = len(self.weights) == len(self.members) and bool((self.weights >= 0).all())
        if not fits or abs(self.weights.sum() - 1) > 1e-6:
            raise BadSetting(
                "Mixture",
                [
                    f"weights={self.weights.tolist()} should be {len(self.members)} numbers of at "
                    "least 0 that sum to 1: one a member."
                ],
            )
        # Beyond what it was trained on a transformer guesses badly; an n-gram reads any length.
        bounded = [member for member in self.members if member.longest is not None]
        self.window = min(member.window for member in bounded or self.members)
        self.longest = min((m.longest for m in bounded if m.longest is not None), default=None)

    def logits(self, batch: Batch) -> Float[Tensor, "N V"]:
        """Log-probabilities of every next token at every position.

        Args:
            batch: what to read.

        Returns:
            `[N, V]` in float32, on the device of the batch.
        """
        device = batch.ids.device
        return self._mixed([m.logits(batch.to(m.device)).to(device) for m in self.used])

    @property
    def used(self) -> tuple[Reader, ...]:
        """Members with a weight above 0; the others are not asked."""
        return tuple(m for m, w in zip(self.members, self.weights, strict=True) if w > 0)

    def _mixed(self, logits: Sequence[Tensor]) -> Tensor:
        parts = [
            rows.float().log_softmax(-1) + float(np.log(weight))
            for rows, weight in zip(logits, self.weights[self.weights > 0], strict=True)
        ]
        return torch.stack(parts).logsumexp(0)

    @property
    def parts(self) -> tuple[Reader, ...]:
        """The models that compute: those of all members."""
        return tuple(part for member in self.members for part in member.parts)

    def start(self, rows: int) -> tuple[Any, ...]:
        """State of every member before the first token.

        Args:
            rows: how many texts are written side by side.

        Returns:
            One state a member in use.
        """
        return tuple(member.start(rows) for member in self.used)

    def step(
        self, state: tuple[Any, ...], tokens: Int[Tensor, "S T"]
    ) -> tuple[Float[Tensor, "S V"], tuple[Any, ...]]:
        """Read tokens and give the log-probabilities of the next one.

        Args:
            state: what `start` or the last `step` returned.
            tokens: what was read since then, `[S, T]`; the first call starts with BOS.

        Returns:
            `[S, V]` and the new state.
        """
        device = tokens.device
        found = [
            member.step(one, tokens.to(member.device))
            for member, one in zip(self.used, state, strict=True)
        ]
        return self._mixed([rows.to(device) for rows, _ in found]), tuple(s for _, s in found)

    def save(self, folder: Path) -> None:
        """Write the members and the weights as a folder that `load` reads.

        Args:
            folder: where to; replaced as a whole.
        """
        with whole_folder(Path(folder)) as part:
            for number, member in enumerate(self.members):
                member.save(part / _place(number))
            settings = {"weights": self.weights.tolist()}
            write_card(part, self.kind, self.vocabulary, settings)

    @property
    def parameters_count(self) -> int:
        """Numbers learned or counted by the members, and the weights."""
        return sum(member.parameters_count for member in self.members) + len(self.weights)


def mixture(members: Sequence[Reader], validation: Tokens) -> Mixture:
    r"""Mix models of any kind with the weights that make a validation text likeliest.

    $$ p(w \mid c) = \sum_k \lambda_k \, p_k(w \mid c), \qquad
       \lambda = \arg\max \sum_n \log \sum_k \lambda_k \, p_k(w_n \mid c_n) $$
    The sum is concave in λ, so there is one maximum. Only the probability of each token that came
    is needed to find it: every member reads the text once, in windows of its own.

    Models that err in different places gain most: an n-gram that remembers and a network that
    generalises. Weights fitted on text that a member was trained on give that member too much.

    Args:
        members: models over one vocabulary.
        validation: text that no member was trained on, and that nothing is reported on.

    Returns:
        The model.

    Raises:
        BadInput: members over different vocabularies, or a text without tokens.
        BadSetting: no member.

    Example:
        >>> from likely.core.vocabulary import Vocabulary
        >>> from likely.data.corpus import Corpus, Document
        >>> from likely.data.tokens import encode
        >>> from likely.models.ngram import sweep
        >>> train, text = (
        ...     encode(Corpus(n, (Document(n, t),)), Vocabulary.of_bytes())
        ...     for n, t in (("a", "abcabcabcabc"), ("b", "abcacb"))
        ... )
        >>> mixed = mixture(list(sweep(train, text, [1, 3]).values()), text)
        >>> mixed.weights.round(2).tolist()
        [0.04, 0.96]

    References:
        Jelinek and Mercer, Interpolated estimation of Markov source parameters from sparse data,
        1980; Dempster, Laird and Rubin, Maximum likelihood from incomplete data via the EM
        algorithm, 1977.
    """
    check_members(members)
    if not len(validation.ids):
        raise BadInput("A mixture needs text to fit its weights on, and this one has no tokens.")
    log_prob = np.stack([member.judge(validation)[0] for member in members])
    return Mixture(members, fit_weights(log_prob))


def load(folder: Path) -> Mixture:
    """Load a saved mixture and its members.

    Args:
        folder: the model's folder.

    Returns:
        The model.
    """
    _, _, settings = read_card(folder)
    weights = settings["weights"]
    return Mixture([load_any(folder / _place(number)) for number in range(len(weights))], weights)


def _place(number: int) -> str:
    return f"member-{number}"


def check_members(members: Sequence[Reader]) -> Vocabulary:
    """The vocabulary that all members share.

    Args:
        members: models to mix.

    Returns:
        The vocabulary.

    Raises:
        BadSetting: no member.
        BadInput: members over different vocabularies.
    """
    if not members:
        raise BadSetting("Mixture", ["it needs at least one member: give models to mix."])
    first = members[0].vocabulary
    for member in members[1:]:
        if member.vocabulary.fingerprint != first.fingerprint:
            raise BadInput(
                f"A {members[0].kind} and a {member.kind} cannot be mixed: they have different "
                f"vocabularies ({first.size} and {member.vocabulary.size} ids), so their "
                "probabilities are of different tokens. Mix models that share one tokenizer."
            )
    return first
