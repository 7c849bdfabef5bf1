"""The inbox: photos that arrive are there once, whatever interrupts it; and what the names of kept photos say."""

from __future__ import annotations

import itertools
import json
import os
import shutil
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import graft_host.collecting
from graft_device.sources.apart import is_kept
from graft_host.collecting.inbox import Arrival, Taken, opened
from graft_host.collecting.looking import Folder, KeptFile
from graft_host.inbox.collected import COLLECTED_NAME, read_collected
from graft_host.inbox.kept_names import read_name, safe_name
from tests.support.interrupting import Action, Moments, code_of, interrupt_everywhere
from tests.support.kept_photos import keep, kept_name, photos_in

if TYPE_CHECKING:
    from collections.abc import Callable

CODE = code_of(graft_host.collecting)


def arrived(folder: Path, inbox: Path, label: str, number: int, kind: str = "uncertain") -> Arrival:
    """A photo of a board that has arrived, as rsync leaves it; the board's folder is here, too."""
    source = folder / label / kept_name(number, kind)
    if not source.exists():
        keep(folder, label, number, kind)
    kept = read_name(source.name)
    assert kept is not None
    status = source.stat()
    path = inbox / ".collecting/arriving/b" / label / source.name
    path.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(source, path)
    where = Folder(str(folder), str(folder), "ok")
    photo = KeptFile(where, (label, source.name), status.st_size, status.st_mtime_ns, kept)
    return Arrival(board="b", photo=photo, path=path, models={})


def prepared(folder: Path) -> None:
    """Two photos came earlier. One got another label on the board since then."""
    board, inbox = folder / "board", folder / "inbox"
    first = [arrived(board, inbox, "cats", number) for number in (1, 2)]
    with opened(inbox) as box:
        assert len(box.take(first).new) == 2
    (board / "dogs").mkdir()
    (board / "cats" / kept_name(1, "uncertain")).rename(board / "dogs" / kept_name(1, "labelled"))


def run(folder: Path) -> Taken:
    """A collect: what did not come before arrives."""
    board, inbox = folder / "board", folder / "inbox"
    wanted = (("dogs", 1, "labelled"), ("cats", 2, "uncertain"), ("cats", 3, "captured"), ("dogs", 4, "uncertain"))
    with opened(inbox) as box:
        arrivals = [arrived(board, inbox, *one) for one in wanted]
        new = [one for one in arrivals if box.history.collected(one.place) is None]
        for one in arrivals:
            if one not in new:
                one.path.unlink()
        return box.take(new)


def everything(folder: Path) -> dict[str, bytes]:
    return {**photos_in(folder / "inbox"), **photos_in(folder / "photos")}


def finished(folder: Path) -> None:
    expected = {path.read_bytes() for path in (folder / "board").rglob("*.jpg")}
    found = everything(folder)
    assert Counter(found.values()) == Counter(expected), found.keys()
    known = read_collected(folder / "inbox")
    assert len(known) == 4
    assert Counter(photo.said for photo in known.values()) == {None: 2, "dogs": 1, "cats": 1}
    for photo in known.values():
        name = Path(photo.file).name
        assert (folder / "inbox" / photo.file).exists() or (folder / "photos" / name).exists()
    assert not list((folder / "inbox/.collecting/ready").iterdir())
    again = run(folder)
    assert (again.new, again.updated, Counter(everything(folder).values())) == ((), (), Counter(expected))


def test_ctrl_c_at_many_moments(in_memory: Path) -> None:
    action = Action(prepare=prepared, act=run, finished=finished)
    assert interrupt_everywhere(action, in_memory, CODE, stride=3) > 60


@pytest.mark.parametrize("sorts", [False, True], ids=["at once", "after a person sorted"])
def test_killed_at_many_moments(sorts: bool, in_memory: Path) -> None:
    """After the crash a person may move what is there; it must not come again."""
    pristine = in_memory / "pristine"
    pristine.mkdir()
    prepared(pristine)
    for place in itertools.count(1 + sorts, 5):
        folder = in_memory / "tried"
        shutil.copytree(pristine, folder)
        (folder / "photos").mkdir()
        status = forked(lambda: _killed(folder, place))  # noqa: B023
        if sorts:
            for name in photos_in(folder / "inbox"):
                (folder / "inbox" / name).rename(folder / "photos" / Path(name).name)
        run(folder)
        expected = Counter(path.read_bytes() for path in (folder / "board").rglob("*.jpg"))
        assert Counter(everything(folder).values()) == expected, place
        known = read_collected(folder / "inbox")
        assert Counter(photo.said for photo in known.values()) == {None: 2, "dogs": 1, "cats": 1}, place
        assert not list((folder / "inbox/.collecting/ready").iterdir())
        shutil.rmtree(folder)
        if status == 0:
            break
    assert place > 60


