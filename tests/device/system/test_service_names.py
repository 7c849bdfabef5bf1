from __future__ import annotations

import pytest

from graft_device.system.service_names import is_service_name

OF_SYSTEMS = [
    "@eaDir", "#recycle", "#snapshot", "@tmp", "@Recycle", "@Recently-Snapshot", ".@__thumb", "@__thumb",
    "IMG_1.jpg@SynoEAStream", "IMG_1.jpg@SynoResource", "~snapshot", ".zfs", ".Trash-1000", "$RECYCLE.BIN",
    "System Volume Information", "Thumbs.db", "ehthumbs.db", "desktop.ini", "FOUND.000", "lost+found", "LOST.DIR",
    "__MACOSX", ".AppleDouble", "._IMG_1.jpg", ":2eDS_Store", "Icon\r", "Network Trash Folder", ".ipynb_checkpoints",
]  # fmt: skip

OF_PEOPLE = [
    "recycle", "recycled", "recycle bin", "trash", "snapshot", "lost", "found", "found.0001", "$20", "#1", "@home",
    "thumbs", "icon", "desktop", "temporary", "macosx", "system", "IMG_1.jpg", "~", "2e",
]  # fmt: skip


@pytest.mark.parametrize("name", OF_SYSTEMS)
def test_names_of_systems_in_any_case(name: str) -> None:
    assert all(map(is_service_name, (name, name.upper(), name.lower())))


@pytest.mark.parametrize("name", OF_PEOPLE)
def test_names_that_a_person_may_give(name: str) -> None:
    assert not is_service_name(name)
