"""`benchmarks/scan_gpu.py` runs from end to end without a card, and its gate finds mistakes."""

import json
import math
import sys
import warnings
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

from benchmarks import gpu_clock as clock
from benchmarks import gpu_end_to_end as steps
from benchmarks import gpu_gate as gate
from benchmarks import gpu_head, gpu_trained, scan_gpu
from benchmarks.gpu_cases import LOSSES, TOYS, combined, dense_statistics, drawn
from benchmarks.gpu_methods import METHODS, Method
from benchmarks.gradient_file import ROOT
from scripts.documentation import gpu as tables
from tests.unit.test_models_pretrained import TEXT, made

CPU = torch.device("cpu")
OURS = [name for name, method in METHODS.items() if method.ours]


@pytest.fixture
def case():
    found = drawn(TOYS["toy, softcap 30"], CPU)
    found.backend = "chunked"
    return found


# ---- the gate ----


@pytest.mark.parametrize("entries", [520, 5200, 2**25])
@pytest.mark.parametrize("shape", TOYS.values(), ids=str)
def test_pieces_are_the_gradients_of_whole_logits(shape, entries, monkeypatch):
    monkeypatch.setattr(gate, "ENTRIES", entries)
    case = drawn(shape, CPU)
    picked = gate.Picked.of(case)
    found = gate.pieces(case, LOSSES, picked, torch.float64)
    for loss in LOSSES:
        hidden, weight = (t.double().requires_grad_() for t in (case.hidden, case.weight))
        z = case.capped(hidden @ weight.T)
        value = combined(dense_statistics(loss, z, case.target, case.columns)).mean()
        value.backward()
        whole = picked.taken(value, hidden.grad, weight.grad)
        for name, right in whole.items():
            torch.testing.assert_close(found[loss][name], right)


def judged(case, method, loss="plain"):
    picked = gate.Picked.of(case)
    right = gate.pieces(case, (loss,), picked, torch.float64)[loss]
    plain = gate.pieces(case, (loss,), picked, case.hidden.dtype)[loss]
    hidden, weight = case.leaves(True)
    value = method.call(case, hidden, weight)
    value.backward()
    error = gate.errors(picked.taken(value, hidden.grad, weight.grad), right)
    return gate.is_green(error, gate.errors(plain, right), method.filtered), error


@pytest.mark.parametrize("name", [*OURS, "dense"])
def test_what_is_right_is_green(name, case):
    green, error = judged(case, METHODS[name], METHODS[name].loss)
    assert green, error


def reversed_sign(case, hidden, weight):
    value = F.cross_entropy(case.capped(F.linear(hidden, weight).float()), case.target)
    return 2 * value.detach() - value


def without_softcap(case, hidden, weight):
    return F.cross_entropy(F.linear(3 * hidden, weight).float(), case.target)


def head_without_gradient(case, hidden, weight):
    return METHODS["dense"].call(case, hidden, weight.detach())


def a_sum(case, hidden, weight):
    return METHODS["dense"].call(case, hidden, weight) * len(hidden)


def one_row_lost(case, hidden, weight):
    z = case.capped(F.linear(hidden, weight).float())
    loss = F.cross_entropy(z, case.target, reduction="none")
    return torch.cat([loss[:1].detach(), loss[1:]]).mean()


def not_a_number(case, hidden, weight):
    return METHODS["dense"].call(case, hidden, weight) * torch.nan


PLANTED = [
    reversed_sign,
    without_softcap,
    head_without_gradient,
    a_sum,
    one_row_lost,
    not_a_number,
]


@pytest.mark.parametrize("planted", PLANTED)
def test_planted_mistakes_are_red(planted, case):
    assert not judged(case, Method("planted", planted))[0]
    if planted is not one_row_lost:  # An eighth of a gradient's norm; a filter loses less.
        assert not judged(case, Method("planted", planted, filtered=True))[0]


# ---- one head ----


def test_a_red_figure_of_ours_is_not_taken(case, monkeypatch):
    broken = {name: replace(METHODS[name], call=a_sum) for name in ("exact", "torch")}
    monkeypatch.setattr(gpu_head, "METHODS", METHODS | broken)
    found = gpu_head.measure(case, ["four products", "exact", "filtered", "torch", "dense"], 2)
    assert found["red"] == ["exact", "torch"]
    assert found["refused"] == ["exact"]
    assert set(found["train"]) == {"four products", "filtered", "torch", "dense"}
    assert "exact" not in found["mebibytes"]
    assert not any(name.startswith("exact /") for name in found["train_ratios"])


