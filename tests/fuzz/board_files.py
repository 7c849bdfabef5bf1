"""Files of a board: TOML whose letters, lines and values have changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from graft_device.config.mistakes import ConfigError
from graft_device.config.reading import read_board
from tests.fuzz.mutation import nasty_text
from tests.fuzz.target import Target, check_message
from tests.support.board_files import FULL, SMALL

if TYPE_CHECKING:
    import random
    from pathlib import Path

_VALUES = (
    b"-1", b"inf", b"nan", b"1e400", b"true", b'""', b"[]", b"{}", b"[[[]]]", b"2024-01-01", b'"""', b"'''", b"[",
    b'"x"', b"{ a = [\n1,\n2] }", b'["a",\n"b"]', b"9" * 400,
)  # fmt: skip


class Kind(Target):
    """A file that is read after damage: it gives settings, or an error whose lines are lines of the file."""

    memory: ClassVar[int] = 128 << 20

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._path = folder / "board.toml"

    def seeds(self) -> list[bytes]:
        full = FULL.encode()
        return [full, SMALL.encode(), b"\xef\xbb\xbf" + full.replace(b"\n", b"\r\n")]

    def read(self, data: bytes) -> str:
        self._path.write_bytes(data)
        try:
            read_board(self._path)
        except ConfigError as error:
            refused = error
        else:
            return "accepted"
        check_message(refused)
        last = data.count(b"\n") + 1
        for mistake in refused.mistakes:
            assert 1 <= mistake.line <= last, mistake
            assert len(mistake.at(self._path).splitlines()) == 1
            assert len(mistake.at(self._path)) < 1500
        return "refused"

    def mutate(self, data: bytes, rng: random.Random) -> bytes:
        """Changes whole lines and values half of the time; letters otherwise."""
        if rng.random() < 0.5:
            return super().mutate(data, rng)
        lines = data.split(b"\n")
        for _ in range(rng.randint(1, 4)):
            at = rng.randrange(len(lines))
            key, equals, _ = lines[at].partition(b"=")
            lines[at : at + 1] = rng.choice((
                [], [lines[at]] * 2, [rng.choice(lines)], [rng.choice(lines), lines[at]],
                [key + equals + rng.choice((*_VALUES, nasty_text(rng)))],
            ))  # fmt: skip
            lines = lines or [b""]
        return b"\n".join(lines)
