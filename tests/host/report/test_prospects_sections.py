"""The sections of a report about more photos and about unknown objects like the known ones, from any run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graft_host.prospects.learning_curve import ClassNeed, LearningCurve, Point
from graft_host.prospects.strangers import LeftOut, Strangers
from graft_host.report.learning_curve import learning_curve
from graft_host.report.report import ReportData, render_report
from graft_host.report.strangers import strangers
from graft_host.training.prospects import Prospects
from tests.host.report.test_report import Outline, data_of, evaluation
from tests.support.browser import DESKTOP, PHONE, chromium, visit
from tests.support.device_models import picture

LABELS = ("red", "<b>green", "blue")
POINTS = tuple(
    Point(photos=photos, accuracy=share, low=share - 0.08, high=share + 0.06)
    for photos, share in ((15, 0.51), (30, 0.63), (60, 0.7), (120, 0.74))
)
PROSPECTS = Prospects(
    Strangers(
        classes=(
            LeftOut(label=0, photos=40, different=40, refused=12, taken=((2, 20), (1, 8))),
            LeftOut(label=1, photos=40, different=10, refused=0, taken=((0, 40),)),
        ),
        of=3,
    ),
    LearningCurve(
        points=POINTS, twice=Point(photos=240, accuracy=0.78, low=0.7, high=0.85), trend="rising", classes=3,
        needs=(ClassNeed(label=1, photos=20, f1=0.6, need=0.02), ClassNeed(label=0, photos=40, f1=0.8, need=0.005)),
    ),
)  # fmt: skip


def _data(folder: Path, training: object) -> ReportData:
    for index in range(6):
        picture("red", (60 + index, 50)).save(folder / f"photo{index}.png")
    return data_of(evaluation(("red", "green", "blue"), 6, folder, errors=1), folder, training=training)


def test_both_sections_show_what_was_measured(tmp_path: Path) -> None:
    run = json.loads(json.dumps(PROSPECTS.to_json(LABELS)))
    outline = Outline(render_report(_data(tmp_path, run)))
    shown = outline.texts()
    for words in (
        "Unknown objects that look like the known ones", "red 30.0% (12 of 40)", "blue 20, <b>green 8",
        "the 2 of 3 that are nearest", "How many more photos", "More photos like these give more.",
        "80 a class, 78.0% right are expected, 70.0% to 85.0%.", "help most in <b>green", "<b>green 20 0.600",
    ):  # fmt: skip
        assert words in shown, words
    (drawing,) = (svg for svg in outline.all("svg") if "Learning curve" in str(svg["aria-label"]))
    assert "5 photos a class: 51.0%; 10 photos a class: 63.0%" in str(drawing["aria-label"])
    assert "80: 78.0% expected" in str(drawing["aria-label"])


def test_a_run_without_them_has_no_section_and_one_that_could_not_measure_says_why(tmp_path: Path) -> None:
    assert "How many more photos" not in render_report(_data(tmp_path, {}))
    unmeasured = Prospects(Strangers(of=2, note="this needs 3 classes"), LearningCurve(classes=2, note="too few"))
    shown = Outline(render_report(_data(tmp_path, unmeasured.to_json(LABELS)))).texts()
    assert "Not measured: this needs 3 classes." in shown
    assert "Not measured: too few." in shown


_JUNK = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(
        ["points", "twice_the_photos", "trend", "classes", "more_photos_of", "left_out", "interval", "accuracy",
         "photos_per_class", "share", "label", "taken_for"]), inner, max_size=6),
    max_leaves=12,
)  # fmt: skip


@given(junk=_JUNK)
def test_results_of_any_content_give_sections(junk: Any) -> None:
    labels = ("red", "green", "blue")
    data = data_of(evaluation(labels, 6, Path()), Path(), training={"strangers": junk, "learning_curve": junk})
    Outline(strangers(data) + learning_curve(data))


@pytest.mark.parametrize(("width", "dark"), [(DESKTOP, False), (PHONE, True)])
def test_the_sections_fit_and_can_be_read_in_a_browser(tmp_path: Path, width: int, *, dark: bool) -> None:
    page = tmp_path / "page.html"
    page.write_text(render_report(_data(tmp_path, PROSPECTS.to_json(LABELS))), "utf-8")
    with chromium() as browser, visit(browser, page.as_uri(), width, dark=dark) as seen:
        assert seen.flaws() == []
        assert min(ratio for ratio, _ in seen.contrasts()) >= 4.5
        assert seen.page.locator("#learning-curve svg").is_visible()
