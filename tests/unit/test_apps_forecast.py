"""`likely forecast`: what it prints, what it writes, what it says of mistakes."""

import csv
import json

import numpy as np
import pytest

from likely.apps.cli import main
from likely.forecast import schedules
from likely.forecast.law import law as law_of
from likely.train.recipe import Recipe, Schedule, to_toml

TRUE = {"E": 1.8, "A": 480.0, "B": 2085.0, "alpha": 0.348, "beta": 0.366}


def ran(capsys, *words):
    """Exit code and what was printed."""
    with pytest.raises(SystemExit) as stop:
        main(["forecast", *map(str, words)])
    out, err = capsys.readouterr()
    return stop.value.code, out, err


def read(capsys, *words):
    """The JSON of a command that must succeed."""
    code, out, err = ran(capsys, *words, "--json")
    assert code == 0, err
    return json.loads(out)


def refused(capsys, *words):
    """The sentence of a command that must fail."""
    code, out, err = ran(capsys, *words)
    assert code == 2
    assert not out
    assert "Traceback" not in err
    return err


def write(path, rows):
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("forecast")
    rng = np.random.default_rng(0)
    law = law_of("chinchilla")
    rows = []
    for size in (2e7, 5e7, 1e8, 3e8):
        for ratio in (5, 20, 80):
            table = {"params": np.array([size]), "tokens": np.array([size * ratio])}
            loss = float(law(table, **TRUE)[0] * np.exp(rng.normal(0, 0.003)))
            rows.append({"N": f"{size:.0f}", "D": size * ratio, "val_loss": loss, "set": "a"})
    write(made / "runs.csv", rows)
    rates = {"cosine": schedules.cosine(steps=600, peak=1e-3, warmup=50)}
    rates["constant"] = schedules.constant(steps=600, peak=1e-3, warmup=50)
    annealing, rows = law_of("annealing"), []
    for name, rate in rates.items():
        steps = np.arange(60, 601, 10)
        values = {"L0": 2.5, "A": 0.5, "alpha": 0.5, "C": 2.0}
        loss = annealing({"step": steps, "schedule": [rate] * len(steps)}, **values)
        loss = loss * np.exp(rng.normal(0, 0.001, len(steps)))
        rows += [
            {"run": name, "step": s, "lr": rate[s - 1], "loss": value}
            for s, value in zip(steps, loss, strict=True)
        ]
    write(made / "curves.csv", rows)
    return made


@pytest.fixture(scope="module")
def saved(folder):
    with pytest.raises(SystemExit):
        main(["forecast", "fit", "chinchilla", str(folder / "runs.csv"), "--bootstrap", "200",
              "--save", str(folder / "fit.json")])  # fmt: skip
    return folder / "fit.json"


def test_a_table_becomes_a_law_with_intervals(capsys, folder):
    made = read(capsys, "fit", "chinchilla", folder / "runs.csv", "--bootstrap", 100)
    for part in ("law", "coefficients", "standard_errors", "intervals", "objective", "warnings"):
        assert part in made
    assert made["law"] == "chinchilla"
    assert made["coefficients"]["E"] == pytest.approx(1.8, rel=0.15)
    low, high = made["intervals"]["E"]
    assert low < made["coefficients"]["E"] < high
    assert any("params = 'N'" in note for note in made["notes"])


def test_it_reads_well(capsys, folder):
    code, out, err = ran(capsys, "fit", "chinchilla", folder / "runs.csv", "--bootstrap", 100)
    assert code == 0
    for words in ("coefficient", "standard error", "95 % interval", "12 rows, 12 runs"):
        assert words in out
    assert "By their names" in err


def test_what_is_held_believed_mapped_and_chosen(capsys, folder):
    made = read(
        capsys, "fit", "chinchilla", folder / "runs.csv", "--map", "params=2*N", "--where",
        "N > 3e7 and `set` == 'a'", "--hold", "alpha=0.348", "--prior", "beta=0.366,0.001",
        "--bootstrap", 0,
    )  # fmt: skip
    assert made["rows"] == 9
    assert made["held"] == {"alpha": 0.348}
    assert made["coefficients"]["beta"] == pytest.approx(0.366, abs=0.005)


def test_a_law_a_part(capsys, folder):
    made = read(
        capsys, "fit", "chinchilla", folder / "runs.csv", "--group", "set", "--bootstrap", 0
    )
    assert list(made) == ["a"]


def test_the_next_run(capsys, saved):
    made = read(capsys, "predict", saved, "--set", "params=1B", "tokens=2e10")
    truth = float(law_of("chinchilla")({"params": 1e9, "tokens": 2e10}, **TRUE))
    assert made["value"][0] == pytest.approx(truth, rel=0.03)
    (low,), (high,) = made["run_interval"]
    assert low < made["interval"][0][0] < made["value"][0] < made["interval"][1][0] < high
    code, out, _ = ran(capsys, "predict", saved, "--set", "params=1B", "tokens=2e13")
    assert code == 0
    assert "times the compute of the largest run" in out


