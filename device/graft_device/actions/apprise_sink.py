"""Notifies people through one of about a hundred services, by the library Apprise."""

from __future__ import annotations

import logging
import os
import re
import threading
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graft_device.actions.action_error import ActionError
from graft_device.actions.delivery import RefusedError
from graft_device.actions.plain_words import body, title
from graft_device.errors import GraftError, os_reason
from graft_device.outputs.sink import Sink
from graft_device.system.plain import read_plain
from graft_device.system.urls import scheme

if TYPE_CHECKING:
    from graft_device.outputs.events import Event

URLS_VARIABLE = "GRAFT_APPRISE_URLS"
INSTALL = 'python3 -m pip install "graftkit[apprise]"'

_MOST_BYTES = 100_000
_STATUS = re.compile(r"error=(\d{3})")
_LATER = frozenset({408, 425, 429})


class NotNotifiedError(GraftError):
    """A service has not taken a notification."""


class Notification(Sink):
    """One service; ``put`` blocks until it has answered.

    Its URL contains secrets, and so may what Apprise logs: notes contain neither.
    """

    def __init__(self, name: str, url: str, where: str) -> None:
        """Loads Apprise and reads the URL; connects to nothing.

        Args:
            name: what notes call the sink, without the scheme of the URL.
            url: Apprise's URL of the service.
            where: which URL this is, for the error, such as ``line 2 of urls.txt``.

        Raises:
            ActionError: Apprise is missing, or does not know such a URL.
        """
        self.name = f"{name} ({scheme(url)})"
        try:
            import apprise
            from apprise.attachment.memory import AttachMemory
        except ImportError as error:
            raise ActionError(f"{name} needs Apprise, which is not installed", f"run: {INSTALL}") from error
        self._apprise: Any = apprise
        self._picture: Any = AttachMemory
        logging.getLogger("apprise").propagate = False  # what it logs may contain secrets
        asset = apprise.AppriseAsset(app_id="graftkit", app_desc="graftkit", app_url="")
        with warnings.catch_warnings():  # its modules warn of each other's age when it loads them
            warnings.simplefilter("ignore")
            self._service: Any = apprise.Apprise.instantiate(url, asset=asset)
        if self._service is None:
            raise ActionError(
                f"{where} is not a URL that Apprise knows", "see its list of services: https://appriseit.com/services/"
            )

    def put(self, event: Event) -> None:
        """Notifies.

        Raises:
            RefusedError: the service answers that the notification is wrong (400 to 499, with exceptions).
            NotNotifiedError: it does not take it for another reason.
        """
        attached = None
        if isinstance(event.photo, bytes):
            picture = self._picture(event.photo, name="picture.jpg", mimetype="image/jpeg")
            attached = self._apprise.AppriseAttachment(picture)
        heard = _Heard()
        logger = logging.getLogger("apprise")
        logger.addHandler(heard)
        try:
            if self._service.notify(body=body(event), title=title(event), attach=attached):
                return
        finally:
            logger.removeHandler(heard)
        status = heard.status
        reason = "the service does not take it" if status is None else f"the service answers {status}"
        if status is not None and 400 <= status < 500 and status not in _LATER:  # noqa: PLR2004
            raise RefusedError(reason)
        raise NotNotifiedError(reason)

    def close(self) -> None:
        """Does nothing: Apprise keeps no connection open."""


class _Heard(logging.Handler):
    """Hears which status a service answered in this thread; Apprise returns only whether it worked."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._thread = threading.get_ident()
        self.status: int | None = None

    def emit(self, record: logging.LogRecord) -> None:
        found = _STATUS.search(record.getMessage()) if record.thread == self._thread else None
        if found is not None:
            self.status = int(found[1])


def read_urls(name: str, path: Path | None) -> list[tuple[str, str]]:
    """The URLs of a file, or of ``$GRAFT_APPRISE_URLS``, separated by spaces or line ends.

    In the file, empty lines and lines that begin with ``#`` count for nothing.

    Returns:
        Each URL, and where it is, such as ``line 2 of urls.txt``.

    Raises:
        ActionError: the file cannot be read, or there is no URL.
    """
    if path is None:
        given = [(url, f"URL {number} in ${URLS_VARIABLE}") for number, url in enumerate(_in_environment(), 1)]
        remedy = f"name a file with Apprise's URLs as its url-file, or set ${URLS_VARIABLE}"
    else:
        try:
            lines = read_plain(path, _MOST_BYTES).decode("utf-8", "replace").splitlines()
        except (OSError, ValueError) as error:
            reason = os_reason(error) if isinstance(error, OSError) else str(error)
            raise ActionError(f"cannot read the URLs in {path}: {reason}", "name another url-file") from error
        numbered = [(line.strip(), f"line {number} of {path}") for number, line in enumerate(lines, 1)]
        given = [(url, where) for url, where in numbered if url and not url.startswith("#")]
        remedy = f"write Apprise's URLs into {path}, one a line"
    if not given:
        raise ActionError(f"{name} has no URL", remedy)
    return given


class Together(Sink):
    """Several sinks in the place of one: each gets every event, and has a queue of its own."""

    durable = True

    def __init__(self, name: str, sinks: Sequence[Sink]) -> None:
        """Combines sinks whose ``put`` never fails, because they are behind queues."""
        self.name = name
        self._sinks = tuple(sinks)

    @property
    def last_number(self) -> int:
        """The highest number that one of them remembers."""
        return max(sink.last_number for sink in self._sinks)

    @property
    def undelivered(self) -> int:
        """How many events wait for the services, all together."""
        return sum(sink.undelivered or 0 for sink in self._sinks)

    def put(self, event: Event) -> None:
        """Passes an event to all."""
        for sink in self._sinks:
            sink.put(event)

    def close(self) -> None:
        """Closes all, also where one fails to close."""
        errors = []
        for sink in self._sinks:
            try:
                sink.close()
            except Exception as error:  # noqa: BLE001  the others are closed first
                errors.append(error)
        if errors:
            raise errors[0]


def _in_environment() -> list[str]:
    return os.environ.get(URLS_VARIABLE, "").split()
