import json
import os
import signal
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from accelerate import Accelerator

from likely.core.batch import Batch
from likely.core.bind import bind
from likely.core.errors import BadInput, BadSetting
from likely.core.vocabulary import Vocabulary
from likely.data.packing import TrainingPlan
from likely.models.evaluate import evaluate
from likely.models.reader import Reader
from likely.train import _assess, _material, checkpoint
from likely.train._step import Step, gradient
from likely.train.errors import Diverged, Interrupted
from likely.train.loop import run
from likely.train.recipe import Optimizer, Recipe, Schedule
from likely.train.run import read_run
from tests.unit.train_child import Forgetful, go, recipe, texts

TINY = "feed_forward(context=3, embedding=4, width=8)"


def small(folder, **more):
    settings = {"steps": 6, "model": TINY, "schedule": Schedule(warmup=1), "checkpoint_every": 2}
    given = {"resume", "validation", "progress", "on_step", "tokens", "model_"} & more.keys()
    extra = {name: more.pop(name) for name in given}
    if "model_" in extra:
        extra["model"] = extra.pop("model_")
    extra.setdefault("tokens", texts())
    return run(recipe(**settings | more), folder=folder, device="cpu", **extra)


def weights(folder):
    return (folder / "model" / "model.safetensors").read_bytes()


class Fixed(TrainingPlan):
    """A plan of micro batches that are given."""

    def __init__(self, *batches):
        self.batches = batches

    def batch(self, step):
        return self.batches[step % len(self.batches)]


def uneven(rows, seed):
    generator = torch.Generator().manual_seed(seed)
    ids = torch.randint(0, 256, (rows, 9), generator=generator)
    batch = Batch.of(ids[:, :-1], ids[:, 1:])
    return replace(batch, weight=torch.rand(len(batch), generator=generator) ** 4 * seed)


def both(first, second):
    names = ("ids", "target", "position", "weight")
    joined = {name: torch.cat([first[name], second[name]]) for name in names}
    for name in ("segment", "document"):
        joined[name] = torch.cat([first[name], second[name] + first.segments])
    return Batch(**joined, rows=first.rows + second.rows)


def gradients(batches, objective="cross_entropy", dtype=torch.float64):
    reader = Forgetful(0.0).to(dtype)
    step = Step(reader, bind(objective), ("entropy",), {}, False)
    accelerator = Accelerator(cpu=True, mixed_precision="no")
    plan, rng = Fixed(*batches), torch.Generator()
    found = gradient(accelerator, step, plan, 0, len(batches), None, rng)
    return found, torch.cat([p.grad.flatten() for p in reader.parameters()])


def test_two_micro_batches_are_one_large_batch():
    first, second = uneven(2, 1), uneven(3, 5)
    apart, one = gradients([first, second])
    whole, other = gradients([both(first, second)])
    assert apart.loss == pytest.approx(whole.loss, rel=1e-6)
    torch.testing.assert_close(one, other, rtol=1e-6, atol=1e-8)
    torch.testing.assert_close(apart.values["entropy"], whole.values["entropy"])
    alone = sum(gradients([batch])[1] for batch in (first, second)) / 2
    assert (alone - other).norm() > 1e-2 * other.norm(), "a mean of means would have passed"


def test_the_gradient_is_that_of_the_weighted_mean():
    batch = uneven(2, 3)
    reader = Forgetful(0.0).double()
    total, weight = evaluate({"x": bind("focal(gamma=2)")}, reader, batch).total("x")
    (total / weight).backward()
    expected = torch.cat([p.grad.flatten() for p in reader.parameters()])
    torch.testing.assert_close(gradients([batch], "focal(gamma=2)")[1], expected)


def test_nothing_that_counts_is_an_error():
    batch = uneven(1, 1)
    with pytest.raises(BadInput, match="sum to 0"):
        gradients([replace(batch, weight=batch.weight * 0)])


