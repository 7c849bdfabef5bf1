"""Lists the kept photos of a board, by running ``on_board/pictures.py`` there."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from graft_host.collecting import on_board
from graft_host.deploy.errors import DeployError
from graft_host.inbox.kept_names import KeptName, read_name

if TYPE_CHECKING:
    from graft_host.deploy.ssh import Connection

_TIMEOUT_S = 600  # a Raspberry Pi with 100,000 files on a slow card
MOST_FILES = 200_000
"""The most files of a board that are looked at."""

_SUDO = ("sudo", "-n")


@dataclass(frozen=True)
class Folder:
    """A folder of kept photos on a board.

    Attributes:
        name: as it was given or found.
        path: its path without links.
        state: ``ok``, ``missing``, ``denied``, ``crowded``, or the system's reason.
        by_root: whether it takes sudo to read it.
    """

    name: str
    path: str
    state: str
    by_root: bool = False


@dataclass(frozen=True)
class KeptFile:
    """A kept photo on a board.

    Attributes:
        folder: where it is.
        parts: its path in the folder: the label's folder and the name, or the name alone.
        bytes: its size.
        modified: when it was last written, in nanoseconds since 1970.
        kept: what its name says.
    """

    folder: Folder
    parts: tuple[str, ...]
    bytes: int
    modified: int
    kept: KeptName

    @property
    def path(self) -> str:
        """Its path on the board."""
        return "/".join((self.folder.path.rstrip("/"), *self.parts))

    @property
    def label(self) -> str:
        """The name of the folder that it is in."""
        return self.parts[0] if len(self.parts) > 1 else self.folder.path.rstrip("/").rpartition("/")[2]


@dataclass(frozen=True)
class Listing:
    """The kept photos of a board.

    Attributes:
        user: the user that we log in as.
        rsync: whether the board has rsync.
        folders: the folders of kept photos.
        photos: the kept photos, those with a person's word first, each kind oldest first.
        others: how many other files there are in the folders.
        models: the names of the board's models by their ids.
    """

    user: str
    rsync: bool
    folders: tuple[Folder, ...]
    photos: tuple[KeptFile, ...]
    others: int
    models: Mapping[str, str]


def program_words(action: str, by_root: bool) -> list[str]:
    """The command that runs the program on the board.

    Args:
        action: ``list``, ``send`` or ``remove``.
        by_root: whether to run it with sudo.
    """
    text = (files(on_board) / "pictures.py").read_text(encoding="utf-8")
    return [*(_SUDO if by_root else ()), "python3", "-I", "-c", text, action]


def list_board(connection: Connection, folders: Sequence[str]) -> Listing:
    """Lists the kept photos of a board; folders that the login may not read are read with sudo, where that is allowed.

    Args:
        connection: the connection to the board.
        folders: the folders, absolute or relative to the login's home; empty to find them.

    Raises:
        UnreachableError: the connection was lost.
        DeployError: the board has no Python.
    """
    found = _listed(connection, list(folders) or None, by_root=False)
    denied = [folder.path for folder in found.folders if folder.state == "denied"]
    if denied and may_use_sudo(connection):
        more = _listed(connection, denied, by_root=True)
        readable = {folder.path for folder in more.folders}
        found = replace(
            found,
            folders=(*(one for one in found.folders if one.path not in readable), *more.folders),
            photos=(*found.photos, *more.photos),
            others=found.others + more.others,
            models={**more.models, **found.models},
        )
    order = {"labelled": 0, "captured": 0, "uncertain": 1}
    photos = sorted(
        found.photos, key=lambda photo: (order[photo.kept.kind], photo.folder.path, photo.kept.time, photo.parts)
    )
    return replace(found, photos=tuple(photos))


def may_use_sudo(connection: Connection) -> bool:
    """Whether the login has sudo without a password."""
    return connection.run([*_SUDO, "true"]).status == 0


def answers(connection: Connection, action: str, request: dict[str, Any], by_root: bool) -> list[dict[str, Any]]:
    """Runs the program on the board and returns its lines.

    Raises:
        UnreachableError: the connection was lost.
        DeployError: it failed.
    """
    stdin = json.dumps(request).encode() + b"\n"
    done = connection.run(program_words(action, by_root), stdin=stdin, timeout=_TIMEOUT_S)
    if done.status:
        raise _failed(connection, done.status, done.errors)
    try:
        return [json.loads(line) for line in done.output.splitlines() if line.strip()]
    except ValueError as error:
        raise DeployError("its Python printed something unexpected", board=connection.target) from error


def _failed(connection: Connection, status: int, errors: str) -> DeployError:
    if status == 127:  # noqa: PLR2004  a shell's status for a missing program
        return DeployError("it has no python3", "install it there: sudo apt install python3", board=connection.target)
    lines = [line.strip() for line in errors.splitlines() if line.strip()]
    return DeployError(f"its photos cannot be listed ({lines[-1] if lines else status})", board=connection.target)


def _listed(connection: Connection, folders: list[str] | None, by_root: bool) -> Listing:
    lines = answers(connection, "list", {"folders": folders, "limit": MOST_FILES}, by_root)
    if not lines or "end" not in lines[-1]:
        raise DeployError("the list of its photos is incomplete", "collect again", board=connection.target)
    known = {
        str(line["root"]): Folder(str(line["folder"]), str(line["root"]), str(line["state"]), by_root)
        for line in lines
        if "folder" in line
    }
    raw = [line["file"] for line in lines if "file" in line]
    photos = tuple(_photos(raw, known))
    return Listing(
        user=str(lines[0].get("user", "")),
        rsync=bool(lines[0].get("rsync")),
        folders=tuple(known.values()),
        photos=photos,
        others=len(raw) - len(photos),
        models={str(key): str(name) for line in lines for key, name in line.get("models", {}).items()},
    )


def _photos(raw: Sequence[Sequence[Any]], folders: Mapping[str, Folder]) -> Iterator[KeptFile]:
    for root, parts, size, modified in raw:
        kept = read_name(parts[-1])
        if kept is not None:
            yield KeptFile(folders[root], tuple(map(str, parts)), int(size), int(modified), kept)
