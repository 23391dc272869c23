"""What a recipe names, as things in memory: model, second readers, processes."""

import hashlib
import warnings

import numpy as np
import torch
from accelerate import Accelerator, DistributedType
from torch import nn

from likely.core.errors import BadInput, BadSetting, Unsupported
from likely.core.settings import settings_of
from likely.core.vocabulary import Vocabulary
from likely.data.tokens import Tokens
from likely.models.load import load
from likely.models.reader import Reader
from likely.train import _shards
from likely.train._check import not_trained, trainable
from likely.train.recipe import Recipe

_KNOWN = (
    DistributedType.NO,
    DistributedType.MULTI_CPU,
    DistributedType.MULTI_GPU,
    DistributedType.FSDP,
)


def processes(device: str | None) -> Accelerator:
    """The processes and the device of this run.

    Accelerate keeps one setting of mixed precision a Python process, so runs choose theirs by
    autocast and not by it.

    Args:
        device: `cpu`, or None for the best there is.

    Returns:
        The accelerator.

    Raises:
        Unsupported: another way to share weights than FSDP2, or accelerate has begun on another
            device.
    """
    if device not in (None, "cpu"):
        raise BadSetting("run", [f"device={device!r} should be 'cpu', or left out for the best."])
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            # Without a GPU, processes that a launcher started find each other only if told so.
            on_cpu = device == "cpu" or not torch.accelerator.is_available()
            accelerator = Accelerator(cpu=on_cpu, mixed_precision="no")
    except ValueError as problem:
        raise Unsupported(
            "This Python process has begun to train on another device or precision, and accelerate "
            "cannot change that: start a new process."
        ) from problem
    if accelerator.distributed_type not in _KNOWN:
        raise Unsupported(
            f"Training over {accelerator.distributed_type.value} is not supported: share the "
            "windows (accelerate launch --multi_gpu), or the weights too (--use_fsdp "
            "--fsdp_version 2)."
        )
    _shards.are_wanted(accelerator)
    return accelerator


def fingerprint(tokens: Tokens) -> str:
    """A short hash of the training text, its order and its vocabulary.

    Args:
        tokens: the text.

    Returns:
        Hexadecimal digits.
    """
    digest = hashlib.sha256(tokens.vocabulary.fingerprint.encode())
    known = [tokens.columns[name] for name in sorted(tokens.columns)]
    for part in (tokens.ids, tokens.offsets, *known):
        digest.update(np.ascontiguousarray(part).tobytes())
    return digest.hexdigest()[:16]


def reader_of(recipe: Recipe, vocabulary: Vocabulary) -> Reader:
    """The model that the recipe names: the one it starts from, or one with random weights.

    Args:
        recipe: names it; gives its seed where the model takes one and has none.
        vocabulary: what the ids mean.

    Returns:
        The model.
    """
    if recipe.start:
        return load(recipe.start)
    entry, settings = trainable(recipe.model)
    if "seed" in settings_of(entry):
        settings.setdefault("seed", recipe.seed)
    reader: Reader = entry(vocabulary, **settings)
    return reader


def check_reader(reader: Reader, recipe: Recipe, vocabulary: Vocabulary) -> None:
    """Raise where a model cannot be trained on this text in windows of this length.

    Args:
        reader: the model.
        recipe: says the length.
        vocabulary: that of the text.

    Raises:
        BadSetting: no parameters, or a window longer than its positions.
        BadInput: another vocabulary.
    """
    if not isinstance(reader, nn.Module):
        raise BadSetting(f"Model of kind {reader.kind!r}", [not_trained(reader.kind)])
    same_vocabulary("model", reader, vocabulary)
    config = getattr(getattr(reader, "model", None), "config", None)
    most = getattr(config, "max_position_embeddings", None)
    if most is not None and recipe.length > most:
        raise BadSetting(
            "Recipe",
            [
                f"length={recipe.length} is more than the {most} positions of the model: shorten "
                f"it, or write model = 'transformer(context={recipe.length})'."
            ],
        )


def same_vocabulary(what: str, reader: Reader, vocabulary: Vocabulary) -> None:
    """Raise where a reader's ids mean something else than those of the text.

    Args:
        what: which reader, for the message.
        reader: the model.
        vocabulary: that of the text.

    Raises:
        BadInput: another vocabulary.
    """
    if reader.vocabulary.fingerprint != vocabulary.fingerprint:
        raise BadInput(
            f"The {what} has another vocabulary ({reader.vocabulary.size} ids) than the training "
            f"text ({vocabulary.size} ids): encode the text with the model's own."
        )