def test_clip_bounds_the_step(tmp_path):
    norms = [row["gradient_norm"] for row in small(tmp_path / "a").training]
    assert min(norms) > 0.1
    plain = {"lr": 1.0, "weight_decay": 0.0, "beta1": 0.0, "beta2": 0.0, "epsilon": 1e6}
    before = torch.cat([p.flatten() for p in Forgetful(0.0).parameters()])
    for clip, bound in ((0.1, 0.1), (0.0, min(norms))):
        model = Forgetful(0.0)
        optimizer = Optimizer(clip=clip, **plain)
        small(
            tmp_path / str(clip),
            model_=model,
            steps=1,
            optimizer=optimizer,
            schedule=Schedule("constant", warmup=0),
        )
        moved = torch.cat([p.flatten() for p in model.parameters()]) - before
        # With so large an epsilon AdamW is plain descent: step = lr · gradient / epsilon.
        length = float(moved.detach().double().norm()) * 1e6
        assert (length == pytest.approx(bound, rel=0.1)) if clip else (length > 0.2)


def test_the_folder_of_a_run(tmp_path, monkeypatch):
    found = SimpleNamespace(nats_per_token=1.0, bits_per_byte=2.0, perplexity=3.0, accuracy=0.5)
    seen = []
    monkeypatch.setattr(
        _material, "assess", lambda reader, tokens, recipe: seen.append(tokens) or vars(found)
    )
    rows, validation = [], texts()
    done = small(
        tmp_path / "run", validation=validation, evaluate_every=4, progress=rows.append, log_every=2
    )
    assert seen == [validation, validation]
    assert [row["step"] for row in done.training] == [1, 2, 4, 6]
    assert [row["step"] for row in done.evaluations] == [4, 6]
    assert done.evaluation["bits_per_byte"] == 2.0
    assert len(rows) == 8
    assert all(row["steps"] == 6 for row in rows)
    first = done.training[0]
    assert {"tokens", "seconds", "lr", "loss", "gradient_norm", "tokens_per_second"} <= first.keys()
    assert 0 < first["entropy"] < 5.6
    again = read_run(tmp_path / "run")
    assert again.finished
    assert again.metrics == done.metrics
    assert again.model.parameters_count == done.model.parameters_count
    assert again.environment["threads"] == torch.get_num_threads()
    assert str(tmp_path) not in json.dumps(again.environment)
    kept = sorted(path.name for path in (tmp_path / "run" / "checkpoints").iterdir())
    assert kept == ["step-000004", "step-000006"]


def test_evaluation_is_the_audit(tmp_path):
    found = _assess.assess(Forgetful(0.0), texts(), Recipe(length=16, rows=4))
    assert 4 < found["nats_per_token"] < 8
    assert found["perplexity"] == pytest.approx(torch.tensor(found["nats_per_token"]).exp().item())


def test_a_folder_is_used_once(tmp_path):
    small(tmp_path)
    with pytest.raises(BadSetting, match="--resume"):
        small(tmp_path)
    with pytest.raises(BadSetting) as found:
        small(tmp_path, resume=True, steps=9, optimizer=Optimizer(lr=0.5))
    assert set(found.value.problems) == {
        "steps was 6 and is 9.",
        "optimizer.lr was 0.003 and is 0.5.",
    }
    stamp = (tmp_path / "metrics.jsonl").stat().st_mtime_ns
    assert small(tmp_path, resume=True).finished
    assert (tmp_path / "metrics.jsonl").stat().st_mtime_ns == stamp


def test_a_wrong_model_leaves_no_folder(tmp_path):
    other = Forgetful(0.0)
    other.vocabulary = Vocabulary((b"a", b""), bos=1, eos=1, special=frozenset({1}))
    with pytest.raises(BadInput, match="vocabulary"):
        small(tmp_path / "run", model_=other)
    with pytest.raises(BadSetting, match="counted, not trained"):
        small(tmp_path / "run", model_=SimpleReader())
    assert not (tmp_path / "run").exists()


