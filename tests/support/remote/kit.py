"""Installs the kit on a board with ``graft deploy``, for tests that need an installed kit."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.conftest import graft
from tests.support.device_models import write_artifact

if TYPE_CHECKING:
    from tests.support.remote.board import Board

WHEELS = Path(__file__).resolve().parents[3] / ".arm" / "deploy"
"""The folder that keeps the wheels for boards between runs of the tests."""


def deploy(
    model: Path, board: Board, *args: object, address: str | None = None, **options: Any
) -> subprocess.CompletedProcess[str]:
    """Runs ``graft deploy`` as a person does, with wheels from that folder."""
    return graft(*_words(model, board, args, address), timeout=900, **options)


def begin(model: Path, board: Board, *args: object, address: str | None = None) -> subprocess.Popen[str]:
    """Starts ``graft deploy`` in a new session, so that ``os.killpg`` can interrupt it."""
    command = [sys.executable, "-m", "graft_host.cli", *map(str, _words(model, board, args, address))]
    pipe = subprocess.PIPE
    return subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe, text=True, start_new_session=True
    )  # fmt: skip


def _words(model: Path, board: Board, args: tuple[object, ...], address: str | None) -> list[object]:
    fixed = ["-F", board.config, "--offline", "--cache", WHEELS]
    return ["deploy", model, address or board.address, *fixed, *args]


def make_kit(board: Board, store: str) -> None:
    """Installs the kit without a model."""
    with tempfile.TemporaryDirectory() as folder:
        done = deploy(write_artifact(Path(folder) / "first.tflite"), board)
    assert done.returncode == 0, done.stderr
    board.run(f"cd {store} && rm -rf current previous slots incoming staging lock newest")
