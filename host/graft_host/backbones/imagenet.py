"""The ImageNet weights of Inception-v3: where Keras keeps them, and how they are downloaded."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from graft_device.errors import ExportError, WeightsError
from graft_host.support.isolated import call_quietly

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_REASON_LENGTH = 120


def known_backbones() -> dict[str, dict[str, Any]]:
    """The entries of ``models/backbones.toml``."""
    installed = Path(__file__).with_name("backbones.toml")
    path = installed if installed.is_file() else Path(__file__).parents[3] / "models" / "backbones.toml"
    with path.open("rb") as file:
        entries: dict[str, dict[str, Any]] = tomllib.load(file)
    return entries


def imagenet_path() -> Path:
    """Where Keras keeps its own copy of the ImageNet weights, present or not."""
    home = os.environ.get("KERAS_HOME")
    folder = os.path.expanduser(home or "~/.keras")  # noqa: PTH111  Path's own fails where there is no home
    return Path(folder) / "models" / str(known_backbones()["imagenet"]["file"])


def imagenet_file() -> Path:
    """The file of the ImageNet weights, downloaded if it is not in Keras's cache.

    Raises:
        WeightsError: it is not there and cannot be downloaded.
    """
    return fetch(known_backbones()["imagenet"])


def fetch(entry: dict[str, Any]) -> Path:
    """The file at ``imagenet_path``, downloaded if it is not there.

    Args:
        entry: its ``file`` name, ``source`` (a URL) and ``md5``.

    Raises:
        WeightsError: it is not there and cannot be downloaded.
    """
    path = imagenet_path()
    if path.is_file():
        return path
    home, part = path.parents[1], path.with_name(f"{path.name}.part")
    try:
        if str(home).startswith("~"):
            raise ExportError("there is no home folder to keep them in", "name one in $KERAS_HOME")
        home.mkdir(parents=True, exist_ok=True)
        if not os.access(home, os.W_OK):
            raise ExportError(f"{home} cannot be written to")  # Keras would take /tmp instead
        # It gets its final name only when it is whole: an interrupted download starts again.
        call_quietly(
            "graft_host.backbones.download", {"file": part.name, "origin": entry["source"], "md5": entry["md5"]}
        )
        part.replace(path)
    except (ExportError, OSError) as error:
        raise WeightsError(
            f"the ImageNet weights are not on this machine, and could not be downloaded ({_short(error)})",
            "do one of these: (1) get the file elsewhere and put it at the place that 'graft weights' names, "
            "(2) give --weights FILE, (3) try everything with --weights random, which knows nothing of the world",
        ) from error
    return path


def _short(error: Exception) -> str:
    """The reason of a failed download; Keras puts the address before it, which makes the line too long to read."""
    reason = " ".join(str(error).split()).rpartition(" -- ")[2]
    return reason if len(reason) <= _REASON_LENGTH else f"{reason[:_REASON_LENGTH]}…"
