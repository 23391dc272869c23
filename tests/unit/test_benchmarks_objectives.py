"""The cost of objectives: every one is covered and runs; the figures are those of the file."""

import json
import math

import pytest
import torch

from benchmarks import objectives as benchmark
from benchmarks.objective_cases import BASE, FAST, KINDS, VARIANTS, Case, cases, kind_of
from benchmarks.objective_steps import Loop, Patched, alternated, memory
from likely.core.bind import bind
from likely.core.catalogue import catalogue
from scripts.documentation import objectives as page

OURS = {n for n, module in catalogue("objectives").items() if module.startswith("likely.")}
EVERY = list(cases())


def test_every_objective_is_measured_and_cross_entropy_first():
    assert {bind(case.objective).name for case in EVERY} == OURS
    assert EVERY[0] == Case(BASE)
    assert set(VARIANTS) <= OURS
    assert {kind_of(bind(case.objective)) for case in EVERY} <= set(KINDS)


@pytest.mark.parametrize("case", EVERY, ids=lambda case: case.label)
def test_a_step_learns_and_the_patched_head_has_the_same_loss(case):
    step = Loop(FAST, case)
    before = [p.detach().clone() for p in step.reader.parameters()]
    loss = step()
    assert math.isfinite(loss)
    assert any(not torch.equal(a, b) for a, b in zip(before, step.reader.parameters(), strict=True))
    if case.live:
        return
    inside = Patched(FAST, case)
    try:
        assert inside() == pytest.approx(loss, rel=1e-4)
    finally:
        inside.close()


def test_steps_alternate():
    seen = []
    benchmark.torch.set_num_threads(1)
    times = alternated(lambda: seen.append("base"), lambda: seen.append("step"), 2, 1)
    assert seen == ["step", "base", "base", "step", "step", "base"]
    assert times.shape == (2, 2, 2)


def test_memory_counts_second_models_and_moments():
    plain, live = Loop(FAST, Case(BASE)), Loop(FAST, Case("dpop", "reference", live=True))
    for step in (plain, live):
        step()
    weights = sum(p.nbytes for p in plain.reader.parameters())
    stands, peak = memory(plain)
    assert stands == pytest.approx(3 * weights, rel=0.02)  # weights and two moments
    assert memory(live)[0] == pytest.approx(4 * weights, rel=0.02)
    assert peak > weights  # gradients, at least


def ratio(value, memory=1.0, kind="separable", second=None):
    spread = {"median": value, "low": value, "high": value}
    way = {"processor": spread, "wall": spread, "memory": memory, "memory_of_a_step": memory}
    return {"label": f"`x{value}`", "name": f"x{value}", "kind": kind, "second_model": second,
            "loop": way, "patched": {"words": "refused"}, "over": []}  # fmt: skip


def test_bars():
    assert benchmark.judge(ratio(1.15)) == []
    assert benchmark.judge(ratio(1.16)) == ["loop: seconds 1.16 above 1.15"]
    assert benchmark.judge(ratio(1.0, 1.2)) == ["loop: memory 1.20 above 1.10"]
    assert benchmark.judge(ratio(1.4, 1.2, "low rank")) == []
    assert benchmark.judge(ratio(1.4, kind="coupled")) == ["loop: seconds 1.40 above 1.25"]
    assert benchmark.judge(ratio(9.0, kind="full row")) == []
    assert benchmark.judge(ratio(9.0, second="live")) == []


def test_what_is_written_is_what_was_measured(tmp_path, monkeypatch):
    out = tmp_path / "o.json"
    words = ["objectives", "--fast", "--out", str(out), "--only", "cross_entropy", "focal"]
    monkeypatch.setattr("sys.argv", words)
    threads = torch.get_num_threads()
    benchmark.main()
    torch.set_num_threads(threads)
    kept = json.loads(out.read_text(encoding="utf-8"))
    assert [one["name"] for one in kept["cases"]] == ["cross_entropy", "focal"]
    worst = max(one[w]["processor"]["median"] for one in kept["cases"] for w in benchmark.WAYS)
    line = page.sentence(kept)
    assert line.startswith("**2 objectives; the dearest")
    assert f"{worst:.2f} × cross-entropy" in line
    assert kept["date"] in line
    readme = "a\n<!-- objectives -->\nold\n<!-- /objectives -->\nb"
    assert page.filled(readme, out).splitlines()[2] == line
    assert page.filled(readme, tmp_path / "none.json") == readme
    lines = page.table(kept).splitlines()
    assert len([row for row in lines if row.startswith("| `")]) == 2
    assert "V 64" in lines[-1]
    monkeypatch.setattr("sys.argv", [*words[:-2], "focal"])
    benchmark.main()
    torch.set_num_threads(threads)
    again = json.loads(out.read_text(encoding="utf-8"))["cases"]
    assert again[0] == kept["cases"][0]
    assert again[1]["name"] == "focal"
    assert again[1] != kept["cases"][1]


def test_the_dearest_is_named_and_live_models_stand_apart():
    kept = {
        "cases": [ratio(1.1), ratio(1.3), ratio(2.0, second="live")],
        "date": "2026-01-01",
        "size": {"layers": 1, "width": 2, "words": 3},
        "machine": {"cpus": 2, "processor": "p"},
    }
    line = page.sentence(kept)
    assert "3 objectives; the dearest, `x1.3`, costs 1.30 ×" in line
    assert "(2.00 × with a second model read live: `x2.0`)" in line


def test_the_committed_file_covers_the_catalogue():
    kept = page.read()
    if kept is None:
        pytest.skip("not measured yet: python -m benchmarks.objectives")
    assert {one["label"] for one in kept["cases"]} == {case.label for case in EVERY}
    assert kept["bars"] == benchmark.BARS
    assert all(one["over"] == benchmark.judge(one) for one in kept["cases"])
