"""Low-rank adapters: added to a model in place, switched off, merged, and written as PEFT has them.

The library `peft` makes the layers. They are put into the model that is there, so that it stays
the model that its reader knows.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from likely.core.batch import Batch
from likely.core.disk import whole_folder
from likely.core.errors import BadSetting, Unsupported, did_you_mean
from likely.core.head import Head
from likely.models._judge import evaluating
from likely.models.reader import Reader
from likely.train.recipe import Lora, Recipe

_NAME = "default"
_BESIDE = 64
"""Numbers of each frozen tensor that a fingerprint reads."""


def add(reader: Any, recipe: Recipe) -> None:
    """Put adapters beside the linear layers of a transformer, and freeze everything else.

    Args:
        reader: a transformer; changed in place.
        recipe: its `lora`, and its seed for the first factor; the second begins at 0.

    Raises:
        Unsupported: another kind of model, an adapter on embeddings or head, or no `peft`.
        BadSetting: targets that the model does not have.
    """
    try:
        from peft import LoraConfig, inject_adapter_in_model
        from transformers import PreTrainedModel
    except ImportError as problem:
        raise Unsupported("Adapters need peft: pip install 'likely[adapt]'") from problem
    model = getattr(reader, "model", None)
    if not isinstance(model, PreTrainedModel):
        raise Unsupported(
            f"Adapters go beside the layers of a transformer, and this model is {reader.kind!r}: "
            "leave lora out, and all of it is trained."
        )
    _check_targets(model, recipe.lora)
    config = LoraConfig(
        r=recipe.lora.rank,
        lora_alpha=recipe.lora.alpha,  # type: ignore[arg-type]  # any number will do
        lora_dropout=recipe.lora.dropout,
        target_modules=list(recipe.lora.targets) or "all-linear",
        task_type="CAUSAL_LM",
        base_model_name_or_path=recipe.start or None,
        fan_in_fan_out=any(type(module).__name__ == "Conv1D" for module in model.modules()),
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        inject_adapter_in_model(config, model, adapter_name=_NAME)
    for what, layer in (
        ("head", model.get_output_embeddings()),
        ("embeddings", model.get_input_embeddings()),
    ):
        if _is_adapted(layer):
            raise Unsupported(
                f"An adapter on the {what} is not supported, because the scan reads its plain "
                f"weight: take it out of lora.targets={list(recipe.lora.targets)}."
            )
    reader.adapter = config


def _check_targets(model: nn.Module, lora: Lora) -> None:
    linear = {
        name.rpartition(".")[2]
        for name, module in model.named_modules()
        if isinstance(module, nn.Linear) or type(module).__name__ == "Conv1D"
    }
    wrong = [name for name in lora.targets if name not in linear]
    if wrong:
        raise BadSetting(
            "lora.targets",
            [
                f"There is no linear layer {name!r} in this model.{did_you_mean(name, linear)} "
                f"There are: {', '.join(sorted(linear))}."
                for name in wrong
            ],
        )


def _is_adapted(module: Any) -> bool:
    return hasattr(module, "lora_A") and hasattr(module, "get_base_layer")


def is_on(reader: Any) -> bool:
    """Whether a model has adapters.

    Args:
        reader: any model.

    Returns:
        True from `add` until `merge`.
    """
    return getattr(reader, "adapter", None) is not None


@contextmanager
def off(reader: Any) -> Iterator[None]:
    """Inside, the model is the one that the adapters were added to, to the bit.

    Args:
        reader: with adapters.

    Yields:
        Nothing.
    """
    layers = [module for module in reader.modules() if _is_adapted(module)]
    were = [dict(layer.scaling) for layer in layers]
    # Not peft's own switch: it freezes the adapters, which a wrapper that shards them would see.
    for layer in layers:
        layer.scaling.update(dict.fromkeys(layer.scaling, 0.0))
    try:
        yield
    finally:
        for layer, was in zip(layers, were, strict=True):
            layer.scaling.update(was)


class Unadapted(Reader):
    """The model that a run began with, read from the one that is trained: no second copy.

    Args:
        reader: with adapters.
    """

    def __init__(self, reader: Reader) -> None:
        self.reader, self.kind, self.vocabulary = reader, reader.kind, reader.vocabulary
        self.group = reader.group

    def hidden(self, batch: Batch) -> tuple[Tensor, Head]:
        """States and head without the adapters and without dropout.

        Args:
            batch: what to read.

        Returns:
            States of every position and the head.
        """
        with evaluating(self.reader), off(self.reader):
            return self.reader.hidden(batch)

    def start(self, rows: int) -> Any:
        """As the model itself."""
        return self.reader.start(rows)

    def step(self, state: Any, tokens: Tensor) -> tuple[Tensor, Any]:
        """As the model itself, without the adapters."""
        with evaluating(self.reader), off(self.reader):
            return self.reader.step(state, tokens)

    def save(self, folder: Path) -> None:
        """Refused: the folder that the run began with is this model."""
        raise Unsupported("The model without its adapters is the one that the run began with.")

    @property
    def parameters_count(self) -> int:
        """Numbers learned, adapters left out."""
        trained = sum(p.numel() for p in _parameters(self.reader) if p.requires_grad)
        return self.reader.parameters_count - trained


def _parameters(reader: Any) -> Iterator[nn.Parameter]:
    found: Iterator[nn.Parameter] = reader.parameters()
    return found


def write(weights: Mapping[str, Tensor], config: Any, folder: Path) -> None:
    """Write the adapters as `peft` reads them.

    Args:
        weights: of the reader, by name; those of adapters are taken.
        config: of the adapters.
        folder: where to; replaced as a whole.
    """
    found = {
        f"base_model.{name.replace(f'.{_NAME}.', '.')}": tensor.detach().cpu().contiguous().clone()
        for name, tensor in weights.items()
        if ".lora_" in name
    }
    with whole_folder(folder) as part:
        save_file(found, part / "adapter_model.safetensors", metadata={"format": "pt"})
        said = {key: _plain(value) for key, value in config.to_dict().items()}
        text = json.dumps(said, indent=1, sort_keys=True) + "\n"
        (part / "adapter_config.json").write_text(text, encoding="utf-8")


def _plain(value: Any) -> Any:
    return sorted(value) if isinstance(value, set | frozenset) else value


@torch.no_grad()
def merge(reader: Any) -> None:
    """Add the adapters to the weights beside them, and take them out.

    Args:
        reader: with adapters; changed in place.
    """
    for name, module in list(reader.named_modules()):
        if _is_adapted(module):
            module.merge()
            reader.set_submodule(name, module.get_base_layer())
    del reader.adapter
    reader.requires_grad_(True)


def frozen_part(reader: Any) -> str:
    """A short hash of what is not trained; nothing where all of a model is.

    Args:
        reader: whole.

    Returns:
        Hexadecimal digits: shapes, and some numbers of every tensor.
    """
    frozen = [(n, p) for n, p in reader.named_parameters() if not p.requires_grad]
    if not frozen:
        return ""
    digest = hashlib.sha256()
    for name, parameter in frozen:
        flat = parameter.detach().flatten()
        some = flat[:: max(len(flat) // _BESIDE, 1)][:_BESIDE].float().cpu()
        digest.update(f"{name} {tuple(parameter.shape)} ".encode() + some.numpy().tobytes())
    return digest.hexdigest()[:16]
