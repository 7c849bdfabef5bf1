"""Which cameras the board has, and which ways to them."""

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
"""Words in the names of video devices that are no cameras: codecs, scalers, and the sensors' raw data, which
libcamera alone can make a picture of."""

_SYSTEM_PACKAGES = "usr/lib/python3/dist-packages"
_TIMEOUT = 60.0


@dataclass(frozen=True)
class Device:
    """A V4L2 device that may be a camera: where it is, its name, and whether this user may open it."""

    path: str
    name: str
    usable: bool


@dataclass(frozen=True)
class Cameras:
    """The ways to a camera.

    Attributes:
        picamera2: its version, or None where it can't be imported here.
        picamera2_error: why it can't although it is there.
        picamera2_system: whether the system's Python has it.
        attached: names of the cameras that Picamera2 sees.
        tool: libcamera's command-line tool, if there is one.
        pyav: whether PyAV is installed, which reads V4L2 cameras and videos.
        devices: what V4L2 lists.
    """

    picamera2: str | None
    picamera2_error: str | None
    picamera2_system: bool
    attached: tuple[str, ...]
    tool: str | None
    pyav: bool
    devices: tuple[Device, ...]

    def to_json(self) -> dict[str, Any]:
        """The fields as plain values."""
        return {**asdict(self), "attached": list(self.attached), "devices": [asdict(each) for each in self.devices]}


def read_cameras(root: Path = ROOT) -> Cameras:
    """Looks for cameras; Picamera2 is tried in a process of its own.

    Args:
        root: where ``sys``, ``dev`` and ``usr`` are.
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
    """Whether a top-level module can be found; it is not imported."""
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


def _devices(root: Path) -> list[Device]:
    found = []
    for entry in sorted(root.glob("sys/class/video4linux/video*"), key=lambda path: (len(path.name), path.name)):
        name = read_text(entry / "name").strip()
        node = root / "dev" / entry.name
        side = read_number(entry / "index") not in {None, 0}  # a webcam's second device tells of its pictures only
        if node.exists() and not side and not any(word in name.lower() for word in _NO_CAMERAS):
            found.append(Device(f"/dev/{entry.name}", name or "unnamed", os.access(node, os.R_OK | os.W_OK)))
    return found
