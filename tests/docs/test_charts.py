"""The figures of the page on transfer: each shows all numbers that were kept, and the page shows each figure."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import pytest

from docs.tools.charts import draw, figures
from docs.tools.rooms import REPOSITORY

SVG = "{http://www.w3.org/2000/svg}"
PAGE = (REPOSITORY / "docs" / "explanation" / "transfer.md").read_text("utf-8")


def series(name: str) -> dict[str, list[tuple[float, ...]]]:
    """The kept values of a figure, by the name of their line or row."""
    figure = figures()[name]
    if "rows" in figure:
        return {row["name"]: [(row["mean"], row["spread"])] for row in figure["rows"]}
    return {line["name"]: [tuple(point) for point in line["points"]] for line in figure["lines"]}


def test_the_page_shows_each_figure_once() -> None:
    assert re.findall(r"^<!-- figure: (\w+) -->$", PAGE, re.MULTILINE) == list(figures())


@pytest.mark.parametrize("name", figures())
def test_a_figure_has_a_dot_for_each_value_and_a_text_for_each_name(name: str) -> None:
    drawing = ET.fromstring(draw(name))  # noqa: S314  our own text
    texts = {text.text for text in drawing.iter(f"{SVG}text")}
    dots = list(drawing.iter(f"{SVG}circle"))
    assert texts >= set(series(name))
    before = sum("before" in row for row in figures()[name].get("rows", []))
    assert len(dots) == sum(map(len, series(name).values())) + before
    assert drawing.get("aria-label") == figures()[name]["title"]
    _, _, width, height = map(float, drawing.get("viewBox", "").split())
    for dot in dots:
        assert 0 < float(dot.get("cx", "-1")) < width
        assert 0 < float(dot.get("cy", "-1")) < height


@pytest.mark.parametrize("name", figures())
def test_a_greater_accuracy_is_drawn_higher_or_farther_to_the_right(name: str) -> None:
    drawing = ET.fromstring(draw(name))  # noqa: S314  our own text
    rows = "rows" in figures()[name]
    if rows:
        pairs = [(row.get("before"), row["mean"]) for row in figures()[name]["rows"]]
        means = [value for pair in pairs for value in pair if value is not None]
    else:
        means = [value[1] for values in series(name).values() for value in values]
    places = [float(dot.get("cx" if rows else "cy", "")) for dot in drawing.iter(f"{SVG}circle")]
    order = sorted(range(len(means)), key=lambda index: means[index])
    drawn = [places[index] if rows else -places[index] for index in order]
    assert drawn == sorted(drawn)


@pytest.mark.parametrize("name", figures())
def test_a_figure_is_legible_on_a_light_and_on_a_dark_page(name: str) -> None:
    text = draw(name)
    assert 'fill="currentColor"' in text
    colours = set(re.findall(r'"#([0-9a-f]{6})"', text))
    assert colours
    for colour in colours:
        luminance = _luminance(colour)
        assert 1.05 / (luminance + 0.05) >= 2.3, colour  # contrast to white
        assert (luminance + 0.05) / (_luminance("1e2129") + 0.05) >= 2.3, colour  # and to the dark scheme


def _luminance(colour: str) -> float:
    """The relative luminance that WCAG defines."""
    values = (int(colour[place : place + 2], 16) / 255 for place in (0, 2, 4))
    red, green, blue = (value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in values)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
