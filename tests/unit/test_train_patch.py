"""A patched Trainer trains as an unpatched one does, by any objective, and says what it cannot."""

import copy
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from transformers import PrinterCallback, Trainer, TrainerCallback, TrainingArguments
from transformers.utils import logging

from likely.core.errors import BadSetting, UnknownName, Unsupported
from likely.models.head_loss import lm_loss
from likely.train.patching import patch
from tests.unit.tiny_models import micro_batches, plain_sum, targets, tiny

ARGUMENTS = {
    "use_cpu": True,
    "max_steps": 3,
    "gradient_accumulation_steps": 3,
    "per_device_train_batch_size": 2,
    "logging_steps": 1,
    "report_to": [],
    "save_strategy": "no",
    # Under Adam the rounding of a gradient that is 0 is a step (GPT-2, biases of keys).
    "optim": "sgd",
    "learning_rate": 1e-2,
    "disable_tqdm": True,
    "dataloader_pin_memory": False,
}


@pytest.fixture(autouse=True)
def quiet():
    before = logging.get_verbosity()
    logging.set_verbosity_error()
    yield
    logging.set_verbosity(before)


class Keep(TrainerCallback):
    def __init__(self):
        self.rows = []

    def on_log(self, args, state, control, logs=None, **more):
        self.rows.append(logs)

    def of(self, name):
        return [row[name] for row in self.rows if name in row]


def rows(count=18, length=10):
    g = torch.Generator().manual_seed(1)
    found = []
    for i in range(count):
        ids = torch.randint(3, 128, (length,), generator=g)
        labels = ids.clone()
        labels[: 1 + i % 8] = -100
        found.append({"input_ids": ids, "labels": labels})
    return found


def trainer(folder, model=None, kind=Trainer, more=None, **changed):
    arguments = TrainingArguments(str(folder), **{**ARGUMENTS, **changed})
    model = tiny("llama") if model is None else model
    found = kind(model, arguments, train_dataset=rows(), eval_dataset=rows(5), **(more or {}))
    found.remove_callback(PrinterCallback)
    kept = Keep()
    found.add_callback(kept)
    return found, kept


def trained(folder, objective=None, **changed):
    one, kept = trainer(folder, **changed)
    handle = patch(one, objective=objective) if objective else None
    one.train()
    evaluated = one.evaluate()["eval_loss"]
    weights = copy.deepcopy(one.model.state_dict())
    if handle:
        handle.restore()
    return kept.of("loss"), kept.of("grad_norm"), evaluated, weights


