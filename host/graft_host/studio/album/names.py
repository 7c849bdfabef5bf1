"""Names of photos: which files are shown as such, and which names files get that a browser sends."""

from __future__ import annotations

import re
import unicodedata

from graft_device.sources.scanning import SUFFIXES
from graft_device.system.service_names import is_service_name

_ENDINGS = {
    "JPEG": (".jpg", ".jpeg", ".jpe", ".jfif", ".jfi", ".jif", ".pjpeg", ".pjp"),
    "PNG": (".png", ".apng"),
    "GIF": (".gif",),
    "BMP": (".bmp", ".dib"),
    "WEBP": (".webp",),
    "HEIF": (".heic", ".heif", ".hif", ".avif"),
}
_ALL = tuple(SUFFIXES)
_LONGEST = 120  # bytes of a name without its ending; file systems take 255, and a number may follow


def is_photo_name(name: str) -> bool:
    """Whether a file has the ending of a photo; case makes no difference."""
    return name.lower().endswith(_ALL)


def file_name(name: str, kind: str) -> str:
    """The name for the file of a new photo.

    Args:
        name: what a browser called it; only its last part is used.
        kind: the format of its content, as ``Header.kind``.

    Returns:
        A name that is not hidden, has the ending of its format, and nothing that cannot be printed.
    """
    last = re.split(r"[/\\]", unicodedata.normalize("NFC", name))[-1]
    shown = "".join(
        character for character in last if unicodedata.category(character)[0] not in "CZ" or character == " "
    )
    stem, dot, ending = shown.strip(" .").rpartition(".")
    endings = _ENDINGS.get(kind, _ENDINGS["HEIF"])
    if not dot or f".{ending.lower()}" not in _ALL:
        stem, ending = shown.strip(" ."), endings[0][1:]
    elif f".{ending.lower()}" not in endings:
        ending = endings[0][1:]
    stem = stem.encode()[:_LONGEST].decode(errors="ignore").strip(" .") or "photo"
    wanted = f"{stem}.{ending}"
    return f"photo-{wanted}" if is_service_name(wanted) else wanted
