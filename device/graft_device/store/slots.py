"""The store of models on a board, for reading: slots named by content, and which of them is current.

::

    STORE/slots/ID/model.tflite   ID: the first 16 digits of the file's SHA-256; beside it slot.json, and its signature
    STORE/current                 a link to slots/ID, replaced by rename
    STORE/previous                likewise, or absent
    STORE/switch.json             only while a switch is under way: what both links shall be
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from graft_device.errors import GraftError, os_reason
from graft_device.system.durable import digest
from graft_device.system.homes import user_folder

MODEL_NAME = "model.tflite"
SIGNATURE_NAME = "model.tflite.sig"
SLOT_NAME = "slot.json"
ID_LENGTH = 16

_ID = re.compile(rf"[0-9a-f]{{{ID_LENGTH}}}")
_SYSTEM = Path("/var/lib/graftkit")
_TIME = "%Y-%m-%dT%H:%M:%SZ"


@dataclass(frozen=True)
class Slot:
    """One model in the store.

    Attributes:
        id: the folder's name.
        name: what the model's file was called, without ``.tflite``.
        sha256: of the whole file.
        bytes: its size.
        path: ``model.tflite`` in the slot.
        installed: when, UTC.
        signed: the time inside the file that ``graft sign`` put there, UTC.
        signer: whose signature was verified.
        ms: median milliseconds of an inference in the self-test on this board.
    """

    id: str
    name: str
    sha256: str
    bytes: int
    path: Path
    installed: str = ""
    signed: str | None = None
    signer: str | None = None
    ms: float | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain values, as ``--json`` prints them."""
        return {"id": self.id, **self.record(), "path": str(self.path)}

    def record(self) -> dict[str, Any]:
        """What ``slot.json`` holds."""
        names = ("name", "sha256", "bytes", "installed", "signed", "signer", "ms")
        return {name: getattr(self, name) for name in names}

    def text(self) -> str:
        """``slot.json``."""
        return json.dumps(self.record(), indent=2) + "\n"

    @property
    def signature(self) -> Path:
        """Where its signature lies, if it has one."""
        return self.path.with_name(SIGNATURE_NAME)


