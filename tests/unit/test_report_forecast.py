"""The page of a forecast: warnings first, every figure readable, nothing fetched or unescaped."""

import json
import re
import subprocess
import sys
from dataclasses import replace
from io import BytesIO
from xml.etree import ElementTree

import numpy as np
import pytest

pytest.importorskip("matplotlib", reason="needs matplotlib: pip install 'likely[figures]'")

from likely.apps import cli
from likely.apps._forecast_checks import FIGURES
from likely.apps._forecast_command import command_of
from likely.apps._forecast_options import TableOptions
from likely.apps._forecast_page import PageOptions
from likely.apps.forecast import fit_law
from likely.apps.report import render_forecast
from likely.apps.report._forecast_axes import short, ticks
from likely.apps.report._forecast_figures import write_figures
from likely.apps.report._forecast_law_words import drawn_formula, formula, meanings, references
from likely.apps.report._forecast_names import name_dots
from likely.apps.report._forecast_valleys import budgets_of
from likely.core.errors import BadInput, BadSetting
from likely.forecast.cautions import Caution
from likely.forecast.law import law
from likely.forecast.profile import profile
from tests.unit.forecasts import amounts, curves, pairs, pictures, runs, settled, told_of
from tests.unit.test_report_comparison import read

EVIL = '<script>alert("x")</script><img src=x onerror=alert(1)>$\\frac{$_&'


@pytest.fixture(scope="module")
def chinchilla():
    """With a run that is asked for, a plan and a profile; few runs, so that it warns."""
    few = runs(sizes=3, budgets=3)
    return told_of(
        "chinchilla",
        few.noted("1 row left out, loss is missing: runs.csv, line 3."),
        profiles=("B",),
        asked={"params": 7e9, "tokens": 1.4e12},
        compute=1e21,
        command="likely forecast fit chinchilla runs.csv --report page.html",
        sources=[("runs.csv", 1234, "af1fa61368ae2671")],
    )


@pytest.fixture(scope="module")
def whole():
    return told_of("chinchilla", runs())


@pytest.fixture(scope="module")
def drawn(whole):
    return pictures(whole)


def test_the_page_answers_warns_and_can_be_done_again(chinchilla):
    page = render_forecast(chinchilla, pictures(chinchilla))
    words = read(page)
    assert words.count("chinchilla expects a loss of") == 2
    assert "from 7B parameters and 1.4T training tokens" in words
    kinds = {one.kind for one in chinchilla.cautions}
    assert {"few", "extrapolation"} <= kinds
    for one in chinchilla.cautions:
        assert one.says in words
        assert one.do in words
    assert words.index(chinchilla.cautions[0].says) < words.index("What was asked")
    assert "1 row left out, loss is missing: runs.csv, line 3." in words
    assert "af1fa61368ae2671" in words
    assert "likely forecast fit chinchilla runs.csv --report page.html" in words
    assert "δ = 0.001" in words
    assert f"{chinchilla.fit.objective:.8e}" in words
    assert "30 refits to tables whose rows were drawn again" in words
    assert "arXiv:2203.15556" in words
    assert "scale of what more data remove" in words
    for name in chinchilla.fit.law.names:
        assert re.search(rf'<th scope="row">{name}</th>', page)


@pytest.mark.parametrize(
    ("name", "table", "bootstrap"),
    [
        ("chinchilla", runs(sizes=4), 0),
        ("kaplan", runs(sizes=4), 0),
        ("kaplan", runs(sizes=4), 30),
        ("power_law", amounts(), 0),
        ("power_law", amounts(), 30),
        ("loss_to_loss", pairs(), 0),
        ("loss_to_loss", pairs(), 20),
    ],
)
def test_every_law_has_its_page(name, table, bootstrap):
    told = told_of(name, table, bootstrap=bootstrap)
    drawn = pictures(told)
    page = render_forecast(told, drawn)
    words = read(page)
    assert f"forecast by {name}" in words
    assert ("there are no intervals" in words) == (bootstrap == 0)
    assert not re.search(r"https?://|@import|url\((?!#)", page)
    names = [one.name for one in drawn]
    assert names[:2] == ["fit", "residuals"]
    assert ("frontier" in names) == (name in ("chinchilla", "kaplan"))
    for one in drawn:
        labelled(one)
        assert one.caption in words
        assert one.title in words


