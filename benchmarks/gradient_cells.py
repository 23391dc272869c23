"""The problems of `benchmarks/gradients.py`: drawn once, quantised, with the truth in float64."""

from dataclasses import dataclass
from itertools import count

import torch
from torch import Tensor

IGNORED = -100
SMOOTHING, Z_SCALE, BONUS, SOFTCAP, TEMPERATURE, UPSTREAM = 0.1, 0.01, 0.5, 4.0, 0.7, 3.0
DTYPES = ("float64", "float32", "bfloat16", "float16")
FEATURES = {
    "bias": "bias",
    "softcap": "softcap",
    "ignored": "ignored targets",
    "class_weights": "class weights",
    "smoothing": "label smoothing",
    "z_loss": "the square of the log-partition function",
    "entropy": "entropy",
    "temperature": "temperature",
    "none": "losses of single tokens",
    "sum": "a sum",
}


class Refused(Exception):
    """The library has no argument for it."""


@dataclass(frozen=True)
class Option:
    """One row of the matrix.

    Args:
        said: what it is, in words.
        uses: features a library must have to take part.
        dtypes: where it is run.
        shape: tokens, width, words.
        kind: how logits are drawn: normal or peaked.
        offset: added to every logit, through the product.
        frozen: the leaf that wants no gradient.
        all_ignored: no token counts.
        upstream: what the loss is multiplied by before backward.
    """

    said: str
    uses: frozenset[str] = frozenset()
    dtypes: tuple[str, ...] = DTYPES
    shape: tuple[int, int, int] = (24, 16, 96)
    kind: str = "normal"
    offset: float = 0.0
    frozen: str = ""
    all_ignored: bool = False
    upstream: float = 1.0

    @property
    def reduction(self) -> str:
        """Mean, sum or none."""
        return next((name for name in ("none", "sum") if name in self.uses), "mean")


def _using(*names):
    return frozenset(names)


WIDE = ("float64", "float32")
OPTIONS = {
    "plain": Option("mean cross-entropy"),
    "bias": Option("bias of the head", _using("bias")),
    "softcap": Option("softcap", _using("softcap")),
    "ignored": Option("some rows ignored", _using("ignored")),
    "class_weights": Option("class weights", _using("class_weights")),
    "smoothing": Option("label smoothing", _using("smoothing")),
    "z_loss": Option("z-loss (gradient of the log-partition function)", _using("z_loss")),
    "weights": Option("a weight for each token, some negative", _using("none")),
    "together": Option(
        "bias, softcap, ignored rows and token weights at once",
        _using("bias", "softcap", "ignored", "none"),
    ),
    "upstream": Option("loss multiplied by 3 before backward", upstream=UPSTREAM),
    "frozen_hidden": Option("states that want no gradient", frozen="hidden"),
    "frozen_weight": Option("a head that wants no gradient", frozen="weight"),
    "peaked": Option("peaked logits", kind="peaked"),
    "offset_up": Option("logits offset by +10⁴", offset=1e4, dtypes=WIDE),
    "offset_down": Option("logits offset by −10⁴", offset=-1e4, dtypes=WIDE),
    "all_ignored": Option("all rows ignored, sum", _using("ignored", "sum"), all_ignored=True),
    "odd_vocabulary": Option("1,009 words, width 17, 23 tokens", shape=(23, 17, 1009)),
    "empty": Option("no tokens, sum", _using("sum"), shape=(0, 16, 96)),
    "entropy": Option("entropy bonus", _using("entropy")),
    "temperature": Option("temperature 0.7", _using("temperature")),
    "larger": Option("256 tokens, 2,000 words", shape=(256, 32, 2000), dtypes=("float32",)),
    "long": Option("1,024 tokens, 4,000 words", shape=(1024, 64, 4000), dtypes=("bfloat16",)),
}


@dataclass(eq=False)
class Problem:
    """Tensors of one cell; those that want a gradient are leaves."""

    option: Option
    hidden: Tensor
    weight: Tensor
    bias: Tensor | None
    target: Tensor
    class_weights: Tensor | None
    token_weights: Tensor | None

    @property
    def leaves(self):
        """Leaves by name."""
        named = {"hidden": self.hidden, "weight": self.weight, "bias": self.bias}
        return {k: v for k, v in named.items() if v is not None and v.requires_grad}

    def able(self, *features):
        """Refuse an option that a library with these features has no argument for."""
        for feature in sorted(self.option.uses - {*features, "sum"}):
            raise Refused(f"no such argument: {FEATURES[feature]}")

    @property
    def counted(self):
        """True for tokens that count."""
        return self.target != IGNORED

    @property
    def any_target(self):
        """Targets with 0 where a token is ignored."""
        return self.target.clamp(min=0)


def draw(name, dtype):
    """The problem of one cell.

    Args:
        name: the option.
        dtype: of states, head and class weights.

    Returns:
        The same numbers at every dtype, up to rounding.
    """
    option = OPTIONS[name]
    n, d, v = option.shape
    seeds = count(20 * list(OPTIONS).index(name))

    def normal(*shape):
        return torch.randn(shape, generator=torch.Generator().manual_seed(next(seeds))).double()

    hidden, weight = normal(n, d), normal(v, d) * (2 / d**0.5)
    if option.kind == "peaked":
        hidden = hidden * 15
    if option.offset:
        hidden[:, -1], weight[:, -1] = 1.0, option.offset
    target = torch.randint(v, (n,), generator=torch.Generator().manual_seed(next(seeds)))
    if option.kind == "peaked":
        target[::2] = (hidden @ weight.T).argmax(-1)[::2]  # half of the targets are sure
    if "ignored" in option.uses:
        target[:: 1 if option.all_ignored else 3] = IGNORED
    eighths = (normal(v) * 8).round().clamp(-16, 16) / 8  # exact at every dtype
    problem = Problem(
        option,
        hidden.to(dtype),
        weight.to(dtype),
        normal(v).to(dtype) if "bias" in option.uses else None,
        target,
        (eighths.abs() + 0.125).to(dtype) if "class_weights" in option.uses else None,
        (normal(n) * 8).round() / 8 if "none" in option.uses else None,
    )
    for leaf in ("hidden", "weight", "bias"):
        tensor = getattr(problem, leaf)
        if tensor is not None and leaf != option.frozen:
            tensor.requires_grad_()
    return problem
