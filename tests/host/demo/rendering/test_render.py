from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image, JpegImagePlugin
from threadpoolctl import threadpool_limits

from graft_host.demo.rendering import light as render_light
from graft_host.demo.rendering import render
from graft_host.demo.rendering import scene as render_scene
from graft_host.demo.rendering.camera import develop, lay, trace
from graft_host.demo.rendering.light import reach_of_light, shade
from graft_host.demo.rendering.nuts_and_washers import draw_nut, draw_washer
from graft_host.demo.rendering.render import PARTS, render_dataset, render_part
from graft_host.demo.rendering.scene import Relief, Scene, arrange, draw_scene
from graft_host.demo.rendering.screws import draw_screw
from graft_host.demo.rendering.surfaces import SURFACES

if TYPE_CHECKING:
    from pathlib import Path

    from graft_host.demo.rendering.noise import Array
    from graft_host.demo.rendering.shapes import Shape
    from graft_host.demo.rendering.surfaces import Surface

SMALL = 96


def _rng(*seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


def _pixels(part: str, *seed: int, size: int = SMALL) -> Array:
    return np.asarray(render_part(part, _rng(*seed), size), np.float32)


def _bytes(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*.jpg")}


def _scene(tilt: float = 0.3, lamp: tuple[float, float, float] = (0.6, 0, 0.8), size: int = SMALL) -> Scene:
    return Scene(
        size=size, tilt=tilt, lamp=np.array(lamp, np.float32), window=np.array((-1, 0, 0), np.float32), key=0.6
    )


def _block(scene: Scene, height: float = 24) -> Relief:
    """A block of 32 x 32 texels in the middle of the photo."""
    lower, upper = (np.zeros((2 * scene.size + 32, 2 * scene.size), np.float32) for _ in range(2))
    block = slice(scene.size - 16, scene.size + 16)
    upper[block, block] = height
    return Relief(lower, upper)


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("size", [render.MIN_SIZE, 97, 320])
def test_a_photo_is_rgb_and_of_the_size_asked_for(part: str, size: int) -> None:
    photo = render_part(part, _rng(1), size)
    assert photo.mode == "RGB"
    assert photo.size == (size, size)


def test_the_default_size_is_320() -> None:
    assert render_part("nut", _rng(1)).size == (320, 320)


@pytest.mark.parametrize("part", PARTS)
def test_the_same_state_gives_the_same_photo_and_another_state_another(part: str) -> None:
    photo = _pixels(part, 5)
    assert np.array_equal(photo, _pixels(part, 5))
    # Far more than the noise of the sensor, which is at most 6 levels.
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
        assert isinstance(photo, JpegImagePlugin.JpegImageFile)
        assert (photo.format, photo.mode, photo.size) == ("JPEG", "RGB", (320, 320))
        # Luminance step of the lowest frequency: 3 at Pillow's quality 90, 8 at its default of 75.
        assert photo.quantization[0][0] == 3


def test_a_dataset_has_photos_of_the_size_asked_for(tmp_path: Path) -> None:
    render_dataset(tmp_path, per_class=1, seed=3, size=64)
    for part in PARTS:
        with Image.open(tmp_path / part / f"{part}-0001.jpg") as photo:
            assert photo.size == (64, 64)


def test_rendering_more_photos_does_not_change_the_first_ones(tmp_path: Path) -> None:
    render_dataset(tmp_path / "few", per_class=1, seed=3)
    render_dataset(tmp_path / "more", per_class=2, seed=3)
    few, more = _bytes(tmp_path / "few"), _bytes(tmp_path / "more")
    assert len(few) == 3
    assert few == {name: more[name] for name in few}
    assert len(set(more.values())) == 6


def test_the_threads_of_blas_change_no_photo(tmp_path: Path) -> None:
    """With seed 245, NumPy 1 rounds the photo of a nut in another way on two threads."""
    for threads in (1, 2):
        with threadpool_limits(threads):
            render_dataset(tmp_path / str(threads), 1, 245)
    assert _bytes(tmp_path / "1") == _bytes(tmp_path / "2")


def test_another_seed_gives_another_dataset(tmp_path: Path) -> None:
    for seed in (3, 4):
        render_dataset(tmp_path / str(seed), per_class=1, seed=seed)
    three, four = _bytes(tmp_path / "3"), _bytes(tmp_path / "4")
    assert all(three[name] != four[name] for name in three)


@pytest.mark.parametrize("part", PARTS)
def test_every_photo_shows_metal_that_stands_out_from_the_bench(part: str) -> None:
    brightness = []
    for seed in range(15):
        rng = _rng(seed)
        scene = draw_scene(rng, SMALL)
        bench = render._bench(rng, scene)
        relief = arrange(render._DRAW[part](rng), rng, scene)
        covered = relief.upper[: 2 * SMALL : 2, ::2] > 0
        photo = render._cover(bench, relief, scene, rng)
        change = np.abs(np.sqrt(photo) - np.sqrt(bench)).mean(axis=2)
        assert 0.008 < covered.mean() < 0.3
        assert change[covered].mean() > 0.03
        assert change[covered].mean() > 2 * np.median(change)
        brightness.append(photo[covered].mean())
    # Linear light: about 0.05 for black oxide, about 0.4 for zinc.
    assert min(brightness) < 0.15
    assert max(brightness) > 0.25


def test_the_mean_colour_does_not_reveal_the_class() -> None:
    per_class = 40
    means = np.array([[_pixels(part, 9, label, i, size=48).mean(axis=(0, 1)) for i in range(per_class)]
                      for label, part in enumerate(PARTS)])  # fmt: skip
    right = 0
    for label in range(len(PARTS)):
        for i in range(per_class):
            centres = means.mean(axis=1)
            # Without the photo itself, whose class would otherwise always be a little nearer.
            centres[label] = (means[label].sum(axis=0) - means[label, i]) / (per_class - 1)
            right += int(np.argmin(np.linalg.norm(centres - means[label, i], axis=1)) == label)
    # Chance is 1/3 with a standard deviation of 0.043.
    assert right / (per_class * len(PARTS)) < 0.5


def test_every_class_covers_about_the_same_share_of_the_photo() -> None:
    shares = []
    for part in PARTS:
        covered = []
        for seed in range(60):
            rng = _rng(seed)
            scene = draw_scene(rng, 48)
            covered.append(float((arrange(render._DRAW[part](rng), rng, scene).upper > 0).mean()))
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
    assert min(nut.top / nut.half_u for nut in nuts) > 1.5 * np.median(
        [washer.top / washer.half_u for washer in washers]
    )
    assert np.mean([screw.half_u > 1.5 * screw.half_v for screw in screws]) > 0.6


def test_a_screw_that_is_shown_as_a_whole_is_on_its_side(monkeypatch: pytest.MonkeyPatch) -> None:
    shapes: list[Shape] = []

    def noted(shape: Shape, *others: Any) -> Relief:
        shapes.append(shape)
        return arrange(shape, *others)

    monkeypatch.setattr(render, "arrange", noted)
    for seed in range(30):
        render.render_alone("screw", _rng(seed), render.MIN_SIZE)
    assert all(shape.half_u > 1.5 * shape.half_v for shape in shapes)
    assert len(shapes) == 30
    shapes.clear()
    for seed in range(30):
        render_part("screw", _rng(seed), render.MIN_SIZE)
    assert any(shape.half_u == shape.half_v for shape in shapes), "some are driven in"


def test_a_nut_extends_farther_at_its_corners_than_at_its_flats() -> None:
    out = np.linspace(0, 1.3, 600, dtype=np.float32)
    for seed in range(30):
        nut = draw_nut(_rng(seed))
        reaches = []
        for corner in range(12):
            angle = corner * math.pi / 6
            # Measured above the flange that some nuts have.
            high = nut.solid(out * np.float32(math.cos(angle)), out * np.float32(math.sin(angle)))[1] > 0.35
            reaches.append(float(out[high][-1]))
        assert min(reaches[1::2]) > 1.08 * max(reaches[::2])


def test_parts_never_overlap() -> None:
    scene, washer = _scene(), draw_washer(_rng(2))
    relief = Relief(*np.zeros((2, 2 * SMALL + 40, 2 * SMALL), np.float32))
    placed = 0
    for seed in range(40):
        before = relief.upper.copy()
        placed += render_scene._place(relief, washer, 30, 1, _rng(seed), scene)
        assert np.array_equal(relief.upper[before > 0], before[before > 0])
    assert 2 <= placed < 40


@pytest.mark.parametrize(("lamp", "dark", "lit"), [((0.6, 0, 0.8), -26, 26), ((-0.6, 0, 0.8), 26, -26)])
def test_a_shadow_falls_away_from_the_lamp(lamp: tuple[float, float, float], dark: int, lit: int) -> None:
    scene = _scene(lamp=lamp)
    bench, _ = reach_of_light(_block(scene), scene, softness=0.004)
    # In the row of the block, in pixels of the photo: the block ends 8 from the middle, its shadow 9 after that.
    row, middle = bench[SMALL // 2], SMALL // 2
    assert row[middle + dark // 2] < row[middle + lit // 2] - 0.3
    assert row[middle + dark] > 0.9


def test_the_bench_under_a_part_gets_no_lamp_light() -> None:
    scene = _scene()
    bench, metal = reach_of_light(_block(scene), scene, softness=0.004)
    assert bench[SMALL // 2, SMALL // 2] < 1 - scene.key
    assert metal[SMALL // 2, SMALL // 2] > 0.9


@pytest.mark.parametrize(("size", "height"), [(SMALL, 24), (SMALL, 900), (320, 600)])
def test_a_tilted_camera_sees_the_near_wall_below_the_top(size: int, height: int) -> None:
    scene = _scene(tilt=0.5, size=size)
    hits, texels = trace(_block(scene, height), scene)
    column = hits % (2 * size) == size
    rows, sources = hits[column] // (2 * size), texels[column] // (2 * size)
    rise = round(height * math.sin(0.5))
    # Without gaps, from the top of the far edge (or of the photo) to a texel above the foot of the near edge.
    assert rows.tolist() == list(range(max(size - 16 - rise, 0), size + 15))
    # The top from far to near, then the near wall all the way down.
    expected = [min(row + rise, size + 15) for row in rows]
    assert sources.tolist() == expected


def test_a_camera_sees_the_bench_below_an_overhang() -> None:
    scene = _scene(tilt=0.5)
    block = _block(scene)
    raised = Relief(np.where(block.upper > 0, np.float32(16), 0).astype(np.float32), block.upper)
    hits, _ = trace(raised, scene)
    assert hits.max() // (2 * SMALL) == SMALL + 15 - round(16 * math.sin(0.5))


@pytest.mark.parametrize("tilt", [0.05, 0.6])
def test_a_texture_fills_the_whole_photo(tilt: float) -> None:
    for seed in range(20):
        texture = np.ones((SMALL * 3 // 2, SMALL * 3 // 2), np.float32)
        assert lay(texture, _scene(tilt), _rng(seed)).min() > 0.99


@pytest.mark.parametrize("surface", SURFACES, ids=lambda surface: surface.draw.__name__)
def test_every_surface_has_texture(surface: Surface) -> None:
    for seed in range(5):
        tone = surface.draw(_rng(seed), 144)
        assert tone.shape == (144, 144)
        assert tone.dtype == np.float32
        assert 0 < tone.mean() < 1
        assert tone.std() > 0.03


def test_metal_reflects_the_lamp_halfway_between_lamp_and_camera() -> None:
    scene = _scene(tilt=0.2)
    halfway = scene.lamp + np.array([0, math.sin(0.2), math.cos(0.2)])
    halfway /= np.linalg.norm(halfway)
    # At the same angle to the lamp, but on its far side.
    other = 2 * (scene.lamp @ halfway) * scene.lamp - halfway
    normals = np.stack([halfway, other], axis=1).astype(np.float32)
    for seed in range(20):
        metal = shade(normals, np.ones(2, np.float32), scene, np.full(3, 0.3, np.float32), _rng(seed))
        assert (metal[:, 0] > 1.3 * metal[:, 1]).all()


def test_every_finish_occurs() -> None:
    up, lit, grey = np.array([[0], [0], [1]], np.float32), np.ones(1, np.float32), np.full(3, 0.3, np.float32)
    metals = [shade(up, lit, _scene(), grey, _rng(seed))[:, 0] for seed in range(60)]
    assert len({round(float(metal[0] / metal[2]), 3) for metal in metals}) == len(render_light._METALS) > 3


def test_developing_does_not_change_its_input() -> None:
    light = np.full((SMALL, SMALL, 3), 0.25, np.float32)
    photo = np.asarray(develop(light, _rng(1), _rng(2)), np.float32)
    assert (light == 0.25).all()
    # Half of full scale with gamma 2, apart from exposure and white balance.
    assert 90 < photo.mean() < 165
    assert np.diff(photo, axis=1).std() > 1


def test_photos_of_one_place_show_the_same_bench_in_the_same_light() -> None:
    def corners(place: int | None) -> Array:
        photos = [render_part("screw", np.random.default_rng(number), 96, place) for number in range(8)]
        pixels = np.stack([np.asarray(photo, np.float32) for photo in photos])
        bench: Array = np.median(pixels[:, [0, 0, -1, -1], [0, -1, 0, -1]], axis=1)  # mostly
        return bench

    assert corners(3).std(axis=0).max() < 12  # only noise, and a part's shadow
    assert corners(None).std(axis=0).max() > 24
    assert np.abs(np.median(corners(3), axis=0) - np.median(corners(4), axis=0)).max() > 12
