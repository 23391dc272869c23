"""What is replaced on a trainer, and what of a trainer an objective inside the head cannot see."""

from collections.abc import Callable
from types import MethodType
from typing import Any

from likely.core.bind import Bound, bind
from likely.core.errors import Unsupported
from likely.core.vocabulary import Vocabulary
from likely.data.tokenizers.pretrained import of_tokenizer
from likely.models._inside import Inside

SFT, DPO = "trl.trainer.sft_trainer", "trl.trainer.dpo_trainer"
OWN = ("transformers.trainer", SFT, DPO)


def is_trainer(found: Any) -> bool:
    """Whether this is a `transformers.Trainer`, or made from one.

    Args:
        found: a trainer or a model.

    Returns:
        True for trainers.
    """
    from transformers import Trainer

    return isinstance(found, Trainer)


def home(trainer: Any) -> str:
    """The module in which the trainer's `compute_loss` is written."""
    return str(type(trainer).compute_loss.__module__)


def check(trainer: Any) -> None:
    """Refuse by name what would be ignored.

    Args:
        trainer: made, not yet training.

    Raises:
        Unsupported: the first thing that would be.
    """
    args, name = trainer.args, type(trainer).__name__
    for wrong, said in (
        (
            getattr(trainer, "label_smoother", None) is not None,
            f"label_smoothing_factor={args.label_smoothing_factor} is a loss of {name}'s own, on "
            "logits: set it to 0",
        ),
        (
            trainer.compute_loss_func is not None,
            f"{name} was given a compute_loss_func, which is another loss: leave it out",
        ),
        (
            bool(getattr(args, "use_liger_kernel", False)),
            "use_liger_kernel replaces the model's forward when training begins: set it to False",
        ),
        (
            trainer.model_init is not None,
            "model_init makes another model when training begins: give the trainer a model",
        ),
        (
            args.n_gpu > 1,
            f"{args.n_gpu} GPUs in one process (DataParallel) train copies of the model: start one "
            "process a GPU with torchrun or accelerate launch",
        ),
        (
            home(trainer) not in OWN,
            f"{name} has a compute_loss of its own: call likely.models.lm_loss in it instead",
        ),
        (
            getattr(args, "loss_type", None) not in (None, "nll", "chunked_nll")
            and home(trainer) == SFT,
            f"loss_type={getattr(args, 'loss_type', None)!r} is another loss: leave it out",
        ),
        (
            bool(getattr(trainer, "aux_loss_enabled", False)),
            f"{name} adds the auxiliary loss of a mixture of experts to its own loss, and not to "
            "this one: switch output_router_logits off",
        ),
    ):
        if wrong:
            raise Unsupported(f"patch: {said}.")


def vocabulary_of(trainer: Any, objective: str | Bound) -> Vocabulary | None:
    """What the ids of the trainer's own tokenizer mean, where an objective may ask for it.

    Args:
        trainer: made.
        objective: its name with settings.

    Returns:
        The vocabulary; None where nobody asks, or there is no fast tokenizer.
    """
    module = objective.module if isinstance(objective, Bound) else bind(objective).module
    tokenizer = getattr(trainer, "processing_class", None)
    if not hasattr(module, "wants") or getattr(tokenizer, "backend_tokenizer", None) is None:
        return None
    return of_tokenizer(tokenizer)


def replace(trainer: Any, inside: Inside) -> Callable[[], None]:
    """Replace methods on the trainer.

    Args:
        trainer: checked.
        inside: the loss inside its model's head.

    Returns:
        What puts everything back.

    Raises:
        Unsupported: an objective whose values this trainer has no use for.
    """
    if home(trainer) == DPO:
        from likely.train import _preferences

        new = _preferences.methods(trainer, inside)
    else:
        if inside.objective.unit != "N":
            raise Unsupported(
                f"patch: {inside.objective.bound.name!r} gives one value a unit "
                f"{inside.objective.unit!r}, and {type(trainer).__name__} counts tokens. Choose an "
                "objective with one value a token."
            )
        new = {"prediction_step": _prediction_step(trainer, inside)}
        if home(trainer) == SFT:
            new["compute_loss"] = _compute_loss
    before = {name: trainer.__dict__.get(name) for name in new}
    for name, function in new.items():
        setattr(trainer, name, MethodType(function, trainer))

    def undo() -> None:
        for name, method in before.items():
            if method is None:
                delattr(trainer, name)
            else:
                setattr(trainer, name, method)

    return undo


def _prediction_step(trainer: Any, inside: Inside) -> Callable[..., Any]:
    """The trainer's own, with logits given where they are wanted."""
    before = trainer.prediction_step

    def prediction_step(
        _: Any, model: Any, inputs: Any, prediction_loss_only: bool, ignore_keys: Any = None
    ) -> Any:
        inside.logits = not prediction_loss_only
        try:
            return before(model, inputs, prediction_loss_only, ignore_keys=ignore_keys)
        finally:
            inside.logits = False

    return prediction_step


def _compute_loss(
    trainer: Any,
    model: Any,
    inputs: dict[str, Any],
    return_outputs: bool = False,
    num_items_in_batch: Any = None,
) -> Any:
    """That of `transformers.Trainer`: the model's own loss, where TRL takes log-probabilities."""
    from transformers import Trainer

    given = {**inputs, "use_cache": False}
    return Trainer.compute_loss(trainer, model, given, return_outputs, num_items_in_batch)
