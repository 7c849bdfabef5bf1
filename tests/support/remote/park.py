"""The boards of a test module, which are started on demand and ended together."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from graft_host.deploy.kit import build_wheel
from tests.support.arm.kept import once
from tests.support.remote.board import HOME, UID, Board, Keys, Spec, Unavailable, make_keys, missing, started
from tests.support.remote.kit import WHEELS, make_kit

if TYPE_CHECKING:
    from collections.abc import Iterator

STORE = f"{HOME}/.local/share/graftkit"
"""The folder of the kit and its models on a board, for the board's user."""
_KEPT_S = 24 * 3600


@dataclass
class Park:
    """Starts boards.

    Attributes:
        folder: contains a folder for each board, and ``config``, an SSH configuration for all of them.
        shared: the folder for files that several parks need.
    """

    folder: Path
    shared: Path
    keys: Keys
    stack: contextlib.ExitStack
    boards: dict[str, Board] = field(default_factory=dict)

    @property
    def config(self) -> Path:
        """An SSH configuration for all boards started so far."""
        path = self.folder / "ssh_config"
        path.write_text("".join(f"Include {board.config}\n" for board in self.boards.values()))
        return path

    def start(self, name: str, spec: Spec | None = None, kit: bool = False) -> Board:
        """Starts a board, which runs until the park ends.

        Args:
            name: a name that no other board has.
            spec: the board's specification; a board with only Python and rsync when None.
            kit: whether the kit is installed in ``STORE`` already.
        """
        folder = self.folder / name
        if kit:
            self._copy_kit(folder / f"root{STORE}")
        try:
            board = self.stack.enter_context(started(folder, name, self.keys, spec))
        except Unavailable as reason:
            pytest.skip(str(reason))
        self.boards[name] = board
        return board

    def kit(self) -> Path:
        """The kit as it is in a board's ``STORE``; built once for the current sources."""
        digest = hashlib.sha256(build_wheel().data).hexdigest()[:12]
        kit = once(self.shared / digest, self._make_kit)
        for path in (kit, kit.with_name(f"{kit.name}.lock")):
            os.utime(path)
        return kit

    def _make_kit(self, part: Path) -> None:
        _forget_old(self.shared)
        with started(self.folder / "maker", "maker", self.keys) as board:
            make_kit(board, STORE)
            subprocess.run(["cp", "-a", f"{board.at(STORE)}/.", part], check=True)

    def _copy_kit(self, store: Path) -> None:
        store.mkdir(parents=True)
        subprocess.run(["cp", "-a", f"{self.kit()}/.", store], check=True)
        for path in (store, *list(store.parents)[:2]):
            shutil.chown(path, UID, UID)


def _forget_old(folder: Path) -> None:
    """Removes files that no run of the tests has used for a day."""
    for path in folder.iterdir():
        if time.time() - path.stat().st_mtime > _KEPT_S:
            shutil.rmtree(path, ignore_errors=True)
            path.unlink(missing_ok=True)


needs_nspawn = pytest.mark.skipif(
    shutil.which("systemd-nspawn") is None, reason="no nspawn: apt-get install systemd-container"
)
"""Marks tests whose boards run systemd."""


@contextlib.contextmanager
def opened(factory: pytest.TempPathFactory) -> Iterator[Park]:
    """A park of boards; skips the test if no board can be started here."""
    with opened_in(factory.mktemp("boards")) as park:
        yield park


@contextlib.contextmanager
def opened_in(folder: Path) -> Iterator[Park]:
    """A park of boards in a folder, which is made if it is missing; skips the test if no board can be started here."""
    reason = missing()
    if reason is not None:
        pytest.skip(reason)
    folder.mkdir(exist_ok=True)
    shared = WHEELS / "kits"
    shared.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as stack:
        yield Park(folder, shared, make_keys(folder), stack)
