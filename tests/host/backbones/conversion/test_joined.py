"""Backbones of several taps: their bottlenecks are those of each tap, side by side and cached by tap."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from graft_device.errors import WeightsError
from graft_device.runtime import open_model
from graft_host.backbones.bottlenecks.bottlenecks import Bottlenecks
from graft_host.backbones.bottlenecks.extract import Extraction
from graft_host.backbones.bottlenecks.jobs import jobs_for, photos_alone
from graft_host.backbones.conversion.backbone import Backbone, BackboneSpec
from graft_host.backbones.conversion.convert import convert
from graft_host.backbones.conversion.joined import joined_from
from graft_host.backbones.conversion.make import make_backbone
from graft_host.backbones.conversion.quantize import quantized_backbone
from graft_host.backbones.conversion.trunk import quantized_trunk
from graft_host.backbones.family import BackboneError, WeightsSource
from graft_host.backbones.inception_v3.family import FAMILY
from graft_host.backbones.registry import family
from graft_host.backbones.weights.find import check_tap, find_weights
from graft_host.networks.cuts.cutting import cut
from graft_host.photos.dataset import Photo
from graft_host.photos.renditions import renditions
from graft_host.support import flatbuffer
from graft_host.support.option import OptionError
from graft_host.support.progress import unwatched
from graft_host.training.options import HeadOptions
from tests.support.host_data import REAL_WEIGHTS, needs_real_weights, photos_in
from tests.support.tiny_family import TINY

SPEC = BackboneSpec(
    weights=find_weights("random", 5, TINY), tap="early+late", image_size=24, quantization="int8", resize="squash"
)
SIZES = {"early": 8, "early/2x2": 32, "middle": 16, "late": 24, "late/2x2": 96}


@pytest.fixture
def photos(tmp_path: Path) -> list[Photo]:
    return photos_in(tmp_path / "photos", 12)


def _extract(backbone: Backbone, cache: Path, photos: Sequence[Photo], variants: int = 0) -> Extraction:
    with Bottlenecks(backbone, cache) as bottlenecks:
        return bottlenecks.extract(jobs_for((photos, renditions(variants=variants))), 2, unwatched)


def _matrix(backbone: Backbone, cache: Path, photos: Sequence[Photo], variants: int = 0) -> NDArray[np.float32]:
    with Bottlenecks(backbone, cache) as bottlenecks:
        return bottlenecks.matrix(photos, renditions(variants=variants))[0]


def _alone(tap: str, photos: Sequence[Photo], cache: Path, spec: BackboneSpec = SPEC) -> Backbone:
    return quantized_backbone(replace(spec, tap=tap), photos, cache, 2)


# The value of --tap


_ALL = tuple(tap + ending for tap in FAMILY.taps for ending in ("", "/2x2"))


@given(st.permutations(_ALL), st.integers(1, len(_ALL)))
def test_taps_are_named_in_any_order_and_kept_in_that_of_their_depth(order: list[str], count: int) -> None:
    named = order[:count]
    taps = FAMILY.taps_of("+".join(named))
    assert taps == tuple(tap for tap in _ALL if tap in named)
    assert FAMILY.taps_of(FAMILY.ordered("+".join(named))) == taps
    assert HeadOptions(photos=Path("photos"), tap="+".join(named)).tap == "+".join(taps)


def test_no_tap_of_a_family_may_contain_what_stands_between_taps() -> None:
    with pytest.raises(BackboneError, match=r"Tiny has a tap 'a\+b', and \+ stands between .*; rename the tap"):
        replace(TINY, taps=("early", "a+b"))
    with pytest.raises(
        BackboneError, match=r"Tiny has a tap 'a/2x2', and /2x2 stands for the means of .*; rename the tap"
    ):
        replace(TINY, taps=("early", "a/2x2"))
    assert replace(TINY, taps=("early", "a/b")).taps_of("a/b/2x2+a/b") == ("a/b", "a/b/2x2")


def test_a_backbone_of_one_tap_is_not_made_of_several(photos: list[Photo], tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    with pytest.raises(BackboneError, match=r"early\+late is several taps, .*; call make_backbone"):
        quantized_backbone(SPEC, photos, cache, 2)
    assert not cache.exists()


@given(st.lists(st.sampled_from(_ALL), min_size=1, max_size=4), st.integers(0, 4), st.data())
def test_a_tap_named_twice_is_an_error(taps: list[str], place: int, data: st.DataObject) -> None:
    again = data.draw(st.sampled_from(taps))
    taps.insert(place, again)
    twice = "|".join({tap for tap in taps if taps.count(tap) > 1})
    with pytest.raises(BackboneError, match=f"names ({twice}) twice; name each tap once"):
        FAMILY.taps_of("+".join(taps))


@pytest.mark.parametrize(
    ("tap", "message"),
    [
        ("mixed5+mixed11", "Inception-v3 has no tap 'mixed11'; choose from mixed0, "),
        ("late+mixed5", "Inception-v3 has no tap 'late'; choose"),
        ("mixed5+", "Inception-v3 has no tap ''; choose"),
        ("+", "Inception-v3 has no tap ''; choose"),
        ("mixed5 +mixed7", "Inception-v3 has no tap 'mixed5 '; choose"),
        ("mixed5,mixed7", "Inception-v3 has no tap 'mixed5,mixed7'; choose"),
        (
            "mixed8/3x3",
            r"Inception-v3 has no tap 'mixed8/3x3'; .*, mixed10, or one of them with /2x2 behind it, as in mixed10/2x2",
        ),
        ("mixed11/2x2", "Inception-v3 has no tap 'mixed11/2x2'; choose from mixed0, "),
        ("/2x2", "Inception-v3 has no tap '/2x2'; choose from mixed0, "),
        ("mixed8/2x2/2x2", "Inception-v3 has no tap 'mixed8/2x2/2x2'; choose from mixed0, "),
        (
            "mixed8/2x2+mixed7+mixed8/2x2",
            r"'mixed8/2x2\+mixed7\+mixed8/2x2' names mixed8/2x2 twice; name each tap once",
        ),
        ("mixed7+mixed5+mixed7", r"'mixed7\+mixed5\+mixed7' names mixed7 twice; name each tap once"),
    ],
)
def test_a_tap_that_the_family_lacks_is_named(tap: str, message: str) -> None:
    with pytest.raises(BackboneError, match=message):
        FAMILY.taps_of(tap)
    with pytest.raises(OptionError, match=f"--tap: {message}"):
        HeadOptions(photos=Path("photos"), tap=tap)


@needs_real_weights
def test_weights_that_end_before_the_deepest_tap_are_an_error() -> None:
    weights = find_weights(str(REAL_WEIGHTS))
    check_tap(weights, "mixed8+mixed5")
    check_tap(weights, "mixed5+mixed8/2x2")
    with pytest.raises(WeightsError, match="ends at mixed8, before mixed9"):
        check_tap(weights, "mixed9/2x2")
    with pytest.raises(WeightsError, match="ends at mixed8, before mixed9"):
        check_tap(weights, "mixed9+mixed5")


# Bottlenecks


@pytest.mark.parametrize("quantization", ["int8", "dynamic", "float16", "float32"])
def test_bottlenecks_are_those_of_the_taps_side_by_side(photos: list[Photo], tmp_path: Path, quantization: str) -> None:
    spec = replace(SPEC, tap="early+early/2x2+middle+late+late/2x2", quantization=quantization)
    backbone = make_backbone(spec, photos, tmp_path / "joined", 2)
    assert [part.spec.tap for part in backbone.parts] == [*SIZES]
    assert _extract(backbone, tmp_path / "joined", photos, 2) == Extraction({}, 0, 36)
    ours = _matrix(backbone, tmp_path / "joined", photos, 2)
    assert ours.shape == (36, sum(SIZES.values()))
    alone = []
    for part in backbone.parts:
        single = _alone(part.spec.tap, photos, tmp_path / "alone", spec)
        assert single.fingerprint == part.fingerprint
        _extract(single, tmp_path / "alone", photos, 2)
        alone.append(_matrix(single, tmp_path / "alone", photos, 2))
    assert np.array_equal(ours, np.concatenate(alone, axis=1))


def test_each_tap_has_its_own_scale(photos: list[Photo], tmp_path: Path) -> None:
    backbone = make_backbone(SPEC, photos, tmp_path, 2)
    graph = flatbuffer.unpack(backbone.path.read_bytes(), "backbone").subgraphs[0]
    scales = [float(graph.tensors[output].quantization.scale[0]) for output in graph.outputs]
    assert scales == [open_model(part.path, threads=1).output.scale for part in backbone.parts]
    assert len(set(scales)) == 2


@pytest.mark.parametrize("quantization", ["int8", "dynamic", "float16", "float32"])
@pytest.mark.parametrize("image_size", [17, 24, 33, 64])
def test_quarters_are_those_of_the_map(photos: list[Photo], tmp_path: Path, quantization: str, image_size: int) -> None:
    """The four quarters of an even map have its mean; those of one of a single position are all alike."""
    spec = replace(SPEC, tap="late+late/2x2", image_size=image_size, quantization=quantization)
    backbone = make_backbone(spec, photos, tmp_path, 2)
    _extract(backbone, tmp_path, photos)
    mean, quarters = np.split(_matrix(backbone, tmp_path, photos), [24], axis=1)
    parts = quarters.reshape(-1, 4, 24)
    side = -(-image_size // 8)
    step = np.ptp(mean) / 100 if quantization == "int8" else 1e-4
    if side % 2 == 0:
        assert np.abs(parts.mean(1) - mean).max() < step
    assert (np.abs(parts - parts[:, :1]).max() < step) == (side == 1)


def test_a_run_with_one_of_the_taps_finds_its_bottlenecks(photos: list[Photo], tmp_path: Path) -> None:
    spec = replace(SPEC, tap="early+late+late/2x2")
    _extract(make_backbone(spec, photos, tmp_path, 2), tmp_path, photos)
    gone = [replace(photo, path=Path("gone")) for photo in photos]  # nothing left to read
    for tap in ("early", "late", "late/2x2"):
        single = make_backbone(replace(SPEC, tap=tap), gone, tmp_path, 2)
        assert single.reused
        assert _extract(single, tmp_path, gone) == Extraction({}, 12, 0)
    again = make_backbone(spec, gone, tmp_path, 2)
    assert again.reused
    assert _extract(again, tmp_path, gone) == Extraction({}, 12, 0)


def test_only_the_tap_that_lacks_bottlenecks_is_computed(
    photos: list[Photo], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The backbones of the others are removed once they are open."""
    _extract(_alone("late", photos, tmp_path), tmp_path, photos)
    backbone = make_backbone(SPEC, photos, tmp_path, 2)
    early, late = backbone.parts
    assert (early.reused, late.fingerprint) == (False, _alone("late", photos, tmp_path).fingerprint)
    with Bottlenecks(backbone, tmp_path) as bottlenecks:
        assert [tap.known(photo.cache_key for photo in photos) == set() for tap in bottlenecks.taps] == [True, False]
        assert bottlenecks.missing(photos) == 12
        backbone.path.unlink()
        late.path.unlink()
        assert bottlenecks.extract(photos_alone(photos), 2, unwatched) == Extraction({}, 0, 12)
        assert bottlenecks.missing(photos) == 0