def test_what_does_not_run_is_left_out_with_its_reason(case, monkeypatch):
    def full(*_):
        raise torch.OutOfMemoryError("CUDA out of memory.\nTried to allocate 20 GiB")

    def absent(*_):
        raise ModuleNotFoundError("No module named 'quack'")

    def forward_alone(case, hidden, weight):
        if not hidden.requires_grad:
            raise RuntimeError("needs\ngradients")
        return METHODS["dense"].call(case, hidden, weight)

    calls = {"liger": full, "quack": absent, "cce": forward_alone}
    broken = {name: replace(METHODS[name], call=call) for name, call in calls.items()}
    monkeypatch.setattr(gpu_head, "METHODS", METHODS | broken)
    names = ["torch", "compiled", "exact", *calls, "five"]
    found = gpu_head.measure(case, names, 1, without={"five": "the process ended with -11"})
    assert found["skipped"] == {
        "five": "the process ended with -11",
        "torch": "has no softcap",
        "compiled": "not compiled where there is no CUDA device",
        "liger": "out of memory",
        "quack": "not installed (No module named 'quack')",
        "cce, forward": "RuntimeError: needs",
    }
    assert set(found["train"]) == {"exact", "cce"}
    assert set(found["forward"]) == {"exact"}
    assert found["ran"] == {"exact": "chunked"}


def test_rounds_begin_with_another_method_each():
    order = []
    runs = {name: lambda name=name: order.append(name) for name in "abc"}
    found, emptied = clock.rounds(clock.Clock(CPU), runs, 3)
    assert "".join(order) == "abcbcacab"
    assert {len(row) for row in found.values()} == {3}
    assert emptied == {}
    assert clock.summary([4.0, 1.0, 3.0, 2.0, 5.0]) == [3.0, 2.0, 4.0]
    assert clock.summary([4.0]) == [4.0, 4.0, 4.0]
    assert clock.ratio({"a": [2.0, 9.0, 4.0], "b": [1.0, 3.0, 4.0]}, "a", "b") == 2.0


class Event:
    def __init__(self, enable_timing):
        self.at = None

    def record(self):
        Event.now += 1.5
        self.at = Event.now

    def synchronize(self):
        assert self.at is not None

    def elapsed_time(self, end):
        return end.at - self.at


def test_what_is_asked_of_a_card(monkeypatch):
    """The calls of torch.cuda, with a pretended card."""
    Event.now = 0.0
    stands = iter([100, 100 + 7 * 2**20])
    for name, value in {
        "synchronize": lambda: None,
        "reset_peak_memory_stats": lambda: None,
        "Event": Event,
        "memory_allocated": lambda: next(stands),
        "max_memory_allocated": lambda: next(stands),
        "memory_stats": lambda: {"num_alloc_retries": 3},
    }.items():
        monkeypatch.setattr(torch.cuda, name, value)
    watch = clock.Clock(CPU)
    watch.on_card = True
    assert watch.milliseconds(lambda: None) == 1.5
    assert watch.mebibytes(lambda: None, 2**20) == 6.0
    assert watch.retries() == 3


def test_a_lost_device_is_told_from_a_call_that_fails(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "synchronize", lambda: None)
    assert gpu_head.reason(ValueError("no\nreally")) == "ValueError: no"
    assert gpu_head.reason(RuntimeError("Triton Error [CUDA]: out of memory")) == "out of memory"

    def lost():
        raise RuntimeError("CUDA error: an illegal memory access was encountered")

    monkeypatch.setattr(torch.cuda, "synchronize", lost)
    with pytest.raises(gpu_head.Broken, match="ValueError: no"):
        gpu_head.reason(ValueError("no"))


# ---- states of a trained model ----


def test_a_model_on_disk_gives_its_states(tmp_path):
    folder, text = made(tmp_path / "model"), tmp_path / "text.txt"
    text.write_text(TEXT * 20, encoding="utf-8")
    from transformers import AutoModelForCausalLM, AutoTokenizer

    ids = AutoTokenizer.from_pretrained(folder)(TEXT, return_tensors="pt")["input_ids"]
    text.write_text(TEXT, encoding="utf-8")
    case, what = gpu_trained.trained({"model": str(folder), "text": str(text)}, CPU)
    loss = AutoModelForCausalLM.from_pretrained(folder)(input_ids=ids, labels=ids).loss
    assert what["kind"] == "GPT2LMHeadModel from disk (model), on text.txt"
    assert case.target.tolist() == ids[0, 1:].tolist()
    assert what["nats a token"] == pytest.approx(loss.item(), rel=0.02)


