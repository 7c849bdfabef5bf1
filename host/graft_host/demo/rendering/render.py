"""Renders photo-like pictures of small hardware, for a whole training run without photos or a network connection.

Parts are solids on a bench. A tilted camera looks at them, a lamp casts their shadows, the metal reflects lamp and
room, and the resulting light is developed as in a phone.

Finish, bench, light and area covered have the same distribution for every part, so that only its shape reveals the
class.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np
from threadpoolctl import threadpool_limits

from graft_host.demo.rendering.camera import develop, lay, trace
from graft_host.demo.rendering.light import normals, reach_of_light, shade
from graft_host.demo.rendering.noise import noise
from graft_host.demo.rendering.nuts_and_washers import draw_nut, draw_washer
from graft_host.demo.rendering.scene import arrange, draw_scene
from graft_host.demo.rendering.screws import draw_lying_screw, draw_screw
from graft_host.demo.rendering.surfaces import SURFACES
from graft_host.demo.rendering.unknown_objects import draw_banana, draw_brick, draw_leaf, draw_starfish

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from PIL import Image

    from graft_host.demo.rendering.noise import Array
    from graft_host.demo.rendering.scene import Relief, Scene
    from graft_host.demo.rendering.shapes import Finish, Shape
    from graft_host.support.progress import Progress

PARTS: tuple[str, ...] = ("nut", "screw", "washer")
MIN_SIZE = 32

_DRAW: dict[str, Callable[[np.random.Generator], Shape]] = {
    "nut": draw_nut,
    "screw": draw_screw,
    "washer": draw_washer,
}
_DRAW_WHOLE = {**_DRAW, "screw": draw_lying_screw}
"""Parts of which a photo shows more than a head."""

_DRAW_UNKNOWN: dict[str, Callable[[np.random.Generator], Shape]] = {
    "banana": draw_banana,
    "brick": draw_brick,
    "leaf": draw_leaf,
    "starfish": draw_starfish,
}
UNKNOWN_OBJECTS = tuple(_DRAW_UNKNOWN)
"""Objects that are none of the parts."""

_ALONE = (0.28, 0.36)
_CLOSE = (0.6, 0.68)
"""For unknown objects. Smaller ones leave more of the bench in the photo, which looks like the photos trained on."""


def render_part(part: str, rng: np.random.Generator, size: int = 320, place: int | None = None) -> Image.Image:
    """Renders a photo of one part, or of a few of the same kind.

    Args:
        part: one of ``PARTS``.
        rng: makes every random choice; the same state gives the same photo.
        size: width and height in pixels, at least ``MIN_SIZE``.
        place: chooses bench, camera, light and finish, so that all photos of one place have the same; None for a new
            place in each photo.

    Returns:
        An RGB image.

    Raises:
        ValueError: the part is unknown, or the size is too small.
    """
    return _render(part, _DRAW, rng, size, place, fill=None)


def render_alone(name: str, rng: np.random.Generator, size: int = 320, place: int | None = None) -> Image.Image:
    """Renders a photo of a single part as a whole, or of an unknown object from near by.

    Screws are on their side, never driven in so that only the head is seen.

    Args:
        name: one of ``PARTS`` or ``UNKNOWN_OBJECTS``.
        rng: makes every random choice; the same state gives the same photo.
        size: width and height in pixels, at least ``MIN_SIZE``.
        place: chooses bench, camera and light; None for a new place in each photo.

    Returns:
        An RGB image.

    Raises:
        ValueError: there is no such part or object, or the size is too small.
    """
    fill = _ALONE if name in PARTS else _CLOSE
    return _render(name, {**_DRAW_WHOLE, **_DRAW_UNKNOWN}, rng, size, place, fill=fill)


def render_dataset(
    folder: Path,
    per_class: int,
    seed: int,
    place: int | None = None,
    threads: int = 1,
    progress: Progress | None = None,
    size: int = 320,
) -> int:
    """Renders a folder of photos for each part.

    A photo depends only on the seed, its class and its number, so rendering more photos does not change the first ones.

    Args:
        folder: receives a folder for each part; created if missing.
        per_class: number of photos of each part.
        seed: any integer from 0 up.
        place: chooses the bench, camera and light of all photos; None for others in each photo.
        threads: photos to render at a time.
        progress: called with the numbers of photos done and of all; None for no calls.
        size: width and height of each photo in pixels, at least ``MIN_SIZE``.

    Returns:
        The number of photos written.
    """
    for part in PARTS:
        (folder / part).mkdir(parents=True, exist_ok=True)

    def write(label: int, number: int) -> None:
        rng = np.random.default_rng(np.random.SeedSequence((seed, label, number)))
        part = PARTS[label]
        render_part(part, rng, size, place).save(folder / part / f"{part}-{number:04d}.jpg", quality=90)

    pool = ThreadPoolExecutor(threads)
    with threadpool_limits(1):  # on several threads the OpenBLAS of NumPy 1 rounds a few photos in another way
        try:
            running = [pool.submit(write, label, n) for label in range(len(PARTS)) for n in range(1, per_class + 1)]
            for done, photo in enumerate(running, 1):
                photo.result()
                if progress is not None:
                    progress(done, len(running))
        finally:
            pool.shutdown(cancel_futures=True)  # an error or Ctrl-C leaves at most a photo for each thread
    return len(running)


def _render(
    name: str,
    drawings: Mapping[str, Callable[[np.random.Generator], Shape]],
    rng: np.random.Generator,
    size: int,
    place: int | None,
    fill: tuple[float, float] | None,
) -> Image.Image:
    """Renders what one of the drawings makes; see ``arrange`` for ``fill``."""
    if name not in drawings:
        raise ValueError(f"unknown part {name!r}: choose from {', '.join(drawings)}")
    if size < MIN_SIZE:
        raise ValueError(f"a photo of {size} pixels is too small: give at least {MIN_SIZE}")

    def surroundings() -> np.random.Generator:
        return rng if place is None else np.random.default_rng(place)

    scene = draw_scene(surroundings(), size)
    bench = _bench(surroundings(), scene)
    shape = drawings[name](rng)
    relief = arrange(shape, rng, scene, fill)
    return develop(_cover(bench, relief, scene, surroundings(), shape.finish), surroundings(), rng)


def _bench(rng: np.random.Generator, scene: Scene) -> Array:
    """Renders the bare bench in linear light (with gamma 2, for speed), ``[size, size, 3]``."""
    surface = SURFACES[rng.integers(len(SURFACES))]
    dark, light = (
        np.array([colour >> 16, colour >> 8 & 255, colour & 255], np.float32) ** 2 / 255**2
        for colour in surface.colours[rng.integers(len(surface.colours))]
    )
    tone = lay(surface.draw(rng, scene.size * 3 // 2), scene, rng)
    mix: Array = np.clip(tone, 0, 1.15)[..., None]
    bench: Array = (light - dark) * (mix * mix)
    bench += dark
    return bench


def _cover(bench: Array, relief: Relief, scene: Scene, rng: np.random.Generator, finish: Finish | None = None) -> Array:
    """Adds the shadows and the objects, metal where no finish is given, to the bench."""
    size, wide = scene.size, 2 * scene.size
    on_bench, on_metal = reach_of_light(relief, scene, softness=rng.uniform(0.004, 0.014))
    hits, texels = trace(relief, scene)
    pixel = hits // wide // 2 * size + hits % wide // 2
    reach = on_metal.ravel()[texels // wide // 2 * size + texels % wide // 2]
    brushing = noise(rng, size * 3 // 2, size * 3 // 2, 10) * rng.uniform(0.01, 0.06)
    scratches = lay(brushing, scene, rng).ravel()[pixel]
    normal = normals(relief.upper, texels)
    # Flat faces are never quite flat, and each spot of them reflects nearby things differently.
    spot = np.stack([pixel % size, pixel // size]).astype(np.float32) / size - 0.5
    normal[:2] += scratches + 0.18 * spot
    normal /= np.sqrt(np.sum(normal * normal, axis=0))
    metal = shade(normal, reach, scene, bench[::8, ::8].mean(axis=(0, 1)), rng, finish) * (1 + scratches)
    bare = 1 - np.bincount(pixel, minlength=size * size).reshape(size, size) / 4
    photo = bench * (on_bench[:size] * bare.astype(np.float32))[..., None]
    for channel, colour in enumerate(metal):
        photo[..., channel] += np.bincount(pixel, colour, size * size).reshape(size, size) / 4
    return photo
