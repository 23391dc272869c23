"""`from likely.vocab import scan` is the function, whatever was imported before."""

import subprocess
import sys

import pytest

import likely.vocab

FUNCTIONS = ["scan", "fused_loss", "linear_cross_entropy", "linear_cross_entropy_loss"]


def run(code):
    command = [sys.executable, "-c", code]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr


@pytest.mark.parametrize("before", ["", "import likely.vocab.{0}", "from likely.vocab import {0}",
                                    "from likely.vocab.{0} import {0}",
                                    "import likely.vocab.fused_linear_cross_entropy"])  # fmt: skip
def test_a_function_wins_over_the_file_of_its_name(before):
    lines = ["import types, likely.vocab"]
    for name in FUNCTIONS:
        lines += [
            before.format(name),
            f"from likely.vocab import {name}",
            f"assert isinstance({name}, types.FunctionType), {name}",
            f"assert likely.vocab.{name} is {name}",
            f"from likely.vocab.{name} import {name} as direct",
            f"assert direct is {name}",
        ]
    run("\n".join(lines))


def test_files_without_such_a_function_are_still_files():
    run(
        "import types\n"
        "from likely.vocab import _plan, statistics\n"
        "assert isinstance(_plan, types.ModuleType)\n"
        "assert isinstance(statistics, types.ModuleType)"
    )


def test_looking_at_the_package_does_not_load_torch():
    run(
        "import sys, likely.vocab\n"
        "assert 'scan' in dir(likely.vocab)\n"
        "assert 'torch' not in sys.modules"
    )


@pytest.mark.parametrize("name", likely.vocab.__all__)
def test_every_name_leads_somewhere(name):
    assert getattr(likely.vocab, name).__name__ == name


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="has no attribute 'scam'"):
        likely.vocab.scam  # noqa: B018
