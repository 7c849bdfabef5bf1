"""Names installed packages with known holes in what files and requests of others reach."""

from __future__ import annotations

import re
import sys
from importlib import metadata

# Pillow: 10.0.1 fixes libwebp (CVE-2023-4863), 11.3 libavif (CVE-2025-48174), 12.2 a write out of bounds
# (CVE-2026-25990). Starlette: 0.49.1 (CVE-2025-54121, CVE-2025-62727), 1.3.1 limits forms.
# python-multipart: 0.0.18 (CVE-2024-53981), 0.0.27 (CVE-2026-24486, CVE-2026-40347). h11: 0.16 (CVE-2025-43859).
# PyAV: 15.1 contains FFmpeg 7.1.
_ON_3_9 = {"pillow": "11.3", "starlette": "0.49.1", "python-multipart": "0.0.20", "h11": "0.16", "av": "15.1"}
_LATER = {**_ON_3_9, "pillow": "12.2", "starlette": "1.3.1", "python-multipart": "0.0.27"}


def floors(python: tuple[int, int] = sys.version_info[:2]) -> dict[str, str]:
    """The oldest releases without known holes that a Python has, by package; as in ``pyproject.toml``."""
    return _ON_3_9 if python < (3, 10) else _LATER


def outdated() -> dict[str, str]:
    """The installed packages that are older than that, with their versions."""
    found = {}
    for package, floor in floors().items():
        try:
            version = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
        if _numbers(version) < _numbers(floor):
            found[package] = version
    return found


def _numbers(version: str) -> tuple[int, ...]:
    """The leading numbers of a version, without zeros at their end, so that they can be compared."""
    match = re.match(r"\d+(\.\d+)*", version)
    numbers = [int(part) for part in match[0].split(".")] if match else [0]
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)
