"""Reads the photo from a request's body, in memory and within size limits."""

from __future__ import annotations

from collections.abc import AsyncIterator

from python_multipart.multipart import parse_options_header
from starlette.requests import Request

from graft_device.serve.multipart import Header, Multipart, MultipartError
from graft_device.serve.problems import ProblemError, busy

FIELD = "image"
"""The form field that contains the photo."""

_FORM = b"multipart/form-data"
_BINARY = b"application/octet-stream"
_PLAIN_ENCODINGS = (b"7bit", b"8bit", b"binary")
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
    """Reads a multipart form; keeps the field with the photo and ignores all others."""

    def __init__(self, boundary: bytes) -> None:
        if not boundary:
            raise ProblemError(400, "the form's Content-Type has no boundary")
        self._photo = bytearray()
        self._is_photo = False
        self._parts = self._photos = 0
        self._parser = Multipart(boundary, self._on_headers, self._on_data)

    def feed(self, chunk: bytes) -> None:
        try:
            self._parser.feed(chunk)
        except MultipartError as error:
            raise _unreadable(error) from error

    def photo(self) -> bytes:
        try:
            self._parser.finish()
        except MultipartError as error:
            raise _unreadable(error) from error
        if not self._parser.ended:
            raise ProblemError(400, "the form is cut short")
        if self._photos != 1:
            fields = f"{self._photos} fields" if self._photos else "no field"
            raise ProblemError(422, f"the form has {fields} named {FIELD!r}; send one photo, for example: {_CURL}")
        return bytes(self._photo)

    def _on_headers(self, headers: list[Header]) -> None:
        self._parts += 1
        if self._parts > _MAX_PARTS:
            raise ProblemError(400, f"the form has more than {_MAX_PARTS} fields")
        values = dict(reversed(headers))  # of headers with the same name, the first one counts
        disposition = parse_options_header(values.get(b"content-disposition"))[1]
        self._is_photo = disposition.get(b"name") == FIELD.encode()
        self._photos += self._is_photo
        encoding = values.get(b"content-transfer-encoding", b"binary").lower()
        if self._is_photo and encoding not in _PLAIN_ENCODINGS:
            raise ProblemError(
                415, "the photo has a Content-Transfer-Encoding; send its bytes as they are, without one"
            )

    def _on_data(self, data: bytes) -> None:
        if self._is_photo:
            self._photo += data


def _unreadable(error: MultipartError) -> ProblemError:
    return ProblemError(400, f"the form cannot be read ({error})")


def _type_reason(media_type: bytes) -> str:
    name = media_type.decode("ascii", "backslashreplace") or "missing"
    return f"the Content-Type is {name}; send an image, for example: {_CURL}"