def labelled(picture):
    """Every axis that is seen says what it is of."""
    for axes in picture.figure.axes:
        if axes.get_visible():
            last = axes.get_subplotspec().is_last_row()
            assert axes.get_xlabel() or not last
            first = axes.get_subplotspec().is_first_col()
            assert axes.get_ylabel() or not first


def test_pages_of_several_figures_share_no_names(whole, drawn):
    page = render_forecast(whole, drawn)
    names = re.findall(r'\bid="([^"]*)"', page)
    assert len(names) == len(set(names))
    used = re.findall(r'(?:href="#|url\(#)([^")]*)', page)
    assert set(used) <= set(names)
    assert "<style" not in page[page.index("<body") :]


def test_names_of_a_hostile_table_cannot_break_out():
    table = runs(sizes=3)
    loss = table["loss"].copy()
    loss[4] *= 1.3
    table = replace(
        table.with_column("loss", loss).noted(EVIL),
        rows=tuple(f"{EVIL}{i}, line {i}" for i in range(table.count)),
    )
    told = told_of("chinchilla", table, bootstrap=0, command=EVIL, sources=[(EVIL, 1, EVIL)])
    told = replace(told, fit=replace(told.fit, cautions=(Caution("x", EVIL, EVIL),)))
    drawn = pictures(told)
    page = render_forecast(told, drawn)
    body = page[page.index("<body") :]
    assert body.count("<script") == 2
    assert "<img" not in body
    assert page.count("&lt;script&gt;alert") >= 5
    read(page)
    assert "line 4" in page


def test_what_an_outlier_is_called():
    table = runs(sizes=5)
    loss = table["loss"].copy()
    loss[7] *= 1.6
    odd = replace(
        table.with_column("loss", loss),
        rows=tuple(f"runs.csv, line {i + 2}" for i in range(table.count)),
    )
    told = told_of("chinchilla", odd, bootstrap=0)
    axes = pictures(told)[1].figure.axes[0]
    said = [one.get_text() for one in axes.texts]
    assert said[0].startswith("line 9")
    assert "%" in said[0], "beyond the axis, its value is written"


def test_valleys_are_where_the_table_has_sizes(whole, drawn):
    params, tokens = whole.table["params"], whole.table["tokens"]
    found = budgets_of(6 * params * tokens, params)
    assert np.allclose(found, np.geomspace(1e18, 1e21, 4))
    named = {one.name: one for one in drawn}
    assert len(named["valleys"].figure.axes[0].collections) >= 4
    one_size = budgets_of(np.array([1e18] * 9), np.array([1e8] * 9))
    assert one_size == []


def test_a_law_of_schedules_shows_rates_and_losses():
    told = told_of(settled, curves(), bootstrap=0)
    drawn = {one.name: one for one in pictures(told)}
    above, below = drawn["schedules"].figure.axes
    assert above.get_ylabel() == "learning rate"
    assert below.get_ylabel() == "loss (nats/token)"
    assert [one.get_text() for one in above.get_legend().get_texts()] == ["flat", "falls"]
    assert drawn["fit"].title == "Observed against the law"
    words = read(render_forecast(told, list(drawn.values())))
    assert "forecast by settled" in words


@pytest.mark.parametrize("form", ["svg", "png"])
def test_figures_are_written_whole(whole, drawn, tmp_path, form):
    folder = tmp_path / "figures"
    written = write_figures(drawn[:2], folder, form)
    assert sorted(folder.iterdir()) == sorted(written)
    assert [one.name for one in written] == [f"fit.{form}", f"residuals.{form}"]
    assert [one.name for one in tmp_path.iterdir()] == ["figures"]
    for one in written:
        if form == "svg":
            assert ElementTree.parse(one).getroot().tag.endswith("svg")
        else:
            from matplotlib.image import imread

            assert imread(BytesIO(one.read_bytes()), format="png").shape[1] == 1280
    if form == "svg":
        before = [one.read_bytes() for one in written]
        again = write_figures(pictures(replace(whole, held_out=None))[:2], folder, form)
        assert [one.read_bytes() for one in again] == before


