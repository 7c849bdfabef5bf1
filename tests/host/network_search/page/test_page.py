from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from graft_host.network_search.options import SearchOptions
from graft_host.network_search.page.choices import choices
from graft_host.network_search.page.page import search_report
from graft_host.network_search.pareto import Candidate, Limits, choose
from graft_host.network_search.result import SearchResult
from graft_host.network_search.search import has_room_for_golden_photos
from graft_host.training.options import HeadOptions
from tests.host.report.test_report import Outline
from tests.support.browser import DESKTOP, PHONE, chromium, visit

if TYPE_CHECKING:
    from playwright.sync_api import Browser


def result(candidates: list[Candidate], limits: Limits) -> SearchResult:
    photos = {"train": 353, "validation": 92, "test": 55, "skipped": 0}
    return SearchResult(
        candidates=tuple(candidates),
        limits=limits,
        chosen=choose(candidates, limits),
        trained=None,
        latency="one inference here, litert, threads: 2",
        photos=photos,
        seconds={"scan": 1.0, "backbones": 80.0, "total": 90.0},
        written=False,
    )


def networks(count: int) -> list[Candidate]:
    return [
        Candidate(
            tap=f"mixed{5 + n % 3}",
            image_size=150 + 37 * (n // 3),
            accuracy=0.9 + 0.01 * (n % 9),
            standard_error=0.01,
            ms=5.0 + 4 * n,
            estimated=n % 2 == 1,
            bytes=9_000_000,
        )
        for n in range(count)
    ]


OPTIONS = SearchOptions(head=HeadOptions(photos=Path("<photos> & $x_1$")))


def test_the_page_names_every_network_and_the_chosen_one() -> None:
    search = result(networks(9), Limits())
    page = Outline(search_report(search, OPTIONS))
    for candidate in search.candidates:
        assert f"Inception-v3 {candidate.tap} at {candidate.image_size}" in page.texts()
    assert search.chosen is not None
    assert f"{search.chosen.tap} at {search.chosen.image_size} on the front" not in page.texts(), (
        "it is marked as chosen first"
    )
    assert "Inception-v3 mixed6 at 150 on the front 91.0% ± 1.0% ~9.0 9.0" in page.texts()
    assert "<photos> & $x_1$" in page.texts()
    assert len(page.all("svg")) == 1
    assert not page.all("script")
    assert search_report(search, OPTIONS) == search_report(search, OPTIONS)


def test_the_headline_is_the_advice() -> None:
    headline = "Take Inception-v3 mixed5 at 224: 97.0%, 29.0 ms, 9.0 MB"
    chosen = replace(networks(7)[6], accuracy=0.97, estimated=False)
    assert headline in Outline(search_report(result([chosen], Limits()), OPTIONS)).texts()


@pytest.mark.parametrize(
    ("figures", "limits", "expected"),
    [
        pytest.param(
            [(0.95, 10, 5), (0.97, 20, 9)],
            Limits(),
            [("mixed1", ("fastest and smallest within one standard error of the best", "most accurate"))],
            id="one-for-all",
        ),
        pytest.param(
            [(0.962, 10, 9), (0.961, 15, 5), (0.97, 20, 12)],
            Limits(within=0),
            [
                ("mixed2", ("most accurate",)),
                ("mixed0", ("fastest within one standard error of the best",)),
                ("mixed1", ("smallest within one standard error of the best",)),
            ],
            id="three",
        ),
        pytest.param(
            [(0.95, 10, 5), (0.955, 15, 5), (0.97, 20, 9)],
            Limits(max_ms=16, within=0),
            [
                ("mixed1", ("most accurate",)),
                ("mixed0", ("fastest and smallest within one standard error of the best",)),
            ],
            id="only-what-meets-the-limits",
        ),
        pytest.param([(0.95, 10, 5)], Limits(max_ms=1), [], id="none"),
    ],
)
def test_the_choices(
    figures: list[tuple[float, float, float]], limits: Limits, expected: list[tuple[str, tuple[str, ...]]]
) -> None:
    candidates = [
        replace(networks(1)[0], tap=f"mixed{n}", accuracy=accuracy, ms=float(ms), bytes=int(megabytes * 1e6))
        for n, (accuracy, ms, megabytes) in enumerate(figures)
    ]
    search = result(candidates, limits)
    shown = choices(search)
    assert [(choice.candidate.tap, choice.reasons) for choice in shown] == expected
    page = Outline(search_report(search, OPTIONS)).texts()
    for choice in shown[1:]:
        assert f"--backbone inception-v3 --tap {choice.candidate.tap} --image-size 150" in page


def test_missed_limits_are_named() -> None:
    limits = Limits(max_ms=20, min_accuracy=0.95)
    page = Outline(search_report(result(networks(9), limits), OPTIONS)).texts()
    assert "No network meets the limits" in page
    assert "None of the networks has at most 20 ms and an accuracy of at least 0.95." in page
    assert "No network was chosen" in page
    assert "Nearest is " in page
    assert "misses --max-ms" in page
    assert "misses --min-accuracy" in page


def test_the_page_says_why_its_milliseconds_are_unreliable() -> None:
    search = result(networks(9), Limits())
    warning = "the milliseconds are unreliable: other programs wanted 3.3 of 2 cores"
    assert warning in Outline(search_report(replace(search, warnings=(warning,)), OPTIONS)).texts()
    assert "may be wrong" in Outline(search_report(replace(search, warnings=(warning,)), OPTIONS)).texts()
    assert "may be wrong" not in Outline(search_report(search, OPTIONS)).texts()


def test_the_best_of_equally_accurate_networks_is_the_chosen_one() -> None:
    """A larger one that is faster by less than a tenth is not chosen."""
    small = Candidate(
        tap="mixed5", image_size=150, accuracy=1.0, standard_error=0.01, ms=10.04, estimated=False, bytes=5_300_000
    )
    large = Candidate(
        tap="mixed7", image_size=150, accuracy=1.0, standard_error=0.01, ms=10.01, estimated=False, bytes=9_300_000
    )
    search = result([large, small], Limits())
    assert search.best == search.chosen == small
    assert "most accurate Inception-v3 mixed5 at 150" in Outline(search_report(search, OPTIONS)).texts()


@pytest.mark.parametrize(("max_mb", "expected"), [(None, True), (9.0, False), (9.26, False), (9.28, True)])
def test_golden_photos_are_left_out_if_they_could_exceed_the_limit(max_mb: float | None, expected: bool) -> None:
    assert has_room_for_golden_photos(networks(1)[0], Limits(max_mb=max_mb)) == expected


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.mark.parametrize("width", [PHONE, DESKTOP])
@pytest.mark.parametrize("count", [1, 9, 40])
def test_the_page_fits_loads_nothing_and_covers_nothing(
    browser: Browser, tmp_path: Path, width: int, count: int
) -> None:
    warnings = ("the milliseconds are unreliable",)
    search = replace(result(networks(count), Limits(max_ms=60)), seconds={"total": 1.0}, warnings=warnings)
    (tmp_path / "search.html").write_text(search_report(search, OPTIONS))
    address = (tmp_path / "search.html").as_uri()
    with visit(browser, address, width) as seen:
        assert seen.flaws() == []
        assert seen.problems == []
        assert seen.requests == [address]
        assert min(seen.contrasts())[0] >= 4.5


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [PHONE, 390])
def test_on_a_phone_the_chosen_point_is_in_view_and_no_figure_wraps(
    browser: Browser, tmp_path: Path, width: int, dark: bool
) -> None:
    joined = replace(networks(1)[0], tap="mixed5+mixed6+mixed7+mixed8", ms=59.9)
    search = replace(result([*networks(21), joined], Limits(max_ms=60)), warnings=("the milliseconds are unreliable",))
    (tmp_path / "search.html").write_text(search_report(search, OPTIONS))
    with visit(browser, (tmp_path / "search.html").as_uri(), width, dark=dark) as seen:
        assert seen.flaws() == []
        assert min(seen.contrasts())[0] >= 4.5
        drawing = seen.page.locator("figure svg:visible")
        assert drawing.count() == 1
        box = drawing.bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width, "the whole plot is in view"
        assert seen.page.evaluate(_LINES) == 1, "no figure of the table takes two lines"
        assert seen.page.evaluate(_COVERED) == [], "no heading covers its neighbour"
        scrolled = "[...document.querySelectorAll('.scroll')].every((box) => box.scrollWidth <= box.clientWidth)"
        assert seen.page.evaluate(scrolled), "nothing is out of view"
        warning = seen.page.locator("section.warning")
        other = seen.page.locator("section:not(.warning)").first
        ground = "(element) => getComputedStyle(element).backgroundColor"
        assert warning.evaluate(ground) != other.evaluate(ground)


_LINES = """() => Math.max(...[...document.querySelectorAll('.networks td')].map((cell) => {
  const range = document.createRange();
  range.selectNodeContents(cell.firstChild);
  return new Set([...range.getClientRects()].map((box) => Math.round(box.top))).size;
}))"""
_COVERED = """() => {
  const texts = [...document.querySelectorAll('.networks thead th')].map((cell) => {
    const range = document.createRange();
    range.selectNodeContents(cell);
    return range.getBoundingClientRect();
  });
  return texts.slice(1).filter((box, index) => box.left < texts[index].right + 2).map((box) => box.left);
}"""
