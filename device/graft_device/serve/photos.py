"""Reads the photo from a request's body, in memory and within size limits."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import Request

from graft_device.serve.problems import ProblemError, busy

FIELD = "image"
"""The form field that contains the photo."""

_FORM = b"multipart/form-data"
_BINARY = b"application/octet-stream"
_MAX_HEADERS = 16_384
_MAX_PARTS = 16
_CURL = f"curl -F {FIELD}=@photo.jpg"


class Budget:
    """A limit on the memory for all request bodies together, so that many slow uploads cannot fill it.

    Attributes:
        limit: the number of bytes that may be held at the same time.
        held: the number of bytes that are held now.
    """

    def __init__(self, limit: int) -> None:
        """Creates a budget of which nothing is used yet; ``limit`` is in bytes."""
        self.limit = limit
        self.held = 0

    def take(self, count: int) -> None:
        """Reserves bytes; raises ProblemError 503 if the limit is reached."""
        if self.held + count > self.limit:
            raise busy("too many photos are being sent at the same time", 1)
        self.held += count


class Upload:
    """The body of one request; a context manager that returns its share of the budget at the end."""

    def __init__(self, request: Request, limit: int, budget: Budget) -> None:
        """Prepares to read a body; nothing is read until ``photo`` is called.

        Args:
            request: the request with the photo.
            limit: the largest body, in bytes.
            budget: the memory that all bodies share.
        """
        self._request = request
        self._limit = limit
        self._budget = budget
        self._held = 0

    def __enter__(self) -> Upload:
        return self

    def __exit__(self, *_: object) -> None:
        self._release()

    async def photo(self) -> bytes:
        """Reads the photo: the body itself, or the field ``image`` of a form.

        Raises:
            ProblemError: the body is too large, has another type, or is a form without exactly one photo.
            ClientDisconnect: the client disconnected.
        """
        headers = self._request.headers
        media_type, options = parse_options_header(headers.get("content-type"))
        if headers.get("content-encoding", "identity").lower() != "identity":
            detail = "the body is compressed; send the photo without Content-Encoding"
            raise ProblemError(415, detail, {"Accept-Encoding": "identity"})
        if media_type not in {_FORM, _BINARY} and not media_type.startswith(b"image/"):
            raise ProblemError(415, _type_reason(media_type), {"Accept-Post": "image/*, multipart/form-data"})
        self._check_length()
        if media_type != _FORM:
            return b"".join([chunk async for chunk in self._chunks()])
        form = _Form(options.get(b"boundary", b""))
        async for chunk in self._chunks():
            form.feed(chunk)
        return form.photo()

    def _check_length(self) -> None:
        length = self._request.headers.get("content-length")
        if length is None and "transfer-encoding" not in self._request.headers:
            raise ProblemError(411, "the request has neither Content-Length nor Transfer-Encoding: chunked")
        if length is not None and int(length) > self._limit:
            raise self._too_large()

    async def _chunks(self) -> AsyncIterator[bytes]:
        async for chunk in self._request.stream():
            if self._held + len(chunk) > self._limit:
                raise self._too_large()
            try:
                self._budget.take(len(chunk))
            except ProblemError:
                self._release()  # at once, so that these bytes do not cause other uploads to be refused
                raise
            self._held += len(chunk)
            yield chunk

    def _release(self) -> None:
        self._budget.held -= self._held
        self._held = 0

    def _too_large(self) -> ProblemError:
        return ProblemError(413, f"more than {self._limit / 1e6:g} MB, which is the limit; send a smaller photo")


class _Form:
    """Parses a multipart form; keeps the field with the photo and ignores all others."""

    def __init__(self, boundary: bytes) -> None:
        if not boundary:
            raise ProblemError(400, "the form's Content-Type has no boundary")
        self._name, self._value = bytearray(), bytearray()
        self._photo = bytearray()
        self._field = b""
        self._parts = self._headers = self._photos = 0
        self._ended = False
        calls: dict[str, Callable[..., None]] = {
            "on_part_begin": self._on_part,
            "on_header_field": self._on_header_name,
            "on_header_value": self._on_header_value,
            "on_header_end": self._on_header_end,
            "on_headers_finished": self._on_headers,
            "on_part_data": self._on_data,
            "on_end": self._on_end,
        }
        try:
            self._parser = MultipartParser(boundary, calls)  # type: ignore[arg-type]
        except FormParserError as error:
            raise ProblemError(400, f"the form cannot be read ({error})") from error

    def feed(self, chunk: bytes) -> None:
        try:
            self._parser.write(chunk)
        except FormParserError as error:
            raise ProblemError(400, f"the form cannot be read ({error})") from error

    def photo(self) -> bytes:
        if not self._ended:
            raise ProblemError(400, "the form is cut short")
        if self._photos != 1:
            fields = f"{self._photos} fields" if self._photos else "no field"
            raise ProblemError(422, f"the form has {fields} named {FIELD!r}; send one photo, for example: {_CURL}")
        return bytes(self._photo)

    def _on_part(self) -> None:
        self._field = b""
        self._parts += 1
        if self._parts > _MAX_PARTS:
            raise ProblemError(400, f"the form has more than {_MAX_PARTS} fields")

    def _on_header_name(self, data: bytes, start: int, end: int) -> None:
        self._count(end - start)
        self._name += data[start:end]

    def _on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._count(end - start)
        self._value += data[start:end]

    def _count(self, length: int) -> None:
        self._headers += length
        if self._headers > _MAX_HEADERS:
            raise ProblemError(400, "the form's headers are too long")

    def _on_header_end(self) -> None:
        if self._name.lower() == b"content-disposition":
            self._field = parse_options_header(bytes(self._value))[1].get(b"name", b"")
        self._name.clear()
        self._value.clear()

    def _on_headers(self) -> None:
        self._photos += self._field == FIELD.encode()

    def _on_data(self, data: bytes, start: int, end: int) -> None:
        if self._field == FIELD.encode():
            self._photo += data[start:end]

    def _on_end(self) -> None:
        self._ended = True


def _type_reason(media_type: bytes) -> str:
    name = media_type.decode("ascii", "backslashreplace") or "missing"
    return f"the Content-Type is {name}; send an image, for example: {_CURL}"
