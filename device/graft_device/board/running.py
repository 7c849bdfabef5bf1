"""Runs what the settings say until it ends; SIGHUP reads a file of settings again."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graft_device.board.run_page import RunPage
from graft_device.errors import GraftError
from graft_device.run.reopening import Reopening
from graft_device.system.stopping import Signals, Stop

if TYPE_CHECKING:
    from graft_device.board.voice import Voice
    from graft_device.classifier import Classifier
    from graft_device.config.settings import BoardSettings, ModelSettings
    from graft_device.run.watching import Seen
    from graft_device.sources.base import Note


@dataclass(frozen=True)
class Ended:
    """How a run has ended.

    Attributes:
        failed: how many photos could not be read.
        signal: the number of the signal that ended it; None if it came to its end.
    """

    failed: int
    signal: int | None


def run_board(options: Mapping[str, Any], voice: Voice) -> Ended:
    """Runs until the sources end, or a signal.

    Args:
        options: those of ``graft-device run``, by the names of the command function's parameters.
        voice: how it speaks.

    Raises:
        GraftError: something that the run needs cannot be opened, or fails.
    """
    stop = Stop()
    with contextlib.ExitStack() as stack:  # signals first: the rest takes a while
        signals = stack.enter_context(Signals(stop))
        rereading = _Rereading(options, voice.note)
        newer = stack.enter_context(Reopening(stop, voice.note, rereading))
        rereading.begin()
        page = stack.enter_context(contextlib.closing(RunPage(voice.say)))
        seen = None
        while seen is None:
            seen = _until_reread(rereading, options, voice, stop, newer, page)
        signals.calm()
    return Ended(seen.failed, signals.received)


def _until_reread(
    rereading: _Rereading,
    options: Mapping[str, Any],
    voice: Voice,
    stop: Stop,
    newer: Callable[[], Mapping[str, Classifier]],
    page: RunPage,
) -> Seen | None:
    """Runs with the present settings; returns None where they have changed."""
    from graft_device.board.assembly import open_board
    from graft_device.run.watching import RereadError, watch

    with contextlib.ExitStack() as stack:
        try:
            board = open_board(rereading.settings, voice, stack, page.wanted(rereading.settings))
        except GraftError as error:
            if not rereading.go_back(error):
                raise
            return None
        counting = voice.counting(board.has_camera)
        stack.callback(counting.end)
        try:
            return watch(board.watched, board.outputs(counting.one), stop, voice.note, newer, options["limit"])
        except RereadError:
            return None


class _Rereading:
    """The settings of a run, which a file may give again."""

    def __init__(self, options: Mapping[str, Any], note: Note) -> None:
        self._options = options
        self._note = note
        self._settings: BoardSettings | None = None
        self._secrets: dict[Path, bytes] = {}
        self._before: BoardSettings | None = None

    @property
    def settings(self) -> BoardSettings:
        assert self._settings is not None  # noqa: S101  ``begin`` comes first
        return self._settings

    def begin(self) -> None:
        """Reads the settings; raises GraftError if they cannot be used."""
        from graft_device.board.secrets import read_secrets

        self._settings = self._read()
        self._secrets = read_secrets(self._settings)

    def __call__(self) -> Sequence[ModelSettings]:
        """Reads the file again; returns the models to try if nothing else has changed.

        Raises:
            RereadError: the settings have changed.
        """
        from graft_device.board.secrets import check_secrets, read_secrets
        from graft_device.run.watching import RereadError

        try:
            new = self._read()
            check_secrets(new)
        except GraftError as error:
            self._note(f"{error}; the old settings stay in use")
            return ()
        secrets = read_secrets(new)
        if new != self.settings or secrets != self._secrets:
            self._note(f"{'the settings were' if self._path is None else f'{self._path.name} was'} read again")
            self._secrets = secrets
            self._before, self._settings = self.settings, new
            raise RereadError
        return new.models

    def go_back(self, error: GraftError) -> bool:
        """Returns to the settings before the last reading, which could not be used; returns whether there are any."""
        if self._before is None:
            return False
        self._note(f"{error}; the old settings are in use again")
        self._settings, self._before = self._before, None
        return True

    @property
    def _path(self) -> Path | None:
        path: Path | None = self._options["config"]
        return path

    def _read(self) -> BoardSettings:
        from graft_device.board.options import settings_of

        if self._path is None:
            return settings_of(self._options)
        from graft_device.config.reading import read_board

        return read_board(self._path)