def test_a_table_of_next_runs(capsys, saved, tmp_path):
    write(tmp_path / "next.csv", [{"params": 1e8, "tokens": 1e9}, {"params": 1e9, "tokens": 1e9}])
    made = read(capsys, "predict", saved, "--runs", tmp_path / "next.csv")
    assert len(made["value"]) == 2


def test_plans(capsys, saved):
    made = read(capsys, "plan", saved, "--compute", "1e19", "--buy", 2)
    assert made["params"]["low"] < made["params"]["value"] < made["params"]["high"]
    spent = 6 * made["params"]["value"] * made["tokens"]["value"]
    assert spent == pytest.approx(1e19, rel=1e-6)
    assert made["buy"][0]["width_after"] < made["buy"][0]["width_before"]
    code, out, _ = ran(capsys, "plan", saved, "--loss", 2.9, "--params", "500M")
    assert code == 0
    assert "tokens per parameter" in out
    code, out, _ = ran(
        capsys, "plan", saved, "--buy", 1, "--target", "params=1B", "tokens=20B", "--budget", "1e18"
    )
    assert "Runs to buy" in out


def test_laws_are_compared_by_prediction(capsys, folder):
    words = ("compare", "chinchilla", "kaplan", folder / "runs.csv", "--bootstrap", 50)
    made = read(capsys, *words)
    assert next(iter(made["laws"])) == "chinchilla"
    assert made["laws"]["chinchilla"]["mean_error"] < made["laws"]["kaplan"]["mean_error"]
    code, out, _ = ran(capsys, *words)
    assert code == 0
    assert "mean error" in out
    assert "No run was repeated" in out


def test_schedules(capsys, folder, tmp_path):
    made = read(
        capsys, "fit", "annealing", folder / "curves.csv", "--warmup", 50, "--bootstrap", 50,
        "--save", tmp_path / "fit.json",
    )  # fmt: skip
    assert made["coefficients"]["alpha"] == pytest.approx(0.5, rel=0.2)
    wsd = "wsd(steps=600, peak=1e-3, warmup=50, floor=0.0)"
    flat = "constant(steps=600, peak=1e-3)"
    said = read(capsys, "predict", tmp_path / "fit.json", "--schedule", wsd, flat)
    assert said["value"][0] < said["value"][1]
    best = read(capsys, "schedule", tmp_path / "fit.json", "--steps", 600, "--peak", 1e-3)
    assert best["loss"] <= min(best["others"].values())
    assert best["warnings"]
    code, out, _ = ran(capsys, "schedule", tmp_path / "fit.json", "--steps", 600, "--peak", 1e-3)
    assert code == 0
    assert 'name = "piecewise"' in out


def test_valleys(capsys, tmp_path):
    rows = []
    for flops in (1e18, 1e19, 1e20):
        for place in np.linspace(-1, 1, 5):
            params = 0.1 * flops**0.5 * np.exp(place)
            loss = 2 + 30 * flops**-0.08 + place**2 / 9
            rows.append({"params": params, "tokens": flops / 6 / params, "loss": loss})
    write(tmp_path / "valleys.csv", rows)
    made = read(capsys, "isoflop", tmp_path / "valleys.csv")
    assert made["params_exponent"]["value"] == pytest.approx(0.5, abs=1e-6)
    code, out, _ = ran(capsys, "isoflop", tmp_path / "valleys.csv", "--no-bias")
    assert code == 0
    assert "N* ∝ C^0.500" in out


def test_sweeps(capsys, tmp_path):
    rows = [
        {"params": n, "tokens": 20 * n, "lr": lr, "loss": 3 + abs(np.log(lr * n**0.5 / 30)) / 9}
        for n in (1e7, 1e8, 1e9)
        for lr in 30 / n**0.5 * 2.0 ** np.arange(-2, 3)
    ]
    write(tmp_path / "sweep.csv", rows)
    made = read(
        capsys, "fit", "learning_rate_law", tmp_path / "sweep.csv", "--sweep", "params,tokens",
        "--hold", "tokens_exponent=0", "--bootstrap", 0,
    )  # fmt: skip
    assert made["rows"] == 3
    assert made["coefficients"]["params_exponent"] == pytest.approx(0.5, abs=1e-3)
    assert made["coefficients"]["c"] == pytest.approx(30, rel=1e-2)


