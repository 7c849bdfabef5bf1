"""Changes of a studio's photos in any order, and by two studios at once."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from graft_device.sources.scanning import SUFFIXES
from graft_host.studio.album import names
from graft_host.studio.album.album import Album
from graft_host.studio.album.names import file_name, is_photo_name
from graft_host.studio.project.errors import StudioError
from graft_host.studio.project.folder import open_project
from tests.support.host_data import image_bytes, python_environment

LABELS = ("cat", "dog", "caf\u00e9", "unknown")

CHANGE = st.one_of(
    st.tuples(st.just("add"), st.sampled_from(LABELS), st.integers(0, 9)),
    st.tuples(st.just("move"), st.sampled_from(LABELS), st.integers(0, 9)),
    st.tuples(st.just("rename"), st.sampled_from(LABELS), st.sampled_from(LABELS)),
    st.tuples(st.sampled_from(["delete class", "add class"]), st.sampled_from(LABELS), st.just(0)),
    st.tuples(st.sampled_from(["delete", "undo", "redo", "restart"]), st.just(""), st.integers(0, 9)),
)


def contents(root: Path) -> Counter[str]:
    """The digests of the photos and of the pictures in the bin, with their numbers."""
    return Counter(
        hashlib.sha256(path.read_bytes()).hexdigest()
        for folder in ("photos", "inbox")
        for path in (root / folder).rglob("*.png")
    )


def changed(album: Album, act: str, label: str, other: str | int) -> None:
    """Makes a change; one that cannot be made raises StudioError."""
    state = album.state()
    classes = (*state.classes, *([state.unknown] if state.unknown else []))
    ids = [photo.id for one in classes for photo in one.photos]
    if act == "add":
        album.add(label, "new.png", image_bytes(int(other)), series="recording" if int(other) % 2 else "")
    elif act == "move":
        album.move(ids[int(other) : int(other) + 2], label)
    elif act == "rename":
        album.rename_class(label, str(other))
    elif act == "delete class":
        album.delete_class(label)
    elif act == "add class":
        album.add_class(label)
    elif act == "delete":
        album.delete(ids[int(other) : int(other) + 2])
    elif act == "undo":
        album.undo()
    elif act == "redo":
        album.redo()


@settings(max_examples=25, deadline=None)
@given(st.lists(CHANGE, max_size=14))
def test_whatever_is_changed_nothing_is_lost_and_all_can_be_taken_back(
    changes: list[tuple[str, str, str | int]],
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "pets"
        for number, label in enumerate(["cat", "cat", "dog"]):
            path = root / "photos" / label / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(image_bytes(20 + number))
        before = sorted(path.relative_to(root).as_posix() for path in (root / "photos").rglob("*"))
        album = Album(open_project(root), Path(folder) / "cache")
        kept: Counter[str] = contents(root)
        for act, label, other in changes:
            if act == "restart":
                album = Album(open_project(root), Path(folder) / "cache")
                continue
            try:
                changed(album, act, label, other)
            except StudioError:
                assert act in {"rename", "delete class", "add class"}
            now = contents(root)
            assert not kept - now, f"lost by {act}"
            kept = now
        state = album.state()
        assert state.binned + sum(
            len(one.photos) for one in (*state.classes, *([state.unknown] if state.unknown else []))
        ) == sum(kept.values())
        while album.undo() is not None:
            pass
        assert sorted(path.relative_to(root).as_posix() for path in (root / "photos").rglob("*")) == before


@given(st.text(max_size=300), st.sampled_from(["JPEG", "PNG", "WEBP", "HEIF", "BMP", "GIF"]))
def test_every_name_that_a_browser_may_send_becomes_one_that_a_folder_takes(name: str, kind: str) -> None:
    safe = file_name(name, kind)
    assert is_photo_name(safe)
    assert not safe.startswith(".")
    assert not {"/", "\\", "\0"} & {*safe}
    assert safe.isprintable() or all(character.isprintable() or character.isspace() for character in safe)
    assert len(safe.encode()) < 200
    assert file_name(safe, kind) == safe


BUSY = """
import sys
from pathlib import Path
from graft_host.studio.album.album import Album
from graft_host.studio.project.folder import open_project

album = Album(open_project(Path(sys.argv[1])), Path(sys.argv[2]))
own, label = sys.argv[3], sys.argv[4]
for _ in range(6):
    state = album.refresh()
    ids = [photo.id for one in state.classes for photo in one.photos if Path(photo.id).name.startswith(own)]
    album.move(ids[:3], label)
    album.delete(ids[3:])
    album.undo()
"""


def test_two_studios_that_move_photos_of_one_folder_at_once_lose_none(tmp_path: Path) -> None:
    root = tmp_path / "pets"
    for number in range(10):
        path = root / "photos/cat" / f"{'ab'[number % 2]}{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(image_bytes(number))
    before = contents(root)
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", BUSY, str(root), str(tmp_path / "cache"), own, label],
            stderr=subprocess.PIPE, text=True, env=python_environment(),
        )
        for own, label in (("a", "dog"), ("b", "bird"))
    ]  # fmt: skip
    ends = [(process.communicate(timeout=120)[1], process.returncode) for process in processes]
    assert [status for _, status in ends] == [0, 0], ends
    album = Album(open_project(root), tmp_path / "cache")
    assert album.state() is not None
    assert contents(root) == before
    while album.undo() is not None:
        pass
    assert contents(root) == before
    assert len(list((root / "photos/cat").glob("*.png"))) == 10


def test_the_album_knows_the_kind_of_each_photo_that_it_shows() -> None:
    assert {ending for endings in names._ENDINGS.values() for ending in endings} == SUFFIXES