@dataclass(frozen=True)
class Store:
    """A store; ``root`` need not exist."""

    root: Path

    @property
    def slots_folder(self) -> Path:
        """All slots."""
        return self.root / "slots"

    @property
    def staging(self) -> Path:
        """Where slots are made; what lies here outside of a running install is rubbish."""
        return self.root / "staging"

    @property
    def incoming(self) -> Path:
        """Where a transport may put files."""
        return self.root / "incoming"

    @property
    def current_link(self) -> Path:
        """Leads to the slot in use."""
        return self.root / "current"

    @property
    def previous_link(self) -> Path:
        """Leads to the slot that was in use before."""
        return self.root / "previous"

    @property
    def journal(self) -> Path:
        """What a switch is about to do."""
        return self.root / "switch.json"

    @property
    def newest(self) -> Path:
        """Holds the time inside the newest signed model that was ever switched to."""
        return self.root / "newest"

    def folder(self, slot_id: str) -> Path:
        """The folder of a slot."""
        return self.slots_folder / slot_id

    def current_id(self) -> str | None:
        """The slot in use; None where nothing is."""
        return self._linked(self.current_link)

    def previous_id(self) -> str | None:
        """The slot that was in use before, also where a switch was cut off between its two renames."""
        current = self.current_id()
        switch = self.pending()
        found = switch[1] if switch and switch[0] == current else self._linked(self.previous_link)
        return None if found == current else found

    def pending(self) -> tuple[str, str | None] | None:
        """Current and previous as a switch that did not end wanted them."""
        try:
            raw = json.loads(self.journal.read_text("utf-8"))
            current, previous = raw["current"], raw["previous"]
        except (OSError, ValueError, TypeError, KeyError, RecursionError):
            return None
        whole = self._whole(current) and (previous is None or self._whole(previous))
        return (current, previous) if whole else None

    def slot(self, slot_id: str) -> Slot:
        """What is known of a slot; raises GraftError where its model cannot be read."""
        path = self.folder(slot_id) / MODEL_NAME
        try:
            try:
                return _described(slot_id, path)
            except (ValueError, TypeError, KeyError, RecursionError, FileNotFoundError):
                return Slot(slot_id, slot_id, digest(path), path.stat().st_size, path)
        except OSError as error:
            raise GraftError(f"cannot read {path}: {os_reason(error)}") from error

    def slots(self) -> list[Slot]:
        """All whole slots, the newest installed first; raises GraftError where the store cannot be read."""
        try:
            names = [path.name for path in self.slots_folder.iterdir()]
        except FileNotFoundError:
            return []
        except OSError as error:
            raise GraftError(f"cannot read the store {self.root}: {os_reason(error)}") from error
        found = [self.slot(name) for name in names if self._whole(name)]
        return sorted(found, key=lambda slot: (slot.installed, _changed(slot.path)), reverse=True)

    def since(self) -> str | None:
        """When the current model was switched to, UTC."""
        try:
            return utc(os.lstat(self.current_link).st_mtime)
        except OSError:
            return None

    def find(self, beginning: str) -> str:
        """The one slot whose id, or SHA-256, begins so; raises GraftError where there is none or more."""
        found = [slot.id for slot in self.slots() if slot.sha256.startswith(beginning.lower())]
        if len(found) != 1:
            what = "no model" if not found else f"{len(found)} models"
            raise GraftError(f"{what} in {self.root} with an id that begins with {beginning}; see: graft-device models")
        return found[0]

    def _linked(self, link: Path) -> str | None:
        try:
            folder, _, slot_id = os.readlink(link).rpartition("/")  # noqa: PTH115  as it stands there
        except OSError:
            return None
        return slot_id if folder == "slots" and self._whole(slot_id) else None

    def _whole(self, slot_id: Any) -> bool:
        return (
            isinstance(slot_id, str)
            and _ID.fullmatch(slot_id) is not None
            and (self.folder(slot_id) / MODEL_NAME).is_file()
        )


def default_root() -> Path:
    """``$GRAFT_STORE``, or the system's store for root, else one in the user's folder for data."""
    if chosen := os.environ.get("GRAFT_STORE"):
        return Path(chosen)
    if os.geteuid() == 0:
        return _SYSTEM
    found = user_folder("XDG_DATA_HOME", ".local/share")
    if found is None:
        raise GraftError("there is no home folder to keep models in: name a folder with --store or $GRAFT_STORE")
    return found


def slot_id_of(sha256: str) -> str:
    """The id of the slot for a file."""
    return sha256[:ID_LENGTH]


def utc(seconds: float) -> str:
    """A moment as ``2026-01-31T12:00:00Z``; such texts sort by time."""
    return datetime.fromtimestamp(seconds, timezone.utc).strftime(_TIME)


def is_time(text: object) -> bool:
    """Whether a text is one that ``utc`` gives."""
    try:
        return isinstance(text, str) and datetime.strptime(text, _TIME).strftime(_TIME) == text  # noqa: DTZ007
    except ValueError:
        return False


def _described(slot_id: str, path: Path) -> Slot:
    raw = json.loads(path.with_name(SLOT_NAME).read_text("utf-8"))
    if slot_id_of(raw["sha256"]) != slot_id:
        raise ValueError("of another slot")
    return Slot(
        slot_id,
        str(raw["name"]),
        str(raw["sha256"]),
        path.stat().st_size,
        path,
        str(raw["installed"]),
        _optional(raw.get("signed")),
        _optional(raw.get("signer")),
        None if raw.get("ms") is None else float(raw["ms"]),
    )


def _changed(model: Path) -> int:
    """When the slot was made, in nanoseconds: tells apart what was installed within one second."""
    try:
        return model.with_name(SLOT_NAME).stat().st_mtime_ns
    except OSError:
        return 0


def _optional(value: object) -> str | None:
    return None if value is None else str(value)
