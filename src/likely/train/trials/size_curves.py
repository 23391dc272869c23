"""Size curves: what laws that were fitted to small transformers say of the run of a larger one."""

from typing import Annotated, Literal

import numpy as np
from annotated_types import Ge, Gt
from jaxtyping import Float

from likely.core.errors import BadSetting
from likely.core.settings import checked
from likely.forecast.fit import fit as fit_law
from likely.forecast.fitted import Fit
from likely.train.trials._sizes import Family, Rows, Text, run

Count = Annotated[int, Ge(1)]
Width = Annotated[int, Ge(8)]


def size_curves(
    seed: int,
    *,
    law: Literal["kaplan", "chinchilla", "kaplan_trajectory", "nearest"] = "kaplan",
    widths: tuple[Width, ...] = (16, 24, 32),
    batches: tuple[Count, ...] = (8,),
    target_width: Width = 48,
    target_batch: Count = 8,
    text: Text = "docstrings",
    rate: Annotated[float, Gt(0)] = 4e-3,
    steps: Annotated[int, Ge(8)] = 300,
    first: Count = 30,
    length: Annotated[int, Ge(8)] = 64,
    documents: Count = 600,
    checkpoints: Annotated[int, Ge(4)] = 16,
) -> dict[str, float | list[float]]:
    r"""Train small byte-level transformers at a constant rate, and predict a larger one's run.

    Every width is trained with every batch size; validation text is read at checkpoints from
    `first` on. The law is fitted to all of them and asked about all checkpoints of the target,
    which no fit sees. Parameters are counted without embedding and head. `nearest` is no law: the
    losses at the same steps of the largest width that is not the target, their geometric mean over
    its batch sizes.

    Measures: `error`, mean |predicted / measured − 1| over the target's checkpoints; `last_error`,
    of its last; `last_shift`, the same with its sign; `last`, the target's last loss in nats a
    byte. Where there is a law, `fit_error`, the mean on what was fitted. Of `kaplan` and
    `chinchilla` also `size_exponent`, a of the best size N ∝ C^a at C = 6 N D:

    $$ a_\text{kaplan} = \frac{\alpha_D}{\alpha_N + \alpha_D}, \qquad
       a_\text{chinchilla} = \frac{\beta}{\alpha + \beta} $$

    Args:
        seed: of texts, their order and first weights.
        law: what predicts.
        widths: of the transformers, of two layers.
        batches: rows a step that each of them is trained on.
        target_width: of the one that is predicted.
        target_batch: rows a step that it is trained on.
        text: domain of the embedded corpus that is read.
        rate: of AdamW, constant after ten steps.
        steps: of every run.
        first: the first step after which validation text is read.
        length: bytes a row.
        documents: stretches of text to train on.
        checkpoints: of every run, evenly spaced in the logarithm of the step.

    Returns:
        The measures by name.

    Raises:
        BadSetting: a setting out of range, a first checkpoint that is not before the last step, or
            a target that is not larger than what is fitted.

    References:
        Kaplan et al., Scaling Laws for Neural Language Models, 2020, §3 to §6. arXiv:2001.08361;
        Su et al., Unraveling the Mystery of Scaling Laws: Part I, 2024. arXiv:2403.06563.
    """
    settings = checked(size_curves, locals())
    if target_width <= max(widths):
        problem = f"target_width={target_width} should be above all of widths, {max(widths)}."
        raise BadSetting("size_curves", [problem])
    if first >= steps:
        problem = f"first={first} should be below steps={steps}."
        raise BadSetting("size_curves", [problem])
    family = Family(seed, text, settings["rate"], length, documents, first, checkpoints)
    made = {(w, b): run(family, w, b, steps) for w in widths for b in batches}
    target = run(family, target_width, target_batch, steps)
    found: dict[str, float | list[float]] = {}
    if law == "nearest":
        largest = [np.log(one["loss"]) for (w, _), one in made.items() if w == max(widths)]
        predicted = np.exp(np.mean(largest, axis=0))
    else:
        fitted = fit_law(law, _joined(list(made.values())), bootstrap=0)
        predicted = fitted.predict(target).value
        found = _of_the_fit(fitted)
    return {**_missed(predicted, target["loss"]), **found}


def _joined(runs: list[Rows]) -> Rows:
    return {name: np.concatenate([one[name] for one in runs]) for name in runs[0]}


def _missed(
    predicted: Float[np.ndarray, "K"], measured: Float[np.ndarray, "K"]
) -> dict[str, float]:
    share = predicted / measured - 1
    return {
        "error": float(np.abs(share).mean()),
        "last_error": float(abs(share[-1])),
        "last_shift": float(share[-1]),
        "last": float(measured[-1]),
    }


def _of_the_fit(fitted: Fit) -> dict[str, float | list[float]]:
    found: dict[str, float | list[float]] = {
        "fit_error": float(np.abs(np.expm1(fitted.residuals)).mean())
    }
    pair = {"kaplan": ("alpha_N", "alpha_D"), "chinchilla": ("alpha", "beta")}
    if fitted.law.name in pair:
        of_size, of_data = (fitted.coefficients[name] for name in pair[fitted.law.name])
        found["size_exponent"] = of_data / (of_size + of_data)
    return found
