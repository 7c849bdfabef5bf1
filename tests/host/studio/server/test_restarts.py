"""The studio ends, is killed, and is started again while a window is open."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from graft_host.studio.server.remembered import Memory, Remembered
from tests.support.browser import chromium
from tests.support.studio import studio

if TYPE_CHECKING:
    from playwright.sync_api import Page

HOUR = 3600.0


@pytest.mark.service
def test_an_open_window_goes_on_when_the_studio_is_back(tmp_path: Path) -> None:
    root, kept = tmp_path / "my pets", {"GRAFT_CACHE": str(tmp_path / "cache")}
    with chromium() as browser, studio(root, environment=kept) as first, first.opened(browser) as seen:
        first.address()  # that for another browser, printed once this one was let in
        assert first.end(signal.SIGINT) == 0
        assert [line for line in first.said if "rror" in line or "Traceback" in line] == []
        _is_away(seen.page, f"graft studio '{root}'")
        with studio(root, environment=kept) as second:
            second.address()
            _goes_on(seen.page)
            second.process.kill()
            second.process.wait()
            _is_away(seen.page, f"graft studio '{root}'")
            with studio(root, environment=kept) as third:
                third.address()
                _goes_on(seen.page)
                with studio(root, environment=kept) as other:
                    other.address()
                    assert other.said[0] == "another studio has this folder open; both show what the other one changes"
                assert third.end(signal.SIGTERM) == 0
        assert {path.name for path in root.iterdir()} == {"photos", "models", "inbox", ".studio"}
        assert [text for text in seen.problems if "ERR_CONNECTION_REFUSED" not in text and "error" in text] == []


def _is_away(page: Page, command: str) -> None:
    page.locator("#studio-away").wait_for(state="visible")
    expect(page.locator("#studio-away .studio-code")).to_have_text(command)
    page.evaluate("window.old = true")


def _goes_on(page: Page) -> None:
    page.wait_for_function("() => !window.old && window.did_handshake")
    page.locator("#studio-away").wait_for(state="hidden")


def test_what_is_kept_for_open_windows_ends_after_12_hours(tmp_path: Path) -> None:
    memory = Memory(tmp_path, Path("/pets"))
    assert memory.recall(0.0) is None
    memory.keep(Remembered("secret", 8123))
    [file] = (tmp_path / "studio").iterdir()
    kept = file.stat().st_mtime
    assert memory.recall(kept + 11 * HOUR) == Remembered("secret", 8123)
    assert memory.recall(kept + 12 * HOUR) is None
    assert memory.recall(kept - 1) is None  # a clock that was wrong
    assert Memory(tmp_path, Path("/other")).recall(kept) is None


def test_a_token_that_others_may_have_read_or_written_is_not_taken(tmp_path: Path) -> None:
    memory = Memory(tmp_path, Path("/pets"))
    memory.keep(Remembered("secret", 8123))
    [file] = (tmp_path / "studio").iterdir()
    kept = file.stat().st_mtime
    for damaged in (b"", b"{", b"[]", b'{"token": "", "port": 1}', b'{"token": 5, "port": 1}', b"\xff" * 9000):
        file.write_bytes(damaged)
        os.utime(file, (kept, kept))
        assert memory.recall(kept) is None, damaged
    memory.keep(Remembered("secret", 8123))
    file.chmod(0o640)
    assert memory.recall(file.stat().st_mtime) is None


def test_a_cache_that_cannot_be_written_keeps_nothing(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file")
    memory = Memory(tmp_path / "cache", Path("/pets"))
    memory.keep(Remembered("secret", 8123))
    assert memory.recall(0.0) is None
