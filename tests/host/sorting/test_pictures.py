"""What is known of the pictures of an inbox."""

from __future__ import annotations

from pathlib import Path

from graft_host.sorting.pictures import find_pictures
from tests.support.host_data import image_bytes


def test_a_kept_picture_without_notes_says_what_it_shows_by_its_name_and_folder(
    tmp_path: Path,
) -> None:
    names = [
        "new/washer/20260131T120001.250Z.captured.png",
        "new/nut/20260131T120002.250Z.labelled_cats-61.png",
        "new/nut/20260131T120003.250Z_nut-61_washer-38.png",
        "20260131T120004.250Z.captured.png",
        "new/washer/photo.png",
    ]
    for number, name in enumerate(names):
        path = tmp_path / "inbox" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(image_bytes(number))
    found = find_pictures(tmp_path / "inbox", 1, tmp_path / "cache").found
    known = {one.picture.name: (one.picture.said, one.picture.answer) for one in found}
    assert known == dict(zip(names, [("washer", None), ("nut", "cats"), (None, "nut"), (None, None), (None, None)]))
