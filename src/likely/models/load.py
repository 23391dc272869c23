"""Open a folder that some model was saved as."""

from pathlib import Path

from safetensors import SafetensorError

from likely.core.catalogue import module_of
from likely.core.errors import BadInput
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
    if str(folder).startswith(HUB):
        return _foreign(str(folder).removeprefix(HUB))
    folder = Path(folder)
    if (folder / "model" / "likely.json").is_file():
        folder = folder / "model"
    if not (folder / CARD).exists() and (folder / "config.json").is_file():
        return _foreign(str(folder))
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


def _foreign(path: str) -> Reader:
    model: Reader = module_of("models", "pretrained").open_pretrained(path)
    return model
