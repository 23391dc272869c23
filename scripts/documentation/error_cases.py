"""Small cases that raise each error of the package; run in an empty folder."""

from pathlib import Path


def cases():
    """Small cases as they are shown, and what runs them."""
    import torch

    import likely
    from likely.core.batch import Batch
    from likely.core.vocabulary import Vocabulary
    from likely.data.corpus import Corpus
    from likely.data.files import read
    from likely.data.split import split
    from likely.models.feed_forward import feed_forward
    from likely.train.errors import Diverged, Interrupted, StoppedTrials
    from likely.train.recipe import load_recipe

    logits, target = torch.zeros(1, 3), torch.tensor([0])
    batch = Batch.of(target[None], target[None])
    reader = feed_forward(Vocabulary.of_bytes(), context=1, embedding=2, width=2)
    Path("recipe.toml").write_text('stepz = 10\n[optimizer]\nlr = "fast"\n', encoding="utf-8")
    Path("notes.txt").write_bytes(b"first line\ncaf\xe9\n")
    stopped = StoppedTrials(7, 16, "likely reproduce 120_goldfish")
    diverged = Diverged("loss", float("nan"), 120, 3e-2, 100)
    return [
        ('likely.bind("focl")', lambda: likely.bind("focl")),
        ('likely.catalogue("objective")', lambda: likely.catalogue("objective")),
        ('likely.bind("focal(gamma=-1)")', lambda: likely.bind("focal(gamma=-1)")),
        ('load_recipe("recipe.toml")', lambda: load_recipe("recipe.toml")),
        ("split(corpus, held_out=2)", lambda: split(Corpus("mine", ()), held_out=2)),
        ('stats["entrpy"]', lambda: likely.from_logits(logits, target, {"entropy"})["entrpy"]),
        ('batch["reference_log_prob"]', lambda: batch["reference_log_prob"]),
        (
            "likely.from_logits(logits, torch.tensor([7]), ...)",
            lambda: likely.from_logits(logits, torch.tensor([7]), {"entropy"}),
        ),
        ('read("notes.txt")', lambda: read("notes.txt")),
        ('read("note.txt")', lambda: read("note.txt")),
        ('likely.load("nowhere")', lambda: likely.load("nowhere")),
        (
            "reader.hidden(batch)  # an n-gram",
            lambda: type(reader).__mro__[2].hidden(_NGram, batch),
        ),
        ("run(recipe, ...)  # Ctrl-C", lambda: _raise(Interrupted(Path("runs/first"), 120, 1000))),
        ("reproduce(claim)  # Ctrl-C", lambda: _raise(stopped)),
        ("run(recipe, ...)  # a rate too high", lambda: _raise(diverged)),
    ]


class _NGram:
    """What an n-gram says when asked for hidden states."""

    kind = "ngram"


def _raise(error):
    raise error
