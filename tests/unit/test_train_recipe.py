import math
from dataclasses import asdict, replace

import pytest

from likely.core.errors import BadInput, BadSetting
from likely.train._check import build
from likely.train.recipe import Optimizer, Recipe, Schedule, differences, load_recipe, to_toml
from likely.train.schedule import learning_rate, warmup_steps


def test_every_error_is_told_at_once(tmp_path):
    path = tmp_path / "recipe.toml"
    path.write_text(
        """
        stepz = 10
        objective = "focal(gama=2)"
        model = "transfomer"
        length = "long"
        rows = 0
        also = ["entropi", "top"]
        [optimizer]
        lr = -1
        learning = 2
        [schedule]
        name = "cosin"
        """
    )
    with pytest.raises(BadSetting) as found:
        load_recipe(path)
    told = str(found.value)
    assert str(path) in told
    assert len(found.value.problems) == 10
    for piece in (
        "'stepz'. Did you mean 'steps'?",
        "Did you mean 'gamma'?",
        "Did you mean 'transformer'?",
        "length='long' should be a whole number",
        "rows=0 should be at least 1",
        "Did you mean 'entropy' or 'varentropy'?",
        "'top'",
        "optimizer.lr=-1 should be more than 0",
        "'optimizer.learning'",
        "Did you mean 'cosine'",
    ):
        assert piece in told, piece


def test_an_ngram_is_counted():
    with pytest.raises(BadSetting, match="An n-gram is counted, not trained"):
        build({"model": "ngram"}, "here")


def test_warmup_longer_than_the_run():
    with pytest.raises(BadSetting, match="warmup=50 should be at most steps=5"):
        build({"steps": 5}, "here")


def test_toml_that_is_none_says_the_line(tmp_path):
    path = tmp_path / "recipe.toml"
    path.write_text("steps = 10\nrows == 3\n")
    with pytest.raises(BadInput, match="line 2"):
        load_recipe(path)
    with pytest.raises(BadInput, match="cannot be read"):
        load_recipe(tmp_path / "other.toml")
    path.write_text("format = 2\n")
    with pytest.raises(BadInput, match="newer likely"):
        load_recipe(path)


def test_toml_is_complete_and_reads_back(tmp_path):
    recipe = Recipe(
        model="feed_forward(width=8)",
        objective="focal(gamma=2)",
        data=("a.txt", "embedded"),
        roles={"reference": "some/model"},
        optimizer=Optimizer(lr=1e-4, epsilon=1e-9),
        schedule=Schedule("piecewise", warmup=3, knots=((0.0, 1.0), (0.5, 0.25), (1.0, 0.0))),
        also=("entropy",),
    )
    path = tmp_path / "recipe.toml"
    path.write_text(to_toml(recipe))
    assert load_recipe(path) == recipe
    assert build(asdict(recipe), "here") == recipe
    for name in asdict(recipe):
        assert name in path.read_text()


def test_an_empty_file_is_the_default(tmp_path):
    path = tmp_path / "recipe.toml"
    path.write_text("")
    assert load_recipe(path) == Recipe()


def test_differences_reach_into_tables():
    old = Recipe()
    new = replace(old, optimizer=Optimizer(lr=1.0), roles={"teacher": "t"})
    assert differences(old, new) == [
        "optimizer.lr was 0.003 and is 1.0.",
        "roles.teacher was None and is 't'.",
    ]


@pytest.mark.parametrize("name", ["cosine", "linear", "wsd", "inverse_sqrt", "constant"])
def test_schedule_at_its_ends(name):
    schedule = Schedule(name, warmup=4, decay_share=0.25, floor=0.1)
    factors = [learning_rate(schedule, t, 20) for t in range(21)]
    assert factors[0] == pytest.approx(0.2)
    assert factors[3] == pytest.approx(0.8)
    assert factors[4] == 1
    ends = {"constant": 1, "inverse_sqrt": (5 / 21) ** 0.5}
    assert factors[20] == pytest.approx(ends.get(name, 0.1))
    assert all(0 < f <= 1 for f in factors)
    assert factors[4:] == sorted(factors[4:], reverse=True)


