"""Open a folder that some model was saved as."""

import json
from pathlib import Path

from safetensors import SafetensorError

from likely.core.catalogue import module_of
from likely.core.errors import BadInput
from likely.core.vocabulary import Vocabulary
from likely.models._card import CARD, read_card
from likely.models.reader import Reader

HUB = "hub:"
"""Begins the name of a model on the Hugging Face hub: a mistyped path must not be taken for one."""


def load(folder: str | Path) -> Reader:
    """Load a model of any kind.

    Args:
        folder: what training wrote: a model's folder, or a run with a `model` folder in it; or a
            folder of `transformers`; or `hub:OWNER/NAME`, a model of the Hugging Face hub.

    Returns:
        The model, in evaluation mode.

    Raises:
        BadInput: there is no model there, or it is damaged.
    """
    kept = _own(folder)
    if kept is None:
        return _foreign(str(folder).removeprefix(HUB))
    folder = kept
    kind, _, _ = read_card(folder)
    try:
        reader: Reader = module_of("models", kind).load(folder)
    except (OSError, RuntimeError, KeyError, TypeError, SafetensorError) as problem:
        reason = str(problem).splitlines()[0] if str(problem) else repr(problem)
        raise BadInput(
            f"{folder}: this {kind} model cannot be loaded ({reason.rstrip('.')}): its files are "
            "damaged or incomplete, so copy them again or train the model anew."
        ) from problem
    return reader


def vocabulary_at(folder: str | Path) -> Vocabulary:
    """What the ids of a saved model mean, without its weights.

    Args:
        folder: as for `load`.

    Returns:
        The vocabulary.

    Raises:
        BadInput: there is no model there, or no tokenizer.
    """
    kept = _own(folder)
    if kept is not None:
        return read_card(kept)[1]
    path = str(folder).removeprefix(HUB)
    found: Vocabulary = module_of("models", "pretrained").vocabulary_of(path)
    return found


def positions_at(folder: str | Path) -> int | None:
    """How many positions a saved model can read, as far as its folder says so.

    Args:
        folder: as for `load`.

    Returns:
        A number; None for a model of the hub, or one that can read any.
    """
    path = (_own(folder) or Path(folder)) / "config.json"
    if not path.is_file():
        return None
    said = json.loads(path.read_text(encoding="utf-8"))
    most = said.get("max_position_embeddings", said.get("n_positions"))
    return most if isinstance(most, int) else None


def _own(folder: str | Path) -> Path | None:
    """The folder of a model of ours; None for one of `transformers`."""
    if str(folder).startswith(HUB):
        return None
    folder = Path(folder)
    if (folder / "model" / CARD).is_file():
        folder = folder / "model"
    foreign = not (folder / CARD).exists() and (folder / "config.json").is_file()
    return None if foreign else folder


def _foreign(path: str) -> Reader:
    model: Reader = module_of("models", "pretrained").open_pretrained(path)
    return model
