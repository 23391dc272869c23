"""What turns a hidden state into logits."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from likely.core.errors import BadSetting, ShapeError


@dataclass(frozen=True, eq=False)
class Head:
    r"""The map from hidden states to logits, everything after the last layer of a model.

    $$ z = \operatorname{softcap}(\text{scale} \cdot (h W^\top + b)) / \text{temperature} $$
    with softcap(x) = c · tanh(x / c); excluded words get −∞ last.

    Args:
        weight: one row a word, `[V, D]`.
        bias: added to the product, `[V]`.
        scale: multiplies the product (Cohere's `logit_scale`, muP).
        softcap: the largest logit (Gemma-2: 30); None for none.
        temperature: divides the logits.
        exclude: True for words that get probability 0 (padding of the vocabulary, `[MASK]`).

    Raises:
        BadSetting: scale, softcap or temperature is not positive and finite.
        ShapeError: bias or exclude does not have one entry a word.

    Example:
        >>> import torch
        >>> Head(torch.eye(3), softcap=1.0).logits(torch.tensor([[9.0, 0.0, 0.0]]))
        tensor([[1.0000, 0.0000, 0.0000]])
    """

    weight: Float[Tensor, "V D"]
    bias: Float[Tensor, "V"] | None = None
    scale: float = 1.0
    softcap: float | None = None
    temperature: float = 1.0
    exclude: Bool[Tensor, "V"] | None = None

    def __post_init__(self) -> None:
        numbers = {"scale": self.scale, "temperature": self.temperature}
        if self.softcap is not None:
            numbers["softcap"] = self.softcap
        wrong = [
            f"{name} must be a positive number, and {value!r} is not."
            for name, value in numbers.items()
            if not 0 < value < float("inf")
        ]
        if wrong:
            raise BadSetting("Head", wrong)
        for name, vector in (("bias", self.bias), ("exclude", self.exclude)):
            if vector is not None and vector.shape != self.weight.shape[:1]:
                raise ShapeError(
                    f"Head: {name} must have one entry a word, [{len(self.weight)}] for this "
                    f"weight, and it is {list(vector.shape)}."
                )

    @property
    def size(self) -> int:
        """V: how many words the head scores."""
        return len(self.weight)

    def logits(self, hidden: Float[Tensor, "N D"], at: slice = slice(None)) -> Float[Tensor, "N _"]:
        """Logits of all words or of one block of them, in float32 (float64 stays).

        Args:
            hidden: last hidden states, `[N, D]`.
            at: which rows of the vocabulary.

        Returns:
            `[N, V]`, or as many columns as `at` has words.
        """
        z = hidden @ self.weight[at].T
        if self.bias is not None:
            z = z + self.bias[at]
        z = z.to(torch.promote_types(z.dtype, torch.float32))
        if self.scale != 1.0:
            z = z * self.scale
        if self.softcap is not None:
            z = self.softcap * (z / self.softcap).tanh()
        if self.temperature != 1.0:
            z = z / self.temperature
        return z if self.exclude is None else z.masked_fill(self.exclude[at], -torch.inf)

    def slope(self, z: Float[Tensor, "N _"]) -> Float[Tensor, "N _"] | float:
        """Derivative of the logits with respect to `h Wᵀ + b`, where the logits are `z`.

        Args:
            z: logits that came out of `logits`.

        Returns:
            One number a logit, or one number where the map is linear.
        """
        if self.softcap is None:
            return self.scale / self.temperature
        capped = (z * (self.temperature / self.softcap)).clamp(-1, 1)
        return (1 - capped**2) * (self.scale / self.temperature)
