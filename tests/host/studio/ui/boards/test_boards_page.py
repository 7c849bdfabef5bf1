"""The page with boards, in a browser, with boards that are reached by a real sshd."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.browser import Visit, chromium
from tests.support.device_models import KERNEL, write_artifact
from tests.support.kept_photos import FOLDER, keep_some, photos_in
from tests.support.remote.kit import WHEELS
from tests.support.remote.park import STORE
from tests.support.studio import studio

if TYPE_CHECKING:
    from tests.support.remote.board import Board
    from tests.support.remote.park import Park


def models_in(root: Path) -> list[Path]:
    """Two models, of which the second is the newer one."""
    folder = root / "models"
    folder.mkdir(parents=True)
    first = write_artifact(folder / "first.tflite")
    os.utime(first, (1_000_000_000, 1_000_000_000))
    return [first, write_artifact(folder / "second.tflite", kernel=KERNEL * 1.2)]


@contextmanager
def boards_page(root: Path, config: Path) -> Iterator[Visit]:
    """The page of a studio that knows the hosts of an ssh configuration, and has the wheels for boards."""
    environment = {"GRAFT_SSH_CONFIG": str(config), "GRAFT_CACHE": str(WHEELS)}
    with (
        studio(root, environment=environment) as running,
        chromium() as browser,
        running.opened(browser, "/boards") as seen,
    ):
        yield seen


def current(board: Board) -> bytes:
    return board.at(f"{STORE}/current/model.tflite").read_bytes()


@pytest.mark.slow
def test_a_person_deploys_two_models_goes_back_and_collects_without_a_shell(park: Park, tmp_path: Path) -> None:
    board, root = park.start("kitchen", kit=True), tmp_path / "pets"
    first, second = models_in(root)
    keep_some(board, 6)
    with boards_page(root, park.config) as seen:
        page = seen.page
        page.get_by_label("Address").fill("pi@kitchen")
        page.get_by_role("button", name="Add a board").click()
        card = page.get_by_role("region", name="kitchen", exact=True)
        card.get_by_text("Answered at").wait_for()
        assert card.get_by_text("No model yet.").is_visible()
        assert 'kitchen = "pi@kitchen"' in (root / "studio.toml").read_text()

        def deploy() -> None:
            before = board.tree()
            card.get_by_role("button", name="Show what would be done").click()
            card.get_by_role("button", name="Deploy", exact=True).wait_for()
            assert board.tree() == before
            card.get_by_role("button", name="Deploy", exact=True).click()

        card.get_by_label("Model", exact=True).click()
        page.get_by_role("option", name="first").click()
        card.get_by_text("More choices").click()
        card.get_by_text("The board has no internet").click()
        assert card.get_by_text("graft deploy models/first.tflite pi@kitchen --dry-run").is_visible()
        deploy()
        card.get_by_text("passed, with litert").wait_for()
        assert current(board) == first.read_bytes()
        card.get_by_text("red, green, blue").wait_for()

        card.get_by_label("Model", exact=True).click()
        page.get_by_role("option", name="second").click()
        deploy()
        card.get_by_role("button", name="Go back").wait_for()
        assert current(board) == second.read_bytes()
        card.get_by_role("button", name="Go back").click()
        page.get_by_role("button", name="Yes, go back to first").click()
        card.get_by_text("kitchen: back to first").wait_for()
        card.get_by_text("Done", exact=True).wait_for()
        assert current(board) == first.read_bytes()

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
        assert [text for text in seen.problems if text.startswith("error")] == []
