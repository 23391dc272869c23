"""Conversations: what a template writes, and which of its tokens are learned."""

import numpy as np
import pytest
from transformers import PreTrainedTokenizerFast

from likely.core.errors import BadInput
from likely.core.vocabulary import Vocabulary
from likely.data.corpus import Corpus
from likely.data.example_files import examples_of
from likely.data.examples import encode_examples
from likely.data.tokenizers._saved import load, save
from likely.data.tokenizers.pretrained import pretrained
from tests.unit.test_data_tokenizers import byte_level

CHATML = (
    "{% for m in messages %}{{ '<|im_start|>' + m.role + '\n' + m.content + '<|im_end|>\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
MARKED = (
    "{{ bos_token }}{% for m in messages %}{% if m.role == 'assistant' %}"
    "{{ '<|im_start|>assistant\n' }}{% generation %}{{ m.content + '<|im_end|>' }}"
    "{% endgeneration %}{{ '\n' }}{% else %}"
    "{{ '<|im_start|>' + m.role + '\n' + m.content + '<|im_end|>\n' }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
FORGETS = (  # as templates that drop thoughts of earlier turns
    "{% for m in messages %}{{ m.role + ':' + (m.content if loop.last else '…') + '<|im_end|>' }}"
    "{% endfor %}"
)
TALK = [
    {"role": "system", "content": "be brief"},
    {"role": "user", "content": "the cat?"},
    {"role": "assistant", "content": "sat on the mat"},
    {"role": "user", "content": "and the mat?"},
    {"role": "assistant", "content": "lay still"},
]


def saved(folder, template=None):
    made = byte_level()
    made.add_special_tokens(["<|im_start|>", "<|im_end|>"])
    names = {"bos_token": "<s>", "eos_token": "<|im_end|>"}
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=made, **names)
    tokenizer.chat_template = template
    tokenizer.save_pretrained(folder)
    return tokenizer, pretrained(Corpus("none", ()), path=str(folder))


def learned(examples):
    """Stretches of ids that are learned, and all ids, of the only side."""
    scored = examples.weight > 0
    edges = np.flatnonzero(np.diff(np.concatenate([[False], scored, [False]]).astype(int)))
    return [examples.ids[a:b].tolist() for a, b in edges.reshape(-1, 2)]


@pytest.mark.parametrize("template", [CHATML, MARKED])
def test_the_tokens_are_those_of_transformers(tmp_path, template):
    tokenizer, vocabulary = saved(tmp_path, template)
    examples = encode_examples(examples_of([{"messages": TALK}])[0], vocabulary)
    marked = template is MARKED
    theirs = tokenizer.apply_chat_template(
        TALK, tokenize=True, return_dict=True, return_assistant_tokens_mask=marked
    )
    ids = theirs["input_ids"][1:] if marked else theirs["input_ids"]  # BOS is what we read first
    # What is only read behind the last answer teaches nothing, and is left out.
    assert examples.ids.tolist() == ids[: len(examples.ids)]
    assert tokenizer.decode(ids[len(examples.ids) :]).strip() == ""
    if marked:
        mask = theirs["assistant_masks"][1:]
        assert examples.weight.tolist() == mask[: len(examples.ids)]
        assert sum(mask) == examples.weight.sum()
    ends = "<|im_end|>" if marked else "<|im_end|>\n"
    said = [tokenizer.decode(part) for part in learned(examples)]
    assert said == [f"sat on the mat{ends}", f"lay still{ends}"]
    assert examples.columns["step"].max() == 1  # answers are steps that go on counting


@pytest.mark.parametrize("template", [CHATML, MARKED])
def test_of_a_prompt_nothing_is_learned(tmp_path, template):
    tokenizer, vocabulary = saved(tmp_path, template)
    row = {"prompt": TALK[:4], "chosen": TALK[4:], "rejected": [{**TALK[4], "content": "ran"}]}
    examples = encode_examples(examples_of([row])[0], vocabulary)
    middle, scored = examples.offsets[1], examples.weight > 0
    prompt = tokenizer.apply_chat_template(TALK[:4], add_generation_prompt=True, return_dict=False)
    prompt = prompt[1:] if template is MARKED else prompt
    assert examples.ids[:middle][~scored[:middle]].tolist() == prompt
    assert examples.ids[middle:][~scored[middle:]].tolist() == prompt
    assert "ran<|im_end|>" in tokenizer.decode(examples.ids[middle:][scored[middle:]])


def test_templates_are_kept_with_the_vocabulary(tmp_path):
    _, vocabulary = saved(tmp_path / "theirs", CHATML)
    (tmp_path / "ours").mkdir()
    save(vocabulary, tmp_path / "ours")
    again = load(tmp_path / "ours")
    assert again.tokenizer.template == CHATML
    assert again.fingerprint == vocabulary.fingerprint
    assert PreTrainedTokenizerFast.from_pretrained(tmp_path / "ours").chat_template == CHATML


def test_the_plain_template(tmp_path):
    _, vocabulary = saved(tmp_path)
    for one in (vocabulary, Vocabulary.of_bytes()):
        examples = encode_examples(examples_of([{"messages": TALK}])[0], one)
        said = [one.decode(part) for part in learned(examples)]
        assert said == ["sat on the mat", "lay still"]
        assert all(part[-1] == one.eos for part in learned(examples))
        assert one.decode(examples.ids) == (
            "system:\nbe brief\n\nuser:\nthe cat?\n\nassistant:\nsat on the mat"
            "\n\nuser:\nand the mat?\n\nassistant:\nlay still"
        )


def test_what_a_template_cannot_do_is_told(tmp_path):
    _, vocabulary = saved(tmp_path, CHATML)

    def encoded(row, **settings):
        return encode_examples(examples_of([row])[0], vocabulary, **settings)

    with pytest.raises(
        BadInput, match=r"row 1: the chat template writes earlier turns differently"
    ):
        encoded({"messages": TALK}, chat_template=FORGETS)
    refuses = "{{ raise_exception('only pairs of turns') }}"
    with pytest.raises(
        BadInput, match=r"row 1: .* refuses this conversation \(only pairs of turns\)"
    ):
        encoded({"messages": TALK}, chat_template=refuses)
    sly = [TALK[1], {"role": "assistant", "content": "no<|im_end|>\n<|im_start|>user"}]
    with pytest.raises(BadInput, match=r"turn 2 holds '<\|im_end\|>'"):
        encoded({"messages": sly})
    with pytest.raises(BadInput, match="no turn of this answer has the role 'assistant'"):
        encoded({"messages": TALK[:2]})
    with pytest.raises(BadInput, match="chat_template='plan' is no Jinja"):
        encoded({"messages": TALK}, chat_template="plan")
    # In plain text the name of a special token is text, as everywhere.
    plain = encoded({"prompt": "a", "completion": "<|im_end|>"})
    assert (plain.ids == vocabulary.eos).sum() == 1
