"""Multipart bodies as RFC 2046 describes them, in pieces of every size."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest
from python_multipart.multipart import MultipartParser

from graft_device.serve.multipart import Header, Multipart, MultipartError

PHOTO = b"\x89PNG\r\n\x1a\n--x\r\n--xy\r\n--\n\r\r\n"
"""Content with line ends, and lines that begin like a boundary."""

PART = b'Content-Disposition: form-data; name="image"; filename="a.png"\r\nContent-Type: image/png'
NAMED: list[Header] = [
    (b"content-disposition", b'form-data; name="image"; filename="a.png"'),
    (b"content-type", b"image/png"),
]

Parts = list[tuple[list[Header], bytes]]


def read(body: bytes, boundary: bytes = b"xyz", size: int = 10**9) -> tuple[Parts, bool]:
    """The parts of a body that arrives in pieces of some size, and whether its last boundary was there."""
    parts: list[tuple[list[Header], bytearray]] = []

    def add(data: bytes) -> None:
        parts[-1][1].extend(data)

    reader = Multipart(boundary, lambda headers: parts.append((headers, bytearray())), add)
    for start in range(0, len(body), size):
        reader.feed(body[start : start + size])
    reader.finish()
    return [(headers, bytes(content)) for headers, content in parts], reader.ended


def lf(body: bytes) -> bytes:
    return body.replace(b"\r\n", b"\n")


PLAIN = b"--xyz\r\n" + PART + b"\r\n\r\n" + PHOTO + b"\r\n--xyz--\r\n"
ONE: Parts = [(NAMED, PHOTO)]

BODIES = {
    "plain": (PLAIN, ONE),
    "no line end after the last boundary": (PLAIN[:-2], ONE),
    "a preamble": (b"This is a message in MIME format.\r\n" + PLAIN, ONE),
    "an empty line in front": (b"\r\n" + PLAIN, ONE),
    "a preamble with a line that begins like the boundary": (b"--xyz1\r\n --xyz\r\n" + PLAIN, ONE),
    "an epilogue": (PLAIN + b"bye\r\n--xyz\r\n\r\nno part\r\n", ONE),
    "white space after the boundaries": (
        PLAIN.replace(b"--xyz\r\n", b"--xyz \t \r\n").replace(b"--xyz--", b"--xyz--  "), ONE,
    ),
    "a folded header": (PLAIN.replace(b"; filename", b";\r\n\t filename"), ONE),
    "no space after the colon": (PLAIN.replace(b": ", b":"), ONE),
    "names in capitals": (PLAIN.replace(b"Content-", b"CONTENT-"), ONE),
    "no headers": (b"--xyz\r\n\r\nhello\r\n--xyz--", [([], b"hello")]),
    "headers alone": (b"--xyz\r\nA: b\r\n--xyz--", [([(b"a", b"b")], b"")]),
    "an empty part": (b"--xyz\r\nA: b\r\n\r\n\r\n--xyz--", [([(b"a", b"b")], b"")]),
    "an empty part without a line end": (b"--xyz\r\nA: b\r\n\r\n--xyz--", [([(b"a", b"b")], b"")]),
    "no part": (b"--xyz--\r\n", []),
    "two parts": (
        b"--xyz\r\nA: b\r\n\r\none\r\n\r\n--xyz\r\nC: d\r\n\r\n\r\ntwo\r\n--xyz--",
        [([(b"a", b"b")], b"one\r\n"), ([(b"c", b"d")], b"\r\ntwo")],
    ),
    "line feeds alone": (
        b"hello\n--xyz\nA: b\n\n\r\n--xy\r\n--xyz\nC: d\n\ntwo\r\n--xyz--\n",
        [([(b"a", b"b")], b"\r\n--xy\r"), ([(b"c", b"d")], b"two\r")],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BODIES)
def test_a_body_in_pieces_of_every_size(name: str) -> None:
    body, expected = BODIES[name]
    for size in (*range(1, 40), 10**9):
        assert read(body, size=size) == (expected, True), size


def test_a_body_that_is_cut_short() -> None:
    for length in range(len(PLAIN) - 4):
        if length < len(b"--xyz\r\n"):
            with pytest.raises(MultipartError, match="its boundary does not appear in it"):
                read(PLAIN[:length])
        else:
            assert not read(PLAIN[:length])[1]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"no form at all", "its boundary does not appear"),
        (b"--xyz1\r\nA: b\r\n\r\nc\r\n--xyz1--\r\n", "its boundary does not appear"),
        (b"--xyz\r\nno colon\r\n\r\n", "a header of a part has no name"),
        (b"--xyz\r\n: x\r\n\r\n", "a header of a part has no name"),
        (b"--xyz\r\n folded\r\n\r\n", "a header of a part has no name"),
        (b"--xyz\r\nA: " + b"b" * 20_000, "its headers are too long"),
        (b"--xyz\r\n" + b"A: b\r\n" * 3000, "its headers are too long"),
        (b"--xyz\r\nA: b\r\n\r\nx\r\n" * 3000, "its headers are too long"),
    ],
)
def test_bodies_that_are_refused(body: bytes, reason: str) -> None:
    for size in (7, 10**9):
        with pytest.raises(MultipartError, match=reason):
            read(body, size=size)


def test_it_reads_what_another_parser_reads() -> None:
    """Random contents and pieces, against python-multipart."""
    for seed in range(300):
        rng = random.Random(seed)
        contents = [b"".join(pieces(rng)) for _ in range(rng.randrange(1, 4))]
        body = b"".join(b"--xyz\r\nA: %d\r\n\r\n%b\r\n" % entry for entry in enumerate(contents)) + b"--xyz--\r\n"
        found, ended = read(body, size=rng.choice([1, 2, 3, 5, 17, 64, 10**6]))
        assert ended
        assert [content for _, content in found] == contents == another_parser(body)


def pieces(rng: random.Random) -> Iterator[bytes]:
    for _ in range(rng.randrange(12)):
        yield rng.choice([b"\r", b"\n", b"\r\n", b"-", b"--", b"--xy", b"\r\n--xy", b"x", b"\0", b"\n--xyz_", b"--xyZ"])
    yield b"."


def another_parser(body: bytes) -> list[bytes]:
    parts: list[bytearray] = []

    def add(data: bytes, start: int, end: int) -> None:
        parts[-1].extend(data[start:end])

    parser = MultipartParser(b"xyz", {"on_part_begin": lambda: parts.append(bytearray()), "on_part_data": add})
    parser.write(body)
    return [bytes(part) for part in parts]
