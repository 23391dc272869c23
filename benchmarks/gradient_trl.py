"""How TRL is asked for the loss of a problem of `benchmarks/gradients.py`."""

from types import SimpleNamespace

import torch

from benchmarks.gradient_cells import BONUS, SOFTCAP, TEMPERATURE


def asked(problem, exact=False):
    """TRL's head without logits, on a model whose body hands our states through."""
    from trl.trainer.utils import add_fused_lm_head

    uses = problem.option.uses
    problem.able("bias", "softcap", "ignored", "temperature", "entropy", "none")
    config = SimpleNamespace(final_logit_softcapping=SOFTCAP if "softcap" in uses else None)
    config.get_text_config = lambda: config
    model = _Through(config, SimpleNamespace(weight=problem.weight, bias=problem.bias))
    outputs = ("log_probs", "entropy") if "entropy" in uses else ("log_probs",)
    temperature = TEMPERATURE if "temperature" in uses else 1.0
    add_fused_lm_head(model, temperature, cast_lm_head_to_fp32=exact, outputs=outputs)
    count = 1 if problem.option.reduction == "sum" else None
    made = model.forward(
        problem.hidden[None],
        fused_lm_head=True,
        shift_labels=problem.target[None],
        num_items_in_batch=count,
    )
    if problem.option.reduction == "none":
        return -made.log_probs[0]
    return made.loss - BONUS * made.entropy.mean() if "entropy" in uses else made.loss


class _Through(torch.nn.Module):
    """A model whose body is the identity."""

    def __init__(self, config, head):
        super().__init__()
        self.config, self.get_output_embeddings = config, lambda: head

    def base_model(self, hidden, **_):
        """The states as they came."""
        return SimpleNamespace(last_hidden_state=hidden)

    def forward(self, hidden):
        """Replaced by the library."""


def exact(problem):
    """The same with the product in float32."""
    return asked(problem, exact=True)
