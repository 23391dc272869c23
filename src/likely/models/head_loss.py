"""`lm_loss`: any objective as the loss of a model of `transformers`, for hand-written loops."""

from collections.abc import Mapping
from typing import Any

from jaxtyping import Float
from torch import Tensor

from likely.core.bind import Bound
from likely.core.errors import BadInput
from likely.core.vocabulary import Vocabulary
from likely.models._install import inside_head


def lm_loss(
    model: Any,
    batch: Mapping[str, Any],
    objective: str | Bound = "cross_entropy",
    *,
    vocabulary: Vocabulary | None = None,
) -> Float[Tensor, ""]:
    r"""The loss of a causal language model by any objective, without its logits.

    $$ \mathcal{L} = \frac{\sum_n w_n \ell_n}{\text{num_items_in_batch}}, \quad
       \text{or by } \textstyle\sum_n w_n \text{ where that is not given} $$

    The scan runs inside the head's own `forward`, so DDP, FSDP, DeepSpeed and PEFT see the plain
    call of the model that they wrap. A label of −100 has the weight 0. Under DDP and FSDP, which
    take the mean over processes, a `num_items_in_batch` counted over all of them goes with a loss
    times their number, as in `transformers.Trainer`.

    Args:
        model: a causal language model of `transformers`, wrapped or not.
        batch: what the model is called with: `input_ids`, `attention_mask`, `position_ids`,
            `labels` or `shift_labels`, `num_items_in_batch`; and the columns that the objective
            reads, of the same shape, where entry t belongs to the token that comes after t.
        objective: its name with settings, `"focal(gamma=2)"`.
        vocabulary: what the ids mean, for objectives that ask (`number_token_loss`):
            `likely.data.tokenizers.pretrained.of_tokenizer(tokenizer)`.

    Returns:
        One number, with its gradient; 0 where no label counts.

    Raises:
        BadInput: there are no labels.
        NotMeasured: the objective reads a column that the batch does not have.
        Unsupported: the head is no plain linear layer, or the objective keeps a memory.

    Example:
        >>> import torch
        >>> from transformers import LlamaConfig, LlamaForCausalLM
        >>> size = {"hidden_size": 8, "intermediate_size": 8, "vocab_size": 16}
        >>> config = LlamaConfig(num_hidden_layers=1, num_attention_heads=1, **size)
        >>> model, ids = LlamaForCausalLM(config), torch.arange(12).view(2, 6)
        >>> loss = lm_loss(model, {"input_ids": ids, "labels": ids}, "focal(gamma=2)")
        >>> loss.backward()
        >>> model.lm_head.weight.grad.shape
        torch.Size([16, 8])
    """
    given = dict(batch)
    if given.get("labels") is None:
        if given.get("shift_labels") is None:
            raise BadInput("lm_loss: the batch has neither labels nor shift_labels.")
        given["labels"] = given["shift_labels"]
    with inside_head(model, objective, vocabulary):
        out = model(**given)
    loss: Tensor = out[0] if isinstance(out, tuple) else out["loss"]
    return loss