class SimpleReader(Reader):
    """A reader without parameters."""

    kind = "ngram"
    vocabulary = Vocabulary.of_bytes()
    parameters_count = 0

    def start(self, rows):
        return None

    def step(self, state, tokens):
        raise NotImplementedError

    def save(self, folder):
        raise NotImplementedError


def stop_at(place):
    return lambda step, reader: os.kill(os.getpid(), signal.SIGINT) if step == place else None


def test_ctrl_c_writes_a_checkpoint_and_says_how_to_go_on(tmp_path):
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    small(whole, model_=Forgetful(0.3))
    handler = signal.getsignal(signal.SIGINT)
    with pytest.raises(Interrupted, match=f"step 3 of 6.*--resume {cut}"):
        small(cut, model_=Forgetful(0.3), on_step=stop_at(3))
    assert signal.getsignal(signal.SIGINT) is handler
    assert checkpoint.newest(cut).name == "step-000003"
    assert not read_run(cut).finished
    with pytest.raises(BadInput, match="stopped at step 3 of 6"):
        _ = read_run(cut).model
    with pytest.raises(BadSetting, match="training text"):
        small(cut, model_=Forgetful(0.3), tokens=texts().select([0, 1]), resume=True)
    small(cut, model_=Forgetful(0.3), resume=True)
    assert weights(cut) == weights(whole)
    rows = [[row["loss"] for row in read_run(folder).training] for folder in (whole, cut)]
    assert rows[0] == rows[1]


def test_torch_numbers_outside_are_left_alone(tmp_path):
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    small(tmp_path, model_=Forgetful(0.3))
    assert torch.equal(torch.rand(3), expected)


def test_a_damaged_checkpoint_is_passed_over(tmp_path):
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    small(whole)
    with pytest.raises(Interrupted):
        small(cut, on_step=stop_at(5))
    damaged = checkpoint.newest(cut) / "model.safetensors"
    damaged.write_bytes(damaged.read_bytes()[:40])
    (cut / "checkpoints" / ".step-000006.part").mkdir()
    assert checkpoint.newest(cut).name == "step-000004"
    small(cut, resume=True)
    assert weights(cut) == weights(whole)
    assert [row["step"] for row in read_run(cut).training] == [1, 2, 3, 4, 5, 6]


def test_a_loss_that_is_no_number_stops_the_run(tmp_path):
    def spoil(step, reader):
        if step == 4:
            with torch.no_grad():
                next(reader.parameters()).fill_(torch.nan)

    with pytest.raises(Diverged, match=r"became nan at step 5 .*step 4 is kept"):
        small(tmp_path, on_step=spoil)
    assert checkpoint.newest(tmp_path).name == "step-000004"


@pytest.mark.parametrize(
    "model", [TINY, "transformer(layers=1, width=16, heads=2, context=16, tie=True)"]
)
def test_loss_falls_in_bfloat16(tmp_path, model):
    given = {"model": model, "steps": 40, "objective": "cross_entropy"}
    given |= {"optimizer": Optimizer(lr=0.03), "checkpoint_every": 0}
    done = small(tmp_path, precision="bfloat16", **given)
    losses = [row["loss"] for row in done.training]
    assert losses[-1] < 0.8 * losses[0]
    assert all(p.dtype == torch.float32 for p in done.model.parameters())
    other = small(tmp_path / "full", **given)
    assert other.training[-1]["loss"] == pytest.approx(losses[-1], rel=0.05)
    assert other.training[0]["loss"] != losses[0]


def test_windows_longer_than_the_model(tmp_path):
    with pytest.raises(BadSetting, match=r"transformer\(context=16\)"):
        small(tmp_path, model="transformer(layers=1, width=16, heads=2, context=8)")


def test_roles_are_read_from_the_recipe(tmp_path, objective_file):
    objective_file(
        "pull",
        "def pull(log_prob, reference_log_prob):\n    return reference_log_prob - log_prob\n",
    )
    Forgetful(0.0).save(tmp_path / "reference")
    run_ = small(
        tmp_path / "run", objective="pull", roles={"reference": str(tmp_path / "reference")}
    )
    assert run_.training[0]["loss"] != run_.training[-1]["loss"]