def test_the_end_of_a_run_in_progress(capsys, folder):
    cosine = ("--where", "run == 'cosine' and step < 400", "--schedule",
              "cosine(steps=600, peak=1e-3, warmup=50)")  # fmt: skip
    made = read(capsys, "final", folder / "curves.csv", *cosine, "--target", 5)
    assert made["low"] < made["value"] < made["high"]
    assert made["of"] == "train"
    assert made["advice"]["word"] == "continue"
    code, out, _ = ran(capsys, "final", folder / "curves.csv", *cosine, "--target", "1.5")
    assert code == 0
    assert "is expected to end with" in out
    assert "Stop: After" in out
    early = ("--where", "run == 'cosine' and step < 100", *cosine[2:])
    assert read(capsys, "final", folder / "curves.csv", *early)["value"] is None


def test_what_a_run_said_of_itself(capsys, tmp_path):
    """Where its log has too few losses, the run's own last forecast stands."""
    run = tmp_path / "run"
    run.mkdir()
    recipe = Recipe(steps=1000, schedule=Schedule("cosine", warmup=10))
    (run / "recipe.toml").write_text(to_toml(recipe))
    forecast = {"forecast": 1.7, "forecast_low": 1.5, "forecast_high": 2.0}
    rows = [
        {"step": 400, "loss": 2.0, "tokens": 1},
        {"step": 450, **forecast, "forecast_of": "nats_per_token"},
    ]
    (run / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    made = read(capsys, "final", run, "--target", 1.4)
    assert made["low"] == pytest.approx(1.5, abs=0.01)
    assert made["high"] == pytest.approx(2.0, abs=0.01)
    assert made["of"] == "validation"
    assert made["advice"]["word"] == "stop"
    assert "leave --schedule out" in refused(capsys, "final", run, "--schedule", "cosine(steps=9)")


def test_laws_are_listed(capsys):
    made = read(capsys, "laws")
    assert made["chinchilla"]["columns"] == ["params", "tokens"]
    assert all(row["coefficients"] and row["what it is"] for row in made.values())
    code, out, _ = ran(capsys, "laws")
    assert code == 0
    assert "multi_power" in out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("fit", "chinchila", "{runs}"), "Did you mean 'chinchilla'"),
        (("fit", "chinchilla", "{runs}x"), "no such file"),
        (("fit", "chinchilla", "{runs}", "--map", "params"), "should be NAME=COLUMN"),
        (("fit", "chinchilla", "{runs}", "--map", "params=NN"), "'NN'"),
        (("fit", "chinchilla", "{runs}", "--where", "N >"), "N >"),
        (("fit", "chinchilla", "{runs}", "--where", "N > 1e12"), "No row"),
        (("fit", "chinchilla", "{runs}", "--hold", "alfa=1"), "Did you mean 'alpha'"),
        (("fit", "chinchilla", "{runs}", "--hold", "alpha"), "should be NAME=NUMBER"),
        (("fit", "chinchilla", "{runs}", "--prior", "alpha=1"), "should be NAME=MEAN,DEVIATION"),
        (("fit", "chinchilla", "{runs}", "--profile", "x", "--bootstrap", "0"), "'x' was not"),
        (("fit", "chinchilla", "{runs}", "--save", "no/where.json"), "is no folder"),
        (("fit", "chinchilla", "{runs}", "--bootstrap", "-1"), "should be at least 0"),
        (("fit", "nmt", "{runs}"), "encoder_params"),
        (("predict", "{runs}", "--set", "params=1"), "is no JSON"),
        (("predict", "{fit}"), "--set params=… tokens=…"),
        (("predict", "{fit}", "--set", "params=1B"), "needs tokens=… too"),
        (("predict", "{fit}", "--set", "params=1B", "token=2"), "Did you mean 'tokens'"),
        (("predict", "{fit}", "--schedule", "cosin(steps=3)"), "Did you mean 'cosine'"),
        (("plan", "{fit}"), "--compute 1e21"),
        (("plan", "{fit}", "--compute", "much"), "should be a number above 0"),
        (("plan", "{fit}", "--compute", "1e20", "--loss", "2"), "not both"),
        (("plan", "{fit}", "--buy", "2"), "--target"),
        (("schedule", "{fit}", "--steps", "10", "--peak", "1"), "no derivative by learning rates"),
        (("compare", "chinchilla"), "the table last"),
        (("compare", "chinchilla", "batch_size_law", "{runs}"), "predict"),
        (("isoflop", "{runs}"), "budgets have a valley"),
        (("final", "{runs}"), "say its schedule to the end"),
        (("final", "{runs}", "--schedule", "wsd(step=3)"), "Did you mean 'steps'"),
    ],
)
def test_mistakes_are_told_in_a_sentence(capsys, folder, saved, words, said):
    given = [word.format(runs=folder / "runs.csv", fit=saved) for word in words]
    assert said in refused(capsys, *given)