def test_photos_that_some_taps_lack_are_computed_for_these(photos: list[Photo], tmp_path: Path) -> None:
    spec = replace(SPEC, tap="early+middle+late")
    backbone = make_backbone(spec, photos, tmp_path, 2)
    _extract(backbone.parts[0], tmp_path, photos[:7])
    _extract(backbone.parts[1], tmp_path, photos[:9])
    _extract(backbone.parts[2], tmp_path, photos)
    assert _extract(backbone, tmp_path, photos) == Extraction({}, 7, 5)
    _extract(make_backbone(spec, photos, tmp_path / "new", 2), tmp_path / "new", photos)
    assert np.array_equal(_matrix(backbone, tmp_path, photos), _matrix(backbone, tmp_path / "new", photos))


# Calibration


def test_taps_that_are_cached_keep_their_calibration_when_photos_are_added(photos: list[Photo], tmp_path: Path) -> None:
    """Eight of twelve photos calibrated the cached tap; its bottlenecks are found."""
    single = _alone("late", photos[:8], tmp_path)
    _extract(single, tmp_path, photos)
    backbone = make_backbone(SPEC, photos, tmp_path, 2)
    assert backbone.calibration_photos == 8
    assert backbone.parts[1].fingerprint == single.fingerprint
    again = make_backbone(SPEC, photos, tmp_path, 2, recalibrate=True)
    assert again.calibration_photos == 12
    assert again.fingerprint != backbone.fingerprint
    assert make_backbone(SPEC, photos, tmp_path, 2).fingerprint == again.fingerprint


