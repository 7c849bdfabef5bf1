"""Backbones that an earlier graftkit left in the cache: TensorFlow's converter made them, on 100 photos."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from graft_device.errors import DatasetError
from graft_device.preprocess import preprocess
from graft_host.backbones.conversion.backbone import BackboneSpec
from graft_host.backbones.conversion.cache import BackboneCache, CachedNetwork
from graft_host.backbones.conversion.quantize import quantized_backbone
from graft_host.backbones.conversion.trunk import cached_backbones, quantized_trunk, trunk_key
from graft_host.backbones.weights.find import find_weights
from graft_host.demo.rendering.render import render_dataset
from graft_host.photos.dataset import Photo, scan
from graft_host.photos.near_duplicates import group_near_duplicates
from graft_host.photos.split import split
from graft_host.photos.split_rule import SplitRule
from tests.conftest import graft
from tests.support.host_data import run_python

SPEC = BackboneSpec(weights=find_weights("random"), tap="mixed0", image_size=75, quantization="int8", resize="squash")
TAPS = ("mixed1", "mixed0")
SPECS = [replace(SPEC, tap=tap) for tap in sorted(TAPS)]
NOTE = "note: the quantized backbone in the cache is of an earlier graftkit; --recalibrate would make a faster one\n"

# Photos that can no longer be read, so that nothing can be calibrated: what is not in the cache is an error.
PHOTOS = [Photo(path=Path("gone"), label=index % 2, digest=f"{index:064}") for index in range(8)]
DIGESTS = [photo.digest for photo in PHOTOS]


def stored_former(folder: Path, *specs: BackboneSpec, digests: list[str] = DIGESTS) -> BackboneCache:
    """A cache with backbones under the keys of an earlier graftkit; which bytes they are makes no difference."""
    cache = BackboneCache(folder)
    for spec in specs:
        cache.store(str(spec.former_key), spec.tap.encode(), digests)
    return cache


def stored_trunk(cache: BackboneCache) -> CachedNetwork:
    return cache.store(trunk_key(spec.former_key for spec in SPECS), b"trunk", DIGESTS)


def test_it_is_used_while_its_photos_are_trained_on(tmp_path: Path) -> None:
    stored_former(tmp_path, SPEC)
    backbone = quantized_backbone(SPEC, PHOTOS, tmp_path, 1)
    assert backbone.reused
    assert backbone.former
    assert backbone.calibration_photos == 8
    assert backbone.path.read_bytes() == b"mixed0"
    with pytest.raises(DatasetError, match="nothing to calibrate"):
        quantized_backbone(SPEC, PHOTOS[1:], tmp_path, 1)
    with pytest.raises(DatasetError, match="nothing to calibrate"):
        quantized_backbone(SPEC, PHOTOS, tmp_path, 1, recalibrate=True)


def test_a_new_one_is_preferred(tmp_path: Path) -> None:
    stored_former(tmp_path, SPEC)
    BackboneCache(tmp_path).store(SPEC.key, b"new", DIGESTS[:4])
    backbone = quantized_backbone(SPEC, PHOTOS, tmp_path, 1)
    assert backbone.path.read_bytes() == b"new"
    assert not backbone.former


def test_a_search_uses_them_if_all_are_of_that_kind_and_saw_the_same_photos(tmp_path: Path) -> None:
    cache = stored_former(tmp_path, *SPECS)
    ready = cached_backbones(SPEC, TAPS, PHOTOS, tmp_path)
    assert ready is not None
    assert [(backbone.spec.tap, backbone.former) for backbone in ready] == [("mixed0", True), ("mixed1", True)]
    with pytest.raises(DatasetError, match="nothing to calibrate"):  # new photos need the trunk
        quantized_trunk(SPEC, TAPS, PHOTOS, tmp_path, 1)
    stored_trunk(cache)
    trunk = quantized_trunk(SPEC, TAPS, PHOTOS, tmp_path, 1)
    assert trunk.path.read_bytes() == b"trunk"
    assert trunk.backbones == ready


@pytest.mark.parametrize("other", ["new", "of other photos", "missing"])
def test_a_search_does_not_mix_them_with_others(tmp_path: Path, other: str) -> None:
    cache = stored_former(tmp_path, SPECS[0])
    stored_trunk(cache)
    if other == "new":
        stored_former(tmp_path, SPECS[1])
        cache.store(SPECS[1].key, b"new", DIGESTS[:4])
    elif other == "of other photos":
        stored_former(tmp_path, SPECS[1], digests=DIGESTS[1:])
    assert cached_backbones(SPEC, TAPS, PHOTOS, tmp_path) is None
    with pytest.raises(DatasetError, match="nothing to calibrate"):
        quantized_trunk(SPEC, TAPS, PHOTOS, tmp_path, 1)


@dataclass(frozen=True)
class Former:
    """A set of photos, and a cache with the backbone that TensorFlow's converter makes of it."""

    photos: Path
    cache: Path
    fingerprint: str


