from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from graft_device.errors import DatasetError
from graft_device.preprocess import preprocess
from graft_host.photos import place
from graft_host.photos.matching import SIDE, measured
from graft_host.photos.place import place_statistics
from tests.support.host_data import image_bytes, photos_in


def _folder(root: Path, seeds: range) -> Path:
    """Photos without classes, some in folders of their own."""
    for seed in seeds:
        folder = root / ("deep/er" if seed % 3 == 0 else ".")
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"frame{seed}.jpg").write_bytes(image_bytes(seed, "JPEG", width=90, height=70))
    return root


def test_photos_in_any_folders_are_measured(tmp_path: Path) -> None:
    folder, sources = _folder(tmp_path / "place", range(40, 46)), photos_in(tmp_path / "photos", 4)
    statistics, skipped = place_statistics(folder, sources, "squash", 2)
    assert skipped == []
    paths = sorted(path for path in folder.rglob("*.jpg"))
    expected = measured([preprocess(p, SIDE) for p in paths], [preprocess(p.path, SIDE) for p in sources], "d")
    assert (statistics.blur, statistics.softness) == (expected.blur, expected.softness)
    assert statistics.noise == pytest.approx(expected.noise)
    assert sorted(statistics.means.tolist()) == pytest.approx(np.array(sorted(expected.means.tolist())))


def test_names_and_order_of_photos_do_not_matter_and_their_content_does(tmp_path: Path) -> None:
    sources = photos_in(tmp_path / "photos", 4)
    folder = _folder(tmp_path / "place", range(40, 46))
    statistics, _ = place_statistics(folder, sources, "squash", 2)
    moved = tmp_path / "moved"
    moved.mkdir()
    for number, path in enumerate(sorted(folder.rglob("*.jpg"), reverse=True)):
        shutil.copy(path, moved / f"{number}.jpg")
        shutil.copy(path, moved / f"again{number}.jpg")
    same, _ = place_statistics(moved, sources[::-1], "squash", 1)
    assert same.digest == statistics.digest
    assert np.array_equal(same.means, statistics.means)
    others = [
        place_statistics(_folder(moved, range(50, 51)), sources, "squash", 2)[0],
        place_statistics(folder, sources[:3], "squash", 2)[0],
        place_statistics(folder, sources, "crop", 2)[0],
    ]
    assert len({each.digest for each in others[:2]} | {statistics.digest}) == 3
    assert not np.array_equal(others[2].means, statistics.means)


def test_files_that_are_no_photos_are_reported(tmp_path: Path) -> None:
    folder = _folder(tmp_path / "place", range(40, 43))
    (folder / "notes.txt").write_text("no photo")
    (folder / "cut.jpg").write_bytes(image_bytes(5, "JPEG", width=300, height=300)[:-900])
    statistics, skipped = place_statistics(folder, photos_in(tmp_path / "photos", 2), "squash", 2)
    assert {skip.path.name for skip in skipped} == {"notes.txt", "cut.jpg"}
    assert len(statistics.means) == 3


def test_one_photo_of_the_place_is_enough(tmp_path: Path) -> None:
    statistics, _ = place_statistics(_folder(tmp_path / "place", range(1)), photos_in(tmp_path / "p", 1), "squash", 2)
    assert statistics.means.shape == (1, 3)


def test_of_many_photos_those_with_the_smallest_digests_are_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(place, "MOST", 3)
    sources, folder = photos_in(tmp_path / "photos", 8), _folder(tmp_path / "place", range(40, 50))
    statistics, _ = place_statistics(folder, sources, "squash", 2)
    assert len(statistics.means) == 3
    fewest = sorted(sources, key=lambda photo: photo.digest)[:3]
    assert place_statistics(folder, fewest, "squash", 2)[0].digest == statistics.digest


@pytest.mark.parametrize(("content", "message"), [
    (None, "no such folder of photos"), ({}, "no photo in"), ({"a.txt": b"text"}, "no photo in"),
])  # fmt: skip
def test_a_folder_without_photos_is_an_error(tmp_path: Path, content: dict[str, bytes] | None, message: str) -> None:
    folder = tmp_path / "place"
    if content is not None:
        folder.mkdir()
        for name, data in content.items():
            (folder / name).write_bytes(data)
    with pytest.raises(DatasetError, match=message):
        place_statistics(folder, photos_in(tmp_path / "photos", 2), "squash", 2)


def test_source_photos_that_are_gone_are_an_error(tmp_path: Path) -> None:
    sources = photos_in(tmp_path / "photos", 2)
    for photo in sources:
        photo.path.unlink()
    with pytest.raises(DatasetError, match="no source photo can be read"):
        place_statistics(_folder(tmp_path / "place", range(2)), sources, "squash", 2)
