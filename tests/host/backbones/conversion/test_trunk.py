"""A trunk of two taps on random weights, converted once, against each tap converted by itself."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from graft_device.preprocess import preprocess
from graft_device.runtime import open_model
from graft_host.backbones.bottlenecks.bottlenecks import Bottlenecks, extract_together
from graft_host.backbones.bottlenecks.extract import Extraction
from graft_host.backbones.bottlenecks.jobs import photos_alone
from graft_host.backbones.conversion.backbone import BackboneSpec
from graft_host.backbones.conversion.convert import ParameterReader, convert
from graft_host.backbones.conversion.quantize import quantized_backbone
from graft_host.backbones.conversion.trunk import Trunk, cached_backbones, quantized_trunk
from graft_host.backbones.weights.find import find_weights
from graft_host.photos.dataset import Photo
from graft_host.support.progress import unwatched
from tests.support.host_data import REAL_WEIGHTS, needs_real_weights, photos_in

pytestmark = pytest.mark.slow

SPEC = BackboneSpec(
    weights=find_weights("random", 3), tap="mixed1", image_size=75, quantization="int8", resize="squash"
)
TAPS = ("mixed1", "mixed0")


@dataclass(frozen=True)
class Made:
    trunk: Trunk
    photos: list[Photo]
    cache: Path


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    folder = tmp_path_factory.mktemp("trunk")
    photos = photos_in(folder / "photos", 12)
    return Made(quantized_trunk(SPEC, TAPS, photos[:8], folder / "cache", 2), photos, folder / "cache")


def test_a_cut_backbone_computes_the_same_as_one_converted_on_its_own(made: Made, tmp_path: Path) -> None:
    backbone = made.trunk.backbones[0]
    assert [cut.spec.tap for cut in made.trunk.backbones] == ["mixed0", "mixed1"]
    alone = open_model(quantized_backbone(backbone.spec, made.photos[:8], tmp_path / "cache", 2).path, threads=1)
    ours = open_model(backbone.path, threads=1)
    assert ours.output == alone.output
    for photo in made.photos:
        pixels = preprocess(photo.path, 75)[np.newaxis]
        assert np.array_equal(ours(pixels), alone(pixels))


@needs_real_weights
@pytest.mark.parametrize("taps", [("mixed2", "mixed3"), ("mixed7", "mixed8")])
def test_a_cut_backbone_is_byte_for_byte_the_one_written_alone(taps: tuple[str, str]) -> None:
    """The max pool over the first tap gives the second tap's join its numbers, but not its scale."""
    weights = find_weights(str(REAL_WEIGHTS))
    photos = np.random.default_rng(0).integers(0, 256, (3, 75, 75, 3), np.uint8)
    reader = ParameterReader(weights)
    convert(weights, taps, 96, "int8", np.resize(photos, (1, 96, 96, 3)), 1, None, reader)
    _, *cut = convert(weights, taps, 75, "int8", photos, 2, None, reader)  # with what was read for another size
    for tap, ours in zip(taps, cut, strict=True):
        (alone,) = convert(weights, [tap], 75, "int8", photos, 1, None)
        assert ours == alone, tap


def test_training_finds_the_backbones_in_the_cache(made: Made) -> None:
    for backbone in made.trunk.backbones:
        gone = [replace(photo, path=Path("gone")) for photo in made.photos[:8]]  # nothing left to calibrate on
        cached = quantized_backbone(backbone.spec, gone, made.cache, 2)
        assert cached.reused
        assert cached.fingerprint == backbone.fingerprint
        assert cached.calibration_photos == 8
    assert quantized_trunk(SPEC, TAPS, gone, made.cache, 2).reused
    ready = cached_backbones(SPEC, TAPS, gone, made.cache)
    assert ready is not None
    assert [cached.path for cached in ready] == [backbone.path for backbone in made.trunk.backbones]
    assert cached_backbones(SPEC, (*TAPS, "mixed2"), gone, made.cache) is None
    assert cached_backbones(SPEC, TAPS, gone[1:], made.cache) is None  # one that it was calibrated on is no more


def test_one_pass_gives_the_bottlenecks_of_every_tap(made: Made, tmp_path: Path) -> None:
    trunk, photos = made.trunk, made.photos
    outputs = [Bottlenecks(backbone, tmp_path) for backbone in trunk.backbones]
    wanted = photos_alone([*photos, photos[0]])
    assert outputs[0].missing([*photos, photos[0]]) == 12
    assert extract_together(trunk.path, SPEC, outputs, wanted, 2, unwatched) == Extraction({}, 0, 12)
    for backbone, output in zip(trunk.backbones, outputs, strict=True):
        assert output.missing(photos) == 0
        matrix, _ = output.matrix(photos)
        runner = open_model(backbone.path, threads=1)
        stored = np.concatenate([runner(preprocess(photo.path, 75)[np.newaxis]) for photo in photos])
        expected = (stored.astype(np.float32) - runner.output.zero_point) * np.float32(runner.output.scale)
        assert np.array_equal(matrix, expected)
        output.__exit__()


def test_photos_that_one_tap_lacks_are_computed_for_all(made: Made, tmp_path: Path) -> None:
    trunk, photos = made.trunk, made.photos
    with Bottlenecks(trunk.backbones[0], tmp_path) as first, Bottlenecks(trunk.backbones[1], tmp_path) as second:
        extract_together(trunk.path, SPEC, [first, second], photos_alone(photos[:5]), 2, unwatched)
        pixels = preprocess(photos[7].path, 75)[np.newaxis]
        first.taps[0].put([(photos[7].digest, open_model(trunk.backbones[0].path, threads=1)(pixels)[0])])
        extraction = extract_together(trunk.path, SPEC, [first, second], photos_alone(photos), 2, unwatched)
        assert extraction == Extraction({}, 5, 7)
        assert first.missing(photos) == second.missing(photos) == 0
