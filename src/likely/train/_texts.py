"""The text that a recipe names: read, split, and as tokens of the run's vocabulary."""

from pathlib import Path

from accelerate import Accelerator

from likely.core.bind import bind
from likely.core.disk import whole_folder
from likely.core.vocabulary import Vocabulary
from likely.data.corpus import Corpus
from likely.data.embedded import embedded
from likely.data.files import read
from likely.data.sample import shortened
from likely.data.sidecar import attach
from likely.data.tokenizers._saved import load as load_vocabulary
from likely.data.tokenizers._saved import save
from likely.data.tokens import Tokens, encode
from likely.data.within import split_any
from likely.models.load import vocabulary_at
from likely.train.recipe import Recipe

MOST_VALIDATION = 131_072
"""Bytes of validation text that a look reads: more would make looking dearer than training."""


def texts(
    recipe: Recipe,
    tokens: Tokens | None,
    validation: Tokens | None,
    *,
    keep: Path | None = None,
    accelerator: Accelerator | None = None,
) -> tuple[Tokens, Tokens | None]:
    """Training and validation text: what was given, else what the recipe names, split.

    Args:
        recipe: whose `data` is read, whose `tokenizer` cuts it, and whose `columns` are attached.
        tokens: training text, where it is there already.
        validation: validation text; with `tokens` and without it, nothing is evaluated.
        keep: the run's folder, where the vocabulary is kept; None keeps it nowhere.
        accelerator: the processes, where there are several; the first one makes the vocabulary.

    Returns:
        Training tokens and validation tokens.
    """
    if tokens is not None:
        return attach(tokens, recipe.columns), validation
    parts = split_any(read_data(recipe))
    vocabulary = vocabulary_of(recipe, parts.train, keep, accelerator)
    if validation is None and len(parts.validation.documents):
        validation = encode(shortened(parts.validation, MOST_VALIDATION), vocabulary)
    return attach(encode(parts.train, vocabulary), recipe.columns), validation


def read_data(recipe: Recipe) -> Corpus:
    """The corpus that a recipe names.

    Args:
        recipe: its `data`, `field` and `on_error` are looked at.

    Returns:
        The corpus, not split yet.
    """
    paths = [name for name in recipe.data if name != "embedded"]
    corpora = [embedded()] if "embedded" in recipe.data else []
    corpora += [read(paths, field=recipe.field, on_error=recipe.on_error)] if paths else []
    documents = tuple(document for corpus in corpora for document in corpus)
    skipped = tuple(line for corpus in corpora for line in corpus.skipped)
    return Corpus(" + ".join(corpus.name for corpus in corpora), documents, skipped)


def vocabulary_of(
    recipe: Recipe, train: Corpus, folder: Path | None, accelerator: Accelerator | None
) -> Vocabulary:
    """The vocabulary of a run: that of its model, or made when it begins and read when it goes on.

    Args:
        recipe: names the tokenizer.
        train: text that the tokenizer may be trained on.
        folder: of the run, where the vocabulary is kept; None keeps it nowhere.
        accelerator: the processes, where there are several; the first one makes the vocabulary.

    Returns:
        The vocabulary.
    """
    if recipe.start:
        return vocabulary_at(recipe.start)
    chosen = bind(recipe.tokenizer, room="data.tokenizers")
    if folder is None:
        made: Vocabulary = chosen.entry(train, **chosen.settings)
        return made
    kept = folder / "tokenizer"
    begun = (folder / "recipe.toml").is_file() and kept.is_dir()
    if not begun and (accelerator is None or accelerator.is_main_process):
        folder.mkdir(parents=True, exist_ok=True)
        with whole_folder(kept) as part:
            save(chosen.entry(train, **chosen.settings), part)
    if accelerator is not None:
        accelerator.wait_for_everyone()
    return load_vocabulary(kept)
