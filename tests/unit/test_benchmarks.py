"""Figures in the text are those of the committed measurements."""

import importlib.util
import json
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def script():
    path = ROOT / "benchmarks" / "quickstart.py"
    spec = importlib.util.spec_from_file_location("benchmark_quickstart", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_table_of_the_readme_is_that_of_the_measurement(script):
    readme = (ROOT / "README.md").read_text()
    kept = json.loads((ROOT / "benchmarks/results/quickstart-default.json").read_text())
    stands = readme.split(script.BEGIN)[1].split(script.END)[0]
    assert stands.strip() == script._table(kept).strip()


@pytest.mark.parametrize("mode", ["fast", "default", "long"])
def test_each_mode_was_measured_as_it_is(mode):
    from dataclasses import asdict

    from likely.apps import _budget

    kept = json.loads((ROOT / f"benchmarks/results/quickstart-{mode}.json").read_text())
    budget = json.loads(json.dumps(asdict(getattr(_budget, mode.upper()))))
    assert kept["budget"] == budget, f"measure it again: benchmarks/quickstart.py --{mode}"
