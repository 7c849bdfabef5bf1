"""The studio as a person opens it."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import expect

from tests.support.browser import chromium
from tests.support.studio import studio


def test_an_empty_folder_becomes_a_project_whose_pages_open(tmp_path: Path) -> None:
    with studio(tmp_path / "pets") as running, chromium() as browser, running.opened(browser) as seen:
        assert seen.page.title() == "Photos - pets - graft studio"
        for name in ("Check", "Train", "Find the fastest", "Try", "Boards", "Export"):
            seen.page.get_by_role("link", name=name).click()
            seen.page.wait_for_function(f"() => document.title.startsWith('{name} ')")
            for needs_photos in {"Train": ["Train"], "Find the fastest": ["Search"]}.get(name, []):
                expect(seen.page.get_by_role("button", name=needs_photos, exact=True)).to_be_disabled()
        assert seen.errors() == []
    assert {path.name for path in (tmp_path / "pets").iterdir()} >= {"photos", "models", "inbox"}
