from __future__ import annotations

import io
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from graft_device.errors import CacheError, ModelError
from graft_device.preprocess import fit, load, preprocess
from graft_device.runtime import open_model
from graft_host.backbones.bottlenecks import extract
from graft_host.backbones.bottlenecks.bottlenecks import Bottlenecks
from graft_host.backbones.bottlenecks.extract import Extraction
from graft_host.backbones.bottlenecks.jobs import jobs_for, photos_alone
from graft_host.backbones.conversion.backbone import Backbone
from graft_host.photos.augment import variant
from graft_host.photos.camera_copies import camera_copy
from graft_host.photos.dataset import Photo
from graft_host.photos.matching import SIDE, Statistics, matched
from graft_host.photos.place import place_statistics
from graft_host.photos.renditions import COPIED_SIDE, ORIGINAL, CameraCopy, Decoded, Rendition, renditions
from graft_host.support.progress import unwatched
from tests.support.background import start_python
from tests.support.host_data import (
    BACKBONE_FEATURES,
    BACKBONE_SIZE,
    handmade_backbone,
    image,
    image_bytes,
    photo,
    photos_in,
    run_on_small_disk,
    run_python,
)


def _extract(
    backbone: Backbone,
    cache: Path,
    photos: Sequence[Photo],
    augmented: Sequence[Photo] = (),
    shown: tuple[Rendition, ...] = ORIGINAL,
    threads: int = 2,
) -> Extraction:
    with Bottlenecks(backbone, cache) as bottlenecks:
        return bottlenecks.extract(jobs_for((photos, ORIGINAL), (augmented, shown)), threads, unwatched)


def _matrix(
    backbone: Backbone, cache: Path, photos: Sequence[Photo], shown: tuple[Rendition, ...] = ORIGINAL
) -> NDArray[np.float32]:
    with Bottlenecks(backbone, cache) as bottlenecks:
        return bottlenecks.matrix(photos, shown)[0]


