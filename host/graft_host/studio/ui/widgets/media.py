"""Where the studio serves photos."""

from __future__ import annotations

from urllib.parse import quote


def thumbnail_address(photo_id: str, version: str = "") -> str:
    """The address of a photo's small picture.

    Args:
        photo_id: its path relative to ``photos/``.
        version: another text once the file's content changes; empty if it is not known.
    """
    path = f"/media/thumbnails/{quote(photo_id)}"
    return f"{path}?v={quote(version)}" if version else path
