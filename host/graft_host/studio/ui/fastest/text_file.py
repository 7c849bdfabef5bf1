"""A button that takes a small text file."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from nicegui.element import Element
from nicegui.events import GenericEventArguments


class TextFile(Element, component="text_file.js"):
    """A button that reads a file in the browser."""

    def __init__(self, text: str, accept: str, most: int, chosen: Callable[[str, str | None], Awaitable[None]]) -> None:
        """Adds the button.

        Args:
            text: on it.
            accept: the kinds of files, as browsers take them.
            most: the bytes that a file may have.
            chosen: called with the name and the content of a file; the content is None if the file is too large.
        """
        super().__init__()
        with self._props.suspend_updates():
            self._props["text"], self._props["accept"], self._props["most"] = text, accept, most

        async def read(event: GenericEventArguments) -> None:
            if isinstance(event.args, Mapping):
                content = event.args.get("content")
                await chosen(str(event.args.get("name", "")), content if isinstance(content, str) else None)

        self.on("file", read)