# ---- end to end ----


def quiet(function, *given):
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=FutureWarning)
        return function(*given)


@pytest.mark.parametrize("objective", steps.OBJECTIVES)
def test_a_step_is_the_same_with_and_without_logits(objective):
    job = {"toy": True, "layers": 1, "method": "likely"}
    model = quiet(steps.built, job, CPU).float()
    batch = steps.batch_of(objective, 32, 512, CPU)
    assert batch["input_ids"].numel() == 32
    found = {}
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "lora_B" in name:  # Zero at first: the model would be its own reference.
                g = torch.Generator().manual_seed(1)
                weight.copy_(torch.randn(weight.shape, generator=g) / 8)
    for method in ("likely", "dense"):
        loss = quiet(steps.loss_of, model, batch, objective, method)
        loss.backward()
        learned = {k: p.grad for k, p in model.named_parameters() if p.grad is not None}
        found[method] = loss.detach(), torch.cat([g.flatten() for g in learned.values()])
        model.zero_grad()
        assert all("lora" in name for name in learned)
    torch.testing.assert_close(found["likely"][0], found["dense"][0])
    lost = (found["likely"][1] - found["dense"][1]).norm() / found["dense"][1].norm()
    assert lost < 1e-4


# ---- the script ----


@pytest.fixture
def here(monkeypatch, tmp_path):
    """Children in this process."""

    def child(module, job):
        out = tmp_path / "child.json"
        with monkeypatch.context() as patched:
            patched.setattr(sys, "argv", ["", json.dumps(job | {"out": str(out)})])
            quiet({"gpu_head": gpu_head, "gpu_end_to_end": steps}[module].main)
        return json.loads(out.read_text()), "", "the process ended with 0"

    monkeypatch.setattr(scan_gpu, "child", child)
    return tmp_path / "toy.json"


def run(monkeypatch, *words):
    with monkeypatch.context() as patched:
        patched.setattr(sys, "argv", ["scan_gpu", *map(str, words)])
        scan_gpu.main()


def test_all_of_it_at_tiny_sizes(here, monkeypatch, capsys):
    # Kernels that are interpreted take a minute here; the next test has some.
    monkeypatch.setenv("TRITON_INTERPRET", "0")
    words = ["--toy", "--out", here, "--lengths", 32, "--rounds", 1, "--cases", "toy"]
    names = ["four products", "exact", "filtered", "entropy", "dense", "liger"]
    run(monkeypatch, *words, "--methods", *names)
    kept = json.loads(here.read_text())
    assert set(kept) >= {"heads", "trained", "end_to_end", "machine", "versions", "commit"}
    assert set(kept["heads"]) == {"toy"}
    assert kept["toy"] is True
    made_here = kept["trained"]["trained on the spot"]
    assert made_here["shape"]["tokens"] == gpu_trained.TOY["tokens"]
    assert made_here["shape"]["words"] == made_here["what"]["vocabulary"]
    assert 0 < made_here["what"]["nats a token"] < math.log(made_here["shape"]["words"]) + 0.1
    assert "trained on the spot" in made_here["what"]["kind"]
    for _, one in tables.every_head(kept):
        assert not one["refused"]
        assert {"exact", "filtered", "four products"} <= set(one["train"])
    printed = capsys.readouterr().out
    assert "likely, and entropy" in printed
    points = kept["end_to_end"]["points"]
    assert {(p["objective"], p["method"]) for p in points if "seconds" in p} >= {
        (objective, method) for objective in steps.OBJECTIVES for method in ("likely", "dense")
    }
    # What is taken again leaves the rest as it is.
    again = ["--only", "end-to-end", "--objectives", "emo", "--lengths", 16, "--out", here]
    run(monkeypatch, "--toy", *again)
    after = json.loads(here.read_text())
    assert {part: after[part] for part in ("heads", "trained")} == {
        part: kept[part] for part in ("heads", "trained")
    }
    assert {p["length"] for p in after["end_to_end"]["points"]} == {16}


@pytest.mark.parametrize("interpreted", ["0", pytest.param("1", marks=pytest.mark.slow)])
def test_one_head_in_a_process_of_its_own(tmp_path, monkeypatch, interpreted):
    monkeypatch.setenv("TRITON_INTERPRET", interpreted)
    job = {"device": "cpu", "methods": ["exact", "dense"], "rounds": 1, "toy": True, "model": ""}
    found, last, ended = scan_gpu.child("gpu_head", job | {"case": "toy", "without": {}})
    assert set(found["train"]) == {"exact", "dense"}
    assert last == "the rounds, forward"
    assert ended == "the process ended with 0"


