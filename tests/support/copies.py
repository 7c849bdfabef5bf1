"""Copies of a photo such as people make, and different images that only look alike."""

from __future__ import annotations

from functools import partial
from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter

from graft_device.preprocess import fit, load
from tests.support.host_data import image

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

_ORIENTATION = 0x0112


def jpeg(picture: Image.Image, quality: int = 85, **options: object) -> bytes:
    buffer = BytesIO()
    picture.save(buffer, "JPEG", quality=quality, **options)
    return buffer.getvalue()


def png(picture: Image.Image) -> bytes:
    buffer = BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()


def thumbnail(data: bytes) -> NDArray[np.uint8]:
    """A thumbnail as graftkit makes it."""
    return fit(load(data, 256), 32)


def _saved(quality: int) -> Callable[[Image.Image], bytes]:
    return lambda picture: jpeg(picture, quality)


def _resized(share: float) -> Callable[[Image.Image], bytes]:
    return lambda picture: jpeg(picture.resize((round(picture.width * share), round(picture.height * share))))


def cropped(left: float, top: float, right: float, bottom: float) -> Callable[[Image.Image], bytes]:
    def crop(picture: Image.Image) -> bytes:
        width, height = picture.size
        box = (left * width, top * height, (1 - right) * width, (1 - bottom) * height)
        return jpeg(picture.resize((round(box[2] - box[0]), round(box[3] - box[1])), box=box))

    return crop


def _turned(picture: Image.Image) -> bytes:
    """The image stored rotated, with the orientation flag that undoes the rotation."""
    exif = Image.Exif()
    exif[_ORIENTATION] = 6
    return jpeg(picture.transpose(Image.Transpose.ROTATE_90), exif=exif)


def _edited(kind: type[ImageEnhance.Brightness | ImageEnhance.Contrast], factor: float) -> Callable[..., bytes]:
    return lambda picture: jpeg(kind(picture).enhance(factor))


COPIES: dict[str, Callable[[Image.Image], bytes]] = {
    "png": png,
    **{f"quality {quality}": _saved(quality) for quality in (95, 75, 50, 30)},
    **{f"resized to {share:.0%}": _resized(share) for share in (0.5, 0.75, 2.0)},
    "squeezed": lambda picture: jpeg(picture.resize((300, 250))),
    "cropped by 2% a side": cropped(0.01, 0.01, 0.01, 0.01),
    "cropped by 3% a side": cropped(0.015, 0.015, 0.015, 0.015),
    "cropped by 5% a side": cropped(0.025, 0.025, 0.025, 0.025),
    "cropped by 4% at the left": cropped(0.04, 0, 0, 0),
    "cropped by 3% at a corner": cropped(0, 0, 0.03, 0.03),
    "darker": _edited(ImageEnhance.Brightness, 0.7),
    "brighter": _edited(ImageEnhance.Brightness, 1.2),
    "flatter": _edited(ImageEnhance.Contrast, 0.7),
    "starker": _edited(ImageEnhance.Contrast, 1.3),
    "grey": lambda picture: jpeg(picture.convert("L")),
    "stored on its side": _turned,
}

TURNS: dict[str, Callable[[Image.Image], Image.Image]] = {
    method.name.lower().replace("_", " "): lambda picture, method=method: picture.transpose(method)  # type: ignore[misc]
    for method in Image.Transpose
}
"""The seven ways to rotate and mirror an image."""

LARGE_CROP = cropped(0.05, 0.05, 0.05, 0.05)


def stamped(picture: Image.Image) -> bytes:
    """The image with a date in a corner."""
    width, height = picture.size
    dated = picture.copy()
    draw = ImageDraw.Draw(dated)
    draw.rectangle((0.6 * width, 0.88 * height, 0.98 * width, 0.97 * height), fill="white")
    draw.text((0.62 * width, 0.9 * height), "2026-11-25 12:00", fill="black")
    return jpeg(dated)


def fixed_camera(seed: int, side: float) -> list[bytes]:
    """The same scene with a different object at a different place each time; ``side`` is its share of the width."""
    rng = np.random.default_rng(seed)
    scene = image(seed, 480, 360).filter(ImageFilter.GaussianBlur(8))
    taken = []
    for index in range(5):
        thing = image(10_000 + 10 * seed + index, round(480 * side), round(360 * side))
        photo = scene.copy()
        photo.paste(thing, (int(rng.integers(480 - thing.width)), int(rng.integers(360 - thing.height))))
        taken.append(jpeg(_grainy(photo, rng), 90))
    return taken


def shapes() -> list[bytes]:
    """Different parts at the same place on a plain table."""
    rng = np.random.default_rng(0)
    taken = []
    for kind in range(5):
        photo = Image.new("RGB", (480, 360), (150, 140, 130))
        draw = ImageDraw.Draw(photo)
        if kind == 0:
            draw.ellipse((190, 130, 290, 230), fill=(80, 80, 85))
        elif kind == 1:
            draw.rectangle((190, 130, 290, 230), fill=(80, 80, 85))
        elif kind == 2:
            draw.polygon([(240, 130), (190, 230), (290, 230)], fill=(80, 80, 85))
        elif kind == 3:
            draw.ellipse((190, 130, 290, 230), outline=(80, 80, 85), width=25)
        taken.append(jpeg(_grainy(photo, rng), 90))
    return taken


