"""Photos whose files have not changed are not read again."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from PIL import Image

from graft_host.photos import known_photos
from graft_host.photos.dataset import scan
from graft_host.support.kept import file_stamp


@pytest.fixture
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every file counts as settled, so that no test has to wait."""
    monkeypatch.setattr(file_stamp, "_SETTLED", 0)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Two classes of three photos, a file that is none, and a photo of which there are two copies."""
    root = tmp_path / "photos"
    for label in ("a", "b"):
        (root / label).mkdir(parents=True)
        for number in range(3):
            Image.new("RGB", (20 + number, 10), (number, ord(label), 0)).save(root / label / f"{number}.png")
    (root / "a" / "notes.txt").write_text("no photo")
    (root / "b" / "copy.png").write_bytes((root / "b" / "0.png").read_bytes())
    return root


OPENED = """
import json, sys
from pathlib import Path
from graft_host.photos.dataset import scan
from graft_host.support.kept import file_stamp

file_stamp._SETTLED = int(sys.argv[3])
root, cache, opened = Path(sys.argv[1]), Path(sys.argv[2]), []

def note(event, args):
    path, mode = args[:2] if event == "open" else ("", "")
    if mode is None and str(path).startswith(str(root)):  # by os.open; open() with an opener is another event
        opened.append(Path(args[0]).name)

sys.addaudithook(note)
counts = []
for _ in range(2):
    opened.clear()
    scan(root, 2, cache=cache)
    counts.append(sorted(name for name in opened if "." in name))
print(json.dumps(counts))
"""


@pytest.mark.parametrize(("settled_after", "again"), [(0, ["notes.txt"]), (10**12, None)])
def test_only_files_that_may_have_changed_are_opened(
    photos: Path, tmp_path: Path, settled_after: int, again: list[str] | None
) -> None:
    command = [sys.executable, "-c", OPENED, str(photos), str(tmp_path / "cache"), str(settled_after)]
    first, second = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    assert sorted(set(first)) == ["0.png", "1.png", "2.png", "copy.png", "notes.txt"]
    assert second == (first if again is None else again)


@pytest.mark.usefixtures("settled")
def test_the_data_set_is_the_same_as_without_a_cache(photos: Path, tmp_path: Path) -> None:
    fresh = scan(photos, 2)
    assert len(fresh.photos) == 7
    assert scan(photos, 2, cache=tmp_path) == fresh
    assert scan(photos, 2, cache=tmp_path) == fresh


@pytest.mark.usefixtures("settled")
def test_a_file_that_changed_is_read_again(photos: Path, tmp_path: Path) -> None:
    scan(photos, 2, cache=tmp_path)
    changed, before = photos / "a" / "0.png", (photos / "a" / "0.png").stat()
    time.sleep(0.02)  # a step of the clock that stamps files
    data = bytearray(changed.read_bytes())
    Image.new("RGB", (20, 10), (9, 9, 9)).save(changed)
    other = changed.read_bytes()
    changed.write_bytes(other + b"\0" * (len(data) - len(other)))
    os.utime(changed, ns=(before.st_atime_ns, before.st_mtime_ns))
    (photos / "b" / "1.png").write_bytes(b"no photo any more")
    (photos / "b" / "2.png").rename(photos / "b" / "moved.png")
    again = scan(photos, 2, cache=tmp_path)
    assert again == scan(photos, 2)
    assert "1.png" in {skip.path.name for skip in again.skipped}


@pytest.mark.usefixtures("settled")
def test_other_rules_for_photos_read_all_again(photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scan(photos, 2, cache=tmp_path)
    monkeypatch.setattr(known_photos, "_rules", lambda: "another")
    scan(photos, 2, cache=tmp_path)
    assert len(list((tmp_path / "known-photos").glob("*.sqlite"))) == 2


@pytest.mark.usefixtures("settled")
def test_a_damaged_file_of_facts_is_read_around(photos: Path, tmp_path: Path) -> None:
    scan(photos, 2, cache=tmp_path)
    (path,) = (tmp_path / "known-photos").glob("*.sqlite")
    path.write_bytes(b"\xff" * 5000)
    assert scan(photos, 2, cache=tmp_path) == scan(photos, 2)
