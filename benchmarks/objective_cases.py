"""What `benchmarks/objectives.py` measures: every objective with the inputs that it reads."""

import re
from dataclasses import dataclass

import numpy as np
import torch

from likely.core.batch import Batch
from likely.core.bind import bind
from likely.core.catalogue import catalogue
from likely.core.stats import Statistic
from likely.core.vocabulary import Vocabulary
from likely.models._second import TOP, role_of
from likely.models.transformer import transformer

BASE = "cross_entropy"
NUMBERS = 10
"""Words of the vocabulary that are digits; every eighth target is one."""
VARIANTS = {
    "dco": {'level="step"': ("step",)},
    "error_norm_truncation": {'mode="fraction"': ()},
    "number_token_loss": {'variant="mse"': ()},
    "plackett_luce": {"k=0": ()},
    "tldr": {'level="sequence"': ()},
    "unlikelihood": {'level="sequence"': ()},
}
"""Settings that change what is measured, with the columns they read, beside the defaults."""
KINDS = ("separable", "low rank", "coupled", "full row")


@dataclass(frozen=True)
class Size:
    """How large everything is.

    Args:
        layers: of the model.
        width: D.
        words: V.
        rows: of a batch; an even number, for pairs.
        length: positions of a row.
        kept: words that are stored of a teacher, a token.
        repeats: pairs of steps that are timed.
        warm: steps before.
    """

    layers: int = 4
    width: int = 256
    words: int = 8192
    rows: int = 4
    length: int = 256
    kept: int = 64
    repeats: int = 11
    warm: int = 2


FULL, FAST = Size(), Size(1, 16, 64, 2, 16, 8, 3, 1)


@dataclass(frozen=True)
class Case:
    """One objective with one way to get what it reads.

    Args:
        objective: its name with settings.
        role: the second reader that it needs, or nothing.
        live: whether that is a model that is read, not columns.
        columns: columns of a loader that it reads and could do without.
    """

    objective: str
    role: str = ""
    live: bool = False
    columns: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """The objective and where its inputs come from, in words."""
        second = f"{self.role} {'live' if self.live else 'stored'}" if self.role else ""
        return f"`{self.objective}`, {second}" if second else f"`{self.objective}`"


def cases(names=None):
    """Every objective of the catalogue that is ours.

    Args:
        names: only these.

    Returns:
        Cases, cross-entropy first.
    """
    ours = [n for n, module in catalogue("objectives").items() if module.startswith("likely.")]
    chosen = [n for n in sorted(ours, key=lambda n: (n != BASE, n)) if not names or n in names]
    return [case for name in chosen for case in _of(name)]


def _of(name):
    for settings, columns in {"": (), **VARIANTS.get(name, {})}.items():
        text = f"{name}({settings})" if settings else name
        roles = roles_of(bind(text))
        for role, live in [(r, live) for r in sorted(roles) for live in (False, True)] or [
            ("", False)
        ]:
            yield Case(text, role, live, columns)


def roles_of(bound):
    """Second readers of an objective: those of its names, of its statistics and of its file."""
    wires = bound.wires()
    named = {w.role for w in wires if w.kind == "role" and not w.optional}
    compared = {role_of(Statistic(w.statistic)) for w in wires if w.kind == "statistic"}
    return (named | compared | set(getattr(bound.module, "ROLES", ()))) - {None}


def kind_of(bound):
    """The class of its cost at its settings, as its docstring says it."""
    found = re.search(r"Cost: (.*?)\.\n", bound.entry.__doc__ or "", re.DOTALL)
    said = " ".join(found[1].split()) if found else ""
    if "full row" in said and ("`k=0`" not in said or bound.settings.get("k") == 0):
        return "full row"
    if "more products" in said:
        return "low rank"
    if "separable" in said and "coupled" in said:
        laws = getattr(bound.module, "laws", None)
        return "separable" if laws and "separable" in laws(**bound.settings) else "coupled"
    return "coupled" if said.startswith("coupled") else "separable"


def vocabulary(size):
    """Words of which some are digits, with counts that fall as in text."""
    words = [str(n).encode() for n in range(NUMBERS)]
    words += [f"word{n}".encode() for n in range(size.words - NUMBERS - 1)]
    counts = (1e6 / np.arange(1, size.words + 1)).astype(np.int64)
    last = size.words - 1
    return Vocabulary((*words, b""), bos=last, eos=last, special=frozenset({last}), counts=counts)


def student(size, seed=0):
    """The model: the same for every objective; a second one is as large."""
    heads = max(1, size.width // 64)
    return transformer(
        vocabulary(size),
        layers=size.layers,
        width=size.width,
        heads=heads,
        context=size.length,
        seed=seed,
    )


def batch_of(size, case):
    """A batch with everything the case reads: pairs of rows, labels, steps, scores, columns.

    Args:
        size: of the batch.
        case: what is measured.

    Returns:
        The batch.
    """
    rng = torch.Generator().manual_seed(1)
    shape, n = (size.rows, size.length + 1), size.rows * size.length
    weights = 1 / torch.arange(1.0, size.words)
    text = torch.multinomial(weights, shape[0] * shape[1], True, generator=rng).view(shape)
    text[:, ::8] = torch.randint(NUMBERS, text[:, ::8].shape, generator=rng)
    plain = Batch.of(text[:, :-1].contiguous(), text[:, 1:].contiguous())
    half = size.rows // 2
    first = torch.arange(half)
    columns = dict(_columns(size, case, n, rng))
    return Batch(
        **{f: getattr(plain, f) for f in ("ids", "target", "segment", "position", "weight")},
        document=plain.document,
        rows=size.rows,
        pair=torch.stack((first, first + half), dim=1),
        columns=columns,
    )


def _columns(size, case, n, rng):
    needed = [w for w in bind(case.objective).wires() if w.kind == "field"]
    loaded = {
        "step": torch.arange(n) % size.length // 16,
        "label": (torch.arange(n) // size.length % 2).float(),
        "segment_score": torch.rand(n, generator=rng),
    }
    for wire in needed:
        if wire.name in loaded and (not wire.optional or wire.name in case.columns):
            yield wire.name, loaded[wire.name]
    if case.role and not case.live:
        yield f"{case.role}_log_prob", -9 + torch.rand(n, generator=rng)
        ids = torch.rand(n, size.words, generator=rng).topk(size.kept, dim=1).indices
        yield case.role + TOP[0], ids
        yield case.role + TOP[1], torch.randn(n, size.kept, generator=rng).sort(1, True).values
