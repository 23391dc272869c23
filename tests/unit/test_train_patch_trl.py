"""TRL's trainers, where TRL is installed; it is in no extra of ours."""

import pytest
import torch
from transformers import PreTrainedTokenizerFast, PrinterCallback

from likely.core.errors import Unsupported
from likely.models.head_loss import lm_loss
from likely.train.patching import patch
from tests.unit.test_train_patch import Keep
from tests.unit.tiny_models import tiny

pytest.importorskip("trl", reason="TRL is not installed")
pytestmark = [
    pytest.mark.filterwarnings("ignore"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]
ARGUMENTS = {
    "use_cpu": True,
    "max_steps": 2,
    "gradient_accumulation_steps": 3,
    "per_device_train_batch_size": 2,
    "logging_steps": 1,
    "report_to": [],
    "save_strategy": "no",
    "optim": "sgd",
    "learning_rate": 1e-1,
    "disable_tqdm": True,
    "dataloader_pin_memory": False,
    "gradient_checkpointing": False,
}
WORDS = [f"w{i}" for i in range(120)]


def tokenizer():
    from tokenizers import Tokenizer, models, pre_tokenizers

    words = {word: i for i, word in enumerate(["<pad>", "<s>", "</s>", "<unk>", *WORDS])}
    inner = Tokenizer(models.WordLevel(words, unk_token="<unk>"))
    inner.pre_tokenizer = pre_tokenizers.Whitespace()
    ends = {"pad_token": "<pad>", "bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}
    return PreTrainedTokenizerFast(tokenizer_object=inner, **ends)


def said(g, count):
    return " ".join(WORDS[i] for i in torch.randint(120, (count,), generator=g))


def dataset(*answers):
    from datasets import Dataset

    g = torch.Generator().manual_seed(1)
    return Dataset.from_list(
        [
            {"prompt": said(g, 3 + i % 4), **{a: " " + said(g, 2 + i % 5) for a in answers}}
            for i in range(12)
        ]
    )


def trainer(kind, arguments, folder, data, also=None, **more):
    # TRL chooses bfloat16 for itself, and says that this machine has none.
    more = {"bf16": False, **more}
    found = kind(
        tiny("llama"),
        args=arguments(str(folder), **{**ARGUMENTS, **more}),
        train_dataset=data,
        eval_dataset=data.select(range(5)),
        processing_class=tokenizer(),
        **(also or {}),
    )
    found.remove_callback(PrinterCallback)
    kept = Keep()
    found.add_callback(kept)
    return found, kept


def sft(folder, **more):
    from trl import SFTConfig, SFTTrainer

    return trainer(SFTTrainer, SFTConfig, folder, dataset("completion"), **more)


def dpo(folder, **more):
    from trl import DPOConfig, DPOTrainer

    also = {"ref_model": tiny("llama")}
    return trainer(DPOTrainer, DPOConfig, folder, dataset("chosen", "rejected"), also, **more)


def test_supervised_fine_tuning(tmp_path):
    found = {}
    for objective in (None, "cross_entropy", "focal(gamma=2)"):
        one, kept = sft(tmp_path)
        handle = patch(one, objective=objective) if objective else None
        one.train()
        found[objective] = [*kept.of("loss"), *kept.of("grad_norm"), one.evaluate()["eval_loss"]]
        if handle:
            handle.restore()
            assert not {"compute_loss", "prediction_step"} & set(vars(one))
    assert found["cross_entropy"] == pytest.approx(found[None], rel=1e-5)
    assert found["focal(gamma=2)"][0] < found[None][0]


def test_packed_rows(tmp_path):
    found = {}
    for objective in (None, "cross_entropy"):
        one, kept = sft(tmp_path, packing=True, max_length=24, padding_free=False)
        if objective:
            patch(one, objective=objective)
        one.train()
        found[objective] = [*kept.of("loss"), *kept.of("grad_norm")]
    assert found["cross_entropy"] == pytest.approx(found[None], rel=1e-5)


def test_another_loss_of_trl_is_refused(tmp_path):
    one, _ = sft(tmp_path, loss_type="dft")
    with pytest.raises(Unsupported, match="loss_type='dft' is another loss"):
        patch(one, objective="focal")


def test_preferences(tmp_path):
    one, kept = dpo(tmp_path, max_steps=1, learning_rate=0.0, gradient_accumulation_steps=1)
    model = one.model
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(1.1)  # Away from the reference, where every margin is 0.
    (batch, *_) = list(one.get_eval_dataloader())
    with patch(one, objective="dpop(beta=0.5, penalty=2.0)"):
        evaluated = one.evaluate()["eval_loss"]
        one.train()
    labels = batch["input_ids"].masked_fill(batch["completion_mask"] == 0, -100)
    given = {name: batch[name] for name in ("input_ids", "attention_mask")}
    with torch.no_grad():
        ours, theirs = (sums(m, given, labels) for m in (model, one.ref_model))
    half = len(labels) // 2
    chosen, rejected = (ours - theirs)[:half], (ours - theirs)[half:]
    lost = (-chosen).clamp(min=0)
    margin = 0.5 * (chosen - rejected - 2.0 * lost)
    expected = -torch.nn.functional.logsigmoid(margin).mean()
    assert evaluated == pytest.approx(expected.item(), rel=1e-5)
    assert len(kept.of("loss")) == 1


def test_preferences_without_the_adapter_as_the_reference(tmp_path):
    peft = pytest.importorskip("peft", reason="peft is not installed")
    from trl import DPOConfig, DPOTrainer

    more = {"peft_config": peft.LoraConfig(r=2, target_modules=["q_proj"])}
    one, _ = trainer(DPOTrainer, DPOConfig, tmp_path, dataset("chosen", "rejected"), more)
    with torch.no_grad():
        for name, parameter in one.model.named_parameters():
            if "lora_B" in name:
                parameter.normal_(generator=torch.Generator().manual_seed(0))
    (batch, *_) = list(one.get_eval_dataloader())
    with patch(one, objective="dpop(beta=0.5, penalty=0.0)"):
        evaluated = one.evaluate()["eval_loss"]
    labels = batch["input_ids"].masked_fill(batch["completion_mask"] == 0, -100)
    given = {name: batch[name] for name in ("input_ids", "attention_mask")}
    with torch.no_grad():
        ours = sums(one.model, given, labels)
        with one.model.disable_adapter():
            theirs = sums(one.model, given, labels)
    chosen, rejected = (ours - theirs).chunk(2)
    expected = -torch.nn.functional.logsigmoid(0.5 * (chosen - rejected)).mean().item()
    assert abs(expected - 0.6931) > 0.01
    assert evaluated == pytest.approx(expected, rel=1e-5)


def sums(model, given, labels):
    """Σ log p of the labels of each row, from whole logits."""
    z = model(**given).logits.float()[:, :-1].log_softmax(-1)
    y = labels[:, 1:]
    return (z.gather(-1, y.clamp(0)[..., None])[..., 0] * (y != -100)).sum(1)


def test_what_preferences_would_ignore_is_refused(tmp_path):
    one, _ = dpo(tmp_path, beta=0.3, label_smoothing=0.1)
    with pytest.raises(Unsupported, match=r"given label_smoothing=0.1, beta=0.3, which dpop"):
        patch(one, objective="dpop")
    one, _ = dpo(tmp_path)
    with pytest.raises(Unsupported, match="compares pairs, and 'focal' gives one value a unit 'N'"):
        patch(one, objective="focal")
    batch = {"input_ids": torch.arange(3, 12)[None], "labels": torch.arange(3, 12)[None]}
    assert torch.isfinite(lm_loss(one.model, batch))
