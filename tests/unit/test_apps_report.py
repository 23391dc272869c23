"""The report: everything is in it, nothing is fetched, nothing is left unescaped."""

import base64
import hashlib
import json
import math
import re
from html.parser import HTMLParser

import pytest

from likely.apps.report import render
from likely.apps.report._axes import axis
from likely.apps.report._chart import chart
from likely.apps.report._labels import Level, Line
from likely.apps.report._template import as_data
from likely.apps.report._text import coloured_difference, coloured_text, hover_data

EVIL = '<script>alert("x")</script>'
DOMAINS = ("code", "docstrings", "topics")


def model(label, bits, parameters, seconds):
    nats = bits * math.log(2) * 0.998
    return {
        "label": label,
        "nats_per_token": nats,
        "bits_per_byte": bits,
        "interval": [bits - 0.04, bits + 0.05],
        "perplexity": math.exp(nats),
        "accuracy": 0.62,
        "parameters": parameters,
        "seconds": seconds,
        "per_domain": {d: bits + 0.1 * i for i, d in enumerate(DOMAINS)},
        "validation_bits_per_byte": bits - 0.02,
    }


def domain(name):
    parts = {"train": 7_041_044, "validation": 604_632, "held_out": 1_034_632}
    return {"domain": name, "documents": dict.fromkeys(parts, 40), "bytes": parts, "leak": 0.021}


def a_summary():
    repeats = [0, 1, 4, 16]
    cells = [
        {
            "repeats": r,
            "passages": 8,
            "exact": r // 3,
            "bytes_share": r / 17,
            "bits_per_byte": 4.2 - r / 5,
            "minus_control": -r / 5,
        }
        for r in repeats
    ]
    return {
        "headline": "The 14-gram predicts held-out text best: 1.73 bits per byte, before the "
        "transformer (1.79) and the feed-forward model (2.21)",
        "lead": "Three byte-level language models read 8.0 MB and were asked about 1.2 MB that "
        "they had not seen.",
        "table_sentence": "A compressor wins: xz given the training text, needs 1.48 bits per "
        f"byte. {EVIL}",
        "caution": "One seed is no claim.",
        "differences": ["The transformer is 0.06 bits per byte behind the 14-gram [0.03, 0.09]."],
        "seed": 0,
        "budget": {"name": "default"},
        "models": {
            "ngram": model("14-gram", 1.732, 38_200_123, 41.2),
            "transformer": model("transformer", 1.795, 824_123, 184.0),
            "feed_forward": model("feed-forward", 2.214, 412_000, 60.3),
        },
        "compressors": {
            "zlib": {
                "label": "zlib alone",
                "what": "each document by itself, from nothing",
                "bits_per_byte": 2.296,
                "per_domain": dict.fromkeys(DOMAINS, 2.3),
                "seconds": 0.1,
            },
            "xz_given_training_text": {
                "label": "xz given the training text",
                "what": "the documents of a domain as one text, after all of the training text",
                "bits_per_byte": 1.484,
                "per_domain": dict.fromkeys(DOMAINS, 1.5),
                "seconds": 14.0,
            },
        },
        "ngram_orders": {
            str(k): {"bits_per_byte": 1.7 + 2.2 / k**1.4, "parameters": 9000 * k**3}
            for k in range(2, 17)
        },
        "ngram_order_that_overtakes": 9,
        "overtaking": ["From order 9 on, the n-gram is below the transformer.", "It copies."],
        "memorisation": {
            "repeats": repeats,
            "sentences": ["Passages of random words were planted."],
            "objectives": {
                "cross_entropy": {"label": "cross-entropy", "by_repeats": cells},
                "goldfish": {
                    "label": "goldfish(k=4)",
                    "by_repeats": [dict(c, bytes_share=c["bytes_share"] / 4) for c in cells],
                },
            },
        },
        "data": {
            "name": "python-3.11.7",
            "domains": [domain(d) for d in DOMAINS],
            "total": domain("all"),
            "clusters": 1234,
            "largest_cluster": 17,
            "match": 64,
        },
        "environment": {"date": "2026-11-21", "python": "3.11.7", "torch": "2.13.0+cpu"},
        "stages": {"data": 9.1, "ngram": 41.2},
        "seconds": 312.0,
    }


def curves():
    steps = range(1, 12)
    return {
        "transformer": [
            {"seconds": 17.0 * i, "tokens": 450_000 * i, "bits_per_byte": 1.75 + 2 / i}
            for i in steps
        ],
        "feed_forward": [
            {"seconds": 5.5 * i, "tokens": 800_000 * i, "bits_per_byte": 2.2 + 1 / i} for i in steps
        ],
    }


def samples():
    text = "        if key in self._cache:\n            return self._cache[key]\n        raise\n"
    return [
        {
            "title": "from the start of a function",
            "sampler": "min_p(p=0.05)",
            "prompt": "def main(",
            "texts": {"ngram": text, "transformer": text + EVIL, "feed_forward": text},
        }
    ]


def coloured():
    text = (
        "class Cache:\n    # naïve – but “fast” <b>\n\tdef get(self, key):\n        return 1\n" * 6
    )
    pieces = [
        (
            c,
            (i * 7919 % 97) / 97 * (9 if i % 5 == 0 else 2),
            i % 7,
            i % 40,
            (("e", 0.42), ("⏎", 0.2)),
        )
        for i, c in enumerate(text)
    ]
    each = {"bits_per_byte": 1.8, "pieces": pieces}
    models = {"transformer": each, "ngram": each, "feed_forward": each}
    return [{"id": "cache.py", "domain": "code", "models": models}]


def page():
    return render(a_summary(), curves(), samples(), coloured())


