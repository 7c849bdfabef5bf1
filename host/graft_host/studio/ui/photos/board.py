"""The element with the classes and their photos: the browser draws it, and asks for the album by itself."""

from __future__ import annotations

from collections.abc import Mapping

from nicegui.element import Element


class Board(Element, component="board.js"):
    """Classes, photos, camera and uploads; its modules are in ``static/photos``."""

    def __init__(self, texts: Mapping[str, str | Mapping[str, str]], language: str) -> None:
        """Creates the element.

        Args:
            texts: of the page by their names, with their places not filled in.
            language: of the texts, for numbers.
        """
        super().__init__()
        self._props["texts"] = dict(texts)
        self._props["language"] = language
        self._props["changes"] = 0

    def look(self) -> None:
        """Has the browser ask for the album again."""
        self._props["changes"] += 1
        self.update()
