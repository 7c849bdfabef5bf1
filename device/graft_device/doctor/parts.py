"""Finds the cameras and models that a new ``board.toml`` can name."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from graft_device.doctor.cameras import Cameras
from graft_device.errors import GraftError
from graft_device.model import read_model
from graft_device.store.slots import Store
from graft_device.text import printable

_MOST_FILES = 100


@dataclass(frozen=True)
class Part:
    """A camera or a model.

    Attributes:
        value: what the file calls it: the place of a source, or the path of a model.
        name: what events call it.
        text: what it is, for a person who chooses.
    """

    value: str
    name: str
    text: str


def camera_parts(cameras: Cameras) -> list[Part]:
    """The cameras of a board, those of Picamera2 first; cameras that this user may not open come last."""
    attached = [
        Part("picamera2" if not number else f"picamera2:{number}", "camera", f"{name}, with Picamera2")
        for number, name in enumerate(cameras.attached)
    ]
    devices = sorted(cameras.devices, key=lambda device: not device.usable)
    refused = "; this user may not open it (see: graft-device doctor)"
    return attached + [
        Part(device.path, "camera", device.name + ("" if device.usable else refused)) for device in devices
    ]


def model_parts(folder: Path, store: Store) -> list[Part]:
    """The current model of a store, and the models in a folder.

    Args:
        folder: where ``.tflite`` files may be.
        store: the store of ``graft-device install``.
    """
    found = []
    current = store.current_id()
    if current is not None and _can_be_written(str(store.root)):
        slot = store.slot(current)
        found.append(
            Part(str(store.root), _plain(slot.name), f"{printable(slot.name)}, the current model of the store")
        )
    for path in sorted(folder.glob("*.tflite"))[:_MOST_FILES]:
        if not _can_be_written(path.name):
            continue
        try:
            labels = read_model(path).labels
        except GraftError:
            continue
        found.append(Part(str(path), _plain(path.stem), f"{len(labels)} labels: {printable(', '.join(labels[:5]))}"))
    return found


def _can_be_written(text: str) -> bool:
    """Whether a file in UTF-8 can contain a text, and the file's reader accepts it."""
    return text.isprintable() and not text.startswith("~")


def _plain(name: str) -> str:
    return name if name.isprintable() and name else "model"
