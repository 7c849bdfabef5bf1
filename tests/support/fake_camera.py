"""A camera for Chromium that shows generated frames."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

from PIL import Image, ImageDraw

WIDTH, HEIGHT = 320, 240


def write_film(path: Path, frames: int = 240) -> Path:
    """Writes a film of JPEGs, each with other colours, whose left half is always red: what mirrors it is noticed."""
    film = BytesIO()
    for number in range(frames):
        frame = Image.new("RGB", (WIDTH, HEIGHT), (0, number % 256, 255 - number % 256))
        draw = ImageDraw.Draw(frame)
        draw.rectangle((0, 0, WIDTH // 2, HEIGHT), fill=(220, 0, 0))
        draw.ellipse((170, number % 200, 210, number % 200 + 40), fill="white")
        frame.save(film, "JPEG")
    path.write_bytes(film.getvalue())
    return path


def camera_flags(film: Path) -> tuple[str, ...]:
    """The flags of a Chromium whose camera shows a film, and which lets every page use it."""
    return (
        "--use-fake-device-for-media-stream",
        "--use-fake-ui-for-media-stream",
        f"--use-file-for-fake-video-capture={film}",
    )
