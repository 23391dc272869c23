"""Batch selection: rows that are worth it are picked from a pool, and reading that costs too."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Annotated, Literal

import numpy as np
import torch
from annotated_types import Ge, Gt
from jaxtyping import Float, Int
from torch import Tensor

from likely.audit.likelihood import likelihood
from likely.core.batch import Batch
from likely.core.errors import BadSetting
from likely.core.settings import checked
from likely.core.vocabulary import Vocabulary
from likely.data._docstrings import docstrings
from likely.data.corpus import Corpus
from likely.data.packing import TrainingPlan
from likely.data.sample import drawn
from likely.data.tokens import Tokens, encode
from likely.models._judge import evaluating
from likely.models.reader import Reader
from likely.models.transformer import Transformer
from likely.train.recipe import Optimizer
from likely.train.trials._fit import fit
from likely.train.trials._small import FALLING, in_stretches, one_of, small, trained

Count = Annotated[int, Ge(1)]
Select = Literal["none", "selective_backprop", "rho"]
_JUDGED = 24_576
"""Bytes of validation and of held-out text that are read."""
_STRETCH = 1000
"""Bytes of a stretch of docstrings."""
_APART_WIDTH, _APART_RATE = 32, 4e-3
"""Of the model that says what no training could lower."""


@dataclass(frozen=True, eq=False)
class _Texts:
    """What all arms of a seed read."""

    train: Tokens
    apart: Tokens
    validation: Tokens
    held_out: Tokens


def batch_selection(
    seed: int,
    *,
    select: Select = "none",
    pools: tuple[int, ...] = (1,),
    which: Annotated[int, Ge(0)] = 0,
    charged: bool = True,
    rate: Annotated[float, Gt(0)] = 4e-3,
    budget: Count = 400,
    rows: Count = 8,
    length: Annotated[int, Ge(8)] = 128,
    documents: Count = 1100,
    width: Annotated[int, Ge(8)] = 64,
    apart_steps: Count = 150,
) -> dict[str, float | list[float]]:
    """Train a small byte-level transformer at a fixed cost, on all rows or on rows that are picked.

    A pool of several times the rows of a step is read without gradient, and `rows` of it are
    trained on. `selective_backprop` draws them without replacement, each with odds that are a power
    of its rank by loss, the power one less than the pool is large; `rho` takes those with the
    largest loss above that of a small model which was trained on other text. The budget is counted
    in steps of plain training: reading a row costs a third of training on it, reading it by the
    small model that by the share of its weights, and so does its training. Each arm's rate falls to
    0 at its own last step. Where it is not `charged`, all arms take as many steps as the budget.

    Measures: `held_out_nats` a byte, one number a document; `validation_nats`, of other text;
    `steps` that were taken; and `seconds_a_step` of processor time beside plain training, which no
    verdict should rest on.

    Args:
        seed: of texts, their order, draws and first weights.
        select: how rows are picked.
        pools: how many times the rows of a step a pool may hold.
        which: which of them it is, from 0.
        charged: whether what selection costs is taken off the steps.
        rate: the highest learning rate, of AdamW.
        budget: steps of plain training.
        rows: rows a step is trained on.
        length: tokens a row.
        documents: stretches of docstrings; a fifth of them are for the small model.
        width: of the transformer, which has two layers.
        apart_steps: of the small model's training.

    Returns:
        The measures by name.

    Raises:
        BadSetting: a setting out of range, `which` beyond the pools, a pool for no selection, or a
            budget that selection uses up.

    References:
        Kaddour et al., No Train No Gain, 2023, §3 and §5. arXiv:2307.06440; Jiang et al.,
        Accelerating Deep Learning by Focusing on the Biggest Losers, 2019. arXiv:1910.00762;
        Mindermann et al., Prioritized Training on Points that are Learnable, 2022.
        arXiv:2206.07137.
    """
    settings = checked(batch_selection, locals())
    pool, apart = one_of("batch_selection", "pools", pools, which), None
    if min(pools) < 1 or (select == "none") != (max(pools) == 1):
        problem = f"pools={pools} should all be 1 where nothing is selected, else above 1."
        raise BadSetting("batch_selection", [problem])
    texts, vocabulary = _texts(seed, documents), Vocabulary.of_bytes()
    reader = small(vocabulary, width, length, seed)
    if select == "rho":
        apart = _apart(seed, rows, length, documents, apart_steps)
    share = apart.parameters_count / reader.parameters_count if apart else 0.0
    steps = budget
    if charged and select != "none":
        spent = apart_steps * share if apart else 0.0
        steps = int((budget - spent) / (1 + pool * (1 + share) / 3))
    if steps < 1:
        problem = f"budget={budget} is used up before the first step: give more."
        raise BadSetting("batch_selection", [problem])
    plan = TrainingPlan(texts.train, length=length, rows=pool * rows, seed=seed)
    fit(
        reader,
        _selected(plan.batch, select, reader, apart, pool, seed),
        steps=steps,
        optimizer=Optimizer(lr=settings["rate"]),
        schedule=FALLING,
        seed=seed,
    )
    held_out = likelihood(reader, texts.held_out)
    return {
        "held_out_nats": (held_out.nats / held_out.tokens).tolist(),
        "validation_nats": likelihood(reader, texts.validation).nats_per_token,
        "steps": float(steps),
    }


def _selected(
    batches: Callable[[int], Batch],
    select: Select,
    reader: Reader,
    apart: Reader | None,
    pool: int,
    seed: int,
) -> Callable[[int], Batch]:
    """Batches of the rows that are picked, by what the model says of them as it is then."""

    def batch(step: int) -> Batch:
        whole = batches(step)
        if select == "none":
            return whole
        loss, count = _row_loss(reader, whole), whole.rows // pool
        if apart is not None:
            worth = loss - _row_loss(apart, whole)
        else:
            # Gumbel's trick: the largest of log-odds plus noise are a draw without replacement.
            odds = (loss.argsort().argsort() + 1.0) ** (pool - 1)
            rng = torch.Generator().manual_seed((seed << 20) + step)
            noise = -torch.log(-torch.log(torch.rand(len(loss), generator=rng)))
            worth = odds.log() + noise
        return rows_of(whole, worth.topk(count).indices)

    return batch


def rows_of(batch: Batch, chosen: Int[Tensor, "R"]) -> Batch:
    """Some rows of a batch.

    Args:
        batch: without pairs.
        chosen: numbers of rows.

    Returns:
        A batch of these rows, in the order that they had.

    Example:
        >>> batch = Batch.of(torch.tensor([[1], [2], [3]]), torch.tensor([[2], [3], [4]]))
        >>> rows_of(batch, torch.tensor([2, 0])).ids.tolist()
        [1, 3]
    """
    order = chosen.sort().values

    def part(value: Tensor) -> Tensor:
        return value.view(batch.rows, -1, *value.shape[1:])[order].flatten(0, 1)

    names = ("ids", "target", "segment", "position", "weight", "document")
    parts = {name: part(getattr(batch, name)) for name in names}
    there, number = torch.unique(parts["segment"], return_inverse=True)
    parts["segment"] = number - (there[:1] < 0).sum()
    columns = {name: part(value) for name, value in batch.columns.items()}
    return replace(batch, **parts, rows=len(order), columns=columns)


def _row_loss(reader: Reader, batch: Batch) -> Float[Tensor, "R"]:
    """Nats a token of each row."""
    with evaluating(reader):
        log_prob = reader.read(batch, ("log_prob",))["log_prob"]
    per_row = torch.stack([-log_prob * batch.weight, batch.weight]).view(2, batch.rows, -1).sum(-1)
    return per_row[0] / per_row[1].clamp_min(1)


@lru_cache(maxsize=1)
def _apart(seed: int, rows: int, length: int, documents: int, steps: int) -> Transformer:
    """The small model, which never sees what the arms are trained on."""
    reader = small(Vocabulary.of_bytes(), _APART_WIDTH, length, seed + 1)
    trained(reader, _texts(seed, documents).apart, rows, length, steps, _APART_RATE, seed)
    return reader


@lru_cache(maxsize=1)
def _texts(seed: int, documents: int) -> _Texts:
    parts, vocabulary = docstrings(), Vocabulary.of_bytes()
    text = drawn(parts.train, documents, _STRETCH, np.random.default_rng(seed)).documents
    own, apart = text[documents // 5 :], text[: documents // 5]
    judged = [in_stretches(part, _STRETCH, _JUDGED) for part in (parts.validation, parts.held_out)]
    corpora = (Corpus("train", own), Corpus("apart", apart), *judged)
    return _Texts(*(encode(corpus, vocabulary) for corpus in corpora))
