"""Packs ``graft_device`` as a wheel for boards, from the files that are installed on this machine."""

from __future__ import annotations

import base64
import hashlib
import re
import zipfile
from dataclasses import dataclass, replace
from importlib import metadata
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import graft_device
from graft_host.deploy.errors import DeployError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from graft_host.deploy.facts import BoardPython

PROJECT = "graftkit"
_SCRIPTS = "[console_scripts]\ngraft-device = graft_device.cli:main\n"
_WHEEL = "Wheel-Version: 1.0\nGenerator: graftkit\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
_EPOCH = (2020, 1, 1, 0, 0, 0)
_ID_LENGTH = 12


@dataclass(frozen=True)
class KitWheel:
    """A wheel that contains ``graft_device``.

    Attributes:
        name: the wheel's file name.
        data: the wheel's bytes, the same for the same sources.
        version: graftkit's version.
    """

    name: str
    data: bytes
    version: str

    def write(self, folder: Path) -> Path:
        """Writes the wheel into a folder; returns its path."""
        path = folder / self.name
        path.write_bytes(self.data)
        return path


def build_wheel(extras: Sequence[str] = ()) -> KitWheel:
    """Builds the wheel without a build backend, so that no network is needed.

    A wheel consists of the package's files, its metadata and their checksums.

    Args:
        extras: the extras that the metadata must define.

    Raises:
        DeployError: graftkit is not installed, so that there is no metadata with its dependencies, or the metadata is
            older than the extras.
    """
    try:
        described = metadata.distribution(PROJECT).read_text("METADATA")
    except metadata.PackageNotFoundError:
        described = None
    if not described:
        what = f"{PROJECT} is not installed on this machine, so it cannot be put on a board"
        raise DeployError(what, "run: pip install '.[host]'")
    described = described.partition("\n\n")[0].rstrip("\n") + "\n"  # the headers, without the README that follows
    unknown = [extra for extra in extras if f"\nProvides-Extra: {extra}\n" not in described]
    if unknown:
        raise DeployError(
            f"{PROJECT} was installed on this machine before it had {', '.join(unknown)}",
            "run again: pip install '.[host]'",
        )
    version = graft_device.__version__
    info = f"{PROJECT}-{version}.dist-info"
    texts = {"METADATA": described, "WHEEL": _WHEEL, "entry_points.txt": _SCRIPTS}
    members = [*_sources(), *((f"{info}/{name}", text.encode()) for name, text in texts.items())]
    return KitWheel(f"{PROJECT}-{version}-py3-none-any.whl", _recorded(members, info), version)


def with_any(wheel: KitWheel, package: str) -> KitWheel:
    """The wheel for a board that has to take the version of a package that its system has.

    Args:
        wheel: the wheel.
        package: a package that it requires; afterwards every version of it will do.
    """
    info = f"{PROJECT}-{wheel.version}.dist-info"
    with zipfile.ZipFile(BytesIO(wheel.data)) as archive:
        members = {name: archive.read(name) for name in archive.namelist() if name != f"{info}/RECORD"}
    described = members[f"{info}/METADATA"].decode()
    pattern = rf"^Requires-Dist: {re.escape(package)}\b[^;\n]*"
    members[f"{info}/METADATA"] = re.sub(pattern, f"Requires-Dist: {package}", described, flags=re.MULTILINE).encode()
    return replace(wheel, data=_recorded(list(members.items()), info))


def kit_id(wheel: KitWheel, python: BoardPython, wanted: Sequence[str]) -> str:
    """The id of a kit on a board: a digest of the wheel, the board's Python and the other packages.

    The Ansible role computes the same (``graftkit_kit_id``), so that both find each other's kits.
    """
    parts = [hashlib.sha256(wheel.data).hexdigest(), python.real, ".".join(map(str, python.version[:2])), *wanted]
    return hashlib.sha256(" ".join(parts).encode()).hexdigest()[:_ID_LENGTH]


def _sources() -> Iterator[tuple[str, bytes]]:
    root = Path(graft_device.__file__).parent
    for path in sorted(root.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            yield path.relative_to(root.parent).as_posix(), path.read_bytes()


def _recorded(members: Sequence[tuple[str, bytes]], info: str) -> bytes:
    """The wheel with these members and the list of their checksums."""
    record = "".join(f"{name},sha256={_digest(data)},{len(data)}\n" for name, data in members)
    return _zipped([*members, (f"{info}/RECORD", f"{record}{info}/RECORD,,\n".encode())])


def _digest(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()


def _zipped(members: Sequence[tuple[str, bytes]]) -> bytes:
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members:
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.external_attr = 0o644 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, data)
    return buffer.getvalue()
