"""Splits a multipart body into its parts as it arrives (RFC 2046, section 5.1)."""

from __future__ import annotations

import re
from collections.abc import Callable

MAX_HEADERS = 16_384
"""The largest size of the headers of all parts together, in bytes."""

_MAX_PADDING = 256
"""White space that may follow a boundary on its line, in bytes."""

Header = tuple[bytes, bytes]


class MultipartError(ValueError):
    """The body is not a multipart body with this boundary. The message is the reason."""


class Multipart:
    """Reads a multipart body in pieces; text before the first boundary and after the last is ignored.

    Lines may end in CRLF, as the standard demands, or in LF alone, throughout the body. A header may be folded over
    several lines. White space after a boundary is ignored. A longer line that only begins like a boundary is content.

    Attributes:
        ended: whether the last boundary has been read.
    """

    def __init__(
        self, boundary: bytes, on_headers: Callable[[list[Header]], None], on_data: Callable[[bytes], None]
    ) -> None:
        """Creates a reader that has read nothing.

        Args:
            boundary: the boundary from the Content-Type.
            on_headers: called with the headers of each part: names in lower case, and values.
            on_data: called with each piece of the content of the part whose headers came last.
        """
        self.ended = False
        self._on_headers = on_headers
        self._on_data = on_data
        self._dashed = b"--" + boundary
        self._pattern = self._delimiter(b"\n", rb"\r?\n")
        self._buffer = bytearray(b"\n")  # the first boundary needs no line before it
        self._state: Callable[[], bool] = self._in_preamble
        self._line_end = b"\n"
        self._headers: list[Header] = []
        self._header_bytes = 0

    def feed(self, chunk: bytes) -> None:
        """Reads a piece of the body.

        Raises:
            MultipartError: the headers of a part cannot be read or are too long.
        """
        if self.ended:
            return
        self._buffer += chunk
        while self._state():
            pass

    def finish(self) -> None:
        """Checks that the body is complete.

        Raises:
            MultipartError: no boundary has been read.
        """
        if self._state == self._in_preamble:
            raise MultipartError("its boundary does not appear in it")

    # Each state reads what it can from the buffer, and returns whether the next one can go on.

    def _in_preamble(self) -> bool:
        return self._until_delimiter(lambda _: None)

    def _in_content(self) -> bool:
        return self._until_delimiter(self._on_data)

    def _in_headers(self) -> bool:
        if self._buffer.startswith(self._dashed):  # a part may consist of headers alone
            self._pass_headers_on()
            self._buffer[:0] = self._line_end
            self._state = self._in_content
            return True
        end = self._buffer.find(b"\n")
        if self._header_bytes + (len(self._buffer) if end < 0 else end) > MAX_HEADERS:
            raise MultipartError("its headers are too long")
        if end < 0:
            return False
        line = bytes(self._buffer[:end]).rstrip(b"\r")
        del self._buffer[: end + 1]
        self._header_bytes += end + 1
        if line:
            self._add_header(line)
        else:
            self._pass_headers_on()
            self._buffer[:0] = self._line_end  # an empty part's boundary follows at once
            self._state = self._skip_line_end
        return True

    def _skip_line_end(self) -> bool:
        """Removes the line end that was put in front of the content, unless a boundary follows it."""
        if len(self._buffer) < len(self._line_end) + len(self._dashed):
            return False
        if not self._buffer.startswith(self._dashed, len(self._line_end)):
            del self._buffer[: len(self._line_end)]
        self._state = self._in_content
        return True

    def _in_epilogue(self) -> bool:
        self._buffer.clear()
        return False

    def _until_delimiter(self, on_data: Callable[[bytes], None]) -> bool:
        """Reads up to the next boundary, and past it; keeps what may be the beginning of one."""
        match = self._pattern.search(self._buffer)
        if match is None:
            self._give(max(0, len(self._buffer) - len(self._dashed) - _MAX_PADDING - 4), on_data)
            return False
        start, end, ending = match.start(), match.end(), match[1]
        self._give(start, on_data)
        del self._buffer[: end - start]
        if ending is None:
            self.ended = True
            self._state = self._in_epilogue
            return True
        if self._state == self._in_preamble:
            self._line_end = ending
            self._pattern = self._delimiter(ending, re.escape(ending))
        self._state = self._in_headers
        return True

    def _delimiter(self, before: bytes, after: bytes) -> re.Pattern[bytes]:
        """A pattern for a line with the boundary; its group is the line's end, or nothing for the last boundary."""
        padding = b"[ \t]{0,%d}" % _MAX_PADDING
        return re.compile(re.escape(before + self._dashed) + b"(?:--|" + padding + b"(" + after + b"))")

    def _give(self, count: int, on_data: Callable[[bytes], None]) -> None:
        if count:
            on_data(bytes(memoryview(self._buffer)[:count]))
            del self._buffer[:count]

    def _add_header(self, line: bytes) -> None:
        if line[:1] in {b" ", b"\t"} and self._headers:
            name, value = self._headers[-1]
            self._headers[-1] = name, b" ".join((value, line.strip()))
            return
        name, colon, value = line.partition(b":")
        if not colon or not name.strip():
            raise MultipartError("a header of a part has no name")
        self._headers.append((name.strip().lower(), value.strip()))

    def _pass_headers_on(self) -> None:
        headers, self._headers = self._headers, []
        self._on_headers(headers)