def test_nothing_of_matplotlib_is_changed_for_others(whole, drawn):
    import matplotlib

    before = dict(matplotlib.rcParams)
    render_forecast(whole, drawn)
    pictures(replace(whole, held_out=None))
    assert dict(matplotlib.rcParams) == before
    from matplotlib._pylab_helpers import Gcf

    assert not Gcf.get_all_fig_managers(), "no figure is left in a window"


def test_what_a_law_says_of_itself():
    chosen = law("chinchilla")
    assert formula(chosen).startswith("L(N, D) = E + ")
    assert meanings(chosen)["alpha"] == "exponent of the parameters"
    assert [one[:15] for one in references(chosen)] == ["Hoffmann et al.", "Besiroglu et al"]
    assert drawn_formula(chosen).startswith("<svg style=")
    bare = law(lambda amount, *, a: a * amount)
    assert (formula(bare), meanings(bare), references(bare), drawn_formula(bare)) == (
        "",
        {},
        [],
        "",
    )


def test_numbers_on_axes():
    assert [short(v) for v in (1.25e8, 7e9, 999.6e6, 1e15, 0.05)] == [
        "125M",
        "7B",
        "1B",
        "1e15",
        "0.05",
    ]
    assert ticks(2.1, 2.3, most=7) == [2.1, 2.15, 2.2, 2.25, 2.3]
    for low, high in ((1e-3, 1e9), (1.0, 1.01), (3.1, 11.3), (1e15, 1e16)):
        found = ticks(low, high, most=7)
        assert 2 <= len(found) <= 7
        assert min(found) >= low * 0.999


def test_the_profile_knows_its_threshold(whole):
    seen = profile(whole.fit, whole.table, name="alpha", points=8)
    inside = (seen.values > seen.low) & (seen.values < seen.high)
    assert (seen.statistic[inside] <= seen.threshold).all()


@pytest.fixture
def csv(tmp_path):
    table = runs(sizes=4)
    lines = ["params,tokens,loss"]
    columns = (table["params"], table["tokens"], table["loss"])
    lines += [",".join(f"{v:.8g}" for v in row) for row in zip(*columns, strict=True)]
    path = tmp_path / "runs.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


def run(*words):
    with pytest.raises(SystemExit) as left:
        cli.main([*map(str, words)])
    return left.value.code


def test_the_command_writes_page_and_figures(csv, tmp_path, capsys):
    page, folder = tmp_path / "page.html", tmp_path / "figures"
    words = ["forecast", "fit", "chinchilla", csv, "--bootstrap", 0, "--starts", 8]
    words += ["--report", page, "--figures", folder, "--format", "png"]
    words += ["--predict", "params=7B", "tokens=140B"]
    assert run(*words) == 0
    assert f"Wrote {page} and {folder}." in "".join(capsys.readouterr())
    text = read(page.read_text(encoding="utf-8"))
    assert f"likely forecast fit chinchilla {csv} --bootstrap 0 --starts 8" in text
    assert f"--report {page} --figures {folder} --format png --predict params=7B" in text
    assert {"fit.png", "frontier.png", "held-out.png"} <= {one.name for one in folder.iterdir()}
    assert run(*words) == 0, "figures are replaced by figures"


def test_a_page_with_the_usual_refits_beside_json(tmp_path, capsys):
    path, page = tmp_path / "amounts.csv", tmp_path / "page.html"
    table = amounts()
    rows = zip(table["amount"], table["loss"], strict=True)
    path.write_text("amount,loss\n" + "".join(f"{a:.8g},{b:.8g}\n" for a, b in rows))
    assert run("forecast", "fit", "power_law", path, "--report", page, "--json") == 0
    assert json.loads(capsys.readouterr().out)["law"] == "power_law"
    words = read(page.read_text(encoding="utf-8"))
    assert "4,000 refits" in words
    assert "lie inside its 95 % interval" in words


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--report", "{folder}/no/page.html"], "no is no folder: make it first"),
        (["--figures", "{folder}"], "holds other things (runs.csv): name a new folder"),
        (["--figures", "{csv}"], "is a file: name a folder"),
        (["--predict", "params=7B"], "add --report PAGE.html"),
        (["--report", "{folder}/p.html", "--predict", "parms=7B"], "Did you mean 'params'?"),
        (["--report", "{folder}/p.html", "--predict", "params=7B"], "needs tokens=… too"),
        (["--report", "{folder}/p.html", "--compute", "much"], "--compute: 'much' should be"),
        (["--report", "{folder}/p.html", "--group", "set"], "--report shows one fit"),
        (["--figures", "{folder}/.."], "holds other things"),
    ],
)
def test_what_cannot_be_written_is_said_before_any_work(csv, tmp_path, capsys, words, says):
    filled = [one.format(folder=tmp_path, csv=csv) for one in words]
    assert run("forecast", "fit", "chinchilla", csv, *filled) == 2
    assert says in " ".join(capsys.readouterr().err.split())
    assert sorted(one.name for one in tmp_path.iterdir()) == ["runs.csv"]


