"""A clock that a test sets while a program runs, by libfaketime; the monotonic clock goes on as it is."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest


class FakedClock:
    """The clock of one program."""

    def __init__(self, folder: Path, moment: str) -> None:
        """Sets the clock before the program starts. Skips the test where faketime is not installed.

        Args:
            folder: for the file that the program's clock follows.
            moment: such as ``1970-01-02 00:00:00``, in UTC.
        """
        if shutil.which("faketime") is None:
            pytest.skip("faketime is not installed")
        self._file = folder / "moment"
        self.set(moment)
        library = subprocess.run(["faketime", "now", "printenv", "LD_PRELOAD"], capture_output=True, check=True)
        self.env = {
            **os.environ,
            "LD_PRELOAD": library.stdout.decode().strip(),
            "TZ": "UTC",
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "NO_FAKE_STAT": "1",
        }
        """The environment of the program."""

    def set(self, moment: str) -> None:
        """Sets the clock at once; it goes on from there."""
        new = self._file.with_suffix(".new")
        new.write_text(f"@{moment}")
        new.replace(self._file)
