"""The page of a run, from the first settings that want one to the end."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from graft_device.camera_page.lasting import LastingPage
    from graft_device.config.settings import BoardSettings


class RunPage:
    """Opens the page where the settings want one, and closes it where they no longer do."""

    def __init__(self, say: Callable[[str], None]) -> None:
        """Opens nothing.

        Args:
            say: called with each line for the user.
        """
        self._say = say
        self._page: LastingPage | None = None

    def wanted(self, settings: BoardSettings) -> LastingPage | None:
        """The page for these settings, the same one as for those before; None for no page.

        Raises:
            RuntimeMissingError: the packages of a server are not installed.
        """
        if settings.http is None:
            self.close()
        elif self._page is None:
            from graft_device.camera_page.lasting import LastingPage

            self._page = LastingPage(self._say)
        return self._page

    def close(self) -> None:
        """Ends the page."""
        if self._page is not None:
            self._page.close()
            self._page = None
