"""Reads the store of models on a board: slots named by content, and links to the current and the previous one.

::

    STORE/slots/ID/model.tflite   ID: the first 16 digits of the file's SHA-256; beside it slot.json, and its signature
    STORE/current                 a link to slots/ID, replaced by rename
    STORE/previous                a link to slots/ID, or absent
    STORE/switch.json             only during a switch: the new targets of both links
    STORE/graftkit-store          marks the folder as a store; see ``ownership``
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
from graft_device.system.plain import read_plain

MODEL_NAME = "model.tflite"
SIGNATURE_NAME = "model.tflite.sig"
SLOT_NAME = "slot.json"
ID_LENGTH = 16

_ID = re.compile(rf"[0-9a-f]{{{ID_LENGTH}}}")
_SYSTEM = Path("/var/lib/graftkit")
_RECORD_BYTES = 1 << 20
_TIME = "%Y-%m-%dT%H:%M:%SZ"


@dataclass(frozen=True)
class Slot:
    """One model in the store.

    Attributes:
        id: the name of the slot's folder.
        name: the name of the installed file, without ``.tflite``.
        sha256: the SHA-256 of the whole file.
        bytes: the size of the file.
        path: the path of ``model.tflite`` in the slot.
        installed: when it was installed, UTC.
        signed: the time of signing that ``graft sign`` put into the file, UTC.
        signer: the signer whose signature was verified.
        ms: the median of an inference in the self-test on this board, in milliseconds.
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
        """The slot as plain values, as ``--json`` prints it."""
        return {"id": self.id, **self.record(), "path": str(self.path)}

    def record(self) -> dict[str, Any]:
        """The contents of ``slot.json`` as plain values."""
        names = ("name", "sha256", "bytes", "installed", "signed", "signer", "ms")
        return {name: getattr(self, name) for name in names}

    def text(self) -> str:
        """The text of ``slot.json``."""
        return json.dumps(self.record(), indent=2) + "\n"

    @property
    def signature(self) -> Path:
        """The path of the signature, which may be absent."""
        return self.path.with_name(SIGNATURE_NAME)


@dataclass(frozen=True)
class Store:
    """A store of models; its folder ``root`` need not exist."""

    root: Path

    @property
    def slots_folder(self) -> Path:
        """The folder of all slots."""
        return self.root / "slots"

    @property
    def staging(self) -> Path:
        """The folder where slots are made; outside of a running install its contents are useless."""
        return self.root / "staging"

    @property
    def incoming(self) -> Path:
        """The folder where other programs may put files to install."""
        return self.root / "incoming"

    @property
    def current_link(self) -> Path:
        """The link to the current slot."""
        return self.root / "current"

    @property
    def previous_link(self) -> Path:
        """The link to the previous slot."""
        return self.root / "previous"

    @property
    def journal(self) -> Path:
        """The file with the new targets of both links, during a switch."""
        return self.root / "switch.json"

    @property
    def newest(self) -> Path:
        """The file with the time of signing of the newest signed model that was ever current."""
        return self.root / "newest"

    def folder(self, slot_id: str) -> Path:
        """The folder of a slot."""
        return self.slots_folder / slot_id

    def current_id(self) -> str | None:
        """The id of the current slot; None where there is none."""
        return self._linked(self.current_link)

    def previous_id(self) -> str | None:
        """The id of the previous slot, even if a switch was interrupted between its two renames."""
        current = self.current_id()
        switch = self.pending()
        previous = switch[1] if switch and switch[0] == current else self._linked(self.previous_link)
        return None if previous == current else previous

    def pending(self) -> tuple[str, str | None] | None:
        """The current and the previous id that an unfinished switch was to set."""
        try:
            raw = json.loads(read_plain(self.journal, _RECORD_BYTES))
            current, previous = raw["current"], raw["previous"]
        except (OSError, ValueError, TypeError, KeyError, RecursionError):
            return None
        whole = self._whole(current) and (previous is None or self._whole(previous))
        return (current, previous) if whole else None

    def slot(self, slot_id: str) -> Slot:
        """Reads a slot; raises GraftError if its model cannot be read."""
        path = self.folder(slot_id) / MODEL_NAME
        try:
            try:
                return _described(slot_id, path)
            except (ValueError, TypeError, KeyError, RecursionError, FileNotFoundError):
                return Slot(slot_id, slot_id, digest(path), path.stat().st_size, path)
        except OSError as error:
            raise GraftError(f"cannot read {path}: {os_reason(error)}") from error

    def slots(self) -> list[Slot]:
        """All complete slots, the last installed first; raises GraftError if the store cannot be read."""
        try:
            names = [path.name for path in self.slots_folder.iterdir()]
        except FileNotFoundError:
            return []
        except OSError as error:
            raise GraftError(f"cannot read the store {self.root}: {os_reason(error)}") from error
        slots = [self.slot(name) for name in names if self._whole(name)]
        return sorted(slots, key=lambda slot: (slot.installed, _changed(slot.path)), reverse=True)

    def since(self) -> str | None:
        """When the current model became current, UTC."""
        try:
            return utc(os.lstat(self.current_link).st_mtime)
        except OSError:
            return None

    def find(self, beginning: str) -> str:
        """The id of the one slot whose SHA-256 starts so; raises GraftError if there is none, or more than one."""
        ids = [slot.id for slot in self.slots() if slot.sha256.startswith(beginning.lower())]
        if len(ids) != 1:
            count = "no model" if not ids else f"{len(ids)} models"
            what = f"{count} in {self.root} with an id that starts with {beginning}"
            raise GraftError(what, "see: graft-device models")
        return ids[0]

    def _linked(self, link: Path) -> str | None:
        try:
            folder, _, slot_id = os.readlink(link).rpartition("/")  # noqa: PTH115  the link's text, not resolved
        except OSError:
            return None
        return slot_id if folder == "slots" and self._whole(slot_id) else None

    def _whole(self, slot_id: Any) -> bool:
        return (
            isinstance(slot_id, str)
            and _ID.fullmatch(slot_id) is not None
            and not self.folder(slot_id).is_symlink()
            and (self.folder(slot_id) / MODEL_NAME).is_file()
        )


def default_root() -> Path:
    """``$GRAFT_STORE``; else the system's store for root, and one in the user's data folder for others."""
    if chosen := os.environ.get("GRAFT_STORE"):
        return Path(chosen)
    if os.geteuid() == 0:
        return _SYSTEM
    folder = user_folder("XDG_DATA_HOME", ".local/share")
    if folder is None:
        raise GraftError("there is no home folder to keep models in", "choose a folder with --store or $GRAFT_STORE")
    return folder


def slot_id_of(sha256: str) -> str:
    """The id of the slot for a file with this SHA-256."""
    return sha256[:ID_LENGTH]


def utc(seconds: float) -> str:
    """A time as ``2026-01-31T12:00:00Z``; such texts sort by time."""
    return datetime.fromtimestamp(seconds, timezone.utc).strftime(_TIME)


def is_time(text: object) -> bool:
    """Whether a text has the form that ``utc`` returns."""
    try:
        return isinstance(text, str) and datetime.strptime(text, _TIME).strftime(_TIME) == text  # noqa: DTZ007
    except ValueError:
        return False


def _described(slot_id: str, path: Path) -> Slot:
    raw = json.loads(read_plain(path.with_name(SLOT_NAME), _RECORD_BYTES))
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
    """When the slot was made, in nanoseconds, to order slots that were installed within one second."""
    try:
        return model.with_name(SLOT_NAME).stat().st_mtime_ns
    except OSError:
        return 0


def _optional(value: object) -> str | None:
    return None if value is None else str(value)
