"""Serves the files of a web page: they are read once, and ETags let browsers keep their copies."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response

_FOLDER = Path(__file__).with_name("page")
_START = "index.html"
_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".webmanifest": "application/manifest+json",
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


def handlers(folder: Path = _FOLDER) -> dict[str, Callable[[Request], Awaitable[Response]]]:
    """The handler for each path of a page.

    Args:
        folder: all files of the page, with those in its folders; ``index.html`` is at ``/``.
    """
    files = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.suffix in _TYPES}
    return {"/" if name == _START else f"/{name}": _file(path).respond for name, path in files.items()}


def _file(path: Path) -> File:
    content = path.read_bytes()
    return File(content, _TYPES[path.suffix], f'"{hashlib.sha256(content).hexdigest()[:32]}"')