STATEFUL = """
import torch

def start(*, share=0.5):
    return {"mean": torch.zeros(()), "seen": [0, (1.5, "text", None)]}

def remember(log_prob, entropy, state, *, share=0.5):
    return -log_prob * (1 + 0.1 * state["mean"])

def advance(state, total, weight, entropy, sum_p2, *, share=0.5):
    assert 0 < sum_p2 < 1
    count = state["seen"][0] + 1
    mean = (1 - share) * state["mean"] + share * total / weight
    return {"mean": mean, "seen": [count, (1.5, "text", None)], "entropy": entropy}
"""


@pytest.fixture
def objective_file(tmp_path, monkeypatch):
    """Adds an objective from outside the package, as an installed plug-in would."""
    from likely.core import catalogue

    folder = tmp_path / "plugins"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)

    def add(name, source):
        (folder / f"plugin_{name}.py").write_text(source)
        point = SimpleNamespace(name=name, module=f"plugin_{name}")
        monkeypatch.setattr(
            catalogue,
            "entry_points",
            lambda group: [point] if group == "likely.objectives" else [],
        )
        catalogue.catalogue.cache_clear()

    yield add
    catalogue.catalogue.cache_clear()


def test_an_objective_remembers_across_a_stop(tmp_path, objective_file):
    objective_file("remember", STATEFUL)
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    small(whole, objective="remember(share=0.25)", accumulate=2)
    with pytest.raises(Interrupted):
        small(cut, objective="remember(share=0.25)", accumulate=2, on_step=stop_at(3))
    found = checkpoint.read(checkpoint.newest(cut))
    assert set(found.state["memory"]["dict"]) == {"mean", "seen", "entropy"}
    losses = [row["loss"] for row in read_run(whole).training]
    mean = 0.0
    for loss in losses[:3]:
        mean = 0.75 * mean + 0.25 * loss
    assert float(found.tensors["objective"]["0"]) == pytest.approx(mean, rel=1e-6)
    small(cut, objective="remember(share=0.25)", accumulate=2, resume=True)
    assert weights(cut) == weights(whole)
    last = checkpoint.read(checkpoint.newest(cut)).state["memory"]
    assert last["dict"]["seen"]["list"][0] == {"value": 6}


def test_decay_spares_vectors():
    from likely.train._optimizers import optimizers_of

    recipe = Recipe(optimizer=Optimizer(weight_decay=0.3))
    (found,) = optimizers_of(recipe, Forgetful(0.0))
    matrices, vectors = found.param_groups
    assert {p.ndim for p in matrices["params"]} == {2}
    assert {p.ndim for p in vectors["params"]} == {1}
    assert (matrices["weight_decay"], vectors["weight_decay"]) == (0.3, 0.0)


def test_text_is_read_and_split(tmp_path):
    from likely.train._texts import texts as read_texts

    for n in range(20):
        (tmp_path / f"{n}.txt").write_text(f"{n} " * 100 + str(n * 7919) * 30)
    train, validation = read_texts(Recipe(data=(str(tmp_path),)), None, None, keep=tmp_path / "run")
    assert len(train) + len(validation) <= 20
    assert validation.total_bytes > 0


def test_progress_lines(tmp_path):
    import io

    from rich.console import Console

    from likely.train.progress import Bar

    for terminal in (False, True):
        out = io.StringIO()
        console = Console(file=out, force_terminal=terminal, width=120)
        with Bar("tiny", console, every=0.0) as bar:
            small(tmp_path / str(terminal), progress=bar)
            bar({"step": 6, "steps": 6, "bits_per_byte": 1.5})
        said = out.getvalue()
        assert "6/6" in said
        assert "tokens/s" in said
        assert terminal or "0:00 left" in said


def test_go_is_what_the_child_runs(tmp_path):
    assert go(tmp_path).finished
