"""The pictures that the studio says are waiting are those that ``graft sort`` shows."""

from __future__ import annotations

from pathlib import Path

from graft_device.sources.scanning import SUFFIXES
from graft_host.sorting.pictures import find_pictures
from graft_host.studio.board_list.waiting import waiting
from graft_host.studio.project.folder import open_project
from tests.support.device_models import picture


def test_pictures_of_all_kinds_wait_but_not_those_of_systems_nor_links(tmp_path: Path) -> None:
    inbox = open_project(tmp_path / "pets").inbox
    names = [f"kitchen/{number}{suffix}" for number, suffix in enumerate(sorted(SUFFIXES))] + ["top.JPG"]
    for name in (*names, "@eaDir/thumbnail.jpg", ".bin/gone.jpg", "kitchen/.hidden.jpg"):
        (inbox / name).parent.mkdir(parents=True, exist_ok=True)
        picture("red", (40, 40 + len(name))).save(inbox / name, "PNG")
    (inbox / "link.jpg").symlink_to(inbox / "top.JPG")
    (inbox / "collected.csv").write_text("no picture")
    found = find_pictures(inbox, 1, tmp_path / "cache").found
    assert sorted(one.picture.name for one in found) == sorted(names)
    assert waiting(open_project(tmp_path / "pets")).total == len(names)


def test_an_inbox_that_is_gone_is_empty(tmp_path: Path) -> None:
    project = open_project(tmp_path / "pets")
    project.inbox.rmdir()
    assert waiting(project).total == 0