@pytest.mark.parametrize(
    ("schedule", "step", "factor"),
    [
        (Schedule("cosine", warmup=4, floor=0.1), 12, 0.1 + 0.9 * (1 + math.cos(math.pi / 2)) / 2),
        (Schedule("cosine", warmup=4, floor=0.1), 8, 0.1 + 0.9 * (1 + math.cos(math.pi / 4)) / 2),
        (Schedule("linear", warmup=4, floor=0.1), 12, 0.55),
        (Schedule("linear", warmup=0, floor=0.0), 5, 0.75),
        (Schedule("inverse_sqrt", warmup=3), 15, 0.5),
        (Schedule("inverse_sqrt", warmup=0), 3, 0.5),
        (Schedule("wsd", warmup=4, decay_share=0.25, floor=0.1), 15, 1),
        (Schedule("wsd", warmup=4, decay_share=0.25, floor=0.1), 16, 1 - 0.9 / 5),
        (Schedule("wsd", warmup=0, decay_share=0.5, decay="sqrt", floor=0.0), 10, 1),
        (Schedule("wsd", warmup=0, decay_share=0.5, decay="sqrt", floor=0.0), 14, 1 - 0.4**0.5),
        (Schedule("wsd", warmup=0, decay_share=0.5, decay="cosine", floor=0.2), 15, 0.6),
        (Schedule("piecewise", warmup=0, knots=((0.0, 1.0), (0.5, 0.8), (1.0, 0.0))), 5, 0.9),
        (Schedule("piecewise", warmup=0, knots=((0.0, 1.0), (0.5, 0.8), (1.0, 0.0))), 10, 0.8),
        (Schedule("piecewise", warmup=4, knots=((0.0, 0.9), (0.5, 0.8), (1.0, 0.0))), 4, 0.9),
        (Schedule("piecewise", warmup=4, knots=((0.0, 1.0), (0.5, 0.8), (1.0, 0.0))), 16, 0.4),
        (Schedule("constant", warmup=0.25), 2, 0.5),
        (Schedule("constant", warmup=0.25), 5, 1),
    ],
)
def test_schedule_is_its_formula(schedule, step, factor):
    assert learning_rate(schedule, step, 20) == pytest.approx(factor, abs=1e-12)


def test_a_warmup_is_a_number_of_steps_or_a_share():
    assert warmup_steps(Schedule(warmup=7), 1000) == 7
    assert warmup_steps(Schedule(warmup=0.05), 1000) == 50
    assert warmup_steps(Schedule(warmup=0.05), 10) == 0
    with pytest.raises(BadSetting, match=r"schedule\.warmup=-1 "):
        build({"schedule": {"warmup": -1}}, "here")


@pytest.mark.parametrize(
    "knots",
    [[], [[0, 1]], [[0, 1], [0.9, 0]], [[0.1, 1], [1, 0]], [[0, 1], [0.5, 1], [0.5, 0], [1, 0]]],
)
def test_shares_of_knots_rise_from_0_to_1(knots):
    with pytest.raises(
        BadSetting, match=r"schedule\.knots=.*shares that rise from 0 to 1"
    ) as found:
        build({"schedule": {"name": "piecewise", "knots": knots}}, "here")
    assert len(found.value.problems) == 1


def test_knots_are_in_range_and_of_a_piecewise_schedule():
    with pytest.raises(BadSetting, match=r"schedule\.knots=.*item 2: \[1, -1\]"):
        build({"schedule": {"name": "piecewise", "knots": [[0, 1], [1, -1]]}}, "here")
    with pytest.raises(BadSetting, match=r"belongs to name='piecewise', not to 'cosine'"):
        build({"schedule": {"knots": [[0, 1], [1, 0]]}}, "here")


def test_schedule_of_one_step_and_of_warmup_alone():
    assert learning_rate(Schedule(warmup=0), 0, 1) == 1
    assert learning_rate(Schedule("wsd", warmup=5, decay_share=1.0), 5, 5) == 1