def test_without_matplotlib_it_says_what_to_install(csv, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("likely.apps._forecast_page.find_spec", lambda name: None)
    assert run("forecast", "fit", "chinchilla", csv, "--report", tmp_path / "p.html") == 2
    assert 'pip install "likely[figures]"' in capsys.readouterr().err


def test_a_command_is_said_as_it_can_be_typed():
    given = {
        "bootstrap": None,
        "seed": 3,
        "json": True,
        "options": TableOptions(map=("loss=a b",), where="set == 'x'"),
        "page": PageOptions(format="png"),
    }
    assert command_of(["likely", "f"], fit_law, given) == (
        "likely f --seed 3 --map 'loss=a b' --where \"set == 'x'\" --format png --json"
    )


def test_a_table_too_small_to_hold_anything_out_has_a_page():
    told = told_of("chinchilla", runs(sizes=5, budgets=1), bootstrap=0)
    words = read(render_forecast(told, pictures(told)))
    assert "was not tested on rows that it had not seen" in words
    assert told.held_out is None


def test_help_stays_quick():
    code = (
        "import sys; from likely.apps import forecast; "
        "print([n for n in ('torch', 'matplotlib', 'jinja2', 'scipy') if n in sys.modules])"
    )
    made = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert made.stdout.strip() == "[]"


def test_only_figures_of_ours_are_replaced(tmp_path):
    own = tmp_path / "own"
    own.mkdir()
    (own / "fit.svg").write_text("")
    chosen = law("power_law")
    PageOptions(figures=own).check(chosen, None)
    (own / "photo.png").write_text("")
    with pytest.raises(BadSetting, match=r"holds other things \(photo.png\)"):
        PageOptions(figures=own).check(chosen, None)
    with pytest.raises(BadSetting, match="power_law reads amount: use a law of params and tokens"):
        PageOptions(figures=tmp_path / "new", compute="1e21").check(chosen, None)


def test_every_figure_has_a_known_name(chinchilla):
    told = told_of(settled, curves(), bootstrap=0)
    found = {one.name for one in (*pictures(told), *pictures(chinchilla))} | {"valleys"}
    assert found == set(FIGURES)


def test_a_budget_that_cannot_be_split_is_said_on_the_page(chinchilla):
    page = read(render_forecast(replace(chinchilla, plan=None, no_plan="No best size."), []))
    assert "No best size." in page


def test_errors_are_those_of_the_tree(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(BadSetting, match="holds other things"):
        PageOptions(figures=tmp_path).check(law("chinchilla"), None)
    with pytest.raises(BadInput):
        told_of("chinchilla", runs(sizes=2, budgets=2), bootstrap=0)


def test_names_do_not_hide_each_other():
    from matplotlib.figure import Figure
    from matplotlib.text import Text

    figure = Figure()
    axes = figure.subplots()
    x, y = np.array([1.0, 1.0, 1.0, 9.0]), np.array([9.0, 8.9, 8.8, 0.2])
    axes.set_xlim(0, 10)
    axes.set_ylim(0, 10)
    names = ["line 1, +12.0 %", "line 2", "line 3", "a run with a long name"]
    name_dots(axes, x, y, np.arange(4), names)
    figure.draw_without_rendering()
    boxes = [Text.get_window_extent(one) for one in axes.texts]  # Without their lines.
    whole = axes.get_window_extent().padded(4)
    for i, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[i + 1 :])
        assert whole.x0 <= box.x0 < box.x1 <= whole.x1
        assert whole.y0 <= box.y0 < box.y1 <= whole.y1
