from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from graft_device.classifier import dequantize, to_input
from graft_device.errors import CacheError, DatasetError, WeightsError
from graft_device.preprocess import preprocess
from graft_device.runtime import open_model
from graft_host.backbones.bottlenecks.bottlenecks import Bottlenecks
from graft_host.backbones.bottlenecks.extract import Extraction
from graft_host.backbones.bottlenecks.jobs import photos_alone
from graft_host.backbones.conversion.backbone import Backbone, BackboneSpec
from graft_host.backbones.conversion.calibration import MAX_CALIBRATION_PHOTOS
from graft_host.backbones.conversion.quantize import quantized_backbone
from graft_host.backbones.family import BackboneError
from graft_host.backbones.weights.find import find_weights
from graft_host.photos.dataset import Photo
from graft_host.support.progress import unwatched
from tests.support.background import start_python
from tests.support.host_data import (
    REAL_WEIGHTS,
    image,
    image_bytes,
    needs_real_weights,
    open_folder,
    photo,
    random_layers,
    run_on_small_disk,
    without_privileges,
    write_h5,
)

SPEC = BackboneSpec(
    weights=find_weights("random", 3), tap="mixed0", image_size=75, quantization="int8", resize="squash"
)


@dataclass(frozen=True)
class Converted:
    """A conversion and its inputs."""

    backbone: Backbone
    training: list[Photo]
    undecodable: list[Photo]
    cache: Path
    progress: list[tuple[int, int]]

    @property
    def calibration(self) -> list[str]:
        """The digests in the record."""
        (record,) = (self.cache / "backbones").glob(f"{self.backbone.spec.key}-*.json")
        digests: list[str] = json.loads(record.read_bytes())["calibration"]
        return digests


