"""What is known of collected photos."""

from __future__ import annotations

import json
from pathlib import Path

from graft_device.outputs.photo_notes import PhotoNotes
from graft_device.ranking import Prediction
from graft_host.inbox.collected import COLLECTED_NAME, CollectedPhoto, read_collected

NOTES = PhotoNotes("2026-01-31T12:00:01.250Z", "door", "bowl", None, "ab" * 8, (Prediction("cat", 0.75),), False)
PHOTO = CollectedPhoto(
    sha256="a" * 64, file="kitchen/uncertain/cat/1.jpg", board="pi@kitchen", place="/var/lib/graft/uncertain/cat/1.jpg",
    kind="uncertain", label="cat", model_name="pets", collected="2026-02-01T08:00:00Z", notes=NOTES,
)  # fmt: skip


def test_a_photo_is_read_as_it_was_written(tmp_path: Path) -> None:
    (tmp_path / COLLECTED_NAME).write_text(json.dumps(PHOTO.to_json()) + "\n")
    assert read_collected(tmp_path) == {PHOTO.sha256: PHOTO}


def test_lines_that_a_crash_cut_short_are_left_out(tmp_path: Path) -> None:
    line = json.dumps(PHOTO.to_json())
    (tmp_path / COLLECTED_NAME).write_text(f"{line}\n[1]\n{{}}\n{line[:50]}")
    assert list(read_collected(tmp_path)) == [PHOTO.sha256]


def test_nothing_is_known_of_an_ordinary_folder(tmp_path: Path) -> None:
    assert read_collected(tmp_path) == {}