def test_a_method_that_takes_the_process_with_it_is_left_out(monkeypatch):
    heard = []

    def child(_, job):
        heard.append(dict(job["without"]))
        if len(heard) == 1:
            return None, "liger", "the process ended with -11"
        if len(heard) == 2:
            return {"broken": "illegal memory access"}, "quack", "the process ended with 0"
        return {"red": []}, "the rounds, forward", "the process ended with 0"

    monkeypatch.setattr(scan_gpu, "child", child)
    found = scan_gpu.head("toy", {"methods": ["liger", "quack"]})
    assert found == {"red": []}
    assert heard[2] == {"liger": "the process ended with -11", "quack": "illegal memory access"}


def test_a_head_that_never_begins_is_not_tried_again(monkeypatch):
    monkeypatch.setattr(scan_gpu, "child", lambda *_: (None, "", "the process ended with 1"))
    found = scan_gpu.head("toy", {"methods": ["exact"]})
    assert found == {"failed": "the process ended with 1, at the beginning"}


def test_lengths_end_where_memory_does(monkeypatch):
    def child(_, job):
        full = job["length"] > 8192 or job["method"] == "dense"
        found = {"why": "out of memory"} if full else {"seconds": 1.0}
        return found, "", ""

    monkeypatch.setattr(scan_gpu, "child", child)
    given = scan_gpu.arguments(["--toy", "--out", "x.json", "--lengths", "4096", "8192", "16384"])
    points = scan_gpu.steps_of(given, "cpu")["points"]
    assert len([p for p in points if p["method"] == "likely"]) == 9
    assert len([p for p in points if p["method"] == "dense"]) == 3


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--toy"], "--toy needs --out"),
        (["--toy", "--out", str(scan_gpu.RESULT)], "--toy needs --out"),
        (["--model", "folder"], "go together"),
    ],
)
def test_what_is_refused_on_the_command_line(words, said, capsys):
    with pytest.raises(SystemExit):
        scan_gpu.arguments(words)
    assert said in capsys.readouterr().err


@pytest.mark.skipif(torch.cuda.is_available(), reason="a CUDA device is here")
def test_without_a_card_it_says_so(capsys):
    with pytest.raises(SystemExit):
        scan_gpu.arguments([])
    assert "no CUDA device" in capsys.readouterr().err


def test_figures_of_another_card_are_not_mixed(here, monkeypatch):
    other = {"toy": True, "machine": {"card": {"name": "a card"}}}
    here.write_text(json.dumps(other))
    with pytest.raises(SystemExit, match="is of a card"):
        run(monkeypatch, "--toy", "--out", here)


# ---- tables ----

FAKE = {  # Invented: no card has shown any of these numbers.
    "format": 1,
    "toy": False,
    "rounds": 20,
    "machine": {"card": {"name": "Fake 100", "gibibytes": 80.0, "driver_version": "0.0"}},
    "versions": {"torch": "0.0", "quack-kernels": None},
    "public": {
        "fake head": {"card": "Fake 99", "of": "said by nobody",
                      "rows": {"it": {"ms": 1, "gigabytes": 2}}}
    },
    "methods": {name: method.says for name, method in METHODS.items()},
    "heads": {
        "fake head": {
            "shape": {"tokens": 1024, "width": 256, "words": 4000, "softcap": None},
            "errors": {
                "exact": {"nats": 1e-5, "hidden": 0.002, "weight": 0.003},
                "liger": {"nats": 0.1, "hidden": 0.002, "weight": "not a number"},
                "filtered": {
                    "nats": 1e-5,
                    "hidden": 0.01,
                    "weight": 0.02,
                    "hidden_norm": 0.011,
                    "weight_norm": 0.022,
                },
            },
            "red": ["liger", "five"],
            "refused": ["five"],
            "ran": {"exact": "triton", "filtered": "chunked"},
            "mebibytes": {"exact": 33.0, "liger": 444.0},
            "skipped": {"quack": "out of memory", "cce, forward": "RuntimeError: no"},
            "train": {
                "four products": [10.0, 9.0, 11.0],
                "exact": [11.0, 10.5, 11.5],
                "filtered": [7.0, 6.5, 7.5],
                "liger": [30.0, 29.0, 31.0],
            },
            "forward": {"one product": [2.5, 2.4, 2.6], "exact": [2.75, 2.7, 2.8]},
            "train_ratios": {"entropy / exact": 1.0171, "filtered / exact": 0.64},
            "forward_ratios": {},
            "teraflops": {"four products": 650.4},
        },
        "another": {"failed": "the process ended with 1, at the beginning"},
    },
    "end_to_end": {
        "model": {"hidden_size": 4096, "layers": 32, "vocab_size": 128256},
        "rank": 16,
        "points": [
            {"objective": "emo", "method": "likely", "length": 4096, "seconds": 1.234,
             "peak_gibibytes": 21.06},
            {"objective": "emo", "method": "dense", "length": 4096, "why": "out of memory"},
            {"objective": "emo", "method": "likely", "length": 8192, "seconds": 2.5,
             "peak_gibibytes": 23.0},
        ],
    },
}  # fmt: skip


