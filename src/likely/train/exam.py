"""An exam: everything that judges look at, the same for every model that sits it."""

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any, TypeVar
from weakref import WeakKeyDictionary

import numpy as np
import torch
from annotated_types import Ge
from numpy.typing import NDArray

from likely.core.errors import BadInput
from likely.core.settings import checked
from likely.data.examples import Examples
from likely.data.plant import Planted
from likely.data.task import Task
from likely.data.tokens import Tokens
from likely.models.reader import Reader

Count = Annotated[int, Ge(1)]
Made = TypeVar("Made")


@dataclass(frozen=True)
class Asked:
    """Prompts and what should follow them.

    Args:
        prompts: texts to continue.
        wanted: for each prompt the text that is wanted, or several of which any will do.

    Raises:
        BadInput: another number of texts than of prompts.
    """

    prompts: tuple[str, ...]
    wanted: tuple[str | tuple[str, ...], ...]

    def __post_init__(self) -> None:
        if len(self.prompts) != len(self.wanted):
            raise BadInput(
                f"Asked: {len(self.prompts)} prompts and {len(self.wanted)} texts that should "
                "follow them were given; give one for each, in the same order."
            )


@dataclass(frozen=True, eq=False)
class Exam:
    """What models are judged on.

    Judges read from here and nowhere else, so that all models sit the same exam. What one judge
    has a model read or write is kept, and the others use it again.

    Args:
        test: text that no model was trained or tuned on; None where answers alone are judged.
        train: the training text, for the frequencies of tokens.
        continued: beginnings cut from test text, and how they really went on.
        answers: prompts with answers, or pairs of them, that no model was trained or tuned on.
        task: questions with an exact judge of answers.
        planted: passages that stood in the training text a known number of times.
        referenced: prompts with reference answers, for BLEU and ROUGE.
        features: a model at hand whose hidden states compare texts, for MAUVE: one for all.
        samplers: maps of logits for what is sampled; none samples from the model itself.
        new_tokens: tokens written after each of the prompts in `continued`.
        length: positions of a window; None for each model's own `window`.
        rows: windows read at once.
        seed: of what is sampled.

    Example:
        >>> from likely.core.vocabulary import Vocabulary
        >>> from likely.data.corpus import Corpus, Document
        >>> from likely.data.tokens import encode
        >>> corpus = Corpus("c", (Document("a", "hi"),))
        >>> Exam(encode(corpus, Vocabulary.of_bytes())).has
        ('test',)
    """

    test: Tokens | None = None
    train: Tokens | None = None
    continued: Asked | None = None
    answers: Examples | None = None
    task: Task | None = None
    planted: tuple[Planted, ...] = ()
    referenced: Asked | None = None
    features: Reader | None = None
    samplers: tuple[str, ...] = ()
    new_tokens: int = 64
    length: int | None = None
    rows: int = 16
    seed: int = 0

    @cached_property
    def _kept(self) -> WeakKeyDictionary[Reader, tuple[Hashable, dict[Hashable, Any]]]:
        """By model: what its weights were, and what it read and wrote then."""
        return WeakKeyDictionary()

    @property
    def has(self) -> tuple[str, ...]:
        """Parts that are there and that a judge may need."""
        return tuple(name for name in PARTS if _there(getattr(self, name)))

    def need(self, judge: str, *parts: str) -> None:
        """Say in one sentence what a judge lacks.

        Args:
            judge: who asks.
            parts: names of what it needs.

        Raises:
            BadInput: one of them is not there.
        """
        lacking = [part for part in parts if part not in self.has]
        if lacking:
            said = " and ".join(f"{part!r}, {PARTS[part]}" for part in lacking)
            raise BadInput(
                f"The judge {judge!r} needs {said}, and this exam has none: give it, or leave the "
                "judge out."
            )

    def once(self, reader: Reader, what: Hashable, make: Callable[[], Made]) -> Made:
        """What a model read or wrote, done once and then remembered until its weights change.

        Args:
            reader: the model.
            what: a name for what is done, with everything that it depends on.
            make: does it.

        Returns:
            What `make` returned, this time or before.
        """
        weights = _weights(reader)
        if reader not in self._kept or self._kept[reader][0] != weights:
            self._kept[reader] = (weights, {})
        kept = self._kept[reader][1]
        if what not in kept:
            kept[what] = make()
        found: Made = kept[what]
        return found


PARTS = {
    "test": "text that no model was trained on",
    "train": "the training text",
    "continued": "prompts cut from test text and what really followed",
    "answers": "prompts with answers that no model was trained on",
    "task": "a task whose answers can be judged",
    "planted": "passages planted in the training text",
    "referenced": "prompts with reference answers",
    "features": "a model whose hidden states compare texts",
}
"""Parts of an exam that a judge can need, and what they are."""


def _there(part: Any) -> bool:
    return part is not None and part != ()


def _weights(reader: Reader) -> Hashable:
    """Something that differs as soon as a weight was written to."""
    modules = [part for part in reader.parts if isinstance(part, torch.nn.Module)]
    tensors = [tensor for module in modules for tensor in module.parameters()]
    return tuple((id(tensor), tensor._version) for tensor in tensors)


def continued(
    test: Tokens,
    *,
    count: Count = 32,
    prompt_tokens: Count = 16,
    new_tokens: Count = 64,
    seed: Annotated[int, Ge(0)] = 0,
) -> Asked:
    """Cut prompts from a text, with what really followed them.

    Stretches of `prompt_tokens` + `new_tokens` tokens that do not overlap are drawn from the
    documents. A prompt that the tokenizer would cut into another number of tokens is left out, so
    that all of them can be continued side by side.

    Args:
        test: the text.
        count: prompts, at most; fewer where the text has no more.
        prompt_tokens: tokens of a prompt.
        new_tokens: tokens that followed.
        seed: of the draw.

    Returns:
        Prompts and continuations.

    Raises:
        BadSetting: a setting below its least value.
        BadInput: no document is long enough.

    Example:
        >>> from likely.core.vocabulary import Vocabulary
        >>> from likely.data.corpus import Corpus, Document
        >>> from likely.data.tokens import encode
        >>> text = encode(Corpus("c", (Document("a", "to be or not"),)), Vocabulary.of_bytes())
        >>> continued(text, prompt_tokens=5, new_tokens=7)
        Asked(prompts=('to be',), wanted=(' or not',))
    """
    checked(continued, locals())
    places = _stretches(test, prompt_tokens + new_tokens)
    prompts: list[str] = []
    wanted: list[str | tuple[str, ...]] = []
    for at in np.random.default_rng(seed).permutation(places).tolist():
        ids = test.ids[at : at + prompt_tokens + new_tokens].tolist()
        prompt = test.vocabulary.decode(ids[:prompt_tokens])
        if len(prompts) < count and len(test.vocabulary.encode(prompt)) == prompt_tokens:
            prompts.append(prompt)
            wanted.append(test.vocabulary.decode(ids[prompt_tokens:]))
    if not prompts:
        raise BadInput(
            f"No document of the test text holds {prompt_tokens} tokens of prompt and {new_tokens} "
            "that follow them: ask for fewer, or give longer documents."
        )
    return Asked(tuple(prompts), tuple(wanted))


def _stretches(test: Tokens, length: int) -> NDArray[np.int64]:
    """Where stretches begin that lie end to end in each document; none holds its EOS."""
    spans = zip(test.offsets[:-1].tolist(), (test.offsets[1:] - 1).tolist(), strict=True)
    places = [range(begin, end - length + 1, length) for begin, end in spans]
    return np.array([place for part in places for place in part], np.int64)
