"""The rule of `benchmarks/gradients.py` finds planted mistakes; its file holds none of ours."""

import json
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from benchmarks.gradient_cells import BONUS, DTYPES, OPTIONS, Refused, draw
from benchmarks.gradient_file import RESULT, ROOT
from benchmarks.gradient_ours import fused, scanned
from benchmarks.gradient_rivals import RIVALS, dense
from benchmarks.gradient_rule import distance, judge, number, total
from benchmarks.gradients import cell, judged, plain
from scripts.documentation import gradients

SMALL = sorted(set(OPTIONS) - {"larger", "long"})


def verdict(call, option, dtype="float32"):
    bars = {d: cell(RIVALS["dense"].call, option, d)["errors"] for d in {dtype, "float32"}}
    return judge(cell(call, option, dtype), bars[dtype], dtype, bars["float32"])


def whole(problem):
    return dense(problem, upcast=False)


@pytest.mark.parametrize("option", SMALL)
def test_the_truth_agrees_with_torch_in_float64(option):
    row = cell(whole, option, "float64")
    condition = row.get("condition", {})
    assert all(e <= 1e-12 * condition.get(k, 1.0) for k, e in row["errors"].items()), row
    assert set(row["errors"]) == {"value", *draw(option, torch.float64).leaves}


def wrong_sign(problem):
    value = whole(problem)
    return value, -total(problem, value)


def dropped_weights(problem):
    value = whole(problem)
    return value, value.sum()


def first_weight_for_all(problem):
    value = whole(problem)
    return value, value.sum() * problem.token_weights[0].to(value.dtype)


def dropped_upstream(problem):
    value = whole(problem)
    return value, value / problem.option.upstream


def entropy_without_gradient(problem):
    log_p = F.linear(problem.hidden, problem.weight).log_softmax(-1)
    entropy = -(log_p.exp() * log_p).sum(-1).detach()
    return (F.nll_loss(log_p, problem.target, reduction="none") - BONUS * entropy).mean()


def head_without_gradient(problem):
    z = F.linear(problem.hidden, problem.weight.detach())
    return F.cross_entropy(z, problem.target)


def softcap_ignored(problem):
    return F.cross_entropy(F.linear(problem.hidden, problem.weight), problem.target)


def no_shift(problem):
    z = F.linear(problem.hidden, problem.weight)
    return (z.exp().sum(-1).log() - z.gather(1, problem.target[:, None])[:, 0]).mean()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    ("planted", "option"),
    [
        (wrong_sign, "plain"),
        (dropped_weights, "weights"),
        (first_weight_for_all, "together"),
        (dropped_upstream, "upstream"),
        (entropy_without_gradient, "entropy"),
        (head_without_gradient, "plain"),
        (softcap_ignored, "softcap"),
    ],
)
def test_planted_mistakes_are_wrong_at_every_dtype(planted, option, dtype):
    assert verdict(planted, option, dtype) == "wrong"


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_overflow_is_wrong(dtype):
    assert verdict(no_shift, "offset_up", dtype) == "wrong"


def test_a_missing_gradient_is_named():
    row = cell(head_without_gradient, "plain", "float32")
    assert row["missing"] == ["weight"]
    assert row["errors"]["weight"] == 1.0


def test_float32_answers_to_float64_are_called_rounded():
    def single(problem):
        z = F.linear(problem.hidden.float(), problem.weight.float())
        return F.cross_entropy(z, problem.target)

    assert verdict(single, "plain", "float64") == "rounded"
    assert verdict(single, "plain", "float32") == "right"


def test_refusal_is_refusal_and_absence_is_not_judged():
    def refuse(problem):
        problem.able("ignored")

    def absent(_problem):
        raise ModuleNotFoundError("No module named 'liger_kernel'")

    assert verdict(refuse, "softcap") == "refused"
    assert cell(refuse, "softcap", "float32")["words"] == "Refused: no such argument: softcap"
    assert verdict(absent, "plain") == "not run"
    with pytest.raises(Refused):
        draw("bias", torch.float32).able("softcap")


def test_distance_knows_nan_zero_and_nothing():
    zeros = torch.zeros(3, dtype=torch.float64)
    assert distance(torch.tensor([1.0, torch.nan]), torch.ones(2).double()) == float("inf")
    assert distance(None, zeros) == 0.0
    assert distance(torch.ones(3), zeros) == 1.0
    assert distance(torch.ones(0), torch.ones(0).double()) == 0.0


@pytest.mark.parametrize("dtype", ["float64", "float32", "bfloat16"])
@pytest.mark.parametrize(
    "option", ["plain", "together", "entropy", "smoothing", "empty", "offset_up"]
)
@pytest.mark.parametrize("ours", [scanned, fused])
def test_ours_is_right_now(ours, option, dtype):
    if dtype in OPTIONS[option].dtypes:
        assert verdict(ours, option, dtype) == "right"


@pytest.fixture(scope="module")
def kept():
    return json.loads(RESULT.read_text(encoding="utf-8"))


def test_no_cell_of_ours_in_the_file_is_wrong(kept):
    ours = [name for name, rival in kept["rivals"].items() if rival["library"] == "likely"]
    assert len(ours) >= 2
    for name in ours:
        for option, row in kept["cells"][name].items():
            verdicts = {one["verdict"] for one in row.values()}
            takes_all = name in {"ours_scan", "ours_fused"}
            assert verdicts <= {"right"} | (set() if takes_all else {"refused"}), (name, option)


def test_the_file_has_every_cell_and_its_verdicts_follow_from_its_numbers(kept):
    assert list(kept["rivals"]) == list(RIVALS)
    stands = json.dumps(kept["cells"])
    for cells in kept["cells"].values():
        assert {o: tuple(row) for o, row in cells.items()} == {
            o: details.dtypes for o, details in OPTIONS.items()
        }
    assert plain(judged(kept["cells"])) == json.loads(stands)
    assert number("not a number") == float("inf")


def test_the_file_names_no_place(kept):
    text = RESULT.read_text(encoding="utf-8")
    for place in (str(ROOT), str(Path.home()), "/tmp"):
        assert place not in text
    assert set(kept["machine"]) >= {"processor", "cpus", "load_before"}


def test_the_tables_say_what_the_file_says(kept):
    header, rows = gradients.matrix(kept)
    assert len(rows) == len(OPTIONS)
    assert {len(row) for row in rows} == {len(header)}
    _, counted = gradients.counts(kept)
    cells = sum(len(option.dtypes) for option in OPTIONS.values())
    for row in counted:
        assert sum(int(number.strip("*") or 0) for number in row[2:]) == cells
    listed = sum(len(row[2].split(", ")) for row in gradients.wrong(kept)[1])
    assert listed == json.dumps(kept["cells"]).count('"verdict": "wrong"')
