"""Text that is safe to print."""

from __future__ import annotations


def printable(name: object) -> str:
    """A file name, label or message as one printable line: text with control characters is escaped."""
    text = str(name)
    return text if text.isprintable() else ascii(text)[1:-1]
