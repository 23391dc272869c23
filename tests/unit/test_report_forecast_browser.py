"""The page of a forecast in a real browser: nothing overflows, is cut off or is fetched."""

import re

import pytest

pytest.importorskip("matplotlib", reason="needs matplotlib: pip install 'likely[figures]'")

from likely.apps.report import render_forecast
from tests.browser import Browser, chromium
from tests.unit.forecasts import pictures, runs, told_of

pytestmark = pytest.mark.skipif(
    chromium() is None, reason="no Chromium on this machine (Debian: apt install chromium)"
)
LONG = "a_name_that_does_not_break_" * 9
CUT = """[...document.querySelectorAll('.drawn svg')].flatMap(svg => {
    const whole = svg.getBoundingClientRect();
    return [...svg.querySelectorAll('text')].filter(one => {
        const box = one.getBoundingClientRect();
        return box.left < whole.left - 2 || box.right > whole.right + 2
            || box.top < whole.top - 2 || box.bottom > whole.bottom + 2;
    }).map(one => one.textContent);
})"""
AXES = """document.querySelectorAll('.drawn svg g[id*="matplotlib.axis"]')"""
TOGETHER = (
    f"[...{AXES}]"
    """.flatMap(axis => {
    const boxes = [...axis.querySelectorAll('g[id*="tick_"] text')]
        .map(one => [one.getBoundingClientRect(), one.textContent]);
    return boxes.flatMap(([a, text], i) => boxes.slice(i + 1).filter(([b]) =>
        a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom
    ).map(([, other]) => `${text} and ${other}`));
})"""
)


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    made = Browser(tmp_path_factory.mktemp("profile"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    told = told_of(
        "chinchilla",
        runs().noted(f"Rows where {LONG}: 20 of 40."),
        profiles=("E", "A", "alpha"),
        asked={"params": 7e9, "tokens": 1.4e12},
        compute=1e21,
        command=f"likely forecast fit chinchilla {LONG}",
        sources=[(LONG, 1234, "af1fa61368ae2671")],
    )
    path = tmp_path_factory.mktemp("pages") / "forecast.html"
    path.write_text(render_forecast(told, pictures(told)), encoding="utf-8")
    return path


@pytest.mark.parametrize(("width", "dark"), [(375, False), (1200, True)])
def test_nothing_overflows_is_cut_off_overlaps_or_is_fetched(browser, page, tmp_path, width, dark):
    browser.open(page, width=width, dark=dark)
    assert browser.run("document.documentElement.scrollWidth") <= width
    ground = browser.run("getComputedStyle(document.body).backgroundColor")
    assert (int(re.search(r"\d+", ground).group()) < 60) == dark
    card = browser.run("getComputedStyle(document.querySelector('.drawn')).backgroundColor")
    assert card == "rgb(255, 255, 255)", "figures are light cards in the dark too"
    assert browser.run("document.querySelectorAll('.drawn svg').length") == 6
    assert browser.run(CUT) == []
    assert browser.run(f"{AXES}.length") >= 12
    assert browser.run(TOGETHER) == []
    smallest = "document.querySelector('.drawn svg .tick, .drawn svg text')"
    assert browser.run(f"{smallest}.getBoundingClientRect().height") >= 8
    browser.picture(tmp_path / "page.png", whole=False)
    assert (tmp_path / "page.png").read_bytes().startswith(b"\x89PNG")
    assert not browser.complaints


def test_it_prints(browser, page, tmp_path):
    browser.open(page, width=717)
    browser.send("Emulation.setEmulatedMedia", media="print", features=[])
    assert browser.run("document.documentElement.scrollWidth") <= 717
    browser.print(tmp_path / "page.pdf")
    assert (tmp_path / "page.pdf").read_bytes().startswith(b"%PDF")
