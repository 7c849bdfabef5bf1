"""The section of a report about photos from elsewhere, from runs and from cards of any content."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from graft_host.report.report import ReportData, render_report
from tests.host.report.test_report import CARD, Outline, data_of, evaluation
from tests.support.device_models import picture

_ESTIMATE = {"accuracy": 0.75, "interval": [0.52, 0.89], "photos": 40}
SOURCES: dict[str, Any] = {
    "folders": 2,
    "photos": 400,
    "camera_copies": 1,
    "matched": True,
    "weight": {"rule": "density", "sum": 20, "quantiles": [0.01, 0.02, 0.05, 0.1, 0.5], "effective_photos": 227.4},
    "accuracy": {
        "target_alone": _ESTIMATE,
        "source_alone": {**_ESTIMATE, "accuracy": 0.825},
        "both": {**_ESTIMATE, "accuracy": 0.85},
        "cross_validated": True,
    },
}
PRIOR = {"shares": {"red": 0.8, "green": 0.1, "blue": 0.1}, "trained": {"red": 0.4, "green": 0.3, "blue": 0.3}}


def _data(folder: Path, sources: object, prior: object = None, **options: Any) -> ReportData:
    for index in range(30):
        picture("red", (60 + index, 50)).save(folder / f"photo{index}.png")
    card = replace(CARD, training={**CARD.training, "sources": sources, "prior": prior})
    return data_of(evaluation(("red", "green", "blue"), 30, folder, errors=6), folder, card, **options)


def test_the_card_alone_gives_the_figures(tmp_path: Path) -> None:
    text = Outline(render_report(_data(tmp_path, SOURCES, PRIOR))).texts()
    for words in (
        "What the source photos gave", "target alone 75.0% 52.0% to 89.0%", "both 85.0%", "each held out in turn",
        "Source photos 400 photos", "0.01 to 0.5; median 0.05, half of them 0.02 to 0.1", "equal weight 227",
        "Shares of the classes", "red 80.0% 40.0%",
    ):  # fmt: skip
        assert words in text, words
    assert "Weigh most" not in text


def test_known_shares_alone_have_a_section_with_the_accuracy_weighted_to_them(tmp_path: Path) -> None:
    data = _data(tmp_path, None, PRIOR)
    text = Outline(render_report(data)).texts()
    recalls = {label: row["recall"] for label, row in data.evaluation.per_class().items()}
    at_place = 0.8 * recalls["red"] + 0.1 * recalls["green"] + 0.1 * recalls["blue"]
    assert "The classes at the place" in text
    assert f"the file is right on {at_place:.1%}" in text


def test_the_photos_of_the_run_are_shown_and_escaped(tmp_path: Path) -> None:
    folder = tmp_path / "<b>source"
    folder.mkdir()
    photos = []
    for index in range(4):
        picture("blue", (70 + index, 60)).save(folder / f"{index}.png")
        photos.append({"path": str(folder / f"{index}.png"), "weight": 0.5 / (index + 1), "likeness": 2.0})
    run = {**SOURCES, "folders": [{"path": str(folder)}], "most": photos[:2], "least": [photos[3], {"path": "gone"}]}
    page = render_report(_data(tmp_path, SOURCES, training={"sources": run}))
    outline = Outline(page)
    assert "<b>source" not in page
    assert "Weigh most" in outline.texts()
    assert "Weigh least" in outline.texts()
    section = page[page.index('<section id="sources"') :]
    assert section[: section.index("</section>")].count("<img") == 3


@pytest.mark.parametrize(
    "sources",
    [
        {},
        [],
        "text",
        {"folders": "text", "photos": "many", "weight": "heavy", "accuracy": [1]},
        {"folders": [1, None], "weight": {"rule": {}, "quantiles": "12345", "effective_photos": float("nan")}},
        {"weight": {"quantiles": [1, 2, None, 4, "5"]}, "accuracy": {"both": {"accuracy": "x", "interval": 3}}},
        {"photos": 3, "most": "text", "least": [1, {"path": 5, "weight": []}]},
    ],
)
def test_what_another_version_wrote_is_no_error(tmp_path: Path, sources: object) -> None:
    priors: list[Any] = [
        None,
        {},
        [],
        {"shares": 1},
        {"shares": {"red": "x"}},
        {"shares": {"pink": 0.5}, "trained": []},
    ]
    for prior in priors:
        Outline(render_report(_data(tmp_path, sources, prior)))
