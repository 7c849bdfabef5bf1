from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from graft_host.network_search.options import SearchOptions
from graft_host.network_search.page import search_report
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
        assert candidate.shown in page.texts()
    assert search.chosen is not None
    assert f"Chosen {search.chosen.shown}" in page.texts()
    assert "~9.0 ms" in page.texts()
    assert "<photos> & $x_1$" in page.texts()
    assert len(page.all("svg")) == 1
    assert not page.all("script")
    assert search_report(search, OPTIONS) == search_report(search, OPTIONS)


def test_missed_limits_are_named() -> None:
    limits = Limits(max_ms=20, min_accuracy=0.95)
    page = Outline(search_report(result(networks(9), limits), OPTIONS)).texts()
    assert "No network was chosen" in page
    assert "at most 20 ms, an accuracy of at least 0.95" in page
    assert "misses --max-ms" in page
    assert "misses --min-accuracy" in page


def test_the_page_says_why_its_milliseconds_are_unreliable() -> None:
    search = result(networks(9), Limits())
    warning = "the milliseconds are unreliable: other programs wanted 3.3 of 2 cores"
    assert warning in Outline(search_report(replace(search, warnings=(warning,)), OPTIONS)).texts()
    assert "What to mind" not in Outline(search_report(search, OPTIONS)).texts()


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
    assert "It is also the most accurate." in Outline(search_report(search, OPTIONS)).texts()


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