def _grey(path: Path, seed: int) -> Path:
    """A photo without bright or dark pixels, which spans only half of the range in calibration."""
    Image.fromarray(64 + np.asarray(image(seed, 90, 80)) // 2).save(path, "PNG")
    return path


@pytest.fixture(scope="session")
def converted(tmp_path_factory: pytest.TempPathFactory) -> Converted:
    """An int8 backbone, converted once for this file."""
    folder = tmp_path_factory.mktemp("converted")
    training = [photo(_grey(folder / f"{index}.png", index), index % 2) for index in range(12)]
    undecodable = []
    for index in range(2):
        path = folder / f"cut{index}.jpg"
        path.write_bytes(image_bytes(50 + index, "JPEG", width=300, height=300)[:-1500])
        undecodable.append(photo(path, index))
    progress: list[tuple[int, int]] = []
    backbone = quantized_backbone(
        SPEC,
        [*training, *undecodable],
        folder / "cache",
        threads=2,
        progress=lambda done, total: progress.append((done, total)),
    )
    return Converted(backbone, training, undecodable, folder / "cache", progress)


@pytest.fixture
def cache(converted: Converted, tmp_path: Path) -> Path:
    """A copy of the cache that a test may damage."""
    return Path(shutil.copytree(converted.cache, tmp_path / "cache"))


def _find(photos: list[Photo], cache: Path, spec: BackboneSpec = SPEC, recalibrate: bool = False) -> Backbone | None:
    """The cached backbone for photos whose files are missing; None if one would have to be converted."""
    gone = [replace(photo, path=Path("gone") / photo.path.name) for photo in photos]
    try:
        return quantized_backbone(spec, gone, cache, 2, recalibrate)
    except DatasetError as error:
        assert "nothing to calibrate" in str(error)  # noqa: PT017  both are answers
        return None


# An int8 backbone


@pytest.mark.slow
def test_an_int8_backbone_takes_uint8_pixels_and_returns_int8(converted: Converted) -> None:
    runner = open_model(converted.backbone.path, threads=1)
    assert runner.input.shape == (1, 75, 75, 3)
    assert runner.input.dtype == np.uint8
    assert runner.output.shape == (1, 256)
    assert runner.output.dtype == np.int8
    assert runner.output.scale > 0


@pytest.mark.slow
def test_the_input_range_is_0_to_255_even_if_no_photo_spans_it(converted: Converted) -> None:
    spec = open_model(converted.backbone.path, threads=1).input
    assert spec.scale == pytest.approx(1 / 127.5, rel=1e-3)
    assert (0 - spec.zero_point) * spec.scale == pytest.approx(-1, abs=0.005)
    assert (255 - spec.zero_point) * spec.scale == pytest.approx(1, abs=0.005)


@pytest.mark.slow
def test_the_file_is_named_by_its_content(converted: Converted) -> None:
    backbone = converted.backbone
    assert backbone.fingerprint == hashlib.sha256(backbone.path.read_bytes()).hexdigest()
    assert backbone.fingerprint in backbone.path.name
    assert not backbone.reused
    assert backbone.spec == SPEC


@pytest.mark.slow
def test_calibration_uses_the_training_photos_that_can_be_decoded(converted: Converted) -> None:
    assert sorted(converted.calibration) == sorted(photo.digest for photo in converted.training)
    assert converted.progress == [(done, 12) for done in range(1, 13)]


@pytest.mark.slow
def test_bottlenecks_are_the_output_of_the_network(converted: Converted, tmp_path: Path) -> None:
    with Bottlenecks(converted.backbone, tmp_path) as bottlenecks:
        extraction = bottlenecks.extract(photos_alone([*converted.training, *converted.undecodable]), 2, unwatched)
        matrix, labels = bottlenecks.matrix(converted.training)
    assert extraction == Extraction({photo.digest: "the image is cut short" for photo in converted.undecodable}, 0, 12)
    assert labels.tolist() == [0, 1] * 6
    assert np.array_equal(matrix, _bottlenecks(converted.backbone, converted.training))
    assert len(np.unique(matrix, axis=0)) == 12


def _bottlenecks(backbone: Backbone, photos: list[Photo]) -> NDArray[np.float32]:
    runner, weights = open_model(backbone.path, threads=1), backbone.spec.weights
    pixels = (preprocess(each.path, 75, backbone.spec.resize) for each in photos)
    rows = (runner(to_input(each, runner.input, weights.mean, weights.std))[0] for each in pixels)
    return np.stack([dequantize(row, runner.output) for row in rows])


# When a cached one is used


@pytest.mark.slow
def test_a_cached_backbone_is_reused_while_its_calibration_photos_are_trained_on(
    converted: Converted, cache: Path
) -> None:
    training = converted.training
    added = [
        Photo(path=Path("new.jpg"), label=1, digest=hashlib.sha256(bytes([index])).hexdigest()) for index in range(20)
    ]
    for photos in (training, training[::-1], [*added, *training, *added], [replace(p, label=5) for p in training]):
        backbone = _find(photos, cache)
        assert backbone is not None
        assert backbone.reused
        assert backbone.fingerprint == converted.backbone.fingerprint
        assert backbone.path == cache / "backbones" / converted.backbone.path.name
    assert _find(training, cache, recalibrate=True) is None
    assert _find([*training[1:], *added], cache) is None
    assert _find(added, cache) is None


@pytest.mark.slow
def test_another_request_does_not_reuse_a_cached_backbone(converted: Converted, cache: Path) -> None:
    for spec in (
        replace(SPEC, weights=find_weights("random", 4)),
        replace(SPEC, tap="mixed1"),
        replace(SPEC, image_size=76),
        replace(SPEC, resize="crop"),
        replace(SPEC, weights=replace(SPEC.weights, mean=128.0)),
        replace(SPEC, weights=replace(SPEC.weights, std=128.0)),
    ):
        assert _find(converted.training, cache, spec) is None
    # The location and the name of a file make no difference.
    renamed = replace(SPEC, weights=replace(SPEC.weights, name="other", path=None))
    assert _find(converted.training, cache, renamed) is not None


@pytest.mark.slow
@pytest.mark.parametrize("damage", ["cut", "changed", "gone", "empty"])
def test_a_damaged_cached_backbone_is_not_used(converted: Converted, cache: Path, damage: str) -> None:
    path = cache / "backbones" / converted.backbone.path.name
    data = path.read_bytes()
    if damage == "gone":
        path.unlink()
    else:
        middle = len(data) // 2
        changed = data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]
        path.write_bytes({"cut": data[:-1], "changed": changed, "empty": b""}[damage])
    assert _find(converted.training, cache) is None


@pytest.mark.slow
@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"7",
        b"null",
        b"{}",
        b"\xff\xfe",
        b'{"fingerprint": "%s"}',
        b'{"fingerprint": "%s", "calibration": 3}',
    ],
)
def test_a_damaged_record_is_not_used(converted: Converted, cache: Path, content: bytes) -> None:
    (record,) = (cache / "backbones").glob("*.json")
    record.write_bytes(content.replace(b"%s", converted.backbone.fingerprint.encode()))
    assert _find(converted.training, cache) is None
    record.unlink()
    assert _find(converted.training, cache) is None


