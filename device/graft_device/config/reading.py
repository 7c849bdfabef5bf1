"""Reads a ``board.toml``, and reports all of its mistakes at once."""

from __future__ import annotations

from pathlib import Path

from graft_device.config.building import build
from graft_device.config.document import read_document
from graft_device.config.entries import Checker
from graft_device.config.mistakes import error_of
from graft_device.config.references import check_references
from graft_device.config.settings import BoardSettings


def read_board(file: Path) -> BoardSettings:
    """Reads what a board does.

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
    return build(board, file.parent)
