"""What turns a hidden state into logits."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from likely.core.errors import BadSetting, ShapeError

Axis = Literal["row", "column", "whole"]
Part = tuple[str, Axis, Tensor]
"""A small tensor that shapes logits: its name, what it has one entry for, and its values."""


@dataclass(frozen=True)
class Harmonic:
    """Logits that fall with the distance between a state and a word's row.

    Args:
        exponent: n; p is proportional to distance to the power −n.
        epsilon: added to the squared distance.

    References:
        Baek et al., Harmonic Loss Trains Interpretable AI Models, 2025. arXiv:2502.01628.
    """

    exponent: float = 1.0
    epsilon: float = 1e-4


@dataclass(frozen=True)
class Form:
    """How products become logits: everything about a head that is no tensor.

    Args:
        softcap: the largest logit, or None.
        harmonic: a distance instead of the product, or None.
    """

    softcap: float | None = None
    harmonic: Harmonic | None = None

    def logits(self, product: Tensor, parts: Mapping[str, Tensor]) -> Tensor:
        """Logits where the products h·w are known, element by element.

        Args:
            product: `[n, B]`, any columns of `h Wᵀ`.
            parts: small tensors that broadcast against it: `bias`, `scale`, `temperature`,
                `exclude`, `word_square`, `state_square`.

        Returns:
            `[n, B]` in float32, or float64.
        """
        z = product.to(torch.promote_types(product.dtype, torch.float32))
        if self.harmonic is not None:
            square = parts["state_square"] + parts["word_square"] - 2 * z
            z = -self.harmonic.exponent / 2 * (square.clamp_min(0.0) + self.harmonic.epsilon).log()
        if "bias" in parts:
            z = z + parts["bias"]
        if "scale" in parts:
            z = z * parts["scale"]
        if self.softcap is not None:
            z = self.softcap * (z / self.softcap).tanh()
        if "temperature" in parts:
            z = z / parts["temperature"]
        if "exclude" in parts:
            z = z.masked_fill(parts["exclude"], -torch.inf)
        return z


@dataclass(frozen=True, eq=False)
class Head:
    r"""The map from hidden states to logits, everything after the last layer of a model.

    $$ z = \operatorname{softcap}(\text{scale} \cdot (h W^\top + b)) / \text{temperature} $$
    with softcap(x) = c · tanh(x / c); excluded words get −∞ last. Scale and temperature are one
    number, or one a token; tensors may want a gradient.

    Args:
        weight: one row a word, `[V, D]`; or one such table a sequence, `[S, V, D]`.
        bias: added to the product, `[V]`.
        scale: multiplies the product (Cohere's `logit_scale`, muP; an inverse temperature).
        softcap: the largest logit (Gemma-2: 30); None for none.
        temperature: divides the logits.
        exclude: True for words that get probability 0 (padding of the vocabulary, `[MASK]`).
        score: the product h · w, or `Harmonic(...)`: a distance to the word's row.
        sequence: which table of `weight` each token uses, `[N]`; None where there is one table.

    Raises:
        BadSetting: scale, softcap or temperature is not positive and finite.
        ShapeError: bias or exclude does not have one entry a word, or `sequence` and a table for
            each sequence do not come together.

    Example:
        >>> import torch
        >>> Head(torch.eye(3), softcap=1.0).logits(torch.tensor([[9.0, 0.0, 0.0]]))
        tensor([[1.0000, 0.0000, 0.0000]])
    """

    weight: Float[Tensor, "*S V D"]
    bias: Float[Tensor, "V"] | None = None
    scale: float | Float[Tensor, "..."] = 1.0
    softcap: float | None = None
    temperature: float | Float[Tensor, "..."] = 1.0
    exclude: Bool[Tensor, "V"] | None = None
    score: Literal["dot"] | Harmonic = "dot"
    sequence: Int[Tensor, "N"] | None = None

    def __post_init__(self) -> None:
        numbers = {"scale": self.scale, "temperature": self.temperature}
        if self.softcap is not None:
            numbers["softcap"] = self.softcap
        wrong = [
            f"{name} must be a positive number, and {value!r} is not."
            for name, value in numbers.items()
            if not isinstance(value, Tensor) and not 0 < value < float("inf")
        ]
        if wrong:
            raise BadSetting("Head", wrong)
        for name, vector in (("bias", self.bias), ("exclude", self.exclude)):
            if vector is not None and vector.shape != (self.size,):
                raise ShapeError(
                    f"Head: {name} must have one entry a word, [{self.size}] for this "
                    f"weight, and it is {list(vector.shape)}."
                )
        if (self.weight.ndim == 3) != (self.sequence is not None):
            raise ShapeError(
                "Head: a table for each sequence, [S, V, D], needs `sequence`, the number of each "
                "token's table; one table for all, [V, D], takes none."
            )

    @property
    def size(self) -> int:
        """V: how many words the head scores."""
        return self.weight.shape[-2]

    @property
    def form(self) -> Form:
        """What of it is no tensor."""
        harmonic = self.score if isinstance(self.score, Harmonic) else None
        return Form(self.softcap, harmonic)

    def at(self, tokens: Tensor) -> "Head":
        """The same head for some of the tokens.

        Args:
            tokens: places of the tokens that stay.

        Returns:
            A head whose scale, temperature and sequence are those of the tokens that stay.
        """

        def pick(value: Any) -> Any:
            return value[tokens] if isinstance(value, Tensor) and value.ndim else value

        if not any(isinstance(v, Tensor) for v in (self.scale, self.temperature, self.sequence)):
            return self
        return replace(
            self,
            scale=pick(self.scale),
            temperature=pick(self.temperature),
            sequence=pick(self.sequence),
        )

    def parts(self, hidden: Float[Tensor, "N D"]) -> list[Part]:
        """The small tensors that turn products into logits, with what each has one entry for.

        Args:
            hidden: last hidden states, `[N, D]`; distances need their squares.

        Returns:
            Names, axes and values; autograd follows the values.
        """
        wide = torch.promote_types(hidden.dtype, torch.float32)
        found: list[Part] = []
        if self.bias is not None:
            found.append(("bias", "column", self.bias))
        for name, value in (("scale", self.scale), ("temperature", self.temperature)):
            if isinstance(value, Tensor):
                found.append((name, "row" if value.ndim else "whole", value))
            elif value != 1.0:
                number = torch.tensor(value, dtype=wide, device=hidden.device)
                found.append((name, "whole", number))
        if self.exclude is not None:
            found.append(("exclude", "column", self.exclude))
        if self.form.harmonic is not None:
            if self.sequence is not None:
                raise ShapeError("Head: a distance and a table for each sequence do not combine.")
            found.append(("state_square", "row", hidden.to(wide).square().sum(-1)))
            found.append(("word_square", "column", self.weight.to(wide).square().sum(-1)))
        return found

    def logits(self, hidden: Float[Tensor, "N D"], at: slice = slice(None)) -> Float[Tensor, "N _"]:
        """Logits of all words or of one block of them, in float32 (float64 stays).

        Args:
            hidden: last hidden states, `[N, D]`.
            at: which rows of the vocabulary.

        Returns:
            `[N, V]`, or as many columns as `at` has words.
        """
        if self.sequence is None:
            product = hidden @ self.weight[at].T
        else:
            product = torch.einsum("nd,nvd->nv", hidden, self.weight[self.sequence, at])
        axes = {"row": lambda t: t[:, None], "column": lambda t: t[at], "whole": lambda t: t}
        parts = {name: axes[axis](value) for name, axis, value in self.parts(hidden)}
        return self.form.logits(product, parts)
