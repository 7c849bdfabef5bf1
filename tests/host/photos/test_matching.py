from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from graft_host.photos.matching import SIDE, Square, Statistics, digest_of, matched, measured
from tests.support.host_data import image

_DIGEST = "5" * 64


def _scene(seed: int) -> Image.Image:
    """Rectangles of many sizes and colours: edges at all scales, as photos have."""
    random = np.random.default_rng(seed)
    pixels = np.full((SIDE, SIDE, 3), random.integers(60, 200, 3), np.uint8)
    for _ in range(150):
        size = np.exp(random.uniform(0.7, 4.5, 2)).astype(int)
        row, column = random.integers(-20, SIDE, 2)
        pixels[max(0, row) : row + size[0], max(0, column) : column + size[1]] = random.integers(40, 220, 3)
    return Image.fromarray(pixels)


def _squares(first: int, count: int, blur: float = 0, noise: float = 0, softness: float = 0) -> list[Square]:
    """Scenes as a camera with these faults would take them."""
    squares = []
    for seed in range(first, first + count):
        random = np.random.default_rng(seed + 1000)
        clean = np.asarray(_scene(seed).filter(ImageFilter.GaussianBlur(blur)), np.float64)
        noisy = Image.fromarray(np.clip(clean + random.normal(0, noise, clean.shape), 0, 255).astype(np.uint8))
        squares.append(np.asarray(noisy.filter(ImageFilter.GaussianBlur(softness))))
    return squares


@pytest.fixture(scope="module")
def sources() -> list[Square]:
    return _squares(0, 20)


def _statistics(mean: tuple[float, float, float], spread: float) -> Statistics:
    return Statistics(
        digest="d", means=np.array([mean]), covariances=spread**2 * np.eye(3)[np.newaxis], blur=0,
        noise=np.zeros((3, 3)), softness=0,
    )  # fmt: skip


def _grey_noise(statistics: Statistics) -> float:
    grey = np.array([0.299, 0.587, 0.114]) @ statistics.noise
    return float(np.linalg.norm(grey))


@pytest.mark.parametrize(("blur", "noise"), [(0.0, 0.0), (1.5, 0.0), (0.0, 12.0), (1.5, 12.0)])
def test_blur_and_noise_of_a_camera_are_found(sources: list[Square], blur: float, noise: float) -> None:
    statistics = measured(_squares(100, 20, blur, noise), sources, "d")
    assert np.hypot(statistics.blur, statistics.softness) == pytest.approx(blur, abs=0.35)
    assert _grey_noise(statistics) == pytest.approx(noise * 0.669, abs=1.5)  # of three channels, weighted


def test_noise_that_was_smoothed_is_smoothed_in_the_copies(sources: list[Square]) -> None:
    statistics = measured(_squares(100, 20, noise=25, softness=1.2), sources, "d")
    assert statistics.softness == pytest.approx(1.2, abs=0.3)
    assert _grey_noise(statistics) == pytest.approx(25 * 0.669, rel=0.25)


def test_noise_without_colour_stays_without_colour(sources: list[Square]) -> None:
    random = np.random.default_rng(0)
    grey = [np.asarray(_scene(seed).convert("L"), np.float64) + random.normal(0, 12, (SIDE, SIDE)) for seed in range(9)]
    targets = [np.repeat(np.clip(each, 0, 255).astype(np.uint8)[..., None], 3, axis=2) for each in grey]
    copy = np.asarray(matched(_scene(50), measured(targets, sources, "d"), _DIGEST, 1, 0), np.float64)
    assert np.abs(copy - copy.mean(axis=2, keepdims=True)).mean() < 12
    fine = np.diff(copy, axis=1) - np.diff(copy, axis=1).mean(axis=2, keepdims=True)
    assert fine.std() < 0.35 * np.diff(copy, axis=1).std()


def test_a_copy_has_the_colours_of_a_target_photo() -> None:
    statistics = _statistics((150, 90, 60), 25)
    copy = np.asarray(matched(_scene(3), statistics, _DIGEST, 1, 0), np.float64).reshape(-1, 3)
    assert copy.mean(axis=0) == pytest.approx([150, 90, 60], abs=4)
    assert np.cov(copy.T) == pytest.approx(625 * np.eye(3), abs=150)


