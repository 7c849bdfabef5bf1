"""Text that is safe to print."""

from __future__ import annotations


def printable(name: object) -> str:
    """A file name or label fit for one line of a terminal."""
    text = str(name)
    return text if text.isprintable() else ascii(text)[1:-1]
