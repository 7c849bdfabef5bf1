"""Refuses photos that would take too much memory to decode: a PNG of 30 kB may need a GB."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from graft_device.errors import PhotoError
from graft_device.preprocess.headers import Header
from graft_device.preprocess.limits import MAX_PIXELS
from graft_device.preprocess.resizing import memory_needed

JPEG_SHARE = 4
"""A JPEG may have this many times the pixels, since it is decoded at a fraction of its size."""

BYTES_PER_PIXEL, BYTES_BESIDES = 11, 16 << 20
"""The memory that a photo at the limit of pixels may take; docs/how-to/http-server.md has what photos take."""

SHARE = 0.4
"""The share of this machine's memory, or of the memory of this process's group, that decoding may take."""


@dataclass(frozen=True)
class Limits:
    """What one photo may take.

    Attributes:
        pixels: the largest number of pixels; a JPEG may have ``JPEG_SHARE`` times as many.
        memory: the largest memory for decoding, in bytes, in addition to the file; None for no limit.
    """

    pixels: int = MAX_PIXELS
    memory: int | None = None

    @classmethod
    def of_server(cls, pixels: int) -> Limits:
        """The limits for photos from a network, whose largest number of pixels is given."""
        return cls(pixels, min(pixels * BYTES_PER_PIXEL + BYTES_BESIDES, memory_to_use()))

    @classmethod
    def of_machine(cls) -> Limits:
        """The limits for photos from this machine's files."""
        return cls(MAX_PIXELS, memory_to_use())


def check(header: Header, size: int, rule: str, limits: Limits) -> None:
    """Checks what decoding a photo would take.

    Args:
        header: from ``read_header``.
        size: the size of the network's input in pixels; 0 for the whole photo as it is.
        rule: the resize rule.
        limits: what it may take.

    Raises:
        PhotoError: it would take more.
    """
    dimensions = f"{header.width} x {header.height}"
    allowed = limits.pixels * JPEG_SHARE if size and header.kind == "JPEG" else limits.pixels
    if header.pixels > allowed:
        raise PhotoError(
            f"too large to decode here ({dimensions}; the limit is {limits.pixels / 1e6:g} megapixels, or "
            f"{limits.pixels * JPEG_SHARE / 1e6:g} for a JPEG)",
            "send a smaller photo",
        )
    needed = memory_needed(header, size, rule)
    if limits.memory is not None and needed > limits.memory:
        raise PhotoError(
            f"too large to decode here ({dimensions}, which takes {needed / 1e6:.0f} MB; the limit is "
            f"{limits.memory / 1e6:.0f} MB)",
            "use a smaller photo, or a JPEG that is not progressive",
        )


def memory_to_use() -> int:
    """The memory that decoding one photo may take on this machine, in bytes.

    A process's group of systemd may have less memory than the machine.
    """
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return int(SHARE * min([total, *_group_limits()]))


def _group_limits() -> list[int]:
    """The memory limits of this process's control group and of those around it (cgroup v2)."""
    try:
        line = next(line for line in Path("/proc/self/cgroup").read_text().splitlines() if line.startswith("0::"))
    except (OSError, StopIteration):
        return []
    limits = []
    folder = Path("/sys/fs/cgroup", line[3:].lstrip("/"))
    for group in (folder, *folder.parents):
        try:
            text = (group / "memory.max").read_text().strip()
        except OSError:
            continue
        if text.isdecimal():
            limits.append(int(text))
    return limits