def test_each_copy_takes_the_colours_of_one_of_the_target_photos(sources: list[Square]) -> None:
    colours = [(30, 40, 50), (120, 130, 90), (200, 180, 210)]
    targets: list[Square] = [np.full((SIDE, SIDE, 3), colour, np.uint8) for colour in colours]
    statistics = replace(measured(targets, sources, "d"), blur=0, softness=0, noise=np.zeros((3, 3)))
    means = [np.asarray(matched(_scene(3), statistics, f"{index:064x}", 1, 0)).mean(axis=(0, 1)) for index in range(40)]
    nearest = [int(np.argmin([np.abs(mean - colour).sum() for colour in colours])) for mean in means]
    assert {nearest.count(place) > 5 for place in range(3)} == {True}
    assert all(np.abs(mean - colours[place]).max() < 5 for mean, place in zip(means, nearest, strict=True))


def test_photos_of_the_same_camera_are_hardly_changed(sources: list[Square]) -> None:
    statistics = measured(_squares(200, 20), sources, "d")
    assert (statistics.blur, statistics.softness) == pytest.approx((0, 0), abs=0.31)
    assert _grey_noise(statistics) < 1.5


def test_one_target_photo_is_enough(sources: list[Square]) -> None:
    statistics = measured(_squares(300, 1, blur=2), sources, "d")
    assert statistics.means.shape == (1, 3)
    assert np.hypot(statistics.blur, statistics.softness) == pytest.approx(2, abs=1)


def test_copies_are_the_same_for_the_same_photo_statistics_index_and_seed(sources: list[Square]) -> None:
    statistics = measured(_squares(100, 5, 1, 5), sources, "d")
    copy = matched(_scene(1), statistics, _DIGEST, 1, 0)
    assert copy == matched(_scene(1), statistics, _DIGEST, 1, 0)
    other = measured(_squares(110, 5, 1, 5), sources, "d")
    others = [
        matched(_scene(1), statistics, _DIGEST, 2, 0),
        matched(_scene(1), statistics, _DIGEST, 1, 1),
        matched(_scene(1), statistics, "6" * 64, 1, 0),
        matched(_scene(1), other, _DIGEST, 1, 0),
    ]
    assert all(each != copy for each in others)


def test_the_digest_depends_on_the_photos_and_not_on_their_order() -> None:
    digest = digest_of(["a", "b"], ["c", "d"])
    assert digest == digest_of(["b", "a", "a"], ["d", "c"])
    assert (
        len(
            {digest, digest_of(["a"], ["b", "c", "d"]), digest_of(["c", "d"], ["a", "b"]), digest_of(["a", "b"], ["c"])}
        )
        == 4
    )


_LEVELS = st.integers(0, 255)


@settings(max_examples=40)
@given(
    width=st.integers(1, 500), height=st.integers(1, 500),
    mode=st.sampled_from(["RGB", "L", "RGBA", "P", "1"]),
    targets=st.lists(st.tuples(_LEVELS, _LEVELS, _LEVELS), min_size=1, max_size=3),
    flat=st.booleans(),
)  # fmt: skip
def test_any_photo_can_be_matched_to_any_photos(
    width: int, height: int, mode: str, targets: list[tuple[int, int, int]], flat: bool
) -> None:
    squares: list[Square] = [np.full((SIDE, SIDE, 3), colour, np.uint8) for colour in targets]
    if not flat:
        squares.append(np.asarray(image(7, SIDE, SIDE)))
    statistics = measured(squares, squares[::-1], "d")
    numbers: list[NDArray[np.float64]] = [statistics.means, statistics.covariances, statistics.noise]
    assert all(np.isfinite(each).all() for each in numbers)
    copy = matched(image(1, width, height).convert(mode), statistics, _DIGEST, 1, 0)
    assert (copy.mode, copy.size) == ("RGB", (SIDE, SIDE))
