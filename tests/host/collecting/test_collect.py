"""Photos from boards into an inbox: real ssh and rsync, each photo once whatever happens."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from graft_device.system.locks import lock_file
from graft_host.inbox.collected import read_collected
from tests.conftest import error_line, graft
from tests.support.fleets import Fleet, demand_ansible
from tests.support.kept_photos import FOLDER, MARKS, collect, collected, keep, keep_some, kept_name, photos_in
from tests.support.remote.board import HOME, Spec, write_config
from tests.support.remote.proxy import cable

if TYPE_CHECKING:
    from tests.support.remote.park import Park

NO_RSYNC = Spec(hidden=("/usr/bin/rsync",))


@pytest.mark.parametrize("spec", [Spec(), NO_RSYNC], ids=["rsync", "no rsync"])
def test_each_photo_comes_once_with_what_is_known_of_it(park: Park, spec: Spec, tmp_path: Path) -> None:
    board = park.start("kitchen" if spec == Spec() else "plain", spec)
    kept = keep_some(board, 12)
    slots = board.home / ".local/share/graftkit/slots" / ("ab" * 8)
    slots.mkdir(parents=True)
    (slots / "slot.json").write_text('{"name": "pets"}')
    before, inbox = board.tree(), tmp_path / "inbox"

    dry = collect(inbox, board, "--from", FOLDER, "--dry-run")
    assert (dry.returncode, inbox.exists()) == (0, False), dry.stderr
    assert "12 would come" in dry.stdout
    first = collected(inbox, board)
    assert (len(first["new"]), first["found"], first["before"], first["removed"]) == (12, 12, 0, 0)
    found = photos_in(inbox)
    kinds = ("uncertain", "captured", "labelled")
    assert found == {
        f"{board.name}/{kinds[n % 3]}/{path}": kept[path]
        for n, path in enumerate(sorted(kept, key=lambda path: path.rpartition("/")[2]))
    }
    assert board.tree() == before

    known = read_collected(inbox)
    assert {hashlib.sha256(data).hexdigest(): path for path, data in found.items()} == {
        sha256: photo.file for sha256, photo in known.items()
    }
    for photo in known.values():
        assert (photo.board, photo.place.startswith(f"{HOME}/{FOLDER}/")) == (board.name, True)
        assert photo.notes is not None
        assert photo.said == photo.notes.said == (None if photo.kind == "uncertain" else photo.label)
        if photo.notes.model:
            assert (photo.model_name, photo.notes.source) == ("pets", "door")
            assert photo.notes.predictions[0] == ("cats", 0.61)
        elif photo.kind != "captured":  # what its name says
            assert photo.notes.predictions == (("cats", 0.61), ("dogs", 0.38))
            assert photo.notes.time.startswith("2026-01-31T12:00:")
    assert sum(photo.model_name == "pets" for photo in known.values()) == 9

    shutil.move(inbox / next(iter(found)), tmp_path / "sorted.jpg")
    (inbox / list(found)[1]).unlink()
    again = collected(inbox, board)
    assert (again["new"], again["before"], again["bytes"], len(photos_in(inbox))) == ([], 12, 0, 10)
    shutil.rmtree(inbox / ".collecting")  # then they come again, and are known by their content
    third = collected(inbox, board)
    assert (third["new"], third["before"], len(photos_in(inbox))) == ([], 12, 10)


def test_a_photo_that_got_another_label_on_its_board(park: Park, tmp_path: Path) -> None:
    board, inbox = park.start("hall"), tmp_path / "inbox"
    folder = board.home / FOLDER
    paths = [keep(folder, "cats", number) for number in range(3)]
    collected(inbox, board)
    shutil.move(inbox / f"hall/uncertain/cats/{paths[1].name}", tmp_path / "sorted.jpg")
    (folder / "dogs").mkdir()
    for number, path in enumerate(paths[:2]):
        path.rename(folder / "dogs" / kept_name(number, "labelled"))
    told = collected(inbox, board)
    assert (told["new"], len(told["updated"]), told["before"]) == ([], 2, 1)
    assert set(photos_in(inbox)) == {
        f"hall/labelled/dogs/{kept_name(0, 'labelled')}", f"hall/uncertain/cats/{paths[2].name}"
    }  # fmt: skip
    known = read_collected(inbox)
    assert sorted(str(photo.said) for photo in known.values()) == ["None", "dogs", "dogs"]
    assert known[hashlib.sha256((tmp_path / "sorted.jpg").read_bytes()).hexdigest()].said == "dogs"
    assert collected(inbox, board)["updated"] == []


def test_moving_removes_from_the_board_what_has_come_and_nothing_else(park: Park, tmp_path: Path) -> None:
    board, inbox = park.start("porch"), tmp_path / "inbox"
    kept = keep_some(board, 6)
    folder = board.home / FOLDER
    (folder / "cats" / "notes.txt").write_text("keep me")
    (folder / "cats" / "holiday.jpg").write_bytes(next(iter(kept.values())))
    collected(inbox, board)
    keep(folder, "cats", 7)
    changed = next(path for path in kept if path.startswith("dogs"))
    status = (folder / changed).stat()
    (folder / changed).write_bytes(bytes(status.st_size))  # of the same size and time: only its content differs
    os.utime(folder / changed, ns=(status.st_atime_ns, status.st_mtime_ns))
    told = collected(inbox, board, "--move")
    assert (len(told["new"]), told["removed"], told["others"]) == (1, 6, 2)
    assert told["kept"] == [{"path": f"{HOME}/{FOLDER}/{changed}", "problem": "it changed meanwhile"}]
    left = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert left == {changed, "cats/notes.txt", "cats/holiday.jpg"}
    assert len(photos_in(inbox)) == 7


def test_hostile_names_and_files_on_a_board(park: Park, tmp_path: Path) -> None:
    board, inbox = park.start("attic"), tmp_path / "inbox"
    folder = board.home / FOLDER
    good = keep(folder, "cats", 1).read_bytes()
    stamp, mark = "20260131T120000.250Z", MARKS["uncertain"]
    hostile = {
        os.fsencode(f"{stamp}_a\nb-61_..-3.jpg"), os.fsencode(f"{stamp}_$(touch x)-61{mark}.jpg"),
        stamp.encode() + b"_\xff\xfe-61_x-1.jpg", f"{stamp}_ä̈🐱-61_;#-2.jpg".encode(),
    }  # fmt: skip
    labels = (b"-rf", b"..dogs", b"# c", b"; d", b"new\nline", b"\xff\xfe", b"sp ace'\"")
    for number, (label, name) in enumerate((label, name) for label in labels for name in sorted(hostile)):
        place = folder / os.fsdecode(label) / os.fsdecode(name)
        place.parent.mkdir(exist_ok=True)
        place.write_bytes(keep(folder, "scratch", 100 + number).read_bytes())
    shutil.rmtree(folder / "scratch")
    secret = board.home / "secret"
    shutil.copytree(folder / "cats", secret)
    (folder / "linked").symlink_to("../secret")
    (folder / "cats" / kept_name(2, "uncertain")).symlink_to(f"../../secret/{kept_name(1, 'uncertain')}")
    os.mkfifo(folder / "cats" / kept_name(3, "captured"))
    (folder / "cats" / kept_name(4, "labelled")).mkdir()
    with (folder / "cats" / kept_name(5, "captured")).open("wb") as file:
        file.truncate(5_000_000_000)
    (folder / "cats" / kept_name(6, "captured")).write_bytes(b"#!/bin/sh\n")
    (folder / "cats" / kept_name(7, "captured")).touch()
    told = collected(inbox, board)
    found = photos_in(inbox)
    visible = len(labels) - 1  # ..dogs is hidden
    assert len(found) == 1 + visible * len(hostile)
    assert good in found.values()
    assert all(name.isprintable() and not {".", "-"} & {part[0] for part in name.split("/")} for name in found)
    assert [one["problem"] for one in told["refused"]] == [
        "too large", "the file is empty", "not a JPEG, PNG, WebP, BMP, GIF, HEIC or AVIF image"
    ]  # fmt: skip
    assert not list(inbox.rglob("x"))
    board.run(f"chown -R pi {HOME}/{FOLDER}", user="root")
    again = collected(inbox, board, "--move")
    assert (again["new"], again["removed"]) == ([], len(found))
    assert (secret / kept_name(1, "uncertain")).read_bytes() == good
    assert len(photos_in(inbox)) == len(found)


def test_the_folders_of_services_are_found(park: Park, tmp_path: Path) -> None:
    board, inbox = park.start("shed"), tmp_path / "inbox"
    units = {
        "door": "ExecStart=/opt/kit/bin/graft-device run m.tflite --source x --save-uncertain 'kept 100%%'\n",
        "gate": "ExecStart=/usr/bin/python3 -m graft_device.cli run --config /srv/board.toml\n",
        "other": "ExecStart=/usr/bin/other run --save-uncertain /srv/other\n",
    }
    for name, line in units.items():
        unit = board.at(f"/etc/systemd/system/{name}.service")
        unit.parent.mkdir(parents=True, exist_ok=True)
        unit.write_text(f"[Service]\nWorkingDirectory=/var/lib/{name}\n{line}")
    board.at("/srv/board.toml").write_text('[capture]\nfolder = "/srv/captured"\n[uncertain]\nfolder = "kept"\n')
    keep(board.at("/var/lib/door/kept 100%"), "cats", 1)
    keep(board.at("/srv/captured"), "cats", 2, "captured")
    keep(board.at("/srv/other"), "cats", 3)
    private = board.at("/var/lib/private")  # as systemd makes it for a service with a user of its own
    private.mkdir(mode=0o700)
    board.at("/var/lib/gate").symlink_to("private/gate")
    keep(private / "gate/kept", "dogs", 4)

    line = error_line(collect(inbox, board))
    assert "shed: pi may not read /var/lib/gate/kept; allow pi to use sudo without a password" in line
    assert line.endswith("or log in as root@shed")
    assert len(photos_in(inbox)) == 2
    done = graft("collect", "root@shed", "-F", board.config, "-o", inbox, "--move")
    assert done.returncode == 0, done.stderr
    assert "1 new (1 uncertain; 0.0 MB), 2 collected before, 3 removed there" in done.stdout
    assert {photo.place for photo in read_collected(inbox).values()} == {
        f"/var/lib/door/kept 100%/cats/{kept_name(1, 'uncertain')}",
        f"/srv/captured/cats/{kept_name(2, 'captured')}",
        f"/var/lib/private/gate/kept/dogs/{kept_name(4, 'uncertain')}",
    }
    assert "no graftkit service there keeps photos; name their folder with --from" in error_line(
        collect(inbox, park.start("empty"))
    )


@pytest.mark.skipif(shutil.which("sudo") is None, reason="no sudo: apt-get install sudo")
def test_a_login_that_may_use_sudo_reads_and_removes_what_is_roots(park: Park, tmp_path: Path) -> None:
    board, inbox = park.start("cellar"), tmp_path / "inbox"
    board.at("/etc/sudoers").write_text("pi ALL=(ALL) NOPASSWD: ALL\n")
    folder = board.at("/var/lib/private")
    folder.mkdir(mode=0o700)
    other = keep(board.at("/srv/kept"), "dogs", 2).read_bytes()
    board.run("chown -R root /srv/kept", user="root")  # readable for all
    data = keep(folder / "kept", "cats", 1).read_bytes()
    done = collect(inbox, board, "--from", "/var/lib/private/kept", "--from", "/srv/kept", "--move")
    assert done.returncode == 0, done.stderr
    assert set(photos_in(inbox).values()) == {data, other}
    assert not [*folder.rglob("*.jpg"), *board.at("/srv/kept").rglob("*.jpg")]


@pytest.mark.parametrize("spec", [Spec(), NO_RSYNC], ids=["rsync", "no rsync"])
def test_a_cable_cut_in_the_middle(park: Park, spec: Spec, tmp_path: Path) -> None:
    board = park.start("cut" if spec == Spec() else "cut-plain", spec)
    kept, inbox = keep_some(board, 60, size=400), tmp_path / "inbox"
    size = sum(map(len, kept.values()))
    with cable(board.port) as line:
        folder = park.folder / f"{board.name}-{line.port}"
        folder.mkdir()
        config = write_config(folder, board.name, line.port, park.keys.ours, board.host_key)
        over = dataclasses.replace(board, config=config)
        line.cut_back_after = line.from_board + size // 2
        what = error_line(collect(inbox, over, "--from", FOLDER, "--move"), 10)
        assert "the connection was lost, and what had come is kept; collect again" in what
        assert line.cuts == 1
        before = line.from_board
        collected(inbox, over, "--move")
        assert line.from_board - before < 0.8 * size
    assert sorted(photos_in(inbox).values()) == sorted(kept.values())
    assert not list((board.home / FOLDER).rglob("*.jpg"))


def test_several_boards_of_which_one_is_away(park: Park, tmp_path: Path) -> None:
    demand_ansible()
    kept = [*keep_some(park.start("barn"), 3).values(), *keep_some(park.start("den"), 5, first=10).values()]
    inbox = tmp_path / "inbox"
    gone = {"gone": {"ansible_host": "127.0.0.1", "ansible_port": 9}}
    inventory = Fleet(park, tmp_path).inventory(("barn", "den"), gone)
    done = graft("collect", "--inventory", inventory, "--from", FOLDER, "-o", inbox)
    assert done.stderr.splitlines()[-1] == "error: 1 of 3 boards failed (gone); see above for the reasons"
    assert done.returncode == 1
    lines = {line.split()[0]: line for line in done.stdout.splitlines()}
    assert "3 new" in lines["barn"]
    assert "5 new" in lines["den"]
    assert "nothing listens there" in lines["gone"]
    assert set(photos_in(inbox).values()) == set(kept)
    one = graft("collect", "--inventory", inventory, "--limit", "den", "--from", FOLDER, "-o", inbox, "--json")
    assert [board["board"] for board in json.loads(one.stdout)["boards"]] == ["den"]
    assert "no such inventory" in error_line(graft("collect", "--inventory", tmp_path / "none"), 2)


def test_a_run_brings_no_more_than_it_may_and_two_runs_exclude_each_other(park: Park, tmp_path: Path) -> None:
    board, inbox = park.start("loft"), tmp_path / "inbox"
    kept = keep_some(board, 10)
    size = max(map(len, kept.values()))
    told = collected(inbox, board, "--max-mb", 4.5 * size / 1e6)
    assert 4 <= len(told["new"]) == 10 - told["left"] < 10
    assert {one["kind"] for one in told["new"]} == {"captured", "labelled"}  # what people said goes first
    lock = lock_file(inbox / ".collecting" / "lock")
    assert lock is not None
    with lock:
        line = error_line(collect(inbox, board))
    assert line == f"error: another graft collect into {inbox} is in progress; wait until it is done"
    assert len(collected(inbox, board)["new"]) == told["left"]
