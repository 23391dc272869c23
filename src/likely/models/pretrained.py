"""A causal language model of `transformers` that somebody else trained."""

from dataclasses import replace
from pathlib import Path

import torch

from likely.core.errors import BadInput, BadSetting, Unsupported, first_line
from likely.core.vocabulary import Vocabulary
from likely.data.corpus import Corpus
from likely.data.tokenizers.pretrained import pretrained as tokenizer_of
from likely.models._transformer import Transformer, quiet

__all__ = ["Transformer", "open_pretrained", "pretrained"]


def pretrained(vocabulary: Vocabulary, *, path: str) -> Transformer:
    r"""A causal language model with the weights that somebody else gave it, to be trained further.

    $$ z = h W^\top + b $$
    h are the last hidden states and W, b the output embeddings, scaled and capped as the model's
    configuration says. The text must be cut by its own tokenizer: in a recipe
    `tokenizer = "pretrained(path=...)"` with the same path, which `likely train` chooses by itself.
    Weights are float32; no code of the model's author is run.

    Args:
        vocabulary: that of the text; must be the model's own.
        path: a folder of `transformers` or of a transformer that was trained here, or a name on
            the Hugging Face hub.

    Returns:
        The model, ready to be trained further.

    Raises:
        BadSetting: no path.
        BadInput: there is no such model, or the text was cut by another tokenizer.
        Unsupported: its logits are no linear head on its last hidden states.

    Example:
        >>> from pathlib import Path
        >>> from tempfile import TemporaryDirectory
        >>> from likely.models.transformer import transformer
        >>> with TemporaryDirectory() as folder:
        ...     small = transformer(Vocabulary.of_bytes(), layers=1, width=8, heads=2)
        ...     small.save(Path(folder) / "small")
        ...     again = pretrained(Vocabulary.of_bytes(), path=f"{folder}/small")
        >>> again.parameters_count == small.parameters_count
        True

    References:
        Wolf et al., Transformers: State-of-the-Art Natural Language Processing, 2020.
        arXiv:1910.03771.
    """
    if not path:
        raise BadSetting("Model 'pretrained'", ["path is empty; name a folder or a hub id."])
    model = open_pretrained(path)
    if model.vocabulary.fingerprint != vocabulary.fingerprint:
        raise BadInput(
            f"The text is not cut by the tokenizer of {path}: give "
            f'--tokenizer "pretrained(path={path!r})" too.'
        )
    model.vocabulary = vocabulary
    return model


def open_pretrained(path: str) -> Transformer:
    """Any causal language model of `transformers`, with its tokenizer, as a reader.

    Its weights must be safetensors; they are read as float32, and no code of the model's author is
    run. A corpus is read in windows of its own positions, of 1,024 at most.

    Args:
        path: a folder, or a name on the Hugging Face hub.

    Returns:
        The model, in evaluation mode.

    Raises:
        BadInput: there is no such model, no tokenizer, or one that does not fit the model.
        Unsupported: its logits are no linear head on its last hidden states.
    """
    from likely.models._positions import AutoModelForCausalLM

    here = Path(path).is_dir()
    try:
        with quiet():
            model = AutoModelForCausalLM.from_pretrained(
                path,
                dtype=torch.float32,
                local_files_only=here,
                use_safetensors=True,
                trust_remote_code=False,
            )
    except Exception as problem:  # files, network, the library: exceptions of all kinds
        raise BadInput(
            f"{path}: transformers cannot load this causal language model ({first_line(problem)}); "
            "give a folder with a config.json and safetensors, or hub: and a name on the Hugging "
            "Face hub."
        ) from problem
    vocabulary = vocabulary_of(path)
    rows = len(model.get_output_embeddings().weight) if model.get_output_embeddings() else 0
    if vocabulary.size > rows > 0:
        raise Unsupported(
            f"{path}: its tokenizer has {vocabulary.size} ids and the model only {rows}, so no "
            "token is left to close a document with: choose a model with an end-of-text token."
        )
    config = model.config.get_text_config()
    context = getattr(config, "max_position_embeddings", None) or 1024
    return Transformer(model.eval(), vocabulary, int(context))


def vocabulary_of(path: str) -> Vocabulary:
    """What the ids of somebody else's model mean.

    Args:
        path: a folder, or a name on the Hugging Face hub.

    Returns:
        The vocabulary, without counts.

    Raises:
        BadInput: there is no tokenizer.
    """
    return replace(tokenizer_of(Corpus("none", ()), path=path), counts=None)
