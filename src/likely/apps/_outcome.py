"""What a finished run comes to: held-out text, what others need for it, and what to do next."""

from pathlib import Path
from typing import Any

from rich.console import Console

from likely.apps._console import program
from likely.apps._own_text import Texts, size
from likely.audit.compressors import compressors
from likely.audit.likelihood import likelihood
from likely.models.ngram import ngram
from likely.models.reader import Reader
from likely.train.run import Run

MOST_COMPARED = 1_500_000
"""Bytes of training text up to which xz and a 5-gram are tried beside: a few seconds."""
ORDER = 5


def outcome(reader: Reader, texts: Texts) -> dict[str, Any]:
    """Bits per byte of held-out text: the model's, and those of plain competitors.

    Args:
        reader: the model.
        texts: what it was trained on, and what was held out.

    Returns:
        `bits_per_byte`, `accuracy`, `bytes`, `counted` (whether the model is an n-gram), and where
        the text is short enough to try them, `xz_given_training_text` and `five_gram` (bits per
        byte).
    """
    found = likelihood(reader, texts.held_out)
    said: dict[str, Any] = {
        "counted": reader.kind == "ngram",
        "bits_per_byte": found.bits_per_byte,
        "accuracy": found.accuracy,
        "bytes": texts.held_out.total_bytes,
    }
    train = texts.parts.train
    if train.bytes <= MOST_COMPARED:
        packed = compressors(train, texts.held_out_corpus)["xz_given_training_text"]
        said["xz_given_training_text"] = packed.bits_per_byte
        counted = ngram(texts.train, texts.validation, order=ORDER)
        said["five_gram"] = likelihood(counted, texts.held_out).bits_per_byte
    return said


def tell(said: dict[str, Any], texts: Texts, console: Console) -> None:
    """Print an outcome in words.

    Args:
        said: from `outcome`.
        texts: what was held out.
        console: where to.
    """
    whole = texts.parts.held_out.bytes
    part = f"{size(said['bytes'])}" + (f" of {size(whole)}" if whole > said["bytes"] else "")
    console.print(
        f"Held-out text ({part}, never seen): {said['bits_per_byte']:.3f} bits per byte "
        "(8 is knowing nothing; lower is better)."
    )
    if "five_gram" in said:
        console.print(
            f"For the same text, xz (a file compressor, given the training text) needs "
            f"{said['xz_given_training_text']:.3f}, and counting {ORDER} tokens in a row "
            f"(a {ORDER}-gram) {said['five_gram']:.3f}."
        )
        if said["bits_per_byte"] > said["five_gram"] + 0.005 and not said["counted"]:
            console.print(
                f"So far counting does better: more text helps most, then --minutes; and "
                f'--model "ngram(order={ORDER})" counts.'
            )


def warn(run: Run, console: Console) -> None:
    """Say where more steps made the model worse.

    Args:
        run: a finished one.
        console: where to.
    """
    if len(run.evaluations) < 2:
        return
    best = min(run.evaluations, key=lambda row: row["bits_per_byte"])
    last = run.evaluations[-1]
    if last["bits_per_byte"] > 1.02 * best["bits_per_byte"]:
        console.print(
            f"Validation text was best at step {best['step']} ({best['bits_per_byte']:.3f} bits "
            f"per byte) and is at {last['bits_per_byte']:.3f} now: the model has begun to learn "
            f"the training text by heart. Try --steps {best['step']}, or more text."
        )


def next_commands(folder: Path, texts: Texts, console: Console) -> None:
    """Say what to do with the model.

    Args:
        folder: of the run.
        texts: gives a beginning to continue.
        console: where to.
    """
    words = texts.held_out_corpus.documents[0].text.split()[:3]
    begin = " ".join("".join(c for c in word if c.isalnum()) for word in words).strip() or "The"
    console.print(f"The model is in {folder}. Next:")
    likely = program()
    console.print(f'  {likely} generate {folder} --prompt "{begin}"')
    console.print(f"  {likely} evaluate {folder} OTHER-TEXT")
    console.print(f"  {likely} view {folder} SOME-TEXT")
