"""The secrets that settings name, which may change while the settings stay the same."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from graft_device.config.sinks import AppriseSettings, WebhookSettings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from graft_device.config.settings import BoardSettings

_MOST_BYTES = 65_536


def read_secrets(settings: BoardSettings) -> dict[Path, bytes]:
    """The contents of the files with tokens, secrets and secret URLs; those that cannot be read are empty."""
    return {path: _read(path) for path in _files(settings)}


def check_secrets(settings: BoardSettings) -> None:
    """Raises GraftError if the page's token cannot be used: a run that goes on must not fail for it."""
    if settings.http is not None:
        from graft_device.camera_page.server import read_access
        from graft_device.serve.settings import check

        check(read_access(settings.http))


def _files(settings: BoardSettings) -> Iterator[Path]:
    if settings.http is not None and settings.http.token_file is not None:
        yield settings.http.token_file
    for sink in settings.sinks:
        if isinstance(sink, WebhookSettings) and sink.secret_file is not None:
            yield sink.secret_file
        if isinstance(sink, AppriseSettings) and sink.url_file is not None:
            yield sink.url_file


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_MOST_BYTES)
    except OSError:
        return b""