@pytest.fixture
def fake(tmp_path):
    path = tmp_path / "scan_gpu.json"
    path.write_text(json.dumps(FAKE), encoding="utf-8")
    return path


def test_without_a_file_the_tables_say_that_nothing_was_measured(tmp_path):
    for table, part in (
        (tables.heads_on_page, "heads trained"),
        (tables.steps_on_page, "end-to-end"),
    ):
        said, command = table(tmp_path / "none.json").split("\n\n")
        assert said == "Not measured: no GPU was at hand."
        assert command == f"```sh\npython -m benchmarks.scan_gpu --only {part}\n```"
        assert set(part.split()) <= set(scan_gpu.PARTS)


def test_the_tables_say_what_the_file_says(fake):
    text = tables.heads_on_page(fake)
    assert "Fake 100, 80.0 GiB, driver 0.0; torch 0.0." in text
    assert "quack-kernels" not in text
    row = "| likely | 2.75 (2.7–2.8) | 11 (10.5–11.5) | 1.10 | 33 | 1e-05 | 0.003 |"
    assert row in text.splitlines()
    assert "| likely, filtered (chunked) |  | 7 (6.5–7.5) | 0.70 |  | 1e-05 | 0.02 |" in text
    assert "| Liger |  | 30 (29–31) | 3.00 | 444 | **0.1** | **not a number** |" in text
    assert "With entropy / without: 1.017 (goal: at most 1.03)." in text
    assert "33 MiB (goal: at most 65)." in text
    assert "error over norm: 0.011 of the states' gradient, 0.022 of the head's" in text
    assert "time over exact: 0.64." in text
    assert "Refused, its gate is red: likely, five statistics." in text
    assert "than plain torch and an allowance: Liger." in text
    assert "quack (out of memory); Cut Cross-Entropy, forward (RuntimeError: no)." in text
    assert "On an Fake 99, said by nobody: it 1 ms, 2 GB." in text
    assert "**another**: not measured (the process ended with 1, at the beginning)." in text
    assert "likely, and entropy" not in text
    assert text == tables.heads_on_page(fake)


def test_the_table_of_steps(fake):
    lines = tables.steps_on_page(fake).splitlines()
    assert lines[0] == "| objective |  | 4,096 tokens | 8,192 tokens |"
    assert lines[2] == "| `emo` | likely | 1.23 s, 21.1 GiB | 2.5 s, 23.0 GiB |"
    assert lines[3] == "| `emo` | dense logits | out of memory |  |"
    assert "A Llama of width 4,096, 32 layers and 128,256 words" in lines[-1]


def test_a_part_that_is_missing_says_so(fake):
    fake.write_text(json.dumps({k: v for k, v in FAKE.items() if k != "end_to_end"}))
    assert tables.steps_on_page(fake).startswith(tables.ABSENT)
    fake.write_text(json.dumps({k: v for k, v in FAKE.items() if k != "heads"}))
    assert tables.heads_on_page(fake).startswith(tables.ABSENT)


def test_toy_figures_never_reach_a_page(fake):
    fake.write_text(json.dumps(FAKE | {"toy": True}))
    with pytest.raises(SystemExit, match="made by --toy"):
        tables.heads_on_page(fake)


def test_no_invented_figure_is_committed():
    assert tables.RESULT == scan_gpu.RESULT
    page = (ROOT / "docs" / "the-scan.md").read_text(encoding="utf-8")
    assert "Fake" not in page
    if not tables.RESULT.is_file():
        assert page.count(tables.ABSENT) == 2
        return
    kept = json.loads(tables.RESULT.read_text(encoding="utf-8"))
    assert kept["machine"]["card"]
    assert not kept["toy"]
    assert "Fake" not in kept["machine"]["card"]["name"]