def _killed(folder: Path, place: int) -> None:
    with Moments(place, lambda: os._exit(9), CODE):
        run(folder)


def forked(act: Callable[[], object]) -> int:
    """Acts in a fork; returns its exit status."""
    process = os.fork()
    if process == 0:
        try:
            act()
        finally:
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def test_a_photo_whose_notes_were_rewritten_is_the_same_photo(tmp_path: Path) -> None:
    board, inbox = tmp_path / "board", tmp_path / "inbox"
    first = arrived(board, inbox, "cats", 1)
    with opened(inbox) as box:
        box.take([first])
    old = board / "cats" / kept_name(1, "uncertain")
    new = keep(board, "dogs", 1, "labelled")  # the same pixels
    assert new.read_bytes() != old.read_bytes()
    second = arrived(board, inbox, "dogs", 1, "labelled")
    with opened(inbox) as box:
        taken = box.take([second])
        assert box.history.collected(second.place) not in {None, box.history.collected(first.place)}
    assert (taken.new, len(taken.updated)) == ((), 1)
    assert list(photos_in(inbox)) == [f"b/labelled/dogs/{new.name}"]
    [known] = read_collected(inbox).values()
    assert (known.said, known.notes and known.notes.said) == ("dogs", "dogs")


def test_a_ledger_that_a_crash_cut_short_takes_no_other_line_with_it(tmp_path: Path) -> None:
    board, inbox = tmp_path / "board", tmp_path / "inbox"
    with opened(inbox) as box:
        box.take([arrived(board, inbox, "cats", 1)])
    with (inbox / COLLECTED_NAME).open("a") as file:
        file.write('{"sha256": "ab')
    with opened(inbox) as box:
        box.take([arrived(board, inbox, "cats", 2)])
    assert len(read_collected(inbox)) == 2
    lines = (inbox / COLLECTED_NAME).read_text().splitlines()
    assert json.loads(lines[2])["label"] == "cats"


@pytest.mark.parametrize(
    ("name", "kind", "predictions"),
    [
        ("20260131T120001.250Z_cats-61_dogs-38.jpg", "uncertain", [("cats", 0.61), ("dogs", 0.38)]),
        ("20260131T120001.250Z_big_cats-61_dogs-38-2.jpg", "uncertain", [("big_cats", 0.61), ("dogs", 0.38)]),
        ("20260131T120001.250Z.labelled_cats-100.png", "labelled", [("cats", 1.0)]),
        ("20260131T120001.250Z.captured-12.jpg", "captured", []),
        ("20260131T120001.250Z_.webp", "uncertain", []),
    ],
)  # fmt: skip
def test_what_a_name_says(name: str, kind: str, predictions: list[tuple[str, float]]) -> None:
    kept = read_name(name)
    assert kept is not None
    assert (kept.kind, kept.time) == (kind, "2026-01-31T12:00:01.250Z")
    assert list(kept.predictions) == predictions
    assert is_kept(name)


@pytest.mark.parametrize("name", ["holiday.jpg", "20260131T120001.250Z_a.txt", "20269931T120001.250Z_cats-61.jpg", ""])
def test_names_of_other_files(name: str) -> None:
    assert read_name(name) is None


@given(st.binary(min_size=1, max_size=300))
@example(b"..")
@example(b"-rf")
@example(b"a/../../b\n\xff")
@example("ä".encode() * 200 + b".jpg")
def test_any_name_becomes_one_that_is_safe_here(raw: bytes) -> None:
    name = safe_name(os.fsdecode(raw))
    assert 0 < len(name.encode()) <= 200
    assert name[0] not in ".-"
    assert not {"/", "\\", "\0", "\n"} & {*name}
    assert safe_name(name) == name
