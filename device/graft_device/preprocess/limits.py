"""The limits on what is decoded: photos come from people and machines that nobody vouches for."""

from __future__ import annotations

MAX_PIXELS = 89_478_485
"""The largest image that is decoded, in pixels: a quarter of a GiB as RGB, the limit of Pillow's warning."""

MAX_BYTES = 4 * MAX_PIXELS + (1 << 20)
"""The largest file that is read, in bytes: the largest image uncompressed with alpha, and 1 MiB of metadata."""

MAX_PARTS = 65_536
"""The largest number of segments, chunks or blocks in front of the pixels; cameras and editors write some hundred."""

MAX_SCANS = 100
"""The largest number of scans of a JPEG; progressive files of cameras and editors have about 10."""

MAX_SCANNED = 1_500_000_000
"""The largest product of a JPEG's scans and pixels: each scan takes time for all pixels, however short it is."""

MAX_TEXT = 1 << 18
"""The largest compressed text that is unpacked to find an orientation, in bytes after unpacking."""
