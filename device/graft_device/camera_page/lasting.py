"""The page of a run, which stays open when the settings are read again."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from graft_device.camera_page.hub import Hub
from graft_device.camera_page.parts import Parts
from graft_device.serve.packages import PAGE, check_packages

if TYPE_CHECKING:
    from graft_device.camera_page.server import CameraPage
    from graft_device.config.settings import HttpSettings


class LastingPage:
    """Keeps the server, its streams and the figures while everything else of a run is closed and opened again.

    Attributes:
        hub: the observer for the run's loop, the same for the whole run.
    """

    def __init__(self, say: Callable[[str], None]) -> None:
        """Opens nothing; raises RuntimeMissingError if the packages of a server are not installed.

        Args:
            say: called with each line for the user, from any thread; must not raise.
        """
        check_packages(PAGE)
        self.hub = Hub()
        self._say = say
        self._page: CameraPage | None = None

    def show(self, http: HttpSettings, parts: Parts) -> None:
        """Opens the page, or goes on with it where it listens already as these settings say.

        Args:
            http: where it listens, and who may use it.
            parts: what the board has besides cameras.

        Raises:
            ServeError: it cannot listen there, or the token cannot be used.
        """
        from graft_device.camera_page.server import open_page, read_access

        if self._page is not None and self._page.access == read_access(http):
            self._page.use(parts)
            return
        self.close()
        self._page = open_page(http, self.hub, parts, self._say)

    def rest(self) -> None:
        """Forgets the parts, which are about to be closed; cameras and figures stay as they are."""
        if self._page is not None:
            self._page.use(Parts())

    def close(self) -> None:
        """Ends all streams and the server."""
        if self._page is not None:
            self._page.close()
            self._page = None
