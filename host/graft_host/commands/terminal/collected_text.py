"""What ``graft collect`` prints at its end."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from graft_device.text import printable
from graft_host.commands.terminal.console import argument

if TYPE_CHECKING:
    from graft_host.collecting.result import BoardResult, Collected

_MOST = 10
"""How many files of a board are listed."""


def collected_lines(result: Collected) -> Iterator[str]:
    """A line about each board, and about what is to be seen there; then what to do next."""
    width = max(len(board.board) for board in result.boards)
    for board in result.boards:
        yield f"{board.board:<{width}}  {printable(board.error or _line(board, result.dry_run))}"
        for problem in board.problems if len(result.boards) > 1 else ():
            yield f"{'':<{width}}  {printable(problem)}"
        yield from (f"{'':<{width}}  {line}" for line in _details(board, result.dry_run))
    if result.new:
        yield f"{result.new:,} new in {result.inbox}; sort them with: graft sort {argument(result.inbox)} photos/"


def _line(board: BoardResult, dry_run: bool) -> str:
    if not dry_run:
        return board.line()
    size = sum(size for _, size in board.coming)
    text = f"{len(board.coming):,} would come ({size / 1e6:.1f} MB), {board.before:,} collected before"
    return text + (f", {board.left:,} left for another run" if board.left else "")


def _details(board: BoardResult, dry_run: bool) -> Iterator[str]:
    if dry_run:
        yield from (printable(path) for path, _ in board.coming[:_MOST])
        if len(board.coming) > _MOST:
            yield f"and {len(board.coming) - _MOST:,} more: --json lists all"
    for path, problem in (*board.taken.refused[:_MOST], *board.removed.kept[:_MOST]):
        yield printable(f"{path}: {problem}")