@pytest.mark.slow
def test_a_damaged_record_does_not_hide_a_good_one(converted: Converted, cache: Path) -> None:
    (record,) = (cache / "backbones").glob("*.json")
    os.utime(record, (0, 0))
    (cache / "backbones" / f"{SPEC.key}-0123456789abcdef.json").write_bytes(b"{")
    assert _find(converted.training, cache) is not None


@pytest.mark.slow
@pytest.mark.parametrize(("small", "used"), [(10, 10), (26, 16)])
def test_recalibration_uses_32_photos_evenly_from_all_classes(
    converted: Converted, cache: Path, tmp_path: Path, small: int, used: int
) -> None:
    photos = [photo(_grey(tmp_path / f"{index}.png", 100 + index), int(index < small - 6)) for index in range(60)]
    cut = tmp_path / "cut.jpg"
    cut.write_bytes(image_bytes(1, "JPEG", width=300, height=300)[:-1500])
    progress: list[tuple[int, int]] = []
    everything = [*photos, *photos[:5], photo(cut), *converted.training]
    backbone = quantized_backbone(
        SPEC, everything, cache, 2, recalibrate=True, progress=lambda done, total: progress.append((done, total))
    )
    assert not backbone.reused
    assert backbone.fingerprint != converted.backbone.fingerprint
    assert progress[-1] == (MAX_CALIBRATION_PHOTOS, MAX_CALIBRATION_PHOTOS)
    (record,) = (path for path in (cache / "backbones").glob("*.json") if backbone.fingerprint in path.read_text())
    digests = json.loads(record.read_bytes())["calibration"]
    assert len(set(digests)) == len(digests) == 32
    labels = {photo.digest: photo.label for photo in everything}
    assert sum(labels.values()) == small
    assert sum(labels[digest] for digest in digests) == used  # half of the photos, or all of the smaller class
    # Both are kept, and the one that fits the training photos is found.
    again = _find(everything, cache)
    assert again is not None
    assert again.fingerprint == backbone.fingerprint
    before = _find(converted.training, cache)
    assert before is not None
    assert before.fingerprint == converted.backbone.fingerprint


# The other kinds of numbers


@pytest.fixture(scope="session")
def floats(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Backbone]:
    """The same network in float32, float16 and dynamic range, made without photos."""
    cache = tmp_path_factory.mktemp("floats")
    return {
        mode: quantized_backbone(replace(SPEC, quantization=mode), [], cache, 1)
        for mode in ("float32", "float16", "dynamic")
    }


@pytest.mark.slow
def test_float_backbones_take_and_return_float32_and_differ_in_size(floats: dict[str, Backbone]) -> None:
    for backbone in floats.values():
        runner = open_model(backbone.path, threads=1)
        assert runner.input.shape == (1, 75, 75, 3)
        assert runner.input.dtype == np.float32
        assert runner.output.shape == (1, 256)
        assert runner.output.dtype == np.float32
    size = {mode: backbone.path.stat().st_size for mode, backbone in floats.items()}
    assert size["float16"] < 0.6 * size["float32"]
    assert size["dynamic"] < 0.6 * size["float16"]


@pytest.mark.slow
def test_all_quantizations_agree_on_the_bottlenecks(floats: dict[str, Backbone], converted: Converted) -> None:
    exact = _bottlenecks(floats["float32"], converted.training)
    spread = float(exact.std(axis=0).mean())
    for backbone, allowed in ((floats["float16"], 0.01), (floats["dynamic"], 0.1), (converted.backbone, 0.2)):
        rows = _bottlenecks(backbone, converted.training)
        assert float(np.abs(rows - exact).mean()) < allowed * spread, backbone.spec.quantization


@pytest.mark.slow
def test_float_backbones_are_cached_whatever_the_photos_and_the_resize_rule(floats: dict[str, Backbone]) -> None:
    for backbone in floats.values():
        cache = backbone.path.parents[1]
        cached = quantized_backbone(
            replace(backbone.spec, resize="crop"), [Photo(path=Path("gone"), label=0, digest="0" * 64)], cache, 1
        )
        assert cached.reused
        assert cached.fingerprint == backbone.fingerprint


# What goes wrong


