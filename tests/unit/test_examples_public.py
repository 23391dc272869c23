"""The studies on public data: valid here and now, without a network; nobody ran them."""

import importlib.util
import re
import tomllib
from pathlib import Path

import pytest

from likely.core.bind import bind
from likely.core.vocabulary import Vocabulary
from likely.data._hugging_face import _parts
from likely.train._check import build

FOLDER = Path(__file__).parents[2] / "examples" / "public"
FILES = sorted(FOLDER.glob("*.toml"))
README = (FOLDER / "README.md").read_text(encoding="utf-8")


@pytest.fixture(params=FILES, ids=lambda path: path.stem)
def study(request):
    return tomllib.loads(request.param.read_text(encoding="utf-8"))


def test_there_are_three_and_the_page_names_them():
    assert [path.stem for path in FILES] == ["fineweb_edu", "text8", "wikitext103"]
    assert all(f"`{path.name}`" in README for path in FILES)
    assert "**Nothing in this folder was run by us.**" in README
    assert all("Not run by us" in path.read_text(encoding="utf-8") for path in FILES)


def test_its_recipe_and_every_arm_are_ones(study):
    recipe = build(study["recipe"], "recipe")
    assert recipe.precision == "bfloat16"
    assert study["baseline"] in study["arms"]
    assert study["seeds"] >= 6
    names = {bind(arm["objective"]).name for arm in study["arms"].values()}
    assert names == {"cross_entropy", "emo", "error_norm_truncation", "goldfish"}


def test_all_three_ask_the_same():
    known = [tomllib.loads(path.read_text(encoding="utf-8")) for path in FILES]
    for one in known:
        for name in ("data", "tokenizer", "accumulate"):
            del one["recipe"][name]
        del one["budget"]["amount"]
    assert known[0] == known[1] == known[2]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_command_would_take_it(path):
    module = pytest.importorskip("likely.train.study", reason="there is no likely compare yet")
    found = module.load_study(path)
    assert found.tuning.trials == 5
    assert found.quick().seeds == 2


def test_the_data_are_addresses_that_are_understood(study):
    (address,) = study["recipe"]["data"]
    if address.startswith("dataset:"):
        name, chosen = _parts(address)
        assert re.fullmatch(r"[\w-]+/[\w-]+", name)
        assert chosen["split"] == "train"
    else:
        assert address.startswith("hf://datasets/")
        assert address.endswith(".parquet")
    assert f"(https://huggingface.co/datasets/{owner(address)})" in README


def owner(address):
    return re.search(r"(?:dataset:|hf://datasets/)([\w-]+/[\w-]+)", address)[1]


def test_the_model_is_as_large_as_the_estimate_says():
    # One layer instead of twelve, on a few words: the rest is arithmetic.
    from likely.core.settings import parse
    from likely.models.transformer import transformer

    estimate = module()
    _, settings = parse(tomllib.loads(FILES[0].read_text(encoding="utf-8"))["recipe"]["model"])
    assert (settings["layers"], settings["width"]) == (estimate.LAYERS, estimate.WIDTH)
    model = transformer(Vocabulary.of_bytes(), **{**settings, "layers": 1})
    matrices = sum(p.numel() for p in model.parameters() if p.ndim == 2)
    outer = (257 + settings["context"]) * settings["width"]
    assert matrices - outer == pytest.approx(12 * settings["width"] ** 2, rel=0.01)


def module():
    spec = importlib.util.spec_from_file_location("estimate", FOLDER / "estimate.py")
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


def test_the_costs_on_the_page_are_those_of_the_files():
    stands = README.split("<!-- estimate -->")[1].split("<!-- /estimate -->")[0]
    assert stands.strip() == module().table()
