from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from graft_device.outputs.photo_notes import PhotoNotes, exif_of
from graft_device.ranking import Prediction
from graft_device.system.durable import digest
from graft_host.inbox.collected import COLLECTED_NAME, CollectedPhoto
from graft_host.sorting.applying import take_back
from graft_host.sorting.options import SortOptions
from graft_host.sorting.state import SortError
from tests.conftest import error_line, graft, graft_json
from tests.support.host_data import image
from tests.support.quiet import QUIET

COLOURS = {"red": (220, 40, 40), "blue": (40, 40, 220)}


def coloured(colour: str, seed: int) -> Image.Image:
    """A noisy picture of one colour; every seed gives another."""
    rng = np.random.default_rng(seed)
    patches = rng.normal(COLOURS[colour], 30, (6, 6, 3)).clip(0, 255).astype(np.uint8)
    return Image.fromarray(patches).resize((64, 64), Image.Resampling.BICUBIC)


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache that the tests share."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """An inbox of red and blue pictures, a copy and a broken file; five sorted photos of each colour."""
    for seed, colour in enumerate([*COLOURS] * 5):
        (tmp_path / "photos" / colour).mkdir(parents=True, exist_ok=True)
        coloured(colour, seed).save(tmp_path / "photos" / colour / f"{seed}.png")
    (tmp_path / "inbox" / "hall").mkdir(parents=True)
    for seed, colour in enumerate([*COLOURS] * 3, 100):
        coloured(colour, seed).save(tmp_path / "inbox" / "hall" / f"{colour}-{seed}.png")
    coloured("red", 0).save(tmp_path / "inbox" / "again.jpg", quality=95)
    (tmp_path / "inbox" / "broken.jpg").write_bytes(b"no picture")
    (tmp_path / "inbox" / "link.png").symlink_to(tmp_path / "photos" / "red" / "0.png")
    return tmp_path


def _sorted(root: Path, cache: Path, *options: object) -> Any:
    return graft_json("sort", root / "inbox", root / "photos", "--weights", "random", "--cache", cache, *options)


def _files(root: Path) -> dict[str, bytes]:
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.glob("*/**/*.*g") if path.is_file()}


def test_suggestions_are_written_moved_and_taken_back(root: Path, cache: Path) -> None:
    before = _files(root)
    result = _sorted(root, cache, "--suggest")
    assert _files(root) == before
    assert {left["name"] for left in result["left"]} == {"broken.jpg", "link.png"}
    with (root / "inbox" / "suggestions.csv").open(newline="") as file:
        rows = {row["file"]: row for row in csv.DictReader(file)}
    assert len(rows) == 7
    assert rows["again.jpg"]["label"] == ""
    assert rows["again.jpg"]["twin"].endswith("photos/red/0.png")
    for name in rows.keys() - {"again.jpg"}:
        assert rows[name]["label"] == Path(name).name.partition("-")[0]
        assert 0.5 < float(rows[name]["score"]) <= 1

    rows["again.jpg"]["label"] = ".bin"
    rows["hall/red-100.png"]["label"] = "unknown"
    rows["hall/blue-101.png"]["label"] = "sky"
    rows["gone.png"] = {"file": "gone.png", "label": "red"}
    with (root / "list.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, ["file", "label"], extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows.values())
    applied = _sorted(root, cache, "--apply", root / "list.csv")
    assert applied["moved"] == {".bin": 1, "blue": 2, "red": 2, "sky": 1, "unknown": 1}
    assert applied["left"] == [{"name": "gone.png", "reason": "is not in the inbox"}]
    after = _files(root)
    assert {"photos/unknown/red-100.png", "photos/sky/blue-101.png", "inbox/.bin/again.jpg"} <= after.keys()
    assert sorted(after.values()) == sorted(before.values())
    assert _sorted(root, cache, "--undo")["moved"] == {".inbox": 1}
    options = SortOptions(inbox=root / "inbox", photos=root / "photos", cache=cache)
    for _ in range(4):
        take_back(options, QUIET)
    assert _files(root) == before
    assert not (root / "photos" / "sky").exists()
    with pytest.raises(SortError, match=r"nothing in .* has been moved"):
        take_back(options, QUIET)


def test_pictures_that_the_system_does_not_let_move_are_an_error_after_the_others_are_moved(
    root: Path, cache: Path
) -> None:
    (root / "photos" / "green").write_bytes(b"a file where the folder of the class would be")
    (root / "list.csv").write_text("file,label\nhall/red-100.png,red\nhall/blue-101.png,green\ngone.png,red\n")
    done = graft("sort", root / "inbox", root / "photos", "--apply", root / "list.csv", "--cache", cache, "--json")
    assert "1 picture could not be moved" in error_line(done)
    applied = json.loads(done.stdout)
    assert applied["moved"]["red"] == 1
    assert {left["name"] for left in applied["left"]} == {"gone.png", "hall/blue-101.png"}
    assert (root / "inbox/hall/blue-101.png").exists()


def test_new_photos_of_a_split_folder_go_to_its_training_part(root: Path, cache: Path) -> None:
    for part, name in (("train", "red"), ("train", "blue"), ("test", "red"), ("test", "blue")):
        folder = root / "split" / part / name
        folder.mkdir(parents=True)
        image(len(part + name)).save(folder / "0.png")
    (root / "list.csv").write_text("file,label\nhall/red-100.png,red\nhall/blue-101.png,green\nagain.jpg,unknown\n")
    graft_json("sort", root / "inbox", root / "split", "--apply", root / "list.csv", "--cache", cache)
    moved = {path.relative_to(root / "split").as_posix() for path in (root / "split").rglob("*.*g")}
    assert {"train/red/red-100.png", "train/green/blue-101.png", "train/unknown/again.jpg"} <= moved


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b\n1,2\n", "has no column file and no label"),
        ("file,label\nagain.jpg,a/b\n", "'a/b' cannot be the name of a folder"),
        (None, "cannot read"),
    ],
)
def test_a_list_that_cannot_be_used_moves_nothing(root: Path, cache: Path, text: str | None, message: str) -> None:
    before = _files(root)
    if text is not None:
        (root / "list.csv").write_text(text)
    done = graft("sort", root / "inbox", root / "photos", "--apply", root / "list.csv", "--cache", cache)
    assert message in error_line(done)
    assert _files(root) == before


def test_folders_that_cannot_be_sorted_are_named(root: Path, cache: Path) -> None:
    done = graft("sort", root / "nowhere", root / "photos", "--suggest", "--cache", cache)
    assert "no such folder of pictures" in error_line(done)
    done = graft("sort", root, root / "photos", "--suggest", "--cache", cache)
    assert "are one inside the other" in error_line(done)
    done = graft("sort", root / "inbox", root / "photos", "--suggest", "--undo", "--cache", cache)
    assert done.returncode == 2


def test_what_boards_noted_is_read_from_the_ledger_and_from_the_pictures(root: Path, cache: Path) -> None:
    for path in (root / "inbox" / "hall").iterdir():
        path.unlink()
    (root / "photos").rename(root / "other")
    notes = PhotoNotes(
        time="2026-01-31T12:00:01.250Z", said="red", predictions=(Prediction("blue", 0.6), Prediction("red", 0.4))
    )
    image(7).save(root / "inbox" / "hall" / "noted.jpg", exif=exif_of(notes, "1"))
    image(8).save(root / "inbox" / "hall" / "captured.png")
    captured = CollectedPhoto(
        sha256=digest(root / "inbox" / "hall" / "captured.png"), file="hall/captured.png", board="hall", place="/p",
        kind="captured", label="blue", model_name="", collected="2026-01-31T12:00:01Z",
    )  # fmt: skip
    (root / "inbox" / COLLECTED_NAME).write_text(json.dumps(captured.to_json()) + "\n")
    result = _sorted(root, cache, "--suggest")
    assert [row["file"] for row in result["suggestions"] if row["group"] == "said: blue"] == ["hall/captured.png"]
    (said,) = [row for row in result["suggestions"] if row["group"] == "said: red"]
    assert (said["file"], said["label"], said["score"]) == ("hall/noted.jpg", "red", None)
    assert result["classes"] == ["blue", "red"]
    assert not (root / "photos").exists()
    assert json.loads(json.dumps(result)) == result
