"""The boards of a test module: started when asked for, ended together."""

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
"""Where the kit and its models are on a board, for its user."""
_KEPT_S = 24 * 3600


@dataclass
class Park:
    """Starts boards.

    Attributes:
        folder: with a folder per board; ``config`` in it is an ssh configuration that knows all of them.
        shared: where what several parks need is kept.
    """

    folder: Path
    shared: Path
    keys: Keys
    stack: contextlib.ExitStack
    boards: dict[str, Board] = field(default_factory=dict)

    @property
    def config(self) -> Path:
        """An ssh configuration that knows every board started so far."""
        path = self.folder / "ssh_config"
        path.write_text("".join(f"Include {board.config}\n" for board in self.boards.values()))
        return path

    def start(self, name: str, spec: Spec | None = None, kit: bool = False) -> Board:
        """Starts a board; it ends with the park.

        Args:
            name: unlike the others'.
            spec: what it is like; bare but for Python and rsync when None.
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
        """The kit as it lies in a board's ``STORE``; made once for the sources as they are."""
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
    """Removes what no run of the tests has used for a day."""
    for path in folder.iterdir():
        if time.time() - path.stat().st_mtime > _KEPT_S:
            shutil.rmtree(path, ignore_errors=True)
            path.unlink(missing_ok=True)


needs_nspawn = pytest.mark.skipif(
    shutil.which("systemd-nspawn") is None, reason="no nspawn: apt-get install systemd-container"
)
"""For tests whose boards have a systemd that runs."""


@contextlib.contextmanager
def opened(factory: pytest.TempPathFactory) -> Iterator[Park]:
    """A park of boards; skips the test where there can be none."""
    reason = missing()
    if reason is not None:
        pytest.skip(reason)
    folder, shared = factory.mktemp("boards"), WHEELS / "kits"
    shared.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as stack:
        yield Park(folder, shared, make_keys(folder), stack)
