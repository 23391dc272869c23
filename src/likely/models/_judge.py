"""A corpus read in windows: log-probability of every token, and whether another one beat it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from likely.data.packing import evaluation_batches
from likely.data.tokens import Tokens

if TYPE_CHECKING:
    from likely.models.reader import Reader

Judged = tuple[NDArray[np.float64], NDArray[np.bool_]]


@contextmanager
def evaluating(reader: "Reader") -> Iterator[None]:
    """Read without gradient and without dropout, and leave the model as it was.

    Args:
        reader: any model.

    Yields:
        Nothing.
    """
    modules = [part for part in reader.parts if isinstance(part, torch.nn.Module)]
    were = [module.training for module in modules]
    for module in modules:
        module.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        for module, was in zip(modules, were, strict=True):
            module.train(was)


def judge_in_windows(
    reader: "Reader",
    tokens: Tokens,
    *,
    length: int,
    rows: int,
    progress: Callable[[int], None] | None = None,
) -> Judged:
    """Read a text in windows with a stride of half their length; every token counts once.

    Args:
        reader: any model; in evaluation mode meanwhile.
        tokens: the text.
        length: positions of a window.
        rows: windows read at once.
        progress: called with the number of tokens scored after each batch.

    Returns:
        Log p of every token, in nats, and whether no token was likelier, both `[n]`.
    """
    log_prob, correct = np.empty(len(tokens.ids)), np.empty(len(tokens.ids), np.bool_)
    device, done = reader.device, 0
    with evaluating(reader):
        for batch in evaluation_batches(tokens, length=length, rows=rows):
            stats = reader.read(batch.to(device), ("log_prob", "rank"))
            # Windows follow the text, and each scores what the one before it did not.
            counts = (batch.weight > 0).numpy()
            fresh = slice(done, done + int(counts.sum()))
            log_prob[fresh] = stats["log_prob"].double().cpu().numpy()[counts]
            correct[fresh] = (stats["rank"] == 0).cpu().numpy()[counts]
            done = fresh.stop
            if progress:
                progress(fresh.stop - fresh.start)
    return log_prob, correct
