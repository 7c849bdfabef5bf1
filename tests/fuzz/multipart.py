"""Forms with a photo in them, whose parts, boundaries and headers have changed; the request around them is sound."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.fuzz.mutation import mutated, nasty_text
from tests.fuzz.served import ServedTarget, pictures, status
from tests.support.serving import form

if TYPE_CHECKING:
    import random

_HEAD = (
    b"POST /v1/classify HTTP/1.1\r\nHost: localhost\r\nContent-Type: %s\r\nContent-Length: %d\r\n"
    b"Connection: close\r\n\r\n"
)


class Kind(ServedTarget):
    """Bodies of type ``multipart/form-data``; an input is the content type, a line feed, and the body."""

    def seeds(self) -> list[bytes]:
        forms = [form("image", photo) for photo in pictures()] + [form("file", pictures()[0], "a b'()+_,-./:=?")]
        bodies = [kind.encode() + b"\n" + body for body, kind in forms]
        two, kind = form("image", pictures()[0])
        cut = two.rpartition(b"--xxGRAFTxx--")[0]
        bodies.append(kind.encode() + b"\n" + cut + two)
        return [*bodies, bodies[0].replace(b"\n", b"\npreamble\r\n", 1), bodies[0] + b"epilogue"]

    def read(self, data: bytes) -> str:
        kind, _, body = data.partition(b"\n")
        kind = kind.replace(b"\r", b"").replace(b"\0", b"")
        return status(self.exchange(_HEAD % (kind, len(body)) + body))

    def mutate(self, data: bytes, rng: random.Random) -> bytes:
        if rng.random() < 0.4:
            return mutated(data, self.sound, rng)
        kind, _, body = data.partition(b"\n")
        lines = body.split(b"\r\n", 4)
        for _ in range(rng.randint(1, 3)):
            _change_line(lines, rng)
        return kind + b"\n" + b"\r\n".join(lines)


def _change_line(lines: list[bytes], rng: random.Random) -> None:
    at = rng.randrange(len(lines))
    choice = rng.randrange(6)
    if choice == 0:
        lines.insert(at, rng.choice((b"--xxGRAFTxx", b"--xxGRAFTxx--", b"", b"\r", nasty_text(rng))))
    elif choice == 1:
        name = nasty_text(rng).replace(b"\n", b"")
        lines.insert(at, b"Content-Disposition: form-data; name=\"image\"; filename*=utf-8''" + name)
    elif choice == 2:
        lines[at] = mutated(lines[at], [], rng)
    elif choice == 3:
        lines += [b"--xxGRAFTxx", b'Content-Disposition: form-data; name="x"', b"", b"y"] * rng.choice((1, 20, 1500))
    elif choice == 4:
        lines[at] = lines[at].replace(b'"', rng.choice((b"", b"'", b'\\"')))
    else:
        encoding = b"Content-Transfer-Encoding: base64"
        lines.insert(at, rng.choice((encoding, b"X: " + b"y" * 20000, b": x", b" folded")))
