"""Finds the board's cameras and the software that can read them."""

from __future__ import annotations

import importlib.util
import os
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from graft_device.failure import Failure
from graft_device.system.child import ChildError, ask
from graft_device.system.machine import ROOT, read_number, read_text

_TOOLS = ("rpicam-hello", "libcamera-hello", "cam")
_NO_CAMERAS = ("codec", "isp", "rpivid", "hevc", "decoder", "encoder", "m2m", "pispbe", "rp1-cfe", "unicam")
"""Words in the names of video devices that are not cameras: codecs, scalers, and devices that give a sensor's raw
data, which only libcamera can turn into a picture."""

_SYSTEM_PACKAGES = "usr/lib/python3/dist-packages"
_TIMEOUT = 60.0


@dataclass(frozen=True)
class VideoDevice:
    """A V4L2 device that may be a camera.

    Attributes:
        path: the device file, such as ``/dev/video0``.
        name: the name that the driver gives.
        usable: whether this user may open the device.
    """

    path: str
    name: str
    usable: bool


@dataclass(frozen=True)
class Cameras:
    """The cameras of a board and the software that reads them.

    Attributes:
        picamera2: the version of Picamera2; None if it can't be imported in this Python.
        picamera2_error: why the import of an installed Picamera2 fails; None if it does not fail.
        picamera2_system: whether Picamera2 is installed for the system's Python.
        attached: the names of the cameras that Picamera2 sees.
        tool: libcamera's command-line tool; None if there is none.
        pyav: whether PyAV, which reads V4L2 cameras and videos, is installed.
        devices: the V4L2 devices that may be cameras.
    """

    picamera2: str | None
    picamera2_error: str | None
    picamera2_system: bool
    attached: tuple[str, ...]
    tool: str | None
    pyav: bool
    devices: tuple[VideoDevice, ...]

    def to_json(self) -> dict[str, Any]:
        """The fields as plain values."""
        devices = [asdict(device) for device in self.devices]
        return {**asdict(self), "attached": list(self.attached), "devices": devices}


def read_cameras(root: Path = ROOT) -> Cameras:
    """Finds cameras; Picamera2 is imported in a child process.

    Args:
        root: the folder that holds ``sys``, ``dev`` and ``usr``.
    """
    version, reason, attached = _picamera2()
    return Cameras(
        picamera2=version,
        picamera2_error=reason,
        picamera2_system=(root / _SYSTEM_PACKAGES / "picamera2").is_dir(),
        attached=attached,
        tool=next((tool for tool in _TOOLS if shutil.which(tool)), None),
        pyav=has_module("av"),
        devices=tuple(_devices(root)),
    )


def has_module(name: str) -> bool:
    """Whether a top-level module is installed; the module is not imported."""
    try:
        return importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):
        return False


def _picamera2() -> tuple[str | None, str | None, tuple[str, ...]]:
    if not has_module("picamera2"):
        return None, None, ()
    try:
        answer = ask("graft_device.doctor.probe", "picamera2", timeout=_TIMEOUT).value
    except ChildError as error:
        return None, str(error), ()
    if answer["error"] is not None:
        return None, str(Failure(**answer["error"])), ()
    return answer["version"] or "installed", None, tuple(answer["cameras"])


def _devices(root: Path) -> list[VideoDevice]:
    devices = []
    for entry in sorted(root.glob("sys/class/video4linux/video*"), key=lambda path: (len(path.name), path.name)):
        name = read_text(entry / "name").strip()
        node = root / "dev" / entry.name
        metadata = read_number(entry / "index") not in {None, 0}  # a webcam's second device gives metadata, no frames
        if node.exists() and not metadata and not any(word in name.lower() for word in _NO_CAMERAS):
            usable = os.access(node, os.R_OK | os.W_OK)
            devices.append(VideoDevice(f"/dev/{entry.name}", name or "unnamed", usable))
    return devices