def _by_hand(backbone: Backbone, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    runner = open_model(backbone.path, threads=1)
    stored = runner(pixels[np.newaxis])[0].astype(np.float32)
    real: NDArray[np.float32] = (stored - np.float32(runner.output.zero_point)) * np.float32(runner.output.scale)
    return real


def _expected(backbone: Backbone, photos: Sequence[Photo]) -> NDArray[np.float32]:
    return np.stack([_by_hand(backbone, preprocess(p.path, BACKBONE_SIZE, backbone.spec.resize)) for p in photos])


@pytest.fixture
def backbone(tmp_path: Path) -> Backbone:
    return handmade_backbone(tmp_path / "backbone")


@pytest.mark.parametrize("rule", ["squash", "crop"])
def test_values_are_those_of_the_interpreter_for_the_preprocessed_photo(tmp_path: Path, rule: str) -> None:
    backbone = handmade_backbone(tmp_path / "backbone", rule)
    photos = photos_in(tmp_path / "photos", 9)
    (tmp_path / "photos" / "wide.jpg").write_bytes(image_bytes(77, "JPEG", width=900, height=300))
    photos.append(photo(tmp_path / "photos" / "wide.jpg", 1))
    shuffled = [photos[index] for index in (3, 9, 0, 8, 1, 7, 2, 6, 4, 5)]
    with Bottlenecks(backbone, tmp_path / "cache") as bottlenecks:
        extraction = bottlenecks.extract(photos_alone(photos), 2, unwatched)
        matrix, labels = bottlenecks.matrix(shuffled)
    assert extraction == Extraction({}, hits=0, misses=10)
    assert matrix.dtype == np.float32
    assert matrix.shape == (10, BACKBONE_FEATURES)
    assert np.array_equal(matrix, _expected(backbone, shuffled))
    assert len(np.unique(matrix, axis=0)) == 10
    assert labels.tolist() == [p.label for p in shuffled]
    assert labels.dtype == np.int64


def test_cached_bottlenecks_are_not_computed_again(tmp_path: Path, backbone: Backbone) -> None:
    photos = photos_in(tmp_path / "photos", 12)
    assert _extract(backbone, tmp_path / "cache", photos[:8]) == Extraction({}, 0, 8)
    before = _matrix(backbone, tmp_path / "cache", photos[:8])
    for extracted in photos[:8]:
        extracted.path.unlink()  # a photo that is read again now fails
    assert _extract(backbone, tmp_path / "cache", photos[:8]) == Extraction({}, 8, 0)
    assert _extract(backbone, tmp_path / "cache", photos) == Extraction({}, 8, 4)
    after = _matrix(backbone, tmp_path / "cache", photos)
    assert np.array_equal(after[:8], before)
    assert np.array_equal(after[8:], _expected(backbone, photos[8:]))


@pytest.mark.parametrize("damage", ["whole", "pages"])
def test_a_damaged_cache_file_is_put_aside_and_its_bottlenecks_are_computed_again(
    tmp_path: Path, backbone: Backbone, damage: str
) -> None:
    photos, cache = photos_in(tmp_path / "photos", 8), tmp_path / "cache"
    assert _extract(backbone, cache, photos).damage is None
    (path,) = (cache / "bottlenecks").iterdir()
    data = path.read_bytes()
    path.write_bytes({"whole": b"x" * len(data), "pages": data[:4096] + b"\xff" * (len(data) - 4096)}[damage])
    damaged = path.read_bytes()
    extraction = _extract(backbone, cache, photos)
    (aside,) = extraction.put_aside
    assert (extraction.hits, extraction.misses) == (0, 8)
    assert extraction.damage == f"warning: a cache file was damaged and put aside as {aside}: the disk may be failing"
    assert aside.read_bytes()[4096:] == damaged[4096:]
    assert np.array_equal(_matrix(backbone, cache, photos), _expected(backbone, photos))
    assert _extract(backbone, cache, photos) == Extraction({}, 8, 0)


def test_the_cache_is_keyed_by_content_backbone_and_resize_rule(tmp_path: Path, backbone: Backbone) -> None:
    photos = photos_in(tmp_path / "photos", 4)
    cache = tmp_path / "cache"
    _extract(backbone, cache, photos)
    moved = [replace(p, path=p.path.rename(tmp_path / f"{index}.jpeg"), label=0) for index, p in enumerate(photos)]
    assert _extract(backbone, cache, moved) == Extraction({}, 4, 0)
    other = handmade_backbone(tmp_path / "other", seed=1)
    assert _extract(other, cache, moved) == Extraction({}, 0, 4)
    cropping = replace(backbone, spec=replace(backbone.spec, resize="crop"))
    assert _extract(cropping, cache, moved) == Extraction({}, 0, 4)
    # None of them has overwritten another's.
    for keyed in (backbone, other, cropping):
        assert np.array_equal(_matrix(keyed, cache, moved), _expected(keyed, moved))


def test_identical_photos_are_computed_once(tmp_path: Path, backbone: Backbone) -> None:
    photos = photos_in(tmp_path / "photos", 3)
    copy = tmp_path / "photos" / "copy.png"
    shutil.copy(photos[1].path, copy)
    both = [*photos, photo(copy, 0)]
    assert _extract(backbone, tmp_path / "cache", both) == Extraction({}, 0, 3)
    with Bottlenecks(backbone, tmp_path / "cache") as bottlenecks:
        matrix, labels = bottlenecks.matrix(both)
    assert np.array_equal(matrix[3], matrix[1])
    assert labels.tolist() == [0, 1, 0, 0]


def test_nothing_to_do(tmp_path: Path, backbone: Backbone) -> None:
    assert _extract(backbone, tmp_path / "cache", []) == Extraction({}, 0, 0)
    assert _matrix(backbone, tmp_path / "cache", []).shape == (0, BACKBONE_FEATURES)


@pytest.mark.parametrize("threads", [1, 2, 8])
def test_any_number_of_threads_gives_the_same(tmp_path: Path, backbone: Backbone, threads: int) -> None:
    photos = photos_in(tmp_path / "photos", 40)
    shown = renditions(variants=1, seed=4)
    cache = tmp_path / "cache"
    _extract(backbone, cache, photos, photos, shown, threads)
    expected = [_by_hand(backbone, _variant_pixels(p, 1, 4)) for p in photos]
    assert np.array_equal(_matrix(backbone, cache, photos, shown), np.stack([*_expected(backbone, photos), *expected]))


def test_progress_counts_the_photos_to_extract(tmp_path: Path, backbone: Backbone) -> None:
    photos = photos_in(tmp_path / "photos", 10)
    _extract(backbone, tmp_path / "cache", photos[:3])
    counts: list[tuple[int, int]] = []
    with Bottlenecks(backbone, tmp_path / "cache") as bottlenecks:
        bottlenecks.extract(photos_alone(photos), 2, lambda done, total: counts.append((done, total)))
    assert counts == [(done, 7) for done in range(1, 8)]


# Variants


def _variant_pixels(of: Photo, index: int, seed: int) -> NDArray[np.uint8]:
    wide = load(of.path, round(BACKBONE_SIZE / 0.8) + 1)
    return fit(variant(wide, of.digest, index, seed), BACKBONE_SIZE)


def test_variants_of_training_photos_follow_the_photos_themselves(tmp_path: Path, backbone: Backbone) -> None:
    photos = photos_in(tmp_path / "photos", 6)
    training = photos[:4]
    shown = renditions(variants=3, seed=11)
    cache = tmp_path / "cache"
    assert _extract(backbone, cache, photos, training, shown) == Extraction({}, 0, 6 + 4 * 3)
    with Bottlenecks(backbone, cache) as bottlenecks:
        matrix, labels = bottlenecks.matrix(training, shown)
        plain, _ = bottlenecks.matrix(photos)
    assert matrix.shape == (16, BACKBONE_FEATURES)
    assert labels.tolist() == [0, 1, 0, 1] * 4
    assert np.array_equal(plain, _expected(backbone, photos))
    by_hand = [_by_hand(backbone, _variant_pixels(p, index, 11)) for index in (1, 2, 3) for p in training]
    assert np.array_equal(matrix, np.concatenate([plain[:4], np.stack(by_hand)]))
    assert len(np.unique(matrix, axis=0)) == 16


def test_variants_are_cached_by_seed_and_index(tmp_path: Path, backbone: Backbone) -> None:
    photos = photos_in(tmp_path / "photos", 6)
    cache = tmp_path / "cache"
    _extract(backbone, cache, photos)
    assert _extract(backbone, cache, photos, photos, renditions(variants=2, seed=0)) == Extraction({}, 6, 12)
    assert _extract(backbone, cache, photos, photos, renditions(variants=2, seed=0)) == Extraction({}, 18, 0)
    assert _extract(backbone, cache, photos, photos, renditions(variants=3, seed=0)) == Extraction({}, 18, 6)
    assert _extract(backbone, cache, photos, photos, renditions(variants=2, seed=1)) == Extraction({}, 6, 12)
    first, second = (_matrix(backbone, cache, photos, renditions(variants=2, seed=seed)) for seed in (0, 1))
    assert np.array_equal(first[:6], second[:6])
    assert not np.array_equal(first[6:], second[6:])
    # What was found in two runs is what one run finds.
    at_once = tmp_path / "another"
    _extract(backbone, at_once, photos, photos, renditions(variants=3, seed=0))
    assert np.array_equal(
        _matrix(backbone, at_once, photos, renditions(variants=3, seed=0)),
        _matrix(backbone, cache, photos, renditions(variants=3, seed=0)),
    )


# Camera copies


def _copied_pixels(of: Photo, index: int, seed: int) -> NDArray[np.uint8]:
    seen = Image.fromarray(preprocess(of.path, COPIED_SIDE))
    return fit(camera_copy(seen, of.digest, index, seed), BACKBONE_SIZE)


def test_camera_copies_follow_the_variants(tmp_path: Path, backbone: Backbone) -> None:
    photos, cache = photos_in(tmp_path / "photos", 5), tmp_path / "cache"
    shown = renditions(variants=1, camera_copies=2, seed=3)
    assert _extract(backbone, cache, photos, photos[:3], shown) == Extraction({}, 0, 5 + 3 * 3)
    with Bottlenecks(backbone, cache) as bottlenecks:
        matrix, labels = bottlenecks.matrix(photos[:3], shown)
    by_hand = [_by_hand(backbone, _copied_pixels(p, index, 3)) for index in (1, 2) for p in photos[:3]]
    assert np.array_equal(matrix[6:], np.stack(by_hand))
    assert np.array_equal(matrix[:6], _matrix(backbone, cache, photos[:3], renditions(variants=1, seed=3)))
    assert labels.tolist() == [p.label for p in photos[:3]] * 4
    assert len(np.unique(matrix, axis=0)) == 12


def test_each_rendition_is_cached_by_a_key_of_its_own(tmp_path: Path, backbone: Backbone) -> None:
    photos, cache = photos_in(tmp_path / "photos", 4), tmp_path / "cache"
    assert _extract(backbone, cache, photos, photos, renditions(variants=2)) == Extraction({}, 0, 12)
    assert _extract(backbone, cache, photos, photos, renditions(camera_copies=2)) == Extraction({}, 4, 8)
    assert _extract(backbone, cache, photos, photos, renditions(variants=2, camera_copies=3)) == Extraction({}, 20, 4)
    assert _extract(backbone, cache, photos, photos, renditions(camera_copies=1, seed=1)) == Extraction({}, 4, 4)
    first, second = (_matrix(backbone, cache, photos, renditions(camera_copies=1, seed=seed)) for seed in (0, 1))
    assert np.array_equal(first[:4], second[:4])
    assert not np.array_equal(first[4:], second[4:])


def test_keys_of_cached_bottlenecks_stay_as_they_are() -> None:
    shown = renditions(variants=2, camera_copies=1, seed=7)
    assert [each.key("d1") for each in shown] == ["d1", "d1/v1/7/1", "d1/v1/7/2", "d1/c1/7/1"]


def test_matched_copies_are_cached_by_the_statistics_of_the_place(tmp_path: Path, backbone: Backbone) -> None:
    photos, cache = photos_in(tmp_path / "photos", 4), tmp_path / "cache"
    first, second = (_place(tmp_path / f"place{seed}", seed, photos) for seed in (1, 2))
    shown = renditions(camera_copies=1, place=first)
    assert [each.key("d1") for each in shown] == ["d1", "d1/c1/0/1", f"d1/m1/{first.digest}/0/1"]
    assert _extract(backbone, cache, photos, photos, shown) == Extraction({}, 0, 12)
    assert _extract(backbone, cache, photos, photos, renditions(place=second)) == Extraction({}, 4, 4)
    again = _place(tmp_path / "place1", 1, photos)
    assert _extract(backbone, cache, photos, photos, renditions(place=again)) == Extraction({}, 8, 0)
    seen = [Image.fromarray(preprocess(p.path, SIDE)) for p in photos]
    copies = [matched(each, first, p.digest, 1, 0) for each, p in zip(seen, photos, strict=True)]
    by_hand = [_by_hand(backbone, fit(each, BACKBONE_SIZE)) for each in copies]
    assert np.array_equal(_matrix(backbone, cache, photos, shown)[8:], np.stack(by_hand))
    other = _matrix(backbone, cache, photos, renditions(place=second))
    assert not np.array_equal(other[4:], np.stack(by_hand))


def _place(folder: Path, seed: int, sources: Sequence[Photo]) -> Statistics:
    folder.mkdir(exist_ok=True)
    (folder / "frame.png").write_bytes(image_bytes(seed + 70))
    return place_statistics(folder, sources, "squash", 1)[0]


def test_a_photo_of_two_groups_gets_the_renditions_of_both_once(tmp_path: Path, backbone: Backbone) -> None:
    photos = photos_in(tmp_path / "photos", 3)
    twin = replace(photos[1], path=tmp_path / "elsewhere.png", label=0)
    jobs = jobs_for(
        (photos, ORIGINAL), ([twin], renditions(camera_copies=2)), ([twin], renditions(variants=1, camera_copies=1))
    )
    assert [job.photo for job in jobs] == photos
    assert [len(job.renditions) for job in jobs] == [1, 4, 1]
    with Bottlenecks(backbone, tmp_path / "cache") as bottlenecks:
        assert bottlenecks.extract(jobs, 2, unwatched) == Extraction({}, 0, 6)


def test_a_copy_is_cut_as_its_photo_is(tmp_path: Path) -> None:
    """Under --resize crop, a frame around the photo is in no copy, as the network never sees it in the photo."""
    framed = Image.new("RGB", (400, 400), (255, 255, 255))
    framed.paste((40, 80, 120), (24, 24, 376, 376))
    inside = Image.new("RGB", (352, 352), (40, 80, 120))
    data = [_png(framed), _png(inside)]
    digest = "5" * 64
    cropped, whole = (
        CameraCopy(1, 0).pixels(Decoded(each, digest, rule), 64)
        for each, rule in zip(data, ("crop", "squash"), strict=True)
    )
    assert np.abs(cropped[2:-2, 2:-2].astype(int) - whole[2:-2, 2:-2]).max() <= 2
    assert np.array_equal(CameraCopy(1, 0).pixels(Decoded(data[1], digest, "squash"), 64), whole)


def _png(picture: Image.Image) -> bytes:
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()


def test_ctrl_c_between_renditions_keeps_whole_photos(tmp_path: Path, backbone: Backbone) -> None:
    photos, cache = photos_in(tmp_path / "photos", 20), tmp_path / "cache"
    shown = renditions(variants=1, camera_copies=1)

    def stop(done: int, total: int) -> None:
        assert total == 20
        if done == 7:
            raise KeyboardInterrupt

    with Bottlenecks(backbone, cache) as bottlenecks, pytest.raises(KeyboardInterrupt):
        bottlenecks.extract(jobs_for((photos, shown)), 2, stop)
    again = _extract(backbone, cache, photos, photos, shown)
    assert again.hits >= 7 * 3
    assert again.hits % 3 == 0
    assert again.hits + again.misses == 20 * 3
    whole = tmp_path / "whole"
    _extract(backbone, whole, photos, photos, shown)
    assert np.array_equal(_matrix(backbone, cache, photos, shown), _matrix(backbone, whole, photos, shown))


# Photos and workers that fail


def test_photos_that_cannot_be_decoded_are_reported_and_the_others_extracted(
    tmp_path: Path, backbone: Backbone
) -> None:
    photos = photos_in(tmp_path / "photos", 10)
    cut = tmp_path / "photos" / "cut.jpg"
    cut.write_bytes(image_bytes(5, "JPEG", width=300, height=300)[:-900])
    gone, changed, closed = photos[2], photos[5], photo(cut)
    gone.path.unlink()
    changed.path.write_bytes(image_bytes(99))
    extraction = _extract(backbone, tmp_path / "cache", [*photos, closed], photos[:4], renditions(variants=2))
    assert extraction.failures == {
        gone.digest: "no such file or directory",
        changed.digest: "changed while it was being read",
        closed.digest: "the image is cut short",
    }
    # Of the first four photos three are there, each with two variants, and of the other six five.
    assert (extraction.hits, extraction.misses) == (0, 3 * 3 + 5)
    rest = [p for p in photos if p.digest not in extraction.failures]
    assert np.array_equal(_matrix(backbone, tmp_path / "cache", rest), _expected(backbone, rest))
    with pytest.raises(CacheError):
        _matrix(backbone, tmp_path / "cache", [changed])


def test_a_repaired_photo_is_extracted_on_the_next_run(tmp_path: Path, backbone: Backbone) -> None:
    photos = photos_in(tmp_path / "photos", 3)
    data = photos[0].path.read_bytes()
    photos[0].path.unlink()
    assert set(_extract(backbone, tmp_path / "cache", photos).failures) == {photos[0].digest}
    photos[0].path.write_bytes(data)
    assert _extract(backbone, tmp_path / "cache", photos) == Extraction({}, 2, 1)


@pytest.mark.parametrize("threads", [1, 4])
def test_an_error_in_a_worker_reaches_the_caller(tmp_path: Path, backbone: Backbone, threads: int) -> None:
    photos = photos_in(tmp_path / "photos", 60)
    before = set(threading.enumerate())
    with Bottlenecks(backbone, tmp_path / "cache") as bottlenecks:
        backbone.path.write_bytes(b"not a model")
        with pytest.raises(ModelError):
            bottlenecks.extract(photos_alone(photos), threads, unwatched)
    assert set(threading.enumerate()) <= before


def test_an_error_in_the_middle_ends_the_workers_and_keeps_finished_work(tmp_path: Path, backbone: Backbone) -> None:
    photos = photos_in(tmp_path / "photos", 80)
    before = set(threading.enumerate())

    def stop(done: int, total: int) -> None:
        if done == 30:
            raise KeyboardInterrupt

    with Bottlenecks(backbone, tmp_path / "cache") as bottlenecks, pytest.raises(KeyboardInterrupt):
        bottlenecks.extract(photos_alone(photos), 3, stop)
    assert set(threading.enumerate()) <= before
    again = _extract(backbone, tmp_path / "cache", photos)
    assert 30 <= again.hits < 80
    assert again.hits + again.misses == 80
    assert np.array_equal(_matrix(backbone, tmp_path / "cache", photos), _expected(backbone, photos))


@pytest.mark.parametrize("moment", ["c_call", "c_return"])
@pytest.mark.parametrize(("rows", "kept"), [(4, 4), (10_000, 12)])
def test_ctrl_c_while_bottlenecks_are_being_stored_loses_none(
    tmp_path: Path, backbone: Backbone, monkeypatch: pytest.MonkeyPatch, moment: str, rows: int, kept: int
) -> None:
    """It comes right before or right after the rows are inserted: between two batches, or with the last one."""
    photos = photos_in(tmp_path / "photos", 12)
    monkeypatch.setattr(extract, "_COMMIT_ROWS", rows)
    monkeypatch.setattr(extract, "_COMMIT_SECONDS", 600)

    def interrupt(_frame: FrameType, event: str, function: Any) -> None:
        if event == moment and getattr(function, "__name__", None) == "executemany":
            raise KeyboardInterrupt  # once: Python calls a profiler that raised no more

    with Bottlenecks(backbone, tmp_path / "cache") as bottlenecks:
        sys.setprofile(interrupt)
        try:
            with pytest.raises(KeyboardInterrupt):
                bottlenecks.extract(photos_alone(photos), 2, unwatched)
        finally:
            sys.setprofile(None)
    assert _extract(backbone, tmp_path / "cache", photos) == Extraction({}, kept, 12 - kept)
    assert np.array_equal(_matrix(backbone, tmp_path / "cache", photos), _expected(backbone, photos))


class _Noted:
    """A path that records when it is used."""

    def __init__(self, path: Path, used: set[Path]) -> None:
        self._path, self._used = path, used

    def __fspath__(self) -> str:
        self._used.add(self._path)
        return str(self._path)


def test_after_an_error_no_more_photos_are_read(tmp_path: Path, backbone: Backbone) -> None:
    used: set[Path] = set()
    photos = [replace(p, path=_Noted(p.path, used)) for p in photos_in(tmp_path / "photos", 200)]  # type: ignore[arg-type]

    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with Bottlenecks(backbone, tmp_path / "cache") as bottlenecks, pytest.raises(KeyboardInterrupt):
        bottlenecks.extract(photos_alone(photos), 2, stop)
    assert 1 <= len(used) < 100  # one, and what the workers had already begun


def test_a_full_disk_is_an_error_and_stored_bottlenecks_are_kept(tmp_path: Path, backbone: Backbone) -> None:
    photos_in(tmp_path / "photos", 200)
    output = run_on_small_disk(
        96,
        """
import sys
from pathlib import Path
from graft_device.errors import CacheError
from graft_host.backbones.bottlenecks import extract
from graft_host.backbones.bottlenecks.bottlenecks import Bottlenecks
from graft_host.backbones.bottlenecks.jobs import photos_alone
from tests.support.host_data import handmade_backbone, photo
extract._COMMIT_ROWS = 4
cache, folder, made = map(Path, sys.argv[1:])
photos = [photo(path) for path in sorted(folder.glob("*.png"))]
backbone = handmade_backbone(made)
try:
    with Bottlenecks(backbone, cache) as each:
        each.extract(photos_alone(photos), 2, lambda done, total: None)
except CacheError as error:
    print(error)
with Bottlenecks(backbone, cache) as each:
    print(len(each.taps[0]._store.known(photo.digest for photo in photos)))
""",
        tmp_path / "photos",
        tmp_path / "made",
    )
    error, known = output.splitlines()
    assert "the disk is full" in error
    assert 4 <= int(known) < 200


# Several runs, and runs that end early

_RUN = """
import os, sys, threading, time
from pathlib import Path
from graft_host.backbones.bottlenecks import extract
from graft_host.backbones.bottlenecks.bottlenecks import Bottlenecks
from graft_host.backbones.bottlenecks.jobs import photos_alone
from tests.support.host_data import handmade_backbone, photo
extract._COMMIT_ROWS = int(sys.argv[4])
number, at, pause_s = int(sys.argv[5]), int(sys.argv[6]), float(sys.argv[7])

def end():
    time.sleep(pause_s)
    os.kill(os.getpid(), number)

def report(done, total):
    print(done, total)
    if number and done == at:
        threading.Thread(target=end).start()
    time.sleep(60 if number and done == at + 10 else 0.003)  # the signal comes first, however busy the machine is

cache, folder, made = map(Path, sys.argv[1:4])
photos = [photo(path, index % 2) for index, path in enumerate(sorted(folder.glob("*.png")))]
with Bottlenecks(handmade_backbone(made), cache) as each:
    found = each.extract(photos_alone(photos), 2, report)
print(found.hits, found.misses)
"""


def _stored(backbone: Backbone, cache: Path) -> dict[str, bytes]:
    (path,) = (cache / "bottlenecks").glob(f"{backbone.fingerprint}*.sqlite")
    raw = sqlite3.connect(path)
    try:
        rows = raw.execute("SELECT key, vector FROM bottlenecks").fetchall()
        return {key: row[:BACKBONE_FEATURES] for key, row in rows}  # and behind them a checksum
    finally:
        raw.close()


def _lines(process: Any, count: int) -> int:
    """Reads lines until the given number of photos is done; returns the number of photos to do."""
    for line in process.stdout:
        done, total = map(int, line.split())
        if done >= count:
            return total
    raise AssertionError("the run ended before it was stopped")


def test_kills_at_any_moment_leave_nothing_wrong_and_no_work_is_repeated(tmp_path: Path, backbone: Backbone) -> None:
    photos = photos_in(tmp_path / "photos", 300)
    cache = tmp_path / "cache"
    expected = dict(zip((p.digest for p in photos), _raw(backbone, photos), strict=True))
    stored = 0
    for attempt in range(6):
        how = (int(signal.SIGKILL), 20 + 3 * attempt, 0.0017 * attempt)
        with start_python(_RUN, cache, tmp_path / "photos", tmp_path / "backbone", 8, *how) as run:
            to_do = _lines(run, 20 + 3 * attempt)
        assert run.returncode == -signal.SIGKILL
        assert to_do == 300 - stored
        rows = _stored(backbone, cache)
        assert all(np.array_equal(np.frombuffer(row, np.int8), expected[key]) for key, row in rows.items())
        assert len(rows) > stored
        stored = len(rows)
    assert stored < 300
    assert _extract(backbone, cache, photos) == Extraction({}, stored, 300 - stored)
    assert np.array_equal(_matrix(backbone, cache, photos), _expected(backbone, photos))


def _raw(backbone: Backbone, photos: Sequence[Photo]) -> list[NDArray[Any]]:
    runner = open_model(backbone.path, threads=1)
    return [runner(preprocess(p.path, BACKBONE_SIZE)[np.newaxis])[0] for p in photos]


def test_ctrl_c_keeps_finished_work(tmp_path: Path, backbone: Backbone) -> None:
    photos = photos_in(tmp_path / "photos", 300)
    folders = [tmp_path / name for name in ("cache", "photos", "backbone")]
    how = (int(signal.SIGINT), 40, 0.001)
    with start_python(_RUN, *folders, 10_000, *how, stderr=subprocess.DEVNULL) as run:
        _lines(run, 40)
        assert run.stdout is not None
        last = [40, *(int(line.split()[0]) for line in run.stdout)][-1]
    assert run.returncode == -signal.SIGINT
    stored = len(_stored(backbone, tmp_path / "cache"))
    assert last <= stored < 300
    assert _extract(backbone, tmp_path / "cache", photos) == Extraction({}, stored, 300 - stored)
    assert np.array_equal(_matrix(backbone, tmp_path / "cache", photos), _expected(backbone, photos))


def test_two_runs_at_once_are_both_right(tmp_path: Path, backbone: Backbone) -> None:
    photos = photos_in(tmp_path / "photos", 200)
    cache = tmp_path / "cache"
    runs = [start_python(_RUN, cache, tmp_path / "photos", tmp_path / "backbone", 8, 0, 0, 0) for _ in range(2)]
    last = [run.communicate()[0].splitlines()[-1] for run in runs]
    assert [run.returncode for run in runs] == [0, 0]
    assert all(sum(map(int, line.split())) == 200 for line in last)
    assert _extract(backbone, cache, photos) == Extraction({}, 200, 0)
    assert np.array_equal(_matrix(backbone, cache, photos), _expected(backbone, photos))


def test_damaged_bottlenecks_are_computed_again_and_reported(tmp_path: Path, backbone: Backbone) -> None:
    photos, cache = photos_in(tmp_path / "photos", 12), tmp_path / "cache"
    assert _extract(backbone, cache, photos).damage is None
    (path,) = (cache / "bottlenecks").glob("*.sqlite")
    with sqlite3.connect(path) as raw:
        for key in [photo.digest for photo in photos[:5]]:
            ((stored,),) = raw.execute("SELECT vector FROM bottlenecks WHERE key = ?", [key]).fetchall()
            raw.execute("UPDATE bottlenecks SET vector = ? WHERE key = ?", [bytes(b ^ 0x55 for b in stored), key])
    raw.close()
    extraction = _extract(backbone, cache, photos)
    assert extraction == Extraction({}, 7, 5, damaged=5)
    assert extraction.damage is not None
    assert extraction.damage.startswith("warning: 5 bottlenecks in the cache were damaged and computed again")
    assert np.array_equal(_matrix(backbone, cache, photos), _expected(backbone, photos))
    assert _extract(backbone, cache, photos) == Extraction({}, 12, 0)


_MANY = """
import sys
from pathlib import Path
from graft_host.backbones.bottlenecks.bottlenecks import Bottlenecks
from graft_host.backbones.bottlenecks.jobs import photos_alone
from graft_host.photos.dataset import scan
from tests.support.host_data import handmade_backbone

def kilobytes():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))

def report(done, total):
    if done in (total // 4, total):
        print(kilobytes())

cache, folder, made = map(Path, sys.argv[1:4])
photos = scan(folder, 2, min_classes=1).photos
with Bottlenecks(handmade_backbone(made), cache) as each:
    found = each.extract(photos_alone(photos), 2, report)
print(found.misses)
"""


@pytest.mark.slow
def test_memory_does_not_grow_with_the_number_of_photos(tmp_path: Path) -> None:
    """Measured as the slope over 6,000 photos of 120 KB as pixels; only the keys and rows of results may stay."""
    folder = tmp_path / "photos" / "one"
    folder.mkdir(parents=True)
    data = image_bytes(0, "JPEG", width=200, height=200)
    for index in range(8000):
        (folder / f"{index}.jpg").write_bytes(data + index.to_bytes(4, "big"))  # different contents, the same picture
    done = run_python(_MANY, tmp_path / "cache", tmp_path / "photos", tmp_path / "made")
    assert done.returncode == 0, done.stderr
    early, late, misses = map(int, done.stdout.split())
    assert misses == 8000
    assert late - early < 6000 * 0.5  # KiB: half a KiB a photo, where a file is 3 and its pixels are 120


def test_the_helpers_image_is_what_its_bytes_say() -> None:
    assert np.array_equal(preprocess(image_bytes(3), 40), np.asarray(image(3)))
