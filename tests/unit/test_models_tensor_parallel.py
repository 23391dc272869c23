"""Two processes: the loss inside a head that tensor parallelism left in parts."""

import pytest

from tests.unit.tensor_parallel_child import NAMES, OBJECTIVES
from tests.unit.test_models_lm_loss_processes import two_processes


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    return two_processes("tests.unit.tensor_parallel_child", tmp_path_factory.mktemp("parallel"))


@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("name", NAMES)
def test_loss_and_gradients_are_those_of_one_process(found, name, objective):
    row = found[f"{name} {objective}"]
    assert row["placement"] == "(Shard(dim=0),)"
    assert row["loss"] == pytest.approx(row["expected"], rel=1e-6)
    assert row["gradient"] < 5e-6