# In its own process, because TensorFlow warns a lot.
_CONVERT = """
import sys
import numpy as np
from tests.support.converter import int8_inception
from graft_host.backbones.weights.find import find_weights
pixels, output = sys.argv[1:]
weights = find_weights("random")
open(output, "wb").write(int8_inception(weights, "mixed0", np.load(pixels)))
"""


@pytest.fixture(scope="module")
def former(tmp_path_factory: pytest.TempPathFactory) -> Former:
    folder = tmp_path_factory.mktemp("former")
    photos, cache, pixels, converted = (folder / name for name in ("photos", "cache", "pixels.npy", "old.tflite"))
    render_dataset(photos, 14, 0)
    dataset = group_near_duplicates(scan(photos, 2), cache, 2, lambda *_: None, lambda _: None)
    training = split(dataset, SplitRule(test_percent=30)).train
    np.save(pixels, np.stack([preprocess(photo.path, 75, "squash") for photo in training]))
    done = run_python(_CONVERT, pixels, converted)
    assert done.returncode == 0, done.stderr
    digests = [photo.digest for photo in training]
    stored = BackboneCache(cache).store(str(SPEC.former_key), converted.read_bytes(), digests)
    return Former(photos, cache, stored.fingerprint)


def run(command: str, former: Former, cache: Path, *words: object) -> tuple[dict[str, Any], str]:
    """The JSON and the notes of a command on the photos."""
    options = ("--weights", "random", "--test-percent", "30", "--cache", cache, "--json")
    done = graft(command, former.photos, *options, *words)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout), done.stderr


@pytest.mark.slow
def test_train_and_search_use_a_converted_one_and_say_so_once(former: Former, tmp_path: Path) -> None:
    cache = shutil.copytree(former.cache, tmp_path / "cache")
    words = ("--tap", "mixed0", "--image-size", "75", "--overwrite", "-o", tmp_path / "m.tflite")
    found, notes = run("train", former, cache, *words)
    assert found["cache"]["backbone"] == "reused"
    assert notes.count(NOTE) == 1
    before = (tmp_path / "m.tflite").read_bytes()
    again, notes = run("train", former, cache, *words)
    assert again["cache"]["misses"] == 0  # its bottlenecks are cached too
    assert (tmp_path / "m.tflite").read_bytes() == before
    _, notes = run("search", former, cache, "--taps", "mixed0", "--sizes", "75")
    assert notes.count(NOTE) == 1
    assert "quantizing" not in notes

    new, notes = run("train", former, cache, *words, "--recalibrate")
    assert new["cache"]["backbone"] == "converted"
    assert NOTE not in notes
    made = (tmp_path / "m.tflite").read_bytes()
    assert made != before
    again, notes = run("train", former, cache, *words)
    assert again["cache"]["backbone"] == "reused"
    assert NOTE not in notes
    assert (tmp_path / "m.tflite").read_bytes() == made
    assert abs(new["accuracy"]["shipped"] - found["accuracy"]["shipped"]) <= 0.1
    assert (cache / "backbones" / f"{former.fingerprint}.tflite").is_file()  # an earlier graftkit still finds it
