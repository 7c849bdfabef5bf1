from __future__ import annotations

import mmap
from pathlib import Path

import pytest

from graft_host.support.mapped import mapped

DATA = bytes(range(256)) * 64


@pytest.mark.parametrize("start", [0, 1, 4095, 4096, 10_001, len(DATA)])
@pytest.mark.parametrize("size", [0, 1, 5000, None])
def test_a_part_of_a_file_is_mapped_wherever_it_starts(tmp_path: Path, start: int, size: int | None) -> None:
    path = tmp_path / "f"
    path.write_bytes(DATA)
    end = len(DATA) if size is None else start + size
    with path.open("rb") as file:
        if end > len(DATA):
            with pytest.raises(ValueError, match="too early"):
                mapped(file, start, size)
            return
        view = mapped(file, start, size)
    assert view == DATA[start:end]
    assert view.readonly
    assert isinstance(view.obj, mmap.mmap) == (end > start)


def test_a_file_that_cannot_be_mapped_is_read() -> None:
    path = Path("/sys/devices/system/cpu/online")  # a page long, it reports
    if not path.is_file():
        pytest.skip(f"there is no {path}")
    with path.open("rb") as file:
        view = mapped(file)
    assert view == path.read_bytes()
    assert isinstance(view.obj, bytes)
