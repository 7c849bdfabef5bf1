"""Serves the web page at ``/``; its files are read once, and ETags let browsers keep their copies."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response

_FOLDER = Path(__file__).with_name("page")
_FILES = {
    "/": ("index.html", "text/html; charset=utf-8"),
    "/style.css": ("style.css", "text/css; charset=utf-8"),
    "/app.js": ("app.js", "text/javascript; charset=utf-8"),
    "/camera.js": ("camera.js", "text/javascript; charset=utf-8"),
    "/server.js": ("server.js", "text/javascript; charset=utf-8"),
    "/view.js": ("view.js", "text/javascript; charset=utf-8"),
    "/icon.svg": ("icon.svg", "image/svg+xml"),
}


@dataclass(frozen=True)
class File:
    """One file of the page.

    Attributes:
        content: the file's bytes.
        media_type: the value of the Content-Type header.
        tag: the value of the ETag header, made from the content.
    """

    content: bytes
    media_type: str
    tag: str

    async def respond(self, request: Request) -> Response:
        """Answers with the file, or 304 for a browser that has it. Browsers ask each time, since updates change it."""
        headers = {"ETag": self.tag, "Cache-Control": "no-cache"}
        known = {tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")}
        if known & {self.tag, "*"}:
            return Response(None, 304, headers)
        return Response(self.content, 200, headers, media_type=self.media_type)


def handlers() -> dict[str, Callable[[Request], Awaitable[Response]]]:
    """The handler for each path of the page."""
    return {path: _file(name, media_type).respond for path, (name, media_type) in _FILES.items()}


def _file(name: str, media_type: str) -> File:
    content = (_FOLDER / name).read_bytes()
    return File(content, media_type, f'"{hashlib.sha256(content).hexdigest()[:32]}"')
