"""A text measured once by a model, and kept beside it as a sidecar."""

import inspect
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from annotated_types import Ge
from numpy.typing import NDArray

from likely.core.catalogue import get
from likely.core.errors import BadInput, BadSetting
from likely.core.settings import check, checked, parse
from likely.core.stats import Statistic
from likely.data import sidecar
from likely.data.examples import Examples
from likely.data.packing import evaluation_batches
from likely.data.sidecar import Manifest
from likely.data.tokens import Tokens
from likely.models._fingerprint import fingerprint
from likely.models._judge import evaluating
from likely.models.reader import Reader

Count = Annotated[int, Ge(1)]


def annotate(
    reader: Reader,
    text: Tokens | Examples,
    folder: str | Path,
    *,
    role: str = "reference",
    want: tuple[str, ...] = ("log_prob",),
    length: Count | None = None,
    rows: Count = 16,
    stored: Literal["float32", "float16"] = "float32",
    shard: Count = 1 << 18,
    path: str = "",
    progress: Callable[[int], None] | None = None,
) -> Manifest:
    r"""Measure statistics of every token of a text, and write them as a sidecar.

    The column of a statistic is called `role_statistic`, which is what entries read by that name.
    `top(k=8)` becomes two, `role_top_ids` and `role_top_logits`: the k likeliest words and their
    log-probabilities, so that the lse that belongs to them is 0.

    Text is read in windows of `length` that move on by half of it, and every target is measured
    once, with at least half a window before it or all of its document. Training reads windows that
    begin elsewhere: a live reference would see another context there. Examples that fit into a
    window are read whole, as training reads them.

    Killed at any moment, the same call goes on with the first shard that is missing; what is there
    is neither measured again nor written twice.

    Args:
        reader: the model.
        text: documents or examples, over its vocabulary.
        folder: where the sidecar shall lie, or lies unfinished.
        role: what entries call this model.
        want: statistics with their settings, each one number a token; or `top`.
        length: positions of a window; None for the model's own.
        rows: windows read at once.
        stored: type of `top_logits`; other statistics are float32.
        shard: targets a shard, about.
        path: what the manifest calls the model.
        progress: called with the number of targets measured after each batch.

    Returns:
        The manifest.

    Raises:
        BadInput: text over another vocabulary, or none.
        BadSetting: a statistic that is not one number a token, a role that is no word, or a folder
            that holds something else.
        UnknownName: no statistic is called so.
        Unsupported: pyarrow is not installed.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> from likely.core.vocabulary import Vocabulary
        >>> from likely.data.corpus import Corpus, Document
        >>> from likely.data.tokens import encode
        >>> from likely.models.feed_forward import feed_forward
        >>> model = feed_forward(Vocabulary.of_bytes(), context=2, embedding=4, width=4)
        >>> text = encode(Corpus("c", (Document("a", "hi"),)), model.vocabulary)
        >>> with TemporaryDirectory() as out:
        ...     made = annotate(model, text, f"{out}/reference")
        ...     sidecar.attach(text, f"{out}/reference").columns["reference_log_prob"].shape
        (3,)
    """
    checked(annotate, locals())
    tokens = text.tokens if isinstance(text, Examples) else text
    _check(reader, tokens, role)
    wishes = _wishes(want)
    length = length or min(reader.window, reader.longest or reader.window)
    manifest = Manifest(
        role=role,
        columns=_kinds(role, wishes, reader, stored),
        model={"kind": reader.kind, "fingerprint": fingerprint(reader), "path": path},
        vocabulary=tokens.vocabulary.fingerprint,
        corpus=sidecar.fingerprint(tokens),
        settings={"length": length, "rows": rows, "want": [str(one) for one in wishes.values()]},
        shards=_shards(tokens, shard),
    )
    folder = Path(folder)
    for number in sidecar.begin(folder, manifest):
        part = tokens.select(np.arange(*manifest.shards[number : number + 2]))
        columns = _measured(reader, part, manifest, wishes, length, rows, progress)
        sidecar.write(folder, number, part, columns)
    return manifest


def _check(reader: Reader, tokens: Tokens, role: str) -> None:
    if not role.isidentifier():
        raise BadSetting("annotate", [f"role={role!r} should be a word, such as 'reference'."])
    if tokens.vocabulary.fingerprint != reader.vocabulary.fingerprint:
        raise BadInput(
            "The text is not cut by the tokenizer of this model, so it cannot be measured: encode "
            "it with the model's own vocabulary."
        )


def _wishes(want: Sequence[str]) -> dict[str, Statistic]:
    wishes: dict[str, Statistic] = {}
    problems = []
    for one in want:
        name, settings = parse(one)
        entry = get("vocab.statistics", name)
        axes = getattr(inspect.signature(entry).return_annotation, "dim_str", "")
        if name != "top" and axes != "N":
            problems.append(f"want={one!r} is not one number a token.")
            continue
        wishes[name] = Statistic(name, settings=check(f"Statistic {name!r}", entry, settings))
    if problems or not wishes:
        raise BadSetting("annotate", problems or ["want is empty: name a statistic."])
    return wishes


def _kinds(
    role: str, wishes: dict[str, Statistic], reader: Reader, stored: str
) -> dict[str, tuple[str, int]]:
    made: dict[str, tuple[str, int]] = {}
    for name, wish in wishes.items():
        if name == "top":
            width = min(int(wish.settings["k"]), reader.vocabulary.size)
            made |= {f"{role}_top_ids": ("int32", width), f"{role}_top_logits": (stored, width)}
        else:
            made[f"{role}_{name}"] = ("float32", 0)
    return made


def _shards(tokens: Tokens, size: int) -> tuple[int, ...]:
    """The first document of each shard, and the number of all."""
    if not len(tokens):
        raise BadInput("annotate: there are no documents to measure; give at least one.")
    number = (tokens.offsets[1:] - 1) // size
    return (*np.flatnonzero(np.diff(number, prepend=-1)).tolist(), len(tokens))


def _measured(
    reader: Reader,
    tokens: Tokens,
    manifest: Manifest,
    wishes: dict[str, Statistic],
    length: int,
    rows: int,
    progress: Callable[[int], None] | None,
) -> dict[str, NDArray[Any]]:
    """Every target once: windows follow the text, and each scores what the one before did not."""
    count, done = len(tokens.ids), 0
    made = {
        name: np.zeros((count, width) if width else count, kind)
        for name, (kind, width) in manifest.columns.items()
    }
    top = wishes.get("top")
    asked = {**wishes, **({"lse": Statistic("lse")} if top else {})}
    with evaluating(reader):
        for batch in evaluation_batches(tokens, length=length, rows=rows):
            stats = reader.read(batch.to(reader.device), asked)
            scored = (batch.weight > 0).numpy()
            fresh = slice(done, done + int(scored.sum()))
            for name in wishes:
                if name != "top":
                    made[f"{manifest.role}_{name}"][fresh] = stats[name].cpu().numpy()[scored]
                    continue
                ids, logits = stats["top"]
                width = made[f"{manifest.role}_top_ids"].shape[1]
                kept = logits[:, :width] - stats["lse"][:, None]
                words = ids[:, :width].clamp_min(0)  # −1 where fewer can come, at −∞
                made[f"{manifest.role}_top_ids"][fresh] = words.cpu().numpy()[scored]
                made[f"{manifest.role}_top_logits"][fresh] = kept.cpu().numpy()[scored]
            done = fresh.stop
            if progress:
                progress(fresh.stop - fresh.start)
    return made
