"""What columns are called in tables of other people, and which of ours they could be."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Shaped

from likely.forecast._numbers import SCALES, is_missing, numbers, sizes

_WORDS: Mapping[str, str] = {
    "params": "n params param n_params num_params nparams n_param num_param parameters "
    "n_parameters num_parameters parameter_count param_count params_count model_params "
    "total_params total_parameters params_total parameters_total model_parameters",
    "tokens": "d n_tokens num_tokens token_num num_token token_count tokens_total total_tokens "
    "tokens_seen seen_tokens n_tokens_seen train_tokens training_tokens tokens_trained "
    "consumed_tokens tokens_consumed token d_tokens dataset_tokens",
    "unique_tokens": "unique_tokens tokens_unique n_unique_tokens unique_d d_unique u "
    "tokens_per_epoch tokens_in_an_epoch",
    "flops": "c flop compute total_flops total_flop training_flops train_flops training_flop "
    "flops_total total_compute training_compute train_compute c_flops compute_flops",
    "loss": "l val_loss valid_loss validation_loss eval_loss test_loss train_loss training_loss "
    "final_loss heldout_loss held_out_loss nats_per_token loss_nats lm_loss ce_loss nll "
    "cross_entropy cross_entropy_loss final_val_loss val_nll loss_val loss_train eval_nll "
    "loss_nats_token loss_nats_per_token",
    "step": "step steps global_step iteration iterations iter iters ti n_steps num_steps "
    "train_step training_step trainer_global_step train_global_step training_steps update updates",
    "learning_rate": "lr train_lr train_learning_rate eta",
    "batch_tokens": "batch_size_in_tokens batch_size_tokens tokens_per_batch tokens_per_step "
    "global_batch_tokens batch_size_n_tokens",
    "run": "run run_name run_id runs",
}
_STRONG = {ours: frozenset(words.split()) for ours, words in _WORDS.items()}
_WEAK: Mapping[str, re.Pattern[str]] = {
    "params": re.compile(r"model|size|model_size|(.*_)?(n|num)_param(eter)?s|size_params"),
    "tokens": re.compile(
        r"(?!.*(per_|batch|second|max|context|new|unique|vocab)).*_tokens(_seen|_total|_consumed)?"
    ),
    "flops": re.compile(r"(.*_)?flops?"),
    "loss": re.compile(
        r"(?!.*(aux|z_loss|balanc|router|gap|scale|delta|bits|bpb|ppl|perplex))((.*_)?loss|loss_.*)"
    ),
    "step": re.compile(r"(?!.*per_)(.*_)?(step|iteration|iter)"),
    "learning_rate": re.compile(r"(?!.*(peak|max|min|init))(.*_)?(lr|learning_rate)(_group_?\d+)?"),
    "run": re.compile(r"name|model_name|experiment|exp_name|id"),
}
_NOT_COUNTED = re.compile(r"(no|non|without|excl|excluding|minus)_?emb|(^|_)nonemb")
_PREFIXES = re.compile(r"^(config|summary|summary_metrics|summarymetrics|json_config)\.")
_AGAIN = re.compile(r" \(again( \d+)?\)$")
_FLOPS = {"k": 1e3, "m": 1e6, "g": 1e9, "t": 1e12, "p": 1e15, "e": 1e18, "z": 1e21}
_DAYS = re.compile(r"(.*_)?(p(eta)?_?f(lops?)?(_?s)?_?days?)")
OURS = (
    *("params", "params_no_embed", "tokens", "unique_tokens", "flops", "loss", "step"),
    *("learning_rate", "batch_tokens", "run"),
)
"""Names that columns get by themselves."""


@dataclass(frozen=True)
class Found:
    """A column that could be one of ours.

    Args:
        name: in the file.
        scale: what its numbers are multiplied with, by its name (`params_m`: 1e6).
    """

    name: str
    scale: float = 1.0


def plain(name: str) -> str:
    """A name in small letters with underscores, without what W&B puts before it.

    Args:
        name: of a column.

    Returns:
        The same words.

    Example:
        >>> plain("config.numParams"), plain("eval/c4_val/CrossEntropyLoss"), plain("Tokens (B)")
        ('num_params', 'eval_c4_val_cross_entropy_loss', 'tokens_b')
    """
    bare = _PREFIXES.sub("", _AGAIN.sub("", name))
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z][a-z])", "_", bare)
    return re.sub(r"[\W_]+", "_", words.casefold()).strip("_")


def candidates(
    columns: Mapping[str, Shaped[np.ndarray, "R"]],
) -> tuple[dict[str, list[Found]], dict[str, list[Found]]]:
    """Columns that could be each of ours, of the surest kind that there is.

    A column that is called so itself is surest; then names that mean nothing else; then names that
    often mean it. Of columns that must be numbers, those of text are none.

    Args:
        columns: name → `[R]`.

    Returns:
        Ours → what could be it, in the order of the file, without what has no candidate; and ours
        → what is less sure.
    """
    found: dict[str, dict[int, list[Found]]] = {ours: {} for ours in OURS}
    for name, values in columns.items():
        own = _AGAIN.sub("", name)
        if own in OURS:
            found[own].setdefault(0, []).append(Found(name))
            continue
        for ours, rank, scale in _meanings(plain(name), bracketed=bool(re.search(r"[(\[]", name))):
            if ours == "run" or _is_numeric(values, 0.5 if rank > 1 else 0.0):
                found[ours].setdefault(rank, []).append(Found(name, scale))
                break
    best = {ours: ranks[min(ranks)] for ours, ranks in found.items() if ranks}
    less = {
        ours: [one for rank in sorted(ranks)[1:] for one in ranks[rank]]
        for ours, ranks in found.items()
    }
    return best, less


def _meanings(name: str, *, bracketed: bool) -> list[tuple[str, int, float]]:
    """Ours, rank and scale, for everything that a name could mean."""
    if _NOT_COUNTED.search(name):
        return [("params_no_embed", 1, _scaled(name)[1])] if "tok" not in name else []
    meanings = [(ours, 1, 1.0) for ours, words in _STRONG.items() if name in words | {ours}]
    stem, scale = _scaled(name)
    # `n_m` may be anything, and `N (M)` and `n_million` are not.
    sure = len(stem) > 1 or bracketed or name.rstrip("s").endswith("illion")
    if scale != 1.0 and sure:
        for ours in ("params", "tokens"):
            meanings += [(ours, 1, scale)] if stem in _STRONG[ours] | {ours} else []
        meanings += [("params", 2, scale)] if stem in ("size", "model_size") else []
    flops = re.fullmatch(r"(.*_)?([kmgtpez])flops?", name)
    if flops:
        meanings.append(("flops", 2, _FLOPS[flops[2]]))
    if _DAYS.fullmatch(name):
        meanings.append(("flops", 2, 8.64e19))
    return meanings + [(ours, 2, 1.0) for ours, form in _WEAK.items() if form.fullmatch(name)]


def _scaled(name: str) -> tuple[str, float]:
    """A name without its unit, and the unit."""
    stem, _, unit = name.rpartition("_")
    stem = stem.removesuffix("_in")
    unit = {"mm": "m", "thousands": "k", "millions": "m", "billions": "b", "trillions": "t"}.get(
        unit, unit
    )
    return (stem, SCALES[unit]) if stem and unit in SCALES else (name, 1.0)


def _is_numeric(values: Shaped[np.ndarray, "R"], share: float = 0.5) -> bool:
    """Whether more than a share of what a column holds are numbers."""
    if values.dtype == np.float64:
        return bool(np.isfinite(values).any())
    there = [value for value in values if not is_missing(value)]
    return bool(there) and float(np.isfinite(numbers(there)).mean()) > share


_HINTS = (
    ("loss", r"(^|_)(ppl|perplexity)($|_)", 'For the perplexity {name}: --map "loss=log({of})".'),
    (
        "loss",
        r"(^|_)(bpb|bits_per_byte|bpc|bits_per_token|bits)($|_)",
        '{name} looks like bits: --map "loss={of}" --loss-unit bits.',
    ),
    ("params", r"(no|non|without)_?emb", '{name} leaves embeddings out: --map "params={of}".'),
    (
        "batch_tokens",
        r"(^|_)(bs|batch(_size)?)$",
        '{name} may count sequences: --map "batch_tokens={of}*LENGTH".',
    ),
    ("tokens", r"^step$", 'There are steps: --tokens-per-step NUMBER, or --map "tokens={of}*…".'),
    ("unique_tokens", r"^tokens$", 'Where none was read twice: --map "unique_tokens={of}".'),
)


def hints(ours: str, columns: Mapping[str, Shaped[np.ndarray, "R"]]) -> str:
    """What to write for a column that is not there, where another one holds it in another form.

    Args:
        ours: what is wanted.
        columns: what there is.

    Returns:
        A sentence with a space before it, or nothing.
    """
    names = {name: plain(name) for name in columns if _is_numeric(columns[name])}
    for of, form, sentence in _HINTS:
        for name, words in names.items():
            if of == ours and re.search(form, words):
                return f" {sentence.format(name=repr(name), of=_ticked(name))}"
    named = next((name for name, held in columns.items() if sizes(held)), None)
    if ours == "params" and named:
        shown, of = columns[named][0], _ticked(named)
        return f' {named!r} has sizes in it such as {shown!r}: --map "params=size_in({of})".'
    return ""


def _ticked(name: str) -> str:
    return name if re.fullmatch(r"[^\W\d]\w*", name) else f"`{name}`"
