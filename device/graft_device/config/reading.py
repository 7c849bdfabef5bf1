"""Reads a ``board.toml``, and reports all of its mistakes at once."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from graft_device.config.building import build
from graft_device.config.document import Document, read_document
from graft_device.config.entries import Checker
from graft_device.config.lines import KeyPath
from graft_device.config.mistakes import Mistake, error_of, mistake_at
from graft_device.config.references import check_references
from graft_device.config.settings import BoardSettings


@dataclass(frozen=True)
class BoardFile:
    """A file without mistakes.

    Attributes:
        file: its path.
        settings: what it says.
        document: where it says so.
    """

    file: Path
    settings: BoardSettings
    document: Document

    def mistake(self, path: KeyPath, what: str, remedy: str) -> Mistake:
        """A mistake that only shows outside of the file, such as a model that is not one.

        Args:
            path: where the file names it.
            what: what is wrong.
            remedy: what to do about it.
        """
        return mistake_at(self.document.line(path), what, remedy)


def read_board(file: Path) -> BoardSettings:
    """Reads what a board does; see ``open_board_file``."""
    return open_board_file(file).settings


def open_board_file(file: Path) -> BoardFile:
    """Reads what a board does, and where the file says so.

    Relative paths of what is read (models, photos, secrets, programs) are beside the file. Folders that are written
    into (events, uncertain photos, queues) stay relative, and so are in the working directory.

    Args:
        file: the ``board.toml``.

    Raises:
        ConfigError: it cannot be read, or has mistakes; the error has all of them with their lines.
        TomlMissingError: this Python is older than 3.11, and tomli is not installed.
    """
    document = read_document(file)
    checker = Checker(document, file.parent)
    board = checker.read()
    if document.whole:
        check_references(board, checker)
    if checker.mistakes:
        raise error_of(file, checker.mistakes)
    return BoardFile(file, build(board, file.parent), document)
