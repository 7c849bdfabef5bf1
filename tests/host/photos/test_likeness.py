from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from graft_host.demo.rendering.render import PARTS, render_part
from graft_host.photos.fingerprints import TURNS, turned
from graft_host.photos.likeness import same_picture
from graft_host.photos.registration import border_moved, identity, inverse, view
from graft_host.photos.registration import fitted as fit_views
from tests.support import copies
from tests.support.copies import COPIES, LARGE_CROP, LOOK_ALIKES, jpeg, thumbnail

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray


@pytest.fixture(scope="module")
def pictures() -> list[Image.Image]:
    return [render_part(PARTS[index % 3], np.random.default_rng([9, index]), 320) for index in range(15)]


@pytest.fixture(scope="module")
def originals(pictures: list[Image.Image]) -> NDArray[np.uint8]:
    return np.stack([thumbnail(jpeg(picture, 90)) for picture in pictures])


def _pairs(thumbnails: Sequence[NDArray[np.uint8]]) -> list[tuple[int, int]]:
    """The pairs that are taken for the same picture, in either order."""
    first, second = np.array(list(combinations(range(len(thumbnails)), 2))).T
    stack = np.stack(thumbnails)
    same = same_picture(stack[first], stack[second]) | same_picture(stack[second], stack[first])
    return list(zip(first[same].tolist(), second[same].tolist(), strict=True))


@pytest.mark.parametrize("kind", COPIES)
def test_copies_are_the_same_picture(pictures: list[Image.Image], originals: NDArray[np.uint8], kind: str) -> None:
    copies = np.stack([thumbnail(COPIES[kind](picture)) for picture in pictures])
    # A brighter or darker copy is missed if the photo shows little, or if most of it is clipped.
    least = 0.8 if kind in {"brighter", "starker"} else 0.9
    assert same_picture(originals, copies).mean() >= least
    assert same_picture(copies, originals).mean() >= least


@pytest.mark.slow
@pytest.mark.parametrize("kind", COPIES)
def test_copies_of_real_photos_are_the_same_picture_and_others_are_not(cats_and_dogs: Path, kind: str) -> None:
    photos = [Image.open(path).convert("RGB") for path in sorted(cats_and_dogs.glob("*/*"))[::12]]
    originals = np.stack([thumbnail(jpeg(picture, 95)) for picture in photos])
    copies = np.stack([thumbnail(COPIES[kind](picture)) for picture in photos])
    assert same_picture(originals, copies).mean() >= 0.92
    assert not same_picture(originals, np.roll(copies, 1, axis=0)).any()


def test_a_crop_of_5_percent_at_every_edge_is_the_same_picture(
    pictures: list[Image.Image], originals: NDArray[np.uint8]
) -> None:
    crops = np.stack([thumbnail(LARGE_CROP(picture)) for picture in pictures])
    # The crop of a part on a smooth table is missed: without fine detail, it might be another picture.
    assert same_picture(originals, crops).mean() >= 0.7
    assert same_picture(crops, originals).mean() >= 0.7
    assert not same_picture(originals, np.roll(crops, 3, axis=0)).any()


@pytest.mark.slow
def test_a_crop_of_5_percent_at_every_edge_of_a_real_photo_is_the_same_picture(cats_and_dogs: Path) -> None:
    photos = [Image.open(path).convert("RGB") for path in sorted(cats_and_dogs.glob("*/*"))[::6]]
    originals = np.stack([thumbnail(jpeg(picture, 95)) for picture in photos])
    crops = np.stack([thumbnail(LARGE_CROP(picture)) for picture in photos])
    assert same_picture(originals, crops).mean() >= 0.9
    assert same_picture(crops, originals).mean() >= 0.9


# Turned and mirrored


def _turned_pairs(thumbnails: Sequence[NDArray[np.uint8]]) -> list[tuple[int, int, int]]:
    """The pairs that are taken for the same picture once the second is turned or mirrored, with the turn."""
    first, second = np.array(list(combinations(range(len(thumbnails)), 2))).T
    stack, were_turned = np.stack(thumbnails), np.ones(len(first), np.bool_)
    return [
        (int(first[index]), int(second[index]), turn)
        for turn in range(1, TURNS)
        for index in np.flatnonzero(same_picture(stack[first], turned(stack[second], turn), were_turned))
    ]


