"""Photos in archives."""

from __future__ import annotations

import io
import os
import shutil
import tarfile
import zipfile
from pathlib import Path

import pytest
from PIL import Image

from graft_device.errors import CacheError, DatasetError
from graft_host.photos.dataset import scan
from graft_host.photos.given.archive import unpacked
from graft_host.photos.given.places import PhotoPlaces
from tests.support.host_data import write_photos

NAMES = {"photos.zip": "zip", "photos.tar": "tar", "photos.tar.gz": "gztar", "PHOTOS.tgz": "gztar"}


def packed(folder: Path, name: str, root: Path, base: str = ".") -> Path:
    """An archive of a folder."""
    made = Path(shutil.make_archive(str(folder / "made"), NAMES[name], root, base))
    return made.rename(folder / name)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("base", [".", "photos"])
def test_an_archive_is_as_good_as_the_folder(tmp_path: Path, name: str, base: str) -> None:
    root = write_photos(tmp_path / "photos", count=2)
    archive = packed(tmp_path, name, root.parent if base == "photos" else root, base)
    dataset = scan(archive, 1, cache=tmp_path / "cache")
    assert dataset.labels == ("cats", "dogs")
    assert {photo.digest for photo in dataset.photos} == {photo.digest for photo in scan(root, 1).photos}
    assert dataset.places == PhotoPlaces(root=archive)
    shown = {photo.path.parents[1 if base == "." else 2].name for photo in dataset.photos}
    assert shown == {name}  # a message about a photo shows which archive it is from


def test_an_archive_is_unpacked_once_and_again_when_it_has_changed(tmp_path: Path) -> None:
    archive = packed(tmp_path, "photos.zip", write_photos(tmp_path / "photos", count=2))
    first = unpacked(archive, tmp_path / "cache")
    stamp = first.stat().st_mtime_ns
    assert unpacked(archive, tmp_path / "cache") == first
    assert first.stat().st_mtime_ns == stamp
    archive.unlink()
    packed(tmp_path, "photos.zip", write_photos(tmp_path / "photos", count=3))
    assert len(scan(archive, 1, cache=tmp_path / "cache").photos) == 6


def test_an_empty_archive_has_no_photos(tmp_path: Path) -> None:
    zipfile.ZipFile(tmp_path / "photos.zip", "w").close()
    with pytest.raises(DatasetError, match=r"photos\.zip has 0 class folders"):
        scan(tmp_path / "photos.zip", 1, cache=tmp_path / "cache")


def test_nothing_is_written_outside_the_folder(tmp_path: Path) -> None:
    picture = io.BytesIO()
    Image.new("RGB", (8, 8)).save(picture, "PNG")
    with zipfile.ZipFile(tmp_path / "evil.zip", "w") as archive:
        for name in ("../out.png", "/var/../out.png", "cats/1.png", "dogs/2.png"):
            archive.writestr(name, picture.getvalue())
    inside = unpacked(tmp_path / "evil.zip", tmp_path / "cache")
    outside = [path for path in tmp_path.rglob("out.png") if not path.is_relative_to(inside)]
    assert outside == []
    with tarfile.open(tmp_path / "evil.tar", "w") as tar:
        entry = tarfile.TarInfo("cats/link.png")
        entry.type, entry.linkname = tarfile.SYMTYPE, "../../../../secret"
        tar.addfile(entry)
    with pytest.raises(DatasetError, match="unpack"):
        unpacked(tmp_path / "evil.tar", tmp_path / "cache")


@pytest.mark.parametrize("place", [0.0, 0.1, 0.5])
@pytest.mark.parametrize("name", ["photos.zip", "photos.tar.gz"])
def test_a_damaged_archive_is_said_in_one_line_and_leaves_nothing(tmp_path: Path, name: str, place: float) -> None:
    archive = packed(tmp_path, name, write_photos(tmp_path / "photos", count=2))
    data = bytearray(archive.read_bytes())
    start = round(place * len(data))
    data[start : start + 8] = bytes(8)
    archive.write_bytes(data[: len(data) * 2 // 3])
    with pytest.raises(DatasetError, match="cannot be unpacked"):
        unpacked(archive, tmp_path / "cache")
    assert list((tmp_path / "cache/archives").iterdir()) == []


def test_a_zip_that_was_not_copied_to_its_end_is_not_taken_for_a_tar(tmp_path: Path) -> None:
    archive = packed(tmp_path, "photos.zip", write_photos(tmp_path / "photos", count=2))
    archive.write_bytes(archive.read_bytes()[:-100])
    with pytest.raises(DatasetError, match=r"photos\.zip cannot be unpacked: [^:]*zip file"):
        unpacked(archive, tmp_path / "cache")


def test_an_archive_that_is_larger_than_the_disk_is_refused_before_it_is_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = packed(tmp_path, "photos.zip", write_photos(tmp_path / "photos", count=2))
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=100))
    with pytest.raises(CacheError, match="has room for"):
        unpacked(archive, tmp_path / "cache")
    assert list((tmp_path / "cache/archives").iterdir()) == []


def test_what_a_killed_run_left_is_no_content_and_is_removed_after_a_day(tmp_path: Path) -> None:
    archive = packed(tmp_path, "photos.zip", write_photos(tmp_path / "photos", count=2))
    parts = tmp_path / "cache/archives"
    for name in (".part-old", ".part-new"):
        (parts / name / "content/cats").mkdir(parents=True)
    os.utime(parts / ".part-old", (0, 0))
    assert len(scan(archive, 1, cache=tmp_path / "cache").photos) == 4
    assert not (parts / ".part-old").exists()
    assert (parts / ".part-new").exists()
