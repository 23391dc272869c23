"""What was stored of a second reader: a few words a token, with their logits."""

from dataclasses import dataclass

from jaxtyping import Float, Int
from torch import Tensor

from likely.core.errors import ShapeError


@dataclass(frozen=True, eq=False)
class TopLogits:
    """Ids and logits of the words that a second reader kept; all other words count as impossible.

    Args:
        ids: words, `[N, K]`, no word twice in a row.
        logits: their logits or log-probabilities, `[N, K]`; constants.

    Raises:
        ShapeError: ids and logits have not one shape.
    """

    ids: Int[Tensor, "N K"]
    logits: Float[Tensor, "N K"]

    def __post_init__(self) -> None:
        if self.ids.shape != self.logits.shape or self.ids.ndim != 2:
            raise ShapeError(
                f"TopLogits: ids and logits must both be [N, K], and they are "
                f"{list(self.ids.shape)} and {list(self.logits.shape)}."
            )

    def at(self, tokens: Tensor) -> "TopLogits":
        """The same for some of the tokens.

        Args:
            tokens: places of the tokens that stay.

        Returns:
            Their rows.
        """
        return TopLogits(self.ids[tokens], self.logits[tokens])
