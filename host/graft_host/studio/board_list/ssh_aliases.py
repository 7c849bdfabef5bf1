"""Reads the names of hosts in an ssh configuration, as suggestions; what they mean is left to ssh."""

from __future__ import annotations

import os
import pwd
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

from graft_device.system.plain import read_plain
from graft_host.deploy.errors import DeployError
from graft_host.deploy.target import parse_target

_MOST_BYTES = 1 << 20
_LINE = re.compile(r"\s*(?P<keyword>[A-Za-z]+)(?:\s*=\s*|\s+)(?P<value>.*)")


def aliases(config: Path | None) -> tuple[str, ...]:
    """The names after ``Host``, in the order of the file, without patterns and without those that are no address.

    Files that cannot be read, and lines that ssh would not understand, are left out.

    Args:
        config: the configuration; the user's when None.
    """
    path = _ssh_folder() / "config" if config is None else config
    found = (name for name in _names(path, set()) if _is_address(name))
    return tuple(dict.fromkeys(found))


def _names(path: Path, read: set[Path]) -> Iterator[str]:
    """The names in a file and in what it includes; each file is read once, for files may include each other."""
    if path in read:
        return
    read.add(path)
    for keyword, words in _lines(path):
        if keyword == "host":
            yield from (word for word in words if not re.search(r"[*?!]", word))
        elif keyword == "include":
            for word in words:
                for included in _included(word):
                    yield from _names(included, read)


def _lines(path: Path) -> Iterator[tuple[str, list[str]]]:
    """The lines of a file as keyword in lower case and words."""
    try:
        text = read_plain(path, _MOST_BYTES).decode("utf-8", "replace")
    except (OSError, ValueError):
        return
    for line in text.splitlines():
        match = _LINE.fullmatch(line)
        if match is None:
            continue
        try:
            yield match["keyword"].lower(), shlex.split(match["value"], comments=True)
        except ValueError:  # a quote that is never closed
            continue


def _included(pattern: str) -> list[Path]:
    home = _ssh_folder()
    if pattern.startswith("~/"):
        pattern = str(home.parent / pattern[2:])
    whole = os.path.join(home, pattern)  # noqa: PTH118  as ssh: an absolute pattern stays
    try:
        return sorted(path for path in Path("/").glob(whole.lstrip("/")) if path.is_file())
    except (OSError, ValueError, NotImplementedError):
        return []


def _ssh_folder() -> Path:
    """Where ssh looks: in the home of the user database, whatever ``$HOME`` is."""
    return Path(pwd.getpwuid(os.getuid()).pw_dir) / ".ssh"


def _is_address(name: str) -> bool:
    try:
        parse_target(name)
    except DeployError:
        return False
    return True
