"""What a recipe reads, as material for its loop."""

from dataclasses import replace
from pathlib import Path
from time import perf_counter

from accelerate import Accelerator
from torch import nn

from likely.core.disk import write_whole
from likely.core.errors import BadInput, BadSetting
from likely.core.vocabulary import Vocabulary
from likely.data.examples import Examples
from likely.data.files import read as read_files
from likely.data.sidecar import attach
from likely.data.tokens import Tokens
from likely.models.load import vocabulary_at
from likely.models.reader import Reader
from likely.train import _examples, _rollout_files
from likely.train._kinds import FROM_EXAMPLES
from likely.train._material import Material, of_texts
from likely.train._texts import texts, vocabulary_of
from likely.train.errors import Interrupted
from likely.train.recipe import Recipe, to_toml
from likely.train.sharpen import coverage

Given = Tokens | Examples | None
Prompts = list[list[int]]


def read(
    recipe: Recipe,
    given: tuple[Tokens | None, Given, Examples | None],
    begun: Reader | None,
    *,
    keep: Path,
    accelerator: Accelerator,
) -> Material:
    """What was given, else what the recipe names.

    Args:
        recipe: its kind says what is read.
        given: training text, validation, examples.
        begun: the model that training begins from, where it is there already.
        keep: the run's folder.
        accelerator: the processes.

    Returns:
        The material.

    Raises:
        BadSetting: text for a kind that reads examples, or the other way round.
        BadInput: what was read is of another kind.
    """
    tokens, validation, examples = given
    _check(recipe, tokens, validation, examples)
    if recipe.kind not in FROM_EXAMPLES:
        assert not isinstance(validation, Examples)
        train, look = texts(recipe, tokens, validation, keep=keep, accelerator=accelerator)
        return of_texts(recipe, attach(train, recipe.sidecars), look)
    assert not isinstance(validation, Tokens)
    if recipe.kind == "sharpen":
        return _sharpened(recipe, begun, keep, accelerator)
    if examples is None:
        vocabulary = vocabulary_for(recipe, begun)
        examples, kept = _examples.read_both(recipe, vocabulary)
        validation = kept if validation is None else validation
    _examples.check(recipe, examples.is_pairs)
    return _examples.of_examples(recipe, attach(examples, recipe.sidecars), validation)


def _check(
    recipe: Recipe, tokens: Tokens | None, validation: Given, examples: Examples | None
) -> None:
    from_examples = recipe.kind in FROM_EXAMPLES
    problems = []
    if from_examples and (tokens is not None or isinstance(validation, Tokens)):
        problems.append(f"kind={recipe.kind!r} reads examples, and text was given as tokens.")
    if not from_examples and (examples is not None or isinstance(validation, Examples)):
        problems.append(f"kind={recipe.kind!r} reads text, and examples were given.")
    if recipe.kind == "sharpen" and recipe.sidecars:
        problems.append("kind='sharpen' draws its examples itself, which no sidecar knows.")
    if recipe.kind == "sharpen" and examples is not None:
        problems.append("kind='sharpen' draws its examples itself: name the prompts as data.")
    if problems:
        raise BadSetting("run", problems)


def vocabulary_for(recipe: Recipe, begun: Reader | None = None) -> Vocabulary:
    """Of the model that there is; a new one cannot be cut for examples.

    Args:
        recipe: names a model to begin from, or a tokenizer that needs no text.
        begun: the model that training begins from, where it is in memory.

    Returns:
        The vocabulary.

    Raises:
        BadSetting: a tokenizer that is made from text.
    """
    if begun is not None:
        return begun.vocabulary
    if recipe.start:
        return vocabulary_at(recipe.start)
    if recipe.tokenizer == "bytes":
        return Vocabulary.of_bytes()
    if recipe.tokenizer.startswith("pretrained"):
        from likely.data.corpus import Corpus

        return vocabulary_of(recipe, Corpus("none", ()), None, None)
    raise BadSetting(
        "Recipe",
        [
            f"tokenizer={recipe.tokenizer!r} is made from text, and kind={recipe.kind!r} reads "
            "examples: begin from a model (start), which has its own."
        ],
    )


def _sharpened(
    recipe: Recipe, begun: Reader | None, folder: Path, accelerator: Accelerator
) -> Material:
    """The model's own likeliest answers to the prompts that a recipe names."""
    if begun is None:
        raise BadSetting(
            "Recipe",
            ["kind='sharpen' learns what a model says already: name one to begin from (start)."],
        )
    prompts, began = prompts_of(recipe, begun.vocabulary), perf_counter()
    if isinstance(begun, nn.Module):
        begun.to(accelerator.device)
    if accelerator.is_main_process and not (folder / "recipe.toml").is_file():
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(folder / "recipe.toml", to_toml(recipe))
    accelerator.wait_for_everyone()
    share = (accelerator.process_index, accelerator.num_processes)
    try:
        _rollout_files.draw(begun, prompts, recipe, folder, share)
    except KeyboardInterrupt as problem:
        raise Interrupted(folder, 0, recipe.steps) from problem
    accelerator.wait_for_everyone()
    draws = _rollout_files.read(folder, prompts)
    seen, ended = coverage(draws), [one for one in draws if one.best.ended]
    if not ended:
        raise BadInput(
            f"No answer ended within {recipe.rollouts.tokens} tokens, so there is nothing to "
            "learn: raise rollouts.tokens, or begin from a model that ends its answers."
        )
    apart = _examples.places_apart(repr(one.prompt) for one in ended)
    parts = [[one for one, away in zip(ended, apart, strict=True) if away == w] for w in (0, 1)]
    train, look = (
        _examples.answered(
            [one.prompt for one in part], [one.best.ids for one in part], begun.vocabulary
        )
        if part
        else None
        for part in parts
    )
    assert train is not None
    material = _examples.of_examples(recipe, train, look)
    before = {
        "prompts": len(prompts),
        "rollout_tokens": seen.tokens,
        "rollout_seconds": round(perf_counter() - began, 3),
        "covered": seen.covered,
        "gain": seen.gain,
        "ended": seen.ended,
        "warning": seen.warning,
    }
    return replace(material, before=before)


def prompts_of(recipe: Recipe, vocabulary: Vocabulary) -> Prompts:
    """The prompts that a recipe of kind `sharpen` names: the field `prompt`, or another one.

    Args:
        recipe: its `data`, `field` and `on_error` are looked at.
        vocabulary: how text becomes ids.

    Returns:
        Tokens of different prompts, without BOS.

    Raises:
        BadInput: no such field, or prompts that leave no room for an answer.
    """
    field = "prompt" if recipe.field == Recipe.field else recipe.field
    corpus = read_files(list(recipe.data), field=field, on_error=recipe.on_error)
    different = dict.fromkeys(document.text for document in corpus)
    found: Prompts = [ids.tolist() for ids in vocabulary.encode_many(list(different))]
    room = recipe.length - recipe.rollouts.tokens
    if (longest := max(map(len, found))) >= room:
        raise BadInput(
            f"The longest prompt has {longest} tokens, which with answers of up to "
            f"{recipe.rollouts.tokens} is more than length={recipe.length}: raise length, or lower "
            "rollouts.tokens."
        )
    return found