def test_few_photos_of_an_earlier_calibration_are_not_kept(photos: list[Photo], tmp_path: Path) -> None:
    _alone("late", photos[:5], tmp_path)
    assert make_backbone(SPEC, photos, tmp_path, 2).calibration_photos == 12


# Cutting


@pytest.mark.parametrize("taps", [["late/2x2"], ["late/2x2", "early"], ["late/2x2", "middle/2x2", "late"]])
def test_quarters_cut_from_a_trunk_are_those_written_alone(
    photos: list[Photo], tmp_path: Path, taps: list[str]
) -> None:
    every = [tap + ending for tap in TINY.taps for ending in ("/2x2", "")]
    trunk = quantized_trunk(SPEC, every, photos, tmp_path / "wide", 2)
    assert [part.spec.tap for part in trunk.backbones] == sorted(every, key=TINY.place)
    ours = joined_from(trunk, taps, tmp_path / "wide")
    alone = make_backbone(replace(SPEC, tap=TINY.ordered("+".join(taps))), photos, tmp_path / "alone", 2)
    assert ours.spec == alone.spec
    assert ours.path.read_bytes() == alone.path.read_bytes()


def test_a_backbone_cut_from_a_trunk_is_the_one_written_alone(photos: list[Photo], tmp_path: Path) -> None:
    trunk = quantized_trunk(SPEC, TINY.taps, photos, tmp_path / "wide", 2)
    ours = joined_from(trunk, ["late", "early"], tmp_path / "wide")
    alone = make_backbone(SPEC, photos, tmp_path / "alone", 2)
    assert ours.spec == alone.spec == SPEC
    assert ours.path.read_bytes() == alone.path.read_bytes()
    assert ours.fingerprint == alone.fingerprint
    gone = [replace(photo, path=Path("gone")) for photo in photos]
    for found in (
        joined_from(trunk, ["early", "late"], tmp_path / "wide"),
        make_backbone(SPEC, gone, tmp_path / "wide", 2),
    ):
        assert found.reused
        assert found.fingerprint == ours.fingerprint
    assert joined_from(trunk, ["middle"], tmp_path / "wide").fingerprint == trunk.backbones[1].fingerprint
    assert joined_from(trunk, TINY.taps, tmp_path / "wide").path == trunk.path


