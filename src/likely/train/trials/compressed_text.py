"""What a small transformer learns from text that an n-gram has compressed."""

import tempfile
from pathlib import Path
from typing import Annotated

import numpy as np
from annotated_types import Ge, Gt, Interval
from numpy.typing import NDArray

from likely.core.settings import checked
from likely.data.tokens import Tokens
from likely.models.ngram import sweep
from likely.models.transformer import transformer
from likely.train.loop import run
from likely.train.recipe import Optimizer, Recipe, Schedule
from likely.train.trials._written import Representation, texts_of, written

Size = Annotated[int, Ge(1)]


def compressed_text(
    seed: int,
    *,
    representation: Representation = "windows",
    rate: Annotated[float, Gt(0)] = 3e-3,
    steps: Size = 120,
    order: Annotated[int, Interval(ge=1, le=16)] = 3,
    window_bits: Annotated[int, Interval(ge=8, le=64)] = 16,
    token_bits: Annotated[int, Interval(ge=1, le=16)] = 8,
    coder_bytes: Size = 1_500_000,
    train_bytes: Size = 700_000,
    held_out_bytes: Size = 60_000,
    layers: Size = 2,
    width: Size = 64,
    length: Annotated[int, Ge(2)] = 256,
    rows: Size = 8,
) -> dict[str, float]:
    """Train a transformer on one of three writings of the same text, and say what it learned.

    An n-gram (the first model) is counted on some modules of the embedded corpus. Others, in
    pieces of 512 characters, are written as bytes, as one arithmetic-coded stream a piece, or as
    Equal-Info Windows. A transformer (the second model) is trained on that, for the same steps of
    the same number of tokens, and judged on pieces of modules that neither has seen.

    Measures, on held-out pieces unless said otherwise:

    - `gain_bits_per_token`: bits of a token less those that the transformer needs for one: 0 is
      what guessing gives. EOS is not counted.
    - `unigram_gain`, `trigram_gain`: the same of n-grams over the tokens, of order 1 and 3.
    - `learned_bits_per_token`: `gain_bits_per_token` − `unigram_gain`: what was learned beyond how
      often each token occurs.
    - `learned_bits_per_byte`: the same for each byte of text.
    - `bits_per_byte`: what the transformer needs for a byte of text, EOS included.
    - `validation_bits_per_byte`: the same on validation pieces, to choose a rate by.
    - `compressed_bits_per_byte`: bits of code for a byte of text, before the transformer.
    - `waste_bits_per_byte`: of these, those that the first model does not need; in windows it
      begins with nothing known in each.
    - `left_bits_per_byte`: what the first model, reading on without a break, needs more than a
      6-gram counted on the transformer's own training text: at least this much could be learned.
    - `bytes_per_token`: bytes of text that a token stands for.

    Args:
        seed: of the choice of modules, the transformer's start and the order of the data.
        representation: `bytes`, `plain` (one stream a piece) or `windows`.
        rate: the highest learning rate.
        steps: of training.
        order: of the n-gram that drives the coder.
        window_bits: bits of a window.
        token_bits: bits of a token of code.
        coder_bytes: text that the n-gram is counted on.
        train_bytes: text that the transformer may read.
        held_out_bytes: text that it is judged on.
        layers: of the transformer.
        width: of its hidden states.
        length: positions of a row of training, and of its context.
        rows: rows a step.

    Returns:
        Measures by name.

    Raises:
        BadSetting: settings out of range.
        LikelyError: a text did not come back from its code, or the corpus is too short.

    References:
        Lester et al. 2024, *Training LLMs over Neurally Compressed Text*, arXiv:2404.03626.
    """
    checked(compressed_text, locals())
    texts = texts_of(seed, coder_bytes, train_bytes, held_out_bytes)
    text = written(texts, representation, order, window_bits, token_bits)
    model = transformer(
        text.train.vocabulary, layers=layers, width=width, context=length, seed=seed
    )
    recipe = Recipe(
        steps=steps,
        length=length,
        rows=rows,
        seed=seed,
        optimizer=Optimizer(lr=rate),
        schedule=Schedule(warmup=min(20, steps // 5)),
        evaluate_every=0,
        checkpoint_every=0,
        log_every=steps,
    )
    with tempfile.TemporaryDirectory() as folder:
        run(recipe, folder=Path(folder) / "run", model=model, tokens=text.train, device="cpu")
    counted = sweep(text.train, text.validation, [1, 3])
    log_prob = model.judge(text.held_out)[0]
    gain, unigram, trigram = (
        text.bits + _bits(text.held_out, values)
        for values in (log_prob, *(one.log_prob(text.held_out) for one in counted.values()))
    )
    account = text.account
    return {
        "gain_bits_per_token": gain,
        "unigram_gain": unigram,
        "trigram_gain": trigram,
        "learned_bits_per_token": gain - unigram,
        "learned_bits_per_byte": (gain - unigram) / account.bytes_per_token,
        "bits_per_byte": _bits_per_byte(text.held_out, log_prob),
        "validation_bits_per_byte": _bits_per_byte(
            text.validation, model.judge(text.validation)[0]
        ),
        "compressed_bits_per_byte": account.bits_per_byte,
        "waste_bits_per_byte": account.waste_bits_per_byte,
        "left_bits_per_byte": text.left,
        "bytes_per_token": account.bytes_per_token,
    }


def _bits(tokens: Tokens, log_prob: NDArray[np.float64]) -> float:
    """Mean log₂ p of the tokens, EOS not counted."""
    return float(log_prob[tokens.ids != tokens.vocabulary.eos].mean() / np.log(2))


def _bits_per_byte(tokens: Tokens, log_prob: NDArray[np.float64]) -> float:
    return float(-log_prob.sum() / np.log(2) / tokens.total_bytes)
