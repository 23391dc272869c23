"""`patch`: an unmodified trainer of `transformers` or TRL trains by any objective."""

from collections.abc import Callable
from types import TracebackType
from typing import Any

from likely.core.bind import Bound
from likely.core.vocabulary import Vocabulary
from likely.models._inside import Inside
from likely.models._install import install, remove
from likely.train import _trainers


class Patch:
    """What was replaced; a context, or a handle to be restored.

    Args:
        inside: the loss inside the model's head.
        undo: puts back what was replaced on the trainer.
    """

    def __init__(self, inside: Inside, undo: Callable[[], None]) -> None:
        self._inside, self._undo = inside, undo

    @property
    def active(self) -> bool:
        """Whether the objective is the model's loss now."""
        return self._inside.active

    def restore(self) -> None:
        """Put everything back; a second time does nothing."""
        if self.active:
            self._undo()
            remove(self._inside)

    def __enter__(self) -> "Patch":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        where: TracebackType | None,
    ) -> None:
        self.restore()

    def __repr__(self) -> str:
        now = "active" if self.active else "restored"
        return f"Patch({self._inside.name}, objective={str(self._inside.objective)!r}, {now})"


def patch(
    trainer_or_model: Any,
    objective: str | Bound = "cross_entropy",
    *,
    vocabulary: Vocabulary | None = None,
) -> Patch:
    """Make an objective the loss of a model, inside its head, whoever calls the model.

    A trainer is patched after it was made and before it trains: `transformers.Trainer` and TRL's
    `SFTTrainer` by any objective with one value a token, TRL's `DPOTrainer` by one with one value a
    pair. `forward` of the model and of its head is replaced on these instances; classes stay. With
    labels the model gives a loss and no logits; where evaluation wants logits too, it gives both.

    Args:
        trainer_or_model: a trainer, or a causal language model of `transformers`, wrapped or not.
        objective: its name with settings, `"focal(gamma=2)"`.
        vocabulary: what the ids mean, for objectives that ask (`number_token_loss`):
            `likely.data.tokenizers.pretrained.of_tokenizer(tokenizer)`. A trainer's own tokenizer
            need not be given.

    Returns:
        A context (`with patch(...):`) that is also a handle with `restore()`.

    Raises:
        Unsupported: something of the trainer or of the head that the objective would not see.
        UnknownName: there is no such objective.

    Example:
        >>> import torch
        >>> from transformers import LlamaConfig, LlamaForCausalLM
        >>> size = {"hidden_size": 8, "intermediate_size": 8, "vocab_size": 16}
        >>> config = LlamaConfig(num_hidden_layers=1, num_attention_heads=1, **size)
        >>> model, ids = LlamaForCausalLM(config), torch.arange(12).view(2, 6)
        >>> with patch(model, objective="focal(gamma=0)"):
        ...     focal = model(input_ids=ids, labels=ids).loss
        >>> torch.allclose(focal, model(input_ids=ids, labels=ids).loss)
        True
    """
    if not _trainers.is_trainer(trainer_or_model):
        return Patch(install(trainer_or_model, objective, vocabulary), lambda: None)
    _trainers.check(trainer_or_model)
    if vocabulary is None:
        vocabulary = _trainers.vocabulary_of(trainer_or_model, objective)
    inside = install(trainer_or_model.model, objective, vocabulary)
    try:
        undo = _trainers.replace(trainer_or_model, inside)
    except BaseException:
        remove(inside)
        raise
    return Patch(inside, undo)
