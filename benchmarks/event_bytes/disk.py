"""A small disk of its own, on which the kernel counts each byte that is written: file system, journal and all."""

from __future__ import annotations

import contextlib
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

SIZE = 1 << 30
_SECTOR = 512  # bytes, the unit of /proc/diskstats
_SECTORS_WRITTEN = 9


@contextlib.contextmanager
def small_disk() -> Iterator[tuple[Path, Callable[[], int]]]:
    """A mounted ext4 on a loop device; needs root.

    Yields:
        Its folder; and a function that has everything written, and returns how many bytes were written since it was
        made.

    Raises:
        CalledProcessError: a program failed, for example since this user is not root.
    """
    with tempfile.TemporaryDirectory() as place:
        image, folder = Path(place) / "disk", Path(place) / "mounted"
        folder.mkdir()
        image.touch()
        with image.open("r+b") as file:
            file.truncate(SIZE)
        _run("mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=0,lazy_journal_init=0", image)
        device = _run("losetup", "-f", "--show", image)
        try:
            _run("mount", "-o", "noatime", device, folder)
            try:

                def written() -> int:
                    _run("sync", "-f", folder)
                    return _sectors(Path(device).name) * _SECTOR

                yield folder, written
            finally:
                _run("umount", folder)
        finally:
            _run("losetup", "-d", device)


def _run(*command: object) -> str:
    return subprocess.run(list(map(str, command)), check=True, capture_output=True, text=True).stdout.strip()


def _sectors(device: str) -> int:
    for line in Path("/proc/diskstats").read_text().splitlines():
        fields = line.split()
        if fields[2] == device:
            return int(fields[_SECTORS_WRITTEN])
    raise LookupError(device)