@pytest.mark.slow
@needs_real_weights
@pytest.mark.parametrize("quantization", ["int8", "dynamic", "float16", "float32"])
@pytest.mark.parametrize("places", [(0, 2), (1, 2)])
def test_a_cut_inception_is_byte_for_byte_the_one_written_alone(quantization: str, places: tuple[int, ...]) -> None:
    taps = ("mixed5", "mixed7", "mixed8")
    _check_cut(find_weights(str(REAL_WEIGHTS)), taps, places, quantization)
    _check_cut(find_weights(str(REAL_WEIGHTS)), ("mixed5", "mixed7/2x2", "mixed8/2x2"), places, quantization)


@pytest.mark.slow
@pytest.mark.parametrize(
    "taps",
    [("expand3", "expand6", "top"), ("expand4", "stage6", "top"), ("expand6/2x2", "stage6/2x2", "top/2x2")],
)
def test_a_cut_efficientnet_is_byte_for_byte_the_one_written_alone(taps: tuple[str, ...]) -> None:
    weights = find_weights("random", 0, family("efficientnet-lite0"))
    _check_cut(weights, taps, (0, 2), "int8")
    _check_cut(weights, taps, (0, 1), "int8")


def _check_cut(weights: WeightsSource, taps: Sequence[str], places: Sequence[int], quantization: str) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (3, 96, 96, 3), np.uint8)
    photos = pixels if quantization == "int8" else None
    whole, *parts = convert(weights, taps, 96, quantization, photos, 2, None)
    alone, *_ = convert(weights, [taps[place] for place in places], 96, quantization, photos, 2, None)
    assert cut(whole, places, "the trunk") == alone
    assert len(parts) == len(taps)
    for place in places:
        assert [parts[place]] == convert(weights, [taps[place]], 96, quantization, photos, 2, None)
