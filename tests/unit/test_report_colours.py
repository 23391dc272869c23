"""Text stays readable on every colour, light and dark, for eyes of all kinds."""

import re
from pathlib import Path

import pytest

import likely.apps.report

ASSETS = Path(likely.apps.report.__file__).parent / "assets"
NORMAL = 4.5
"""The least contrast of WCAG 2.2 AA for text of normal size."""
SCALES = {"b": range(1, 8), "e": range(1, 8), "r": range(1, 7), "d": (0, 1, 2, 3, 5, 6, 7, 8)}
WEIGHTS = (0.2126, 0.7152, 0.0722)
# How the three kinds of cones blend for people without one of them (Viénot, Brettel and Mollon,
# 1999), on linear red, green and blue.
SIGHT = {
    "without red": ((0.11238, 0.88762, 0.0), (0.11238, 0.88762, 0.0), (0.00401, -0.00401, 1.0)),
    "without green": ((0.29275, 0.70725, 0.0), (0.29275, 0.70725, 0.0), (-0.02234, 0.02234, 1.0)),
}


def colours(scheme):
    """Custom properties of a scheme: those of light, with those of dark over them."""
    found = {}
    for name in ("page", "text"):
        style = (ASSETS / f"{name}.css").read_text(encoding="utf-8")
        light, dark = re.findall(r":root \{(.*?)\}", style, re.DOTALL)
        found |= properties(light)
        if scheme == "dark":
            found |= properties(dark)
    return found


def properties(block):
    return {
        name: tuple(int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4))
        for name, digits in re.findall(r"--(\w+): #([0-9a-f]{6});", block)
    }


def linear(colour):
    return [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in colour]


def contrast(one, other):
    first, second = sorted(
        sum(w * c for w, c in zip(WEIGHTS, linear(colour), strict=True)) for colour in (one, other)
    )
    return (second + 0.05) / (first + 0.05)


def test_contrast_is_that_of_the_standard():
    assert contrast((0, 0, 0), (1, 1, 1)) == pytest.approx(21)
    grey = (0x77 / 255,) * 3
    assert contrast(grey, (1, 1, 1)) == pytest.approx(4.48, abs=0.005)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("scale", SCALES)
def test_text_can_be_read_on_every_step_of_a_scale(scheme, scale):
    known = colours(scheme)
    for step in SCALES[scale]:
        assert contrast(known["ink"], known[f"{scale}{step}"]) >= NORMAL, (scale, step)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("scale", ["b", "e", "r"])
def test_a_scale_goes_one_way_from_the_paper(scheme, scale):
    """So that it reads in grey too, and on paper."""
    known = colours(scheme)
    steps = [contrast(known["card"], known[f"{scale}{step}"]) for step in SCALES[scale]]
    assert steps == sorted(steps)
    assert steps[0] > 1.02
    assert steps[-1] > 2


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("words", ["ink", "soft", "ngram", "feed", "trans", "gold", "comp"])
def test_words_can_be_read_on_paper_and_cards(scheme, words):
    known = colours(scheme)
    for ground in ("paper", "card"):
        assert contrast(known[words], known[ground]) >= NORMAL, ground


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("sight", SIGHT)
def test_the_sides_of_a_difference_can_be_told_apart_by_everybody(scheme, sight):
    known = colours(scheme)
    for first, second in ((0, 8), (1, 7), (2, 6)):
        seen = [
            [
                sum(m * c for m, c in zip(row, linear(known[f"d{step}"]), strict=True))
                for row in SIGHT[sight]
            ]
            for step in (first, second)
        ]
        # Yellow against blue is what these eyes keep: one side has more blue than red, one less.
        sides = [red - blue for red, _, blue in seen]
        assert sides[0] < 0 < sides[1], (first, second, seen)
