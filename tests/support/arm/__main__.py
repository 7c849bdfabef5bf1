"""``python -m tests.support.arm FOLDER [ARCH]`` prepares a board in FOLDER and prints its contents.

ARCH is arm64 by default.
"""

from __future__ import annotations

import sys
import time
from importlib.metadata import distributions
from pathlib import Path

from .arches import ARCHES
from .board import Board, Unavailable, prepare
from .debian import run


def _report(board: Board) -> str:
    python = board.python("-VV", runtime=None).stdout.strip()
    lines = [run(board.qemu, "--version").partition("\n")[0], python]
    for part in (board.qemu, board.root, board.bytecode, *board.sites.values()):
        files = [part] if part.is_file() else [each for each in part.rglob("*") if each.is_file()]
        lines.append(f"{sum(each.lstat().st_size for each in files) / 1e6:6.0f} MB  {part}")
    for runtime, site in board.sites.items():
        wheels = sorted(f"{each.name} {each.version}" for each in distributions(path=[str(site)]))
        lines.append(f"{runtime}: {', '.join(wheels)}")
    return "\n".join(lines)


def main() -> None:
    """Prepares the board; a failure is one line and exit status 1."""
    args = sys.argv[1:]
    if len(args) not in {1, 2} or args[1:] not in ([], *([name] for name in ARCHES)):
        sys.exit(f"usage: python -m tests.support.arm FOLDER [{'|'.join(ARCHES)}]")
    started = time.monotonic()
    try:
        board = prepare(Path(args[0]), args[1] if args[1:] else "arm64")
    except (Unavailable, RuntimeError) as error:
        sys.exit(f"error: {error}")
    sys.stdout.write(f"ready after {time.monotonic() - started:.1f} s\n{_report(board)}\n")


if __name__ == "__main__":
    main()