@pytest.mark.parametrize("name", ["llama", "gemma2", "gpt2"])
def test_cross_entropy_is_what_the_trainer_does(tmp_path, name):
    plain = trained(tmp_path, model=tiny(name))
    patched = trained(tmp_path, "cross_entropy", model=tiny(name))
    assert len(plain[0]) == len(plain[1]) == 3
    for ours, theirs in zip(patched[:3], plain[:3], strict=True):
        assert ours == pytest.approx(theirs, rel=1e-5)
    for key, weight in plain[3].items():
        torch.testing.assert_close(patched[3][key], weight, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("changed", [{"bf16": True}, {"average_tokens_across_devices": False}])
def test_settings_of_the_trainer_are_honoured(tmp_path, changed):
    plain = trained(tmp_path, **changed)
    patched = trained(tmp_path, "cross_entropy", **changed)
    near = 1e-2 if "bf16" in changed else 1e-5  # bfloat16 has 8 bits
    for ours, theirs in zip(patched[:3], plain[:3], strict=True):
        assert ours == pytest.approx(theirs, rel=near)


def test_another_objective_is_what_a_loop_by_hand_does(tmp_path):
    one, kept = trainer(tmp_path, max_steps=1, learning_rate=0.0)
    model = copy.deepcopy(one.model)
    order = [batch for batch in one.get_train_dataloader()][:3]
    one, kept = trainer(tmp_path, model=model, max_steps=1, learning_rate=0.0)
    with patch(one, objective="focal(gamma=2)") as handle:
        assert repr(handle) == "Patch(LlamaForCausalLM, objective='focal(gamma=2.0)', active)"
        one.train()
    assert not handle.active
    items = sum(map(targets, order))
    expected = sum(plain_sum(model, batch, "focal(gamma=2)").item() for batch in order) / items
    # The order of the data may differ: every batch is one of three, and all of them are summed.
    everything = sum(plain_sum(model, batch, "focal(gamma=2)").item() for batch in order) / items
    assert expected == everything
    assert kept.of("loss")[0] == pytest.approx(expected, rel=1e-5)


def test_evaluation_that_wants_logits_gets_them(tmp_path):
    seen = []

    def metrics(found):
        seen.append(found.predictions.shape)
        return {"mean": float(found.predictions.mean())}

    one, _ = trainer(tmp_path, more={"compute_metrics": metrics})
    plain = one.evaluate()
    with patch(one, objective="cross_entropy"):
        patched = one.evaluate()
        predicted = one.predict(rows(3)).predictions
    assert seen == [(5, 10, 128)] * 2 + [(3, 10, 128)]
    assert patched["eval_loss"] == pytest.approx(plain["eval_loss"], rel=1e-5)
    assert patched["eval_mean"] == plain["eval_mean"]
    assert predicted.shape == (3, 10, 128)
    with patch(one, objective="focal(gamma=5)"):
        assert one.evaluate()["eval_loss"] < plain["eval_loss"]
        assert one.evaluate()["eval_mean"] == plain["eval_mean"]


def test_a_column_that_the_objective_reads_reaches_it(tmp_path):
    """`remove_unused_columns` looks at the signature of the model's forward."""
    one, _ = trainer(tmp_path)
    own = vars(one).keys() | set()
    with patch(one.model, objective="dpop"):
        one._signature_columns = None
        one._set_signature_columns_if_needed()
        assert {"reference_log_prob", "pair", "input_ids"} <= set(one._signature_columns)
    assert vars(one).keys() == own


def test_restoring_puts_everything_back(tmp_path):
    one, _ = trainer(tmp_path)
    before = [set(vars(part)) for part in (one, one.model, one.model.lm_head)]
    handle = patch(one, objective="focal")
    handle.restore()
    handle.restore()
    assert [set(vars(part)) for part in (one, one.model, one.model.lm_head)] == before
    with pytest.raises(Unsupported, match="patched already"), patch(one):
        patch(one)
    assert [set(vars(part)) for part in (one, one.model, one.model.lm_head)] == before


def test_a_patched_model_is_its_loss(tmp_path):
    model, (batch,) = tiny("qwen3"), micro_batches(1)
    expected = lm_loss(model, batch, "focal")
    with patch(model, objective="focal"):
        torch.testing.assert_close(model(**batch).loss, expected)
        model.save_pretrained(tmp_path / "saved")
    again = type(model).from_pretrained(tmp_path / "saved").train()
    assert again(**batch).logits is not None
    torch.testing.assert_close(lm_loss(again, batch, "focal"), expected)


class Own(Trainer):
    def compute_loss(self, model, inputs, *args, **given):
        return super().compute_loss(model, inputs, *args, **given)


@pytest.mark.parametrize(
    ("making", "said"),
    [
        ({"label_smoothing_factor": 0.1}, "label_smoothing_factor=0.1 .* set it to 0"),
        ({"more": {"compute_loss_func": lambda *_, **__: 0}}, "given a compute_loss_func"),
        ({"kind": Own}, "Own has a compute_loss of its own: call likely.models.lm_loss"),
    ],
)
def test_what_would_be_ignored_is_refused_by_name(tmp_path, making, said):
    one, _ = trainer(tmp_path, **making)
    before = set(vars(one))
    with pytest.raises(Unsupported, match=said):
        patch(one, objective="focal")
    assert set(vars(one)) == before
    assert one.model(**micro_batches(1)[0]).logits is not None


def test_settings_that_appear_later_are_refused(tmp_path):
    one, _ = trainer(tmp_path)
    one.args.use_liger_kernel = True
    with pytest.raises(Unsupported, match="use_liger_kernel"):
        patch(one)
    one.args.use_liger_kernel, one.model_init = False, lambda: tiny("llama")
    with pytest.raises(Unsupported, match="model_init makes another model"):
        patch(one)
    one.model_init, one.args._n_gpu = None, 2
    with pytest.raises(Unsupported, match="2 GPUs in one process"):
        patch(one)
    one.args._n_gpu = 1
    with pytest.raises(Unsupported, match="'dpop' gives one value a unit 'P'"):
        patch(one, objective="dpop")
    with pytest.raises(UnknownName, match="Did you mean 'focal'"):
        patch(one, objective="focl")
    assert one.model(**micro_batches(1)[0]).logits is not None


@pytest.mark.usefixtures("untyped")
def test_what_is_no_objective_is_told(tmp_path):
    with pytest.raises(BadSetting, match="write a name with settings"):
        patch(tiny("llama"), objective=3)


OF_PEFT = "ignore:.is_gradient_checkpointing:FutureWarning"


def lora(model, **given):
    peft = pytest.importorskip("peft", reason="peft is not installed")
    return peft.get_peft_model(model, peft.LoraConfig(r=2, **given))


@pytest.mark.filterwarnings(OF_PEFT)
def test_lora_on_the_body_trains(tmp_path):
    plain, patched = (
        trained(tmp_path, objective, model=lora(tiny("llama"), target_modules=["q_proj"]))
        for objective in (None, "cross_entropy")
    )
    # The first step alone: which random A a model has differs.
    assert patched[2] == pytest.approx(plain[2], rel=1e-2)


@pytest.mark.filterwarnings(OF_PEFT)
def test_lora_on_the_head_is_refused_and_a_whole_head_is_trained():
    (batch,) = micro_batches(1)
    with pytest.raises(Unsupported, match="adapter is on the head"):
        lm_loss(lora(tiny("llama"), target_modules=["lm_head"]), batch)
    model = lora(tiny("llama"), target_modules=["q_proj"], modules_to_save=["lm_head"])
    expected = model(**batch).loss
    expected.backward()
    name = "base_model.model.lm_head.modules_to_save.default.weight"
    known = dict(model.named_parameters())[name].grad.clone()
    model.zero_grad()
    loss = lm_loss(model, batch)
    torch.testing.assert_close(loss, expected)
    loss.backward()
    torch.testing.assert_close(dict(model.named_parameters())[name].grad, known)


def child(what, objective):
    done = subprocess.run(
        [sys.executable, "-m", "tests.unit.head_loss_compiled_child", what, objective],
        cwd=Path(__file__).parents[2],
        env={**os.environ, "PYTHONPATH": ":".join(sys.path)},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.slow  # The compiler takes a minute.
@pytest.mark.skipif(shutil.which("c++") is None, reason="there is no C++ compiler")
def test_a_compiled_model_gives_the_same():
    found = child("compiled", "focal(gamma=2)")
    assert found["loss"] == pytest.approx(found["expected"], rel=1e-6)
    assert found["gradient"] < 5e-6


@pytest.mark.parametrize(
    "objective",
    [
        "cross_entropy",
        *(pytest.param(o, marks=pytest.mark.slow) for o in ("focal(gamma=2)", "emo")),
    ],
)
def test_the_graph_of_a_model_does_not_break_at_its_head(objective):
    assert child("breaks", objective) == []


def test_a_graph_is_not_used_for_another_objective():
    assert max(child("in_turn", "emo").values()) < 5e-6