class Reader(HTMLParser):
    """Counts elements and complains about what does not close."""

    VOID = frozenset({"meta", "input", "br", "link", "img"})

    def __init__(self):
        super().__init__()
        self.open, self.seen, self.ids = [], [], []

    def handle_starttag(self, tag, attrs):
        self.seen.append(tag)
        self.ids += [value for name, value in attrs if name == "id"]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.seen.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_the_page_is_well_formed_and_whole():
    reader = Reader()
    reader.feed(page())
    assert not reader.open
    sections = {"results", "learning", "orders", "memory", "samples", "surprisal", "data"}
    assert sections <= set(reader.ids)
    assert len(reader.ids) == len(set(reader.ids))
    assert reader.seen.count("svg") == 4
    assert reader.seen.count("script") == 2


def test_nothing_is_fetched():
    text = re.sub(r"'sha256-[^']+'", "", page())
    assert not re.search(r"https?://|//[a-z]|@import|url\(|src=|<link", text)


def test_only_the_script_of_the_page_may_run():
    text = page()
    script = re.search(r"<script>(.*?)</script>", text, re.DOTALL).group(1)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert "default-src &#39;none&#39;" in text
    assert f"script-src &#39;sha256-{digest}&#39;" in text


def test_data_of_the_page_cannot_close_its_script():
    found = as_data([{"words": ["</script><!--", "\u2028"]}])
    assert "<" not in found
    assert json.loads(found) == [{"words": ["</script><!--", "\u2028"]}]


def test_everything_is_escaped():
    text = page()
    assert EVIL not in text
    assert text.count("&lt;script&gt;alert(") == 2


def test_numbers_of_the_summary_stand_in_the_table_best_first():
    text = re.sub(r"<[^>]+>", " ", page())
    table = text[text.index("nats per token") :]
    order = ["xz given the training text", "14-gram", "transformer", "feed-forward", "zlib alone"]
    places = [table.index(label) for label in order]
    assert places == sorted(places)
    for number in ("1.484", "1.732", "1.692–1.782", "38.2 M", "824 k", "3 min 4 s", "62.0 %"):
        assert number in text


def test_a_piece_has_a_class_for_each_way_of_colouring():
    html = coloured_text(
        [("é", 0.2, 0.6, 0, ()), ('"', 9.5, 3.2, 11, ()), ("\n ", 2.0, 0, 1, ()), ("", 1, 1, 1, ())]
    )
    assert html == (
        '<i class="b0 e1 r0">é</i><i class="b7 e4 r3">&#34;</i><i class="b3 e0 r1"><b></b>\n </i>'
        '<i class="b2 e2 r1 end">⟨end⟩</i>'
    )


def test_what_cannot_be_seen_is_shown_by_its_number():
    assert "<u>U+202E</u>" in coloured_text([("a\u202eb", 1, 1, 1, ())])
    assert "<u>U+0000</u>" in coloured_text([("\0", 1, 1, 1, ())])


def test_a_difference_is_coloured_by_its_side_and_size():
    html = coloured_difference([("a", 1.0, 9.0), ("b", 2.0, 2.0), ("c", 9.0, 1.0), ("d", 2.0, 1.0)])
    assert re.findall(r'class="(\w+)"', html) == ["d0", "d4", "d8", "d6"]


def test_hover_data_keeps_each_word_once_and_every_number():
    rows = [
        ("a", 1.234, 2.345, 3, [("b", 0.5), ("c", 0.25)]),
        ("é", 3.0, 1.0, 7, [("b", 0.1)], [("0xc3", 1.0), ("0xa9", 2.0)]),
    ]
    found = hover_data(rows)
    assert found["words"] == ["b", "c", "0xc3", "0xa9"]
    assert found["rows"] == [
        [1.23, 2.35, 3, [0, 0.5, 1, 0.25]],
        [3.0, 1.0, 7, [0, 0.1], [2, 1.0, 3, 2.0]],
    ]


@pytest.mark.parametrize("values", [[1.0], [0.0, 0.0], [1.76, 2.2], [0, 1e7], [-3, 12]])
def test_an_axis_holds_its_values_with_few_ticks(values):
    found = axis(values)
    assert found.low <= min(values)
    assert found.high >= max(values)
    assert 2 <= len(found.ticks) <= 9
    assert all(found.low <= tick <= found.high for tick in found.ticks)


def test_lines_end_inside_the_picture_and_close_labels_part():
    line = Line("transformer", "t", [(0, 8.0), (1, 4.7), (2, 4.6)], ["far", "near", "last"])
    levels = [Level("ngram", "low", 2.0), Level("feed_forward", "close", 2.02)]
    html = chart("c", [line], levels, x_label="x")
    assert "last" in html
    assert "near" in html
    assert "far" not in html
    (low, low_end), (close, close_end) = (_label(html, name) for name in ("low", "close"))
    assert low_end != close_end or abs(low - close) >= 12


def _label(html, name):
    """Height and end of a level's label."""
    y, end = re.search(rf'y="([\d.]+)" text-anchor="(\w+)">{name} ', html).groups()
    return float(y), end


def test_labels_stand_where_lines_do_not():
    for places, free in (([4.0, 2.1, 2.05], "start"), ([2.05, 2.1, 4.0], "end")):
        line = Line("transformer", "t", list(enumerate(places)), ["a", "b", "c"])
        html = chart("c", [line], [Level("ngram", "it", 2.0)], x_label="x", y_range=(2.0, 4.0))
        level = float(re.search(r'level c-ngram"><line [^>]*y1="([\d.]+)"', html).group(1))
        base, end = _label(html, "it")
        assert base > level or end == free


def test_a_chart_without_points_is_still_a_chart():
    assert "<svg" in chart("empty", [], x_label="x")
    assert "<svg" in chart("one", [Line("ngram", "n", [(1, 1)], ["a"])], x_label="x")
