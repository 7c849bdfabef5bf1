from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from graft_host import render
from graft_host.render import PARTS, render_dataset, render_part
from graft_host.render_shapes import SURFACES, draw_nut, draw_screw, draw_washer

if TYPE_CHECKING:
    from pathlib import Path

    from graft_host.render_shapes import Array

SMALL = 96


def _rng(*seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


def _pixels(part: str, *seed: int, size: int = SMALL) -> Array:
    return np.asarray(render_part(part, _rng(*seed), size), np.float32)


def _bytes(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*.jpg")}


def _scene(tilt: float = 0.3, lamp: tuple[float, float, float] = (0.6, 0.0, 0.8), key: float = 0.6) -> render._Scene:
    return render._Scene(SMALL, tilt, np.array(lamp, np.float32), np.array((0, 0, 1), np.float32), key)


def _block(scene: render._Scene) -> render._Relief:
    """A cuboid, 32 texels wide and 24 high, in the middle of the photo."""
    lower, upper = (np.zeros((2 * SMALL + 32, 2 * SMALL), np.float32) for _ in range(2))
    upper[SMALL - 16 : SMALL + 16, SMALL - 16 : SMALL + 16] = 24
    return render._Relief(lower, upper)


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("size", [render.MIN_SIZE, 97, 320])
def test_a_photo_is_rgb_and_of_the_size_asked_for(part: str, size: int) -> None:
    photo = render_part(part, _rng(1), size)
    assert photo.mode == "RGB"
    assert photo.size == (size, size)


def test_the_size_is_320_unless_told() -> None:
    assert render_part("nut", _rng(1)).size == (320, 320)


@pytest.mark.parametrize("part", PARTS)
def test_the_same_state_gives_the_same_photo_and_another_state_another(part: str) -> None:
    photo = _pixels(part, 5)
    assert np.array_equal(photo, _pixels(part, 5))
    # Far more than sensor noise, which is at most 6 levels.
    assert np.abs(photo - _pixels(part, 6)).mean() > 12


def test_an_unknown_part_is_refused_with_the_names_that_exist() -> None:
    with pytest.raises(ValueError, match=r"'bolt'.*nut, screw, washer"):
        render_part("bolt", _rng(1))


def test_a_photo_too_small_to_draw_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 32"):
        render_part("nut", _rng(1), render.MIN_SIZE - 1)


def test_a_dataset_is_a_folder_of_jpegs_per_part(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "photos"
    assert render_dataset(folder, per_class=2, seed=3) == 6
    assert sorted(_bytes(folder)) == [f"{part}/{part}-000{i}.jpg" for part in PARTS for i in (1, 2)]
    with Image.open(folder / "screw" / "screw-0002.jpg") as photo:
        assert (photo.format, photo.mode, photo.size) == ("JPEG", "RGB", (320, 320))
        # Luminance step of the lowest frequency: 3 at Pillow's quality 90, 8 at its default of 75.
        assert photo.quantization[0][0] == 3


def test_more_photos_leave_the_first_ones_the_same(tmp_path: Path) -> None:
    render_dataset(tmp_path / "few", per_class=1, seed=3)
    render_dataset(tmp_path / "more", per_class=2, seed=3)
    few, more = _bytes(tmp_path / "few"), _bytes(tmp_path / "more")
    assert len(few) == 3
    assert few == {name: more[name] for name in few}
    assert len(set(more.values())) == 6


def test_another_seed_gives_another_dataset(tmp_path: Path) -> None:
    for seed in (3, 4):
        render_dataset(tmp_path / str(seed), per_class=1, seed=seed)
    three, four = _bytes(tmp_path / "3"), _bytes(tmp_path / "4")
    assert all(three[name] != four[name] for name in three)


@pytest.mark.parametrize("part", PARTS)
def test_every_photo_shows_metal_that_stands_out_from_the_bench(part: str) -> None:
    for seed in range(15):
        rng = _rng(seed)
        scene = render._draw_scene(rng, SMALL)
        bench = render._bench(rng, scene)
        relief = render._arrange(render._DRAW[part](rng), rng, scene)
        covered = relief.upper[: 2 * SMALL : 2, ::2] > 0
        change = np.abs(np.sqrt(render._cover(bench, relief, scene, rng)) - np.sqrt(bench)).mean(axis=2)
        assert 0.008 < covered.mean() < 0.3
        assert change[covered].mean() > 0.03
        assert change[covered].mean() > 2 * np.median(change)


def test_mean_colour_does_not_tell_the_class() -> None:
    each = 40
    means = np.array([[_pixels(part, 9, label, i, size=48).mean(axis=(0, 1)) for i in range(each)]
                      for label, part in enumerate(PARTS)])  # fmt: skip
    right = 0
    for label in range(len(PARTS)):
        for i in range(each):
            centres = means.mean(axis=1)
            # Without the photo itself, or its own class would always be a little nearer.
            centres[label] = (means[label].sum(axis=0) - means[label, i]) / (each - 1)
            right += int(np.argmin(np.linalg.norm(centres - means[label, i], axis=1)) == label)
    # Chance is 1/3 with a standard deviation of 0.043.
    assert right / (each * len(PARTS)) < 0.5


def test_every_class_covers_as_much_of_the_photo() -> None:
    shares = []
    for part in PARTS:
        covered = []
        for seed in range(60):
            rng = _rng(seed)
            scene = render._draw_scene(rng, 48)
            covered.append(float((render._arrange(render._DRAW[part](rng), rng, scene).upper > 0).mean()))
        shares.append(np.mean(covered))
    assert max(shares) < 1.25 * min(shares)


def test_nuts_and_washers_have_a_hole_and_screws_have_none() -> None:
    centre = np.zeros((1, 1), np.float32)
    for seed in range(30):
        for draw, hollow in ((draw_nut, True), (draw_washer, True), (draw_screw, False)):
            top = draw(_rng(seed)).solid(centre, centre)[1]
            assert (float(top[0, 0]) == 0) == hollow


def test_nuts_are_thick_washers_flat_and_screws_mostly_long() -> None:
    nuts, washers, screws = ([draw(_rng(seed)) for seed in range(30)] for draw in (draw_nut, draw_washer, draw_screw))
    assert min(nut.top / nut.half_u for nut in nuts) > 1.5 * np.median([one.top / one.half_u for one in washers])
    assert np.mean([screw.half_u > 1.5 * screw.half_v for screw in screws]) > 0.6


def test_a_nut_is_hexagonal_and_a_washer_round() -> None:
    def reach(draw: render.Callable, angle: float) -> float: ...