@pytest.mark.slow
@pytest.mark.parametrize("size", [50, 74, 2049])
def test_a_size_that_the_family_does_not_take_is_an_error_of_one_line(tmp_path: Path, size: int) -> None:
    spec = replace(SPEC, quantization="float32", image_size=size)
    with pytest.raises(BackboneError) as caught:
        quantized_backbone(spec, [], tmp_path, 1)
    assert caught.value.what == f"image size {size} is not in the range of Inception-v3"
    assert caught.value.remedy == "give 75 to 2048"
    assert list((tmp_path / "backbones").iterdir()) == []


@pytest.mark.slow
def test_weights_of_another_network_are_reported_as_such(tmp_path: Path) -> None:
    layers = random_layers()
    layers[4] = replace(layers[4], kernel=layers[4].kernel[:, :, :, :100])
    weights = find_weights(str(write_h5(tmp_path / "other's ねじ.h5", layers)))
    with pytest.raises(WeightsError, match=r"other's ねじ\.h5 is not Inception-v3") as caught:
        quantized_backbone(replace(SPEC, weights=weights, quantization="float32"), [], tmp_path, 1)
    assert "\n" not in str(caught.value)


@needs_real_weights
def test_a_tap_beyond_the_weights_is_refused_before_the_work(tmp_path: Path) -> None:
    spec = replace(SPEC, weights=find_weights(str(REAL_WEIGHTS)), tap="mixed9")
    with pytest.raises(WeightsError, match="ends at mixed8"):
        quantized_backbone(spec, [], tmp_path, 1)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_nothing_to_calibrate_on(tmp_path: Path) -> None:
    (tmp_path / "cut.jpg").write_bytes(image_bytes(1, "JPEG", width=300, height=300)[:-1500])
    for photos in ([], [photo(tmp_path / "cut.jpg")], [Photo(path=tmp_path / "gone.jpg", label=0, digest="0" * 64)]):
        with pytest.raises(DatasetError, match="nothing to calibrate"):
            quantized_backbone(SPEC, photos, tmp_path, 2)


def test_a_cache_without_write_permission() -> None:
    with open_folder() as folder:
        folder.chmod(0o555)
        with without_privileges(), pytest.raises(CacheError, match=r"permission denied.*--cache DIR"):
            quantized_backbone(SPEC, [], folder, 1)


@pytest.mark.slow
def test_a_disk_that_is_full_when_the_backbone_is_written() -> None:
    output = run_on_small_disk(
        300,
        """
import sys
from dataclasses import replace
from pathlib import Path
from graft_device.errors import CacheError
from graft_host.backbones.conversion.backbone import BackboneSpec
from graft_host.backbones.conversion.quantize import quantized_backbone
from graft_host.backbones.weights.find import find_weights
cache = Path(sys.argv[1])
spec = BackboneSpec(
    weights=find_weights("random"), tap="mixed0", image_size=75, quantization="dynamic", resize="squash"
)
try:
    quantized_backbone(spec, [], cache, 1)
except CacheError as error:
    print(error)
print(list((cache / "backbones").iterdir()))
""",
    )
    error, left = output.splitlines()
    assert "no space left on device" in error
    assert "--cache DIR" in error
    assert left == "[]"


def test_no_temporary_folder_is_needed(tmp_path: Path) -> None:
    training = [photo(_grey(tmp_path / "0.png", 0))]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
        assert quantized_backbone(SPEC, training, tmp_path / "cache", 1).path.is_file()


@pytest.mark.slow
def test_a_kill_in_the_middle_leaves_no_partial_backbone(tmp_path: Path) -> None:
    photos = [photo(_grey(tmp_path / f"{index}.png", index)) for index in range(4)]
    code = """
import os, signal, sys, tempfile
from pathlib import Path
from graft_host.backbones.conversion.backbone import BackboneSpec
from graft_host.backbones.conversion.quantize import quantized_backbone
from graft_host.backbones.weights.find import find_weights
from tests.support.host_data import photo
folder = Path(sys.argv[1])
tempfile.tempdir = str(folder)  # a kill leaves what is there
photos = [photo(path) for path in sorted(folder.glob("*.png"))]
spec = BackboneSpec(
    weights=find_weights("random", 3), tap="mixed0", image_size=75, quantization="int8", resize="squash"
)
def progress(done, total):
    if done == total:
        os.killpg(0, signal.SIGKILL)
quantized_backbone(spec, photos, folder / "cache", 2, progress=progress)
"""
    with start_python(code, tmp_path, start_new_session=True) as run:
        assert run.wait() == -signal.SIGKILL
    assert list((tmp_path / "cache" / "backbones").iterdir()) == []
    assert _find(photos, tmp_path / "cache") is None
