"""The page with boards, in a browser, with boards that are reached by a real sshd."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.support.axe import serious
from tests.support.browser import PHONE, Visit, chromium
from tests.support.device_models import KERNEL, picture, write_artifact
from tests.support.kept_photos import FOLDER, keep_some, photos_in
from tests.support.ports import free_port
from tests.support.remote.kit import WHEELS
from tests.support.remote.park import STORE
from tests.support.studio import studio

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.support.remote.board import Board
    from tests.support.remote.park import Park


EVIL = "<img src=x onerror=alert(1)>"


def models_in(root: Path) -> list[Path]:
    """Two models, of which the second is the newer one, and has names that must stay text."""
    folder = root / "models"
    folder.mkdir(parents=True)
    first = write_artifact(folder / "first.tflite")
    os.utime(first, (1_000_000_000, 1_000_000_000))
    return [first, write_artifact(folder / f"{EVIL}.tflite", labels=("red", EVIL, "blue"), kernel=KERNEL * 1.2)]


@contextmanager
def boards_page(root: Path, config: Path, cache: Path = WHEELS) -> Iterator[Visit]:
    """The page of a studio that knows the hosts of an ssh configuration, and has the wheels for boards."""
    environment = {"GRAFT_SSH_CONFIG": str(config), "GRAFT_CACHE": str(cache)}
    with (
        studio(root, environment=environment) as running,
        chromium() as browser,
        running.opened(browser, "/boards") as seen,
    ):
        yield seen


@contextmanager
def window(seen: Visit) -> Iterator[Page]:
    """Another window of the same browser, on the same page."""
    other = seen.page.context.new_page()
    other.goto(seen.page.url)
    yield other
    other.close()


def current(board: Board) -> bytes:
    return board.at(f"{STORE}/current/model.tflite").read_bytes()


def collects(page: Page, root: Path) -> None:
    """Collects six pictures, takes over what somebody said of two, and takes that back."""
    collect = page.get_by_role("region", name="Collect pictures").first
    collect.get_by_text("More choices").click()
    collect.get_by_label("Folder of pictures on the boards").fill(FOLDER)
    collect.get_by_role("button", name="Collect").click()
    collect.get_by_text("6 new pictures arrived.").wait_for()
    assert len(photos_in(root / "inbox")) == 6
    collect.get_by_role("button", name="Add 2 pictures to cats").click()
    collect.get_by_text("2 pictures are in cats now.").wait_for()
    assert len(list((root / "photos" / "cats").iterdir())) == 2
    collect.get_by_role("button", name="Take it back").click()
    collect.get_by_text("6 pictures wait to be sorted.").wait_for()
    assert len(photos_in(root / "inbox")) == 6


@pytest.mark.slow
def test_a_person_deploys_two_models_goes_back_and_collects_without_a_shell(park: Park, tmp_path: Path) -> None:
    board, root = park.start("kitchen", kit=True), tmp_path / "pets"
    first, second = models_in(root)
    keep_some(board, 6)
    with boards_page(root, park.config) as seen:
        page = seen.page
        page.goto(f"{page.url}?model=models%2Ffirst.tflite")  # as the page Train leads here
        page.get_by_label("Address").fill("pi@kitchen")
        page.get_by_role("button", name="Add a board").click()
        card = page.get_by_role("region", name="kitchen", exact=True)
        card.get_by_text("Answered at").wait_for()
        expect(card.get_by_text("No model yet.")).to_be_visible()
        assert 'kitchen = "pi@kitchen"' in (root / "studio.toml").read_text()

        def deploy() -> None:
            before = board.tree()
            card.get_by_role("button", name="Show what would be done").click()
            card.get_by_role("button", name="Deploy", exact=True).wait_for()
            assert board.tree() == before
            card.get_by_role("button", name="Deploy", exact=True).click()

        expect(card.get_by_label("Model", exact=True)).to_have_value("first")
        card.get_by_label("Model", exact=True).click()
        page.get_by_role("option", name=EVIL).click()
        expect(card.get_by_label("Model", exact=True)).to_have_value(EVIL)
        card.get_by_label("Model", exact=True).click()
        page.get_by_role("option", name="first").click()
        card.get_by_text("More choices").click()
        card.get_by_text("The board has no internet").click()
        expect(card.get_by_text("graft deploy models/first.tflite pi@kitchen --dry-run")).to_be_visible()
        deploy()
        card.get_by_text("passed, with litert").wait_for()
        assert current(board) == first.read_bytes()
        card.get_by_text("red, green, blue").wait_for()

        card.get_by_label("Model", exact=True).click()
        page.get_by_role("option", name=EVIL).click()
        deploy()
        card.get_by_role("button", name="Go back").wait_for()
        expect(card.get_by_text(f"red, {EVIL}, blue")).to_be_visible()
        assert current(board) == second.read_bytes()
        with window(seen) as other:  # another window sees the same
            other.get_by_text(f"red, {EVIL}, blue").wait_for()
            card.get_by_role("button", name="Go back").click()
            page.get_by_role("button", name="Yes, go back to first").click()
            card.get_by_text("kitchen: back to first").wait_for()
            card.get_by_text("Done", exact=True).wait_for()
            assert current(board) == first.read_bytes()
            other.get_by_text("red, green, blue").wait_for()
        expect(page.locator("img[src=x]")).to_have_count(0)

        collects(page, root)
        assert seen.errors() == []


def test_boards_that_are_off_and_what_is_no_address_on_a_phone_in_chinese(tmp_path: Path) -> None:
    root, config = tmp_path / "pets", tmp_path / "config"
    models_in(root)
    config.write_text(f"Host shelf *.lan -oProxyCommand=x\n  HostName 127.0.0.1\n  Port {free_port()}\n")
    address = f"ssh://pi@127.0.0.1:{free_port()}"
    with boards_page(root, config) as seen:
        page = seen.page
        page.get_by_label("Address").fill(f"-oProxyCommand=touch {tmp_path}/touched")
        page.get_by_role("button", name="Add a board").click()
        page.get_by_text("is not a board's address").wait_for()
        expect(page.get_by_text("What to do: write [user@]host")).to_be_visible()
        assert not (root / "studio.toml").exists()
        page.get_by_label("Name").fill(EVIL)
        page.get_by_label("Address").fill(address)
        page.get_by_label("Address").press("Enter")
        off = page.get_by_role("region", name=EVIL)
        off.get_by_text("nothing listens there").wait_for()
        shelf = page.get_by_role("button", name="Add shelf")
        expect(shelf).to_be_visible()
        expect(page.get_by_role("button", name="Add -oProxyCommand")).to_have_count(0)
        shelf.click()
        page.get_by_role("region", name="shelf").get_by_text("nothing listens there").wait_for()
        expect(shelf).to_have_count(0)
        expect(off.get_by_role("button", name="Deploy", exact=True)).to_be_hidden()
        assert serious(page) == []

        page.set_viewport_size({"width": PHONE, "height": 800})
        page.emulate_media(color_scheme="dark")
        page.get_by_label("Language").select_option("zh-CN")
        page.get_by_role("button", name="全部检测").click()
        page.get_by_text("检测失败").first.wait_for()
        assert (serious(page), seen.flaws()) == ([], [])
        assert min(seen.contrasts()) > (4.5, "")

        page.get_by_role("region", name="shelf").get_by_role("button", name="移除").click()
        page.get_by_role("region", name="shelf").wait_for(state="detached")
        assert "shelf" not in (root / "studio.toml").read_text()
        (root / "studio.toml").write_text("[boards\n")
        page.reload()
        page.get_by_text("studio.toml is not sound").first.wait_for()
        expect(page.locator("img[src=x]")).to_have_count(0)
        assert not (tmp_path / "touched").exists()
        assert seen.errors() == []


def test_the_inbox_is_sorted_on_a_page_that_the_studio_opens(tmp_path: Path, shared_cache: Path) -> None:
    root = tmp_path / "pets"
    for folder, names in (("inbox", ("red", "blue")), ("photos/red", ("red",)), ("photos/blue", ("blue",))):
        (root / folder).mkdir(parents=True)
        for name in names:
            picture(name, (64, 40 + len(folder))).save(root / folder / f"{name}.png")
    with boards_page(root, tmp_path / "none", shared_cache) as seen:
        page = seen.page
        page.get_by_text("2 pictures wait to be sorted.").wait_for()
        page.get_by_role("button", name="Sort the pictures").click()
        with page.context.expect_page() as opening:
            page.get_by_role("link", name="Open the page for sorting").click()
        sorting = opening.value
        sorting.wait_for_function("() => document.title.startsWith('2 left')")
        sorting.keyboard.press("u")
        sorting.wait_for_function("() => document.title.startsWith('1 left')")
        page.get_by_role("button", name="Cancel Sort the pictures").click()
        page.get_by_text("1 picture waits to be sorted.").wait_for()
        expect(page.get_by_role("link", name="Open the page for sorting")).to_have_count(0)
        assert len(list((root / "photos" / "unknown").iterdir())) == 1