@pytest.mark.parametrize("turn", copies.TURNS)
@pytest.mark.parametrize("kind", ["quality 75", "quality 30", "resized to 50%"])
def test_a_turned_copy_is_the_same_picture_once_it_is_turned_back(
    pictures: list[Image.Image], originals: NDArray[np.uint8], turn: str, kind: str
) -> None:
    turned_copies = np.stack([thumbnail(COPIES[kind](copies.TURNS[turn](picture))) for picture in pictures])
    were_turned = np.ones(len(pictures), np.bool_)
    same = np.array([same_picture(originals, turned(turned_copies, back), were_turned) for back in range(TURNS)])
    assert (same.sum(0) == 1).mean() >= 0.9  # in one turn only
    assert (same.sum(1) > 0).sum() == 1  # the same turn for all


@pytest.mark.parametrize("kind", LOOK_ALIKES)
def test_no_picture_is_taken_for_one_that_only_looks_alike_once_turned(kind: str) -> None:
    for family in LOOK_ALIKES[kind]:
        thumbnails = [thumbnail(data) for data in family()]
        textured = [picture for picture in thumbnails if picture.std() >= 1]
        assert len(textured) < 2 or _turned_pairs(textured) == []


def test_no_part_is_taken_for_another_once_turned(originals: NDArray[np.uint8]) -> None:
    assert _turned_pairs(list(originals)) == []


@pytest.mark.parametrize("family", [copies.washers, copies.shaded_wall])
def test_pictures_that_look_the_same_from_all_sides_are_not_taken_for_one_another(
    family: Callable[[], list[bytes]],
) -> None:
    assert _turned_pairs([thumbnail(data) for data in family()]) == []


def test_a_plain_picture_never_counts_as_turned() -> None:
    plain = np.full((1, 32, 32, 3), 120, np.uint8)
    assert same_picture(plain, plain).all()
    assert not same_picture(plain, plain, np.ones(1, np.bool_)).any()


def test_no_part_on_a_table_is_taken_for_another(originals: NDArray[np.uint8]) -> None:
    assert _pairs(list(originals)) == []


@pytest.mark.parametrize("kind", LOOK_ALIKES)
def test_pictures_that_only_look_alike_are_distinguished(kind: str) -> None:
    for family in LOOK_ALIKES[kind]:
        assert _pairs([thumbnail(data) for data in family()]) == []


def test_a_plain_picture_is_like_its_copies_only() -> None:
    red, blue = Image.new("RGB", (200, 200), "#c02020"), Image.new("RGB", (200, 200), "#2020c0")
    thumbnails = [thumbnail(data) for data in (jpeg(red, 95), jpeg(red, 40), jpeg(blue, 95))]
    assert _pairs(thumbnails) == [(0, 1)]


def test_half_a_picture_is_another(pictures: list[Image.Image], originals: NDArray[np.uint8]) -> None:
    halves = [picture.crop((0, 0, picture.width // 2, picture.height)) for picture in pictures]
    assert not same_picture(originals, np.stack([thumbnail(jpeg(half)) for half in halves])).any()


def test_no_pairs() -> None:
    none = np.zeros((0, 32, 32, 3), np.uint8)
    assert same_picture(none, none).shape == (0,)


@settings(max_examples=12)
@given(st.integers(0, 2**32), st.integers(1, 80))
def test_any_picture_equals_itself_at_any_place_in_the_batch(seed: int, count: int) -> None:
    rng = np.random.default_rng(seed)
    thumbnails = rng.integers(0, 256, (count, 32, 32, 3), dtype=np.uint8)
    thumbnails[: count // 2] = rng.integers(0, 256, (count // 2, 1, 1, 3))
    assert same_picture(thumbnails, thumbnails).all()


@settings(max_examples=20)
@given(st.floats(0.95, 1.05), st.floats(-0.02, 0.02), st.floats(0.95, 1.05), st.floats(-0.02, 0.02))
def test_the_fit_finds_the_position_of_a_crop(x_scale: float, x: float, y_scale: float, y: float) -> None:
    picture = render_part("screw", np.random.default_rng(3), 320)
    left, right = (320 * (0.5 + x_scale * 0.45 * end + 0.9 * x) for end in (-1, 1))
    top, bottom = (320 * (0.5 + y_scale * 0.45 * end + 0.9 * y) for end in (-1, 1))
    whole = view(thumbnail(jpeg(picture.crop((16, 16, 304, 304)), 95))[None])
    part = view(thumbnail(jpeg(picture.resize((320, 320), box=(left, top, right, bottom)), 95))[None])
    warp = fit_views(whole.smoothed(3), part.smoothed(3), identity(1), 6)
    expected = inverse(np.array([[x_scale, x, y_scale, y]], np.float32))
    assert np.abs(warp - expected).max() < 0.012
    assert abs(border_moved(warp)[0] - border_moved(expected)[0]) < 0.4