def colours() -> list[bytes]:
    """A product on white, in the colours in which it is sold."""
    rng = np.random.default_rng(0)
    taken = []
    for colour in ("#c81e1e", "#1e1ec8", "#1e961e", "#c8c81e", "#808080", "#3c3c3c", "#c81ec8", "#f08c14"):
        photo = Image.new("RGB", (400, 400), "white")
        ImageDraw.Draw(photo).polygon(
            [(100, 120), (300, 120), (360, 220), (300, 200), (300, 360), (100, 360), (100, 200), (40, 220)], fill=colour
        )
        taken.append(jpeg(_grainy(photo, rng), 90))
    return taken


def lightness() -> list[bytes]:
    """A part in different greys on grey cardboard."""
    rng = np.random.default_rng(0)
    taken = []
    for level in (35, 60, 85, 110):
        photo = Image.new("RGB", (400, 400), (170, 170, 170))
        ImageDraw.Draw(photo).rectangle((90, 120, 310, 300), fill=(level, level, level))
        taken.append(jpeg(_grainy(photo, rng), 90))
    return taken


def meters() -> list[bytes]:
    """A meter whose last digit (of seven segments) differs each time."""
    rng = np.random.default_rng(0)
    bars = [(0, 0, 1, 0), (1, 0, 1, 1), (1, 1, 1, 2), (0, 2, 1, 2), (0, 1, 0, 2), (0, 0, 0, 1), (0, 1, 1, 1)]
    taken = []
    for digit in ("012345", "12", "01346", "01236", "1256"):
        photo = Image.new("RGB", (480, 360), (210, 205, 190))
        draw = ImageDraw.Draw(photo)
        draw.rectangle((100, 120, 380, 240), outline=(40, 40, 40), width=6)
        for left, segments in ((140, "12346"), (220, "0123456"), (300, digit)):
            for bar in (bars[int(segment)] for segment in segments):
                x0, y0, x1, y1 = (left + 30 * bar[0], 155 + 25 * bar[1], left + 30 * bar[2], 155 + 25 * bar[3])
                draw.line((x0, y0, x1, y1), fill=(20, 20, 20), width=6)
        taken.append(jpeg(_grainy(photo, rng), 90))
    return taken


def washers() -> list[bytes]:
    """A washer at a different place on a plain table each time."""
    rng = np.random.default_rng(0)
    taken = []
    for x, y in rng.uniform(90, 230, (16, 2)):
        photo = Image.new("RGB", (320, 320), (150, 140, 130))
        draw = ImageDraw.Draw(photo)
        for radius, colour in ((60, (80, 80, 85)), (30, (150, 140, 130))):
            draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=colour)
        taken.append(jpeg(_grainy(photo, rng), 90))
    return taken


def shaded_wall() -> list[bytes]:
    """A wall that gets darker towards its corners, symmetrically, with a spot at a different place each time."""
    rng = np.random.default_rng(0)
    down, across = np.mgrid[-1:1:240j, -1:1:320j]
    wall = (210 - 70 * (across**2 + down**2))[..., None].repeat(3, 2).astype(np.uint8)
    taken = []
    for _ in range(16):
        photo = Image.fromarray(wall)
        x, y, radius = rng.uniform((20, 20, 6), (300, 220, 20))
        ImageDraw.Draw(photo).ellipse((x - radius, y - radius, x + radius, y + radius), fill=(60, 60, 60))
        taken.append(jpeg(_grainy(photo, rng), 90))
    return taken


def plain() -> list[bytes]:
    """Images of a single colour each."""
    levels = (20, 120, 240)
    return [png(Image.new("RGB", (64, 64), (r, g, b))) for r in levels for g in levels for b in levels]


def gradients() -> list[bytes]:
    """Skies and walls: gradients between two colours."""
    rng = np.random.default_rng(0)
    corners = rng.integers(80, 180, (15, 2, 2, 3), dtype=np.uint8)
    soft = [Image.fromarray(four).resize((320, 240), Image.Resampling.BILINEAR) for four in corners]
    return [jpeg(_grainy(photo, rng), 90) for photo in soft]


LOOK_ALIKES: dict[str, list[Callable[[], list[bytes]]]] = {
    "a fixed camera, large things": [partial(fixed_camera, seed, 0.25) for seed in range(3)],
    "a fixed camera, small things": [partial(fixed_camera, seed, 0.07) for seed in range(3)],
    "shapes on a table": [shapes],
    "colours of a product": [colours],
    "lightness of a part": [lightness],
    "digits of a meter": [meters],
    "plain colours": [plain],
    "gradients": [gradients],
}


def _grainy(photo: Image.Image, rng: np.random.Generator) -> Image.Image:
    grain = rng.normal(0, 3, (photo.height, photo.width, 3))
    return Image.fromarray(np.clip(np.asarray(photo) + grain, 0, 255).astype(np.uint8))
