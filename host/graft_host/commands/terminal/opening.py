"""Opens an address in the user's browser."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator

from graft_device import console


def open_in_browser(address: str) -> None:
    """Opens an address, or asks the user to do so where there is no browser."""
    import webbrowser

    with _output_as_notes():
        opened = webbrowser.open(address)
    if not opened:
        console.mention("no browser was found: open the address in one on this machine")


@contextlib.contextmanager
def _output_as_notes() -> Iterator[None]:
    """Lets programs that are started write to standard error, because standard output is for results."""
    sys.stdout.flush()
    kept = os.dup(1)
    os.dup2(2, 1)
    try:
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)
