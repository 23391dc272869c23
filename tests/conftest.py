"""Shared by all tests: hypothesis draws the same examples everywhere."""

import os
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch

if not torch.cuda.is_available():
    # Kernels are interpreted; Triton reads this when it is imported.
    os.environ.setdefault("TRITON_INTERPRET", "1")

from hypothesis import HealthCheck, settings
from jaxtyping import config

collect_ignore = [] if find_spec("triton") else ["unit/compile_child.py"]

settings.register_profile(
    "ci",
    derandomize=True,
    deadline=None,
    max_examples=20,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
settings.register_profile("thorough", parent=settings.get_profile("ci"), max_examples=300)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


@pytest.fixture
def untyped():
    """Turn shape checks off: what a user meets, who has no beartype, is our own message."""
    config.update("jaxtyping_disable", True)
    yield
    config.update("jaxtyping_disable", False)


@pytest.fixture(scope="session")
def measurements():
    """The folder of real measurements that `LIKELY_MEASUREMENTS` names."""
    folder = os.environ.get("LIKELY_MEASUREMENTS")
    if not folder:
        pytest.skip("needs LIKELY_MEASUREMENTS, a folder of published measurements")
    return Path(folder)


# Two processes that share the tests have one thread each; more would wait for one another.
_PROCESSES = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
torch.set_num_threads(max(1, min(2, (os.cpu_count() or 1) // _PROCESSES)))
