"""Open a folder that some model was saved as."""

from pathlib import Path

from safetensors import SafetensorError

from likely.core.catalogue import module_of
from likely.core.errors import BadInput
from likely.models._card import read_card
from likely.models.reader import Reader


def load(folder: str | Path) -> Reader:
    """Load a model of any kind.

    Args:
        folder: what training wrote: a model's folder, or a run with a `model` folder in it.

    Returns:
        The model, in evaluation mode.

    Raises:
        BadInput: there is no model there, or it is damaged.
    """
    folder = Path(folder)
    if (folder / "model" / "likely.json").is_file():
        folder = folder / "model"
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
