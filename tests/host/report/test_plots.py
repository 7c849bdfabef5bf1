from __future__ import annotations

import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest

from graft_host.report.confusion_plot import confusion_matrix
from graft_host.report.page import columns, shorten
from graft_host.report.score_plots import reliability_diagram, score_histogram
from graft_host.report.statistics import reliability

SVG = "{http://www.w3.org/2000/svg}"
HARD_LABELS = ('<b> & "x"', "$x_1$ costs 5$", "鳥と猫の写真のフォルダです", "🐈‍⬛", "قطة", "x" * 300, "mark-0")
CONFUSION = np.array([[26, 4], [2, 23]])
TOP = np.array([0.99, 0.95, 0.4, 0.97], np.float32)
NAMED_RIGHT = np.array([True, True, False, False])


def parse(drawing: str) -> ET.Element:
    """Parses the drawing as a browser does inside a page, where the two namespaces are known."""
    names = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
    return ET.fromstring(drawing.replace("<svg ", f"<svg {names} ", 1))  # noqa: S314  our own drawing


def texts(drawing: str) -> list[str]:
    """Each text of a drawing, without tooltips."""
    return [element.text or "" for element in parse(drawing).iter(f"{SVG}text")]


def drawings() -> list[str]:
    """A drawing of each kind."""
    scores = np.array([[0.9, 0.1], [0.3, 0.7], [0.55, 0.45]], np.float32)
    diagram = reliability(scores, np.array([0, 1, 1]))
    return [
        confusion_matrix(CONFUSION, ("cats", "dogs")),
        reliability_diagram(diagram),
        score_histogram(TOP, NAMED_RIGHT, 0.6),
    ]


def test_counts_and_names_are_in_the_confusion_matrix() -> None:
    drawing = confusion_matrix(CONFUSION, ("cats", "dogs"))
    shown = texts(drawing)
    assert [text for text in shown if text.isdigit()] == ["26", "4", "2", "23"]
    assert shown.count("cats") == shown.count("dogs") == 2
    description = parse(drawing).get("aria-label")
    assert description == (
        "Confusion matrix of 2 classes: 49 of 55 photos on the diagonal. "
        "Most frequent mistake: cats taken for dogs, 4 photos."
    )


def test_unknown_photos_have_a_column_beside_the_classes() -> None:
    drawing = confusion_matrix(CONFUSION, ("cats", "dogs"), np.array([3, 0]))
    shown = texts(drawing)
    assert [text for text in shown if text.isdigit()] == ["26", "4", "3", "2", "23", "0"]
    assert shown.count("unknown") == 1
    assert parse(drawing).get("aria-label") == (
        "Confusion matrix of 2 classes: 49 of 58 photos on the diagonal. "
        "Most frequent mistake: cats taken for dogs, 4 photos. 3 photos called unknown."
    )


def test_labels_in_any_script_are_not_changed() -> None:
    size = len(HARD_LABELS)
    drawing = confusion_matrix(np.eye(size, dtype=np.int64), HARD_LABELS)
    shown = texts(drawing)
    for label in HARD_LABELS:
        assert shown.count(shorten(label, 16)) == 2
    titles = [element.text for element in parse(drawing).iter(f"{SVG}title")]
    assert titles.count("x" * 300) == 2


def test_many_classes_are_numbered_and_the_drawing_stays_small() -> None:
    rng = np.random.default_rng(0)
    confusion = rng.integers(0, 3, (100, 100))
    drawing = confusion_matrix(confusion, [f"class {index}" for index in range(100)])
    assert [text for text in texts(drawing) if text.isdigit()] == ["1", *map(str, range(10, 101, 10))] * 2
    assert len(list(parse(drawing).iter(f"{SVG}path"))) < 40
    assert len(drawing) < 600_000


def test_a_row_without_photos_causes_no_division_by_zero() -> None:
    assert "0 of 0" not in confusion_matrix(np.array([[3, 0], [0, 0]]), ("a", "b"))


def test_the_counts_of_the_bins_are_in_the_reliability_diagram() -> None:
    scores = np.array([[0.9, 0.1]] * 12 + [[0.3, 0.7]] * 5, np.float32)
    drawing = reliability_diagram(reliability(scores, np.zeros(17, np.int64)))
    assert {"12", "5"} <= set(texts(drawing))
    assert "apart on average" in (parse(drawing).get("aria-label") or "")


def test_the_threshold_is_a_labelled_line() -> None:
    with_line, without = score_histogram(TOP, NAMED_RIGHT, 0.62), score_histogram(TOP, NAMED_RIGHT, None)
    assert "unknown below 62%" in texts(with_line)
    assert "unknown" not in without
    assert with_line.count("stroke-dasharray") == without.count("stroke-dasharray") + 2
    assert {"correct: 2 photos", "wrong: 2 photos"} <= set(texts(without))


def test_colours_are_those_of_the_page() -> None:
    for drawing in drawings():
        assert "var(--ink)" in drawing or "var(--muted)" in drawing
        assert not re.findall(r"(?:fill|stroke): ?#", drawing)
        assert "font-family" not in drawing


def test_names_inside_drawings_do_not_clash() -> None:
    names = [name for drawing in drawings() for name in re.findall(r' id="([^"]+)"', drawing)]
    assert names
    assert len(names) == len(set(names))
    assert {name for drawing in drawings() for name in re.findall(r"(?:href=\"|url\()#([\w-]+)", drawing)} == set(names)


def test_the_same_data_gives_the_same_bytes() -> None:
    assert drawings() == drawings()


def test_the_users_settings_have_no_effect_and_are_not_changed() -> None:
    plain = drawings()
    with mpl.rc_context({"text.usetex": True, "font.size": 30, "svg.fonttype": "path"}):
        before = dict(mpl.rcParams)
        assert drawings() == plain
        assert dict(mpl.rcParams) == before


def test_wide_letters_count_twice_in_a_shortened_label() -> None:
    assert columns("鳥a") == 3
    assert columns("é") == 1
    assert shorten("鳥と猫の写真", 7) == "鳥と猫…"
    assert shorten("short", 5) == "short"


PROGRAM = """
import sys
import numpy as np
from graft_host.report.confusion_plot import confusion_matrix
assert not any(name.startswith("matplotlib") for name in sys.modules), "loaded too early"
print(len(confusion_matrix(np.eye(2, dtype=np.int64), ("a", "b"))))
assert "matplotlib.pyplot" not in sys.modules
"""


@pytest.mark.slow
@pytest.mark.parametrize("home", ["/dev/null/home", None], ids=["unwritable", "empty"])
def test_matplotlib_needs_no_home_that_it_can_write_to(home: str | None, tmp_path: Path) -> None:
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("XDG_", "MPL"))}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", PROGRAM], env={**kept, "HOME": home or str(tmp_path)},
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
