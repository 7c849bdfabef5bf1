"""Bytes on a connection to the server: requests that are almost HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.fuzz.mutation import mutated, nasty_text
from tests.fuzz.served import ServedTarget, pictures, status

if TYPE_CHECKING:
    import random

_HEADERS = (
    b"Content-Length", b"Transfer-Encoding", b"Content-Type", b"Host", b"Origin", b"Authorization", b"Connection",
    b"Expect", b"Content-Encoding", b"Upgrade", b"Range", b"Cookie", b"Accept", b"X-Forwarded-For", b"If-None-Match",
)  # fmt: skip
_WORDS = (
    b"chunked", b"close", b"keep-alive", b"100-continue", b"websocket", b"gzip", b"null", b"image/png", b"*",
    b"localhost",
)  # fmt: skip
_METHODS = (b"GET", b"POST", b"PUT", b"HEAD", b"OPTIONS")
_VERSIONS = (b"HTTP/1.1", b"HTTP/1.0", b"HTTP/9")
_PATHS = (b"/", b"/v1/classify", b"/v1/classify?top_k=2", b"/v1/model", b"/healthz", b"/metrics", b"/openapi.json")

_POST = b"POST /v1/classify HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/png\r\n"


class Kind(ServedTarget):
    """Sound requests with headers, lines and bytes changed."""

    def seeds(self) -> list[bytes]:
        gets = [b"GET " + path + b" HTTP/1.1\r\nHost: localhost\r\n\r\n" for path in _PATHS]
        posts = [_post(body) for body in pictures()]
        chunked = b"".join(b"%x\r\n%s\r\n" % (len(body), body) for body in pictures()[:1]) + b"0\r\n\r\n"
        head = _POST + b"Transfer-Encoding: chunked\r\n\r\n"
        return [*gets, *posts, head + chunked, gets[0] + gets[3], gets[0].replace(b"1.1", b"1.0")]

    def read(self, data: bytes) -> str:
        return status(self.exchange(data))

    def mutate(self, data: bytes, rng: random.Random) -> bytes:
        if rng.random() < 0.4:
            return mutated(data, self.sound, rng)
        head, _, body = data.partition(b"\r\n\r\n")
        lines = head.split(b"\r\n")
        for _ in range(rng.randint(1, 3)):
            _change_line(lines, rng)
        end = rng.choice((b"\r\n\r\n", b"\r\n\r\n", b"\r\n\r\n", b"\n\n", b"\r\n", b""))
        return b"\r\n".join(lines) + end + body


def _change_line(lines: list[bytes], rng: random.Random) -> None:
    value = rng.choice((*_WORDS, nasty_text(rng)))
    choice = rng.randrange(6)
    at = rng.randrange(len(lines))
    if choice == 0:
        lines.insert(at + 1, rng.choice(_HEADERS) + b": " + value)
    elif choice == 1:
        parts = rng.choice((*_METHODS, value)), rng.choice((*_PATHS, value)), rng.choice((*_VERSIONS, value))
        lines[0] = b" ".join(parts)
    elif choice == 2 and len(lines) > 1:
        del lines[rng.randrange(1, len(lines))]
    elif choice == 3:
        lines.append(rng.choice(lines))
    elif choice == 4:
        lines[at] = mutated(lines[at], [], rng)
    else:
        lines += [b"X-%d: y" % number for number in range(rng.choice((10, 300, 3000)))]


def _post(body: bytes) -> bytes:
    return _POST + b"Content-Length: %d\r\n\r\n" % len(body) + body
