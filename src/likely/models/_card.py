"""The card of a saved model: `likely.json` beside its safetensors."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from likely.core.errors import BadInput
from likely.core.vocabulary import Vocabulary
from likely.data.tokenizers._saved import vocabulary_of

CARD = "likely.json"
FORMAT = 1


def write_card(
    folder: Path, kind: str, vocabulary: Vocabulary, settings: Mapping[str, Any]
) -> None:
    """Write `likely.json`: what kind of model this is, its vocabulary and its settings.

    The tokenizer of the vocabulary, where it has one, is written beside it.

    Args:
        folder: the model's folder.
        kind: the model's name in the room `models`.
        vocabulary: what its ids mean.
        settings: plain JSON values that rebuild it.
    """
    card = {
        "format": FORMAT,
        "kind": kind,
        "settings": dict(settings),
        "vocabulary": vocabulary.to_dict(),
    }
    (folder / CARD).write_text(json.dumps(card, indent=1) + "\n", encoding="utf-8")
    if vocabulary.tokenizer is not None:
        vocabulary.tokenizer.save(folder)


def read_card(folder: Path) -> tuple[str, Vocabulary, dict[str, Any]]:
    """Read `likely.json`.

    Args:
        folder: the model's folder.

    Returns:
        The kind, the vocabulary and the settings.

    Raises:
        BadInput: no such folder, no `likely.json` in it (an unfinished run has none), one of
            another format, or a tokenizer is missing.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise BadInput(
            f"{folder} is no folder, and a model is a folder with a {CARD} in it. "
            "Give the folder that training wrote, such as RUN/model."
        )
    try:
        card = json.loads((folder / CARD).read_text(encoding="utf-8"))
        if card["format"] != FORMAT:
            raise BadInput(
                f"{folder / CARD} has format {card['format']!r}, and this version of likely reads "
                f"format {FORMAT}: install a newer likely."
            )
        return card["kind"], vocabulary_of(card["vocabulary"], folder), card["settings"]
    except FileNotFoundError as problem:
        if (folder / "recipe.toml").is_file():
            raise BadInput(
                f"{folder} is a run that has not finished, so it holds no model yet. Go on with: "
                f"likely train --resume {folder}"
            ) from problem
        raise BadInput(
            f"{folder} has no {CARD} and no config.json of transformers, so it holds no model. "
            "Give the folder that training wrote, such as RUN/model, one of transformers, or "
            "hub:OWNER/NAME."
        ) from problem
    except (json.JSONDecodeError, KeyError, TypeError) as problem:
        raise BadInput(
            f"{folder / CARD} is damaged ({problem}): copy the model again or train it anew."
        ) from problem
