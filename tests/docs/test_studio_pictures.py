"""The pictures of the studio show its pages as they are."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from docs.tools.make_studio_pictures import DOCS, PAGES, SCREENS, SHOWN, described, show
from tests.support.browser import chromium
from tests.support.studio import studio


def test_each_page_has_a_small_picture_in_the_documents() -> None:
    text = (DOCS / "how-to" / "studio.md").read_text("utf-8")
    assert {screen.page for screen in SCREENS} == {*PAGES}
    for screen in SCREENS:
        assert f"](../{screen.name}.webp)" in text
        assert 5_000 < (DOCS / f"{screen.name}.webp").stat().st_size < 150_000, screen.name


@pytest.mark.service
def test_no_page_has_changed_since_its_picture_was_taken(tmp_path: Path) -> None:
    """After a change of a page: ``python -m docs.tools.make_studio_pictures graft-demo``, and look at the pictures."""
    environment = {"GRAFT_CACHE": str(tmp_path / "cache"), "HOME": str(tmp_path)}
    with studio(tmp_path / "empty", environment=environment) as running, chromium() as browser:
        address = running.address()
        context = browser.new_context(viewport={"width": 1180, "height": 800}, locale="en-GB", reduced_motion="reduce")
        context.set_default_timeout(120_000)
        page = context.new_page()
        page.goto(address)
        page.wait_for_selector("#content")
        now = {}
        for name in PAGES:
            show(page, address.partition("/enter")[0], name)
            now[name] = described(page, name)
        context.close()
    assert now == json.loads(SHOWN.read_text("utf-8"))
