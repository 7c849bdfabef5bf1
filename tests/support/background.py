"""Runs Python in the background, for tests of concurrent and of killed runs."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

from tests.support.host_data import python_environment


def start_python(code: str, *args: object, **options: Any) -> subprocess.Popen[str]:
    """Starts Python code that reports its progress on standard output."""
    command = [sys.executable, "-u", "-c", code, *map(str, args)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=python_environment(), **options)
