"""What a service may access, and which paths it could never see or write into."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from graft_device.errors import GraftError
from graft_device.service.paths import holds_hidden, is_hidden, normal, reached

_STATE = Path("/var/lib")


class ServiceError(GraftError):
    """A command line cannot run as a service."""


@dataclass(frozen=True)
class ServiceNeeds:
    """What a service may access.

    Attributes:
        camera: ``picamera2``, ``v4l2``, or None for no camera.
        network: ``all``, ``loopback``, or None for no network.
        reads: the files and folders that the service reads.
        writes: the folders that the service writes into, except those below its own folder.
        reload: whether SIGHUP makes the service reopen the model.
        gpio: whether it switches pins.
        reread: the files that it opens again after SIGHUP; empty if its command names the only one.
    """

    camera: str | None = None
    network: str | None = None
    reads: tuple[Path, ...] = ()
    writes: tuple[Path, ...] = ()
    reload: bool = False
    gpio: bool = False
    reread: tuple[Path, ...] = ()


def state_folder(name: str) -> Path:
    """The service's folder, which systemd creates; it is the service's working directory."""
    return _STATE / name


def readable(option: str, path: Path) -> Path:
    """Checks a path that the service reads.

    Args:
        option: what names it, for the error.
        path: the path.

    Raises:
        ServiceError: it is not absolute, systemd would refuse it, or the service could never see it.
    """
    if not path.is_absolute():
        raise ServiceError(f"{option}: a service needs an absolute path", f"give {normal(path.absolute())}")
    if path != normal(path):
        raise ServiceError(f"{option}: systemd does not accept this path", f"give {normal(path)}")
    _check_visible(option, path)
    return path


def outside(option: str, folder: Path, name: str, own_user: bool) -> Path | None:
    """The absolute path of a folder to write into; None if it is below the service's folder.

    Args:
        option: what names it, for the error.
        folder: the folder; a relative one is below the service's folder.
        name: the service's name.
        own_user: whether systemd creates a user for the service.

    Raises:
        ServiceError: the service could not write into it.
    """
    own = state_folder(name)
    path = normal(own / folder)
    if own in (path, *path.parents):
        return None
    if own_user:
        raise ServiceError(
            f"{path}: the user that systemd creates for the service can write only into {own}",
            "give a relative path, which is below that folder, or --user",
        )
    _check_visible(option, path)
    return path


def _check_visible(option: str, path: Path) -> None:
    """Refuses a path that the service could never see: a unit binds only paths that exist when it is written."""
    target = reached(path)
    if holds_hidden(target):
        raise ServiceError(f"{option}: a service cannot see the whole of {target}", "give a folder in it")
    if is_hidden(target) and not target.exists():
        raise ServiceError(f"{option} does not exist", "create it first, or the service will never see it")
