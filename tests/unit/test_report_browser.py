"""Pages in a real browser: nothing overflows or is fetched; pointer, finger and keys work."""

import re

import pytest

from likely.apps._comparison import apart, stretches
from likely.apps._reading import read_text
from likely.apps.report import render_comparison, render_run, render_view
from likely.apps.report._seen import Compared, Seen
from likely.core.vocabulary import Vocabulary
from likely.data.corpus import Corpus, Document
from likely.data.tokens import encode
from likely.models.feed_forward import feed_forward
from tests.browser import Browser, chromium
from tests.unit.comparisons import comparison
from tests.unit.comparisons import seen as kept
from tests.unit.test_apps_report import page

pytestmark = pytest.mark.skipif(
    chromium() is None, reason="no Chromium on this machine (Debian: apt install chromium)"
)
LONG = "a_name_that_does_not_break_" * 9
TEXT = (
    f"class Cache:\n    # naïve – but “fast” <b>\n\tdef get(self, {LONG}):\n"
    + "    return 1\n" * 20
)


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    made = Browser(tmp_path_factory.mktemp("profile"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pages")
    texts = {"quickstart": page(), "view": view(), "run": a_run(), "comparison": a_comparison()}
    for name, text in texts.items():
        (folder / f"{name}.html").write_text(text, encoding="utf-8")
    return {name: folder / f"{name}.html" for name in texts}


def view():
    vocabulary = Vocabulary.of_bytes()
    tokens = encode(Corpus("c", (Document("cache.py", TEXT),)), vocabulary)
    readings = [
        read_text(feed_forward(vocabulary, context=3, embedding=4, width=8, seed=seed), tokens)
        for seed in (0, 1)
    ]
    seen = [
        Seen(name, "feed_forward", 1234, "byte", reading)
        for name, reading in zip(("one", "two"), readings, strict=True)
    ]
    cut = stretches(*readings)
    compared = Compared(cut, apart(*readings, cut))
    return render_view("cache.py", ["cache.py"], seen, compared, ["A note."])


def a_comparison():
    found = comparison(words=("better", "no difference seen"))
    return render_comparison(found, kept(found, LONG))


def a_run():
    steps = [
        {"step": i, "tokens": 64 * i, "seconds": 0.1 * i, "lr": 1e-4 * i, "loss": 5 / i,
         "gradient_norm": 1.0}
        for i in range(1, 40)
    ]  # fmt: skip
    evaluations = [
        {"step": i, "tokens": 64 * i, "seconds": 0.1 * i, "nats_per_token": 4 / i, "accuracy": 0.5,
         "bits_per_byte": 6 / i, "perplexity": 9.0 - i / 10}
        for i in (1, 2, 10)
    ]  # fmt: skip
    facts = {
        "headline": "first reached 0.6 bits per byte",
        "sentences": ["It is small."],
        "recipe": {"model": "feed_forward", "data": LONG},
        "environment": {"python": "3"},
        "sampler": "greedy",
    }
    passage = {
        "id": "d",
        "domain": "text",
        "models": {"first": {"bits_per_byte": 1.0, "pieces": [("a", 1.0, 1.0, 2, [("b", 0.5)])]}},
    }
    return render_run("first", facts, steps, evaluations, [LONG, "b\n"], [passage])


@pytest.mark.parametrize("name", ["quickstart", "view", "run", "comparison"])
@pytest.mark.parametrize(("width", "dark"), [(390, False), (1200, True)])
def test_nothing_overflows_fails_or_is_fetched(browser, pages, tmp_path, name, width, dark):
    browser.open(pages[name], width=width, dark=dark)
    assert browser.run("document.documentElement.scrollWidth") <= width
    ground = browser.run("getComputedStyle(document.body).backgroundColor")
    red = int(re.search(r"\d+", ground).group())
    assert (red < 60) == dark
    assert browser.run("document.querySelectorAll('svg.chart polyline').length") >= 2
    browser.picture(tmp_path / "page.png", whole=False)
    assert (tmp_path / "page.png").read_bytes().startswith(b"\x89PNG")
    assert not browser.complaints


def shown(browser):
    """What the box beside the pointer says; None while it is hidden."""
    return browser.run("(b => b.hidden ? null : b.innerText)(document.getElementById('tip'))")


def test_a_piece_tells_by_pointer_by_finger_and_by_keys(browser, pages):
    browser.open(pages["view"])
    assert shown(browser) is None
    browser.point("pre.text i:nth-of-type(6)")
    said = shown(browser)
    assert re.search(r"␣\s+[\d.]+ bits", said)
    assert re.search(r"likeliest · entropy [\d.]+ bits", said)
    assert said.count("%") == 6
    browser.point("h1")
    assert shown(browser) is None
    browser.touch("pre.text i:nth-of-type(1)")
    assert shown(browser).startswith("c ")
    browser.run("document.querySelector('pre.text').focus()")
    browser.key("ArrowRight")
    assert shown(browser).startswith("l ")
    browser.key("End")
    assert shown(browser).startswith("⟨end⟩")
    browser.key("Escape")
    assert shown(browser) is None
    character = browser.run(
        "[...document.querySelectorAll('pre.text i')].findIndex(i => i.textContent == 'ï')"
    )
    browser.point(f"pre.text i:nth-of-type({character + 1})")
    assert "2 tokens, in bits: 0xc3" in shown(browser)
    assert not browser.complaints


COLOURS = """[...document.querySelectorAll('.panel1 pre.text i')].slice(0, 60).map(
    i => getComputedStyle(i).backgroundColor).join()"""


@pytest.mark.parametrize("scripts", [True, False])
def test_the_switch_changes_the_colours_even_without_scripts(browser, pages, scripts):
    browser.open(pages["view"], scripts=scripts)
    seen = []
    for kind in ("bits", "entropy", "rank"):
        browser.point(f"label[for=by-{kind}]", click=True)
        assert (
            browser.run(f"getComputedStyle(document.querySelector('.scale-{kind}')).display")
            == "flex"
        )
        seen.append(browser.run(COLOURS))
    assert len(set(seen)) == 3
    browser.point("label[for=model-3]", click=True)
    visible = "getComputedStyle(document.querySelector('.panel3')).display"
    assert browser.run(visible) == "block"


def test_a_link_opens_the_place_it_names(browser, pages):
    browser.open(pages["view"])
    link = "#ahead a[data-reading='2']"
    piece = browser.run(f'document.querySelector("{link} i").textContent')
    browser.point(link, click=True)
    browser.wait()
    assert browser.run("document.getElementById('model-3').checked")
    assert shown(browser).startswith(piece)
    assert re.search(r"(one|two) needs [\d.]+ bits less", shown(browser))
    top = browser.run("document.querySelector('i.at').getBoundingClientRect().top")
    assert 0 < top < 900


@pytest.mark.parametrize("name", ["quickstart", "run", "comparison"])
def test_curves_tell_their_values(browser, pages, name):
    browser.open(pages[name])
    browser.point("svg.chart .hit:nth-of-type(5)")
    first = shown(browser)
    assert re.search(r"\d", first)
    browser.run("document.querySelector('svg.chart .hit:nth-of-type(5)').ownerSVGElement.focus()")
    browser.key("ArrowRight")
    assert shown(browser) not in (None, first)
    browser.touch("svg.chart .hit:nth-of-type(5)")
    assert shown(browser) == first


def test_touching_a_chart_tells_although_another_one_loses_the_focus(browser, pages):
    browser.open(pages["comparison"])
    browser.run("document.querySelector('svg.gain').focus({preventScroll: true})")
    browser.key("Home")
    assert shown(browser) == "cross_entropy: baseline"
    browser.touch("svg.forest .c-arm1 .hit")
    assert shown(browser) == "focal against cross_entropy: better."
    assert not browser.complaints


def test_tables_sort_by_a_click(browser, pages):
    browser.open(pages["quickstart"])
    column = "[...document.querySelectorAll('table.main tbody tr')].map(r => r.cells[1].innerText)"
    before = browser.run(column)
    browser.point("table.main th:nth-child(2) button", click=True)
    ascending = browser.run(column)
    browser.point("table.main th:nth-child(2) button", click=True)
    descending = browser.run(column)
    numbers = [float(re.match(r"[\d.]+", text).group()) for text in descending]
    assert numbers == sorted(numbers, reverse=True)
    assert ascending == before == descending[::-1]
    head = "document.querySelector('table.main th:nth-child(2)').ariaSort"
    assert browser.run(head) == "descending"
    browser.point("table.main th:nth-child(4) button", click=True)
    rows = "[...document.querySelectorAll('table.main tbody tr')]"
    cells = f"{rows}.map(r => r.className.includes('compressor'))"
    assert browser.run(cells) == sorted(browser.run(cells))


@pytest.mark.parametrize("name", ["quickstart", "view", "run", "comparison"])
def test_pages_print_on_a4(browser, pages, tmp_path, name):
    browser.open(pages[name], width=717, dark=True)
    browser.send("Emulation.setEmulatedMedia", media="print", features=[])
    assert browser.run("document.documentElement.scrollWidth") <= 717
    assert browser.run("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    cut = """[...document.querySelectorAll('.scroll')].filter(
        s => s.firstElementChild.getBoundingClientRect().right > s.getBoundingClientRect().right + 1
    ).map(s => s.ariaLabel).join()"""
    assert not browser.run(cut)
    browser.print(tmp_path / "page.pdf")
    data = (tmp_path / "page.pdf").read_bytes()
    assert data.startswith(b"%PDF")
    assert 1 <= len(re.findall(rb"/Type\s*/Page\b", data)) <= 12
