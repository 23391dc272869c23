"""The page of the ledger says what the files say, and nothing else."""

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from likely.train.claim import load_claim
from likely.train.reproduce import reproduce
from scripts import make_docs
from scripts.documentation import ledger
from scripts.documentation.intervals import drawn
from tests.unit import toy_claims
from tests.unit.toy_claims import CLAIM, TUNING, write

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """A repository with one claim of each outcome, and one that was not tried."""
    with pytest.MonkeyPatch.context() as patch:
        toy_claims.install(tmp_path_factory.mktemp("toys"), patch)
        at = tmp_path_factory.mktemp("root")
        changes = {
            "1_held": {},
            "2_failed": {"side": '"below"'},
            "3_open": {"margin": "0.65"},
            "4_new": {},
            "5_few": {},
        }
        for name, change in changes.items():
            claim = load_claim(write(at / "claims", name, text=CLAIM + TUNING, **change))
            if name == "1_held":
                reproduce(claim, out=at / "ledger", fast=True)
                reproduce(claim, out=at / "ledger", seeds=5)
            if name != "4_new":
                reproduce(claim, out=at / "ledger", seeds=3 if name == "5_few" else None)
        yield at
    toy_claims.forget()


def test_the_page_counts_what_was_tried(root):
    page = ledger.pages(root)["ledger.md"]
    assert "**3 claims tried: 1 held, 1 failed, 1 undecided** (of 523 published systems" in page
    for name in ("1_held", "2_failed", "3_open", "4_new", "5_few"):
        assert f"\n## {name}\n" in page
        assert f"](#{name})" in page
    assert page.count("**Not tried yet.**") == 1
    block = ledger.filled("<!-- ledger -->\nold\n<!-- /ledger -->\n", root)
    assert "3 tried · 1 held · 1 failed · 1 undecided" in block
    assert "old" not in block


def test_a_section_says_everything(root):
    page = ledger.pages(root)["ledger.md"]
    section = re.search(r"## 1_held\n.*?(?=\n## )", page, re.DOTALL)[0]
    for said in (
        "> A shift of a half is found.",
        "[arXiv:2001.00001](https://arxiv.org/abs/2001.00001), section 1",
        "Only a toy.",
        "**Held: every interval over 6 seeds lies beyond its margin.**",
        "(ledger/1_held.svg)",
        "`score of shifted − of plain`",
        "above 0.25",
        "| `loss` | 0 | 0 |",
        "`plain` rate = 0.3; `shifted` rate = 0.8",
        "6 seeds ·",
        "likely reproduce 1\n",
        "[0003.json](../ledger/1_held/0003.json)",
        "0001.json](../ledger/1_held/0001.json): no verdict, 5 seeds",
        "a quick look",
        "superseded",
    ):
        assert said in section, said
    assert "seeds would find" in page.partition("## 3_open")[2].partition("## 4")[0]


def test_pictures_hold_every_seed_and_interval(root):
    made = ledger.pages(root)
    assert {name for name in made if name.endswith(".svg")} == {
        f"ledger/{name}.svg" for name in ("1_held", "2_failed", "3_open", "5_few")
    }
    tree = ElementTree.fromstring(made["ledger/1_held.svg"])
    kinds = [one.get("class") for one in tree.iter() if one.get("class")]
    assert kinds.count("seed") == 6
    assert kinds.count("line") == kinds.count("dot") == kinds.count("edge") == 1
    row = {"says": "<a & b>", "differences": [1.0], "mean": None, "low": None, "high": None,
           "margin": 0.0, "side": "above", "outcome": "no verdict"}  # fmt: skip
    ElementTree.fromstring(drawn([row]))


def test_a_changed_claim_was_not_tried(root):
    path = root / "claims" / "2_failed.toml"
    before = path.read_text()
    try:
        path.write_text(before.replace("margin = 0.25", "margin = 0.2"))
        page = ledger.pages(root)["ledger.md"]
        assert "**2 claims tried: 1 held, 0 failed, 1 undecided**" in page
        assert "the claim has changed since" in page
    finally:
        path.write_text(before)


def test_it_is_among_the_generated_pages(monkeypatch):
    for room in ("command_line", "errors", "papers"):  # Their own tests make them, slowly.
        monkeypatch.setattr(getattr(make_docs, room), "page", str)
    monkeypatch.setattr(make_docs.reference, "pages", dict)
    assert "<!-- ledger -->" in (ROOT / "README.md").read_text()
    assert {"ledger.md", make_docs.README} <= set(make_docs.pages())
    assert "(ledger.md)" in (ROOT / "docs" / "README.md").read_text()
