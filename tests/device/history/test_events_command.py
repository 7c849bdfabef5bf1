"""``graft-device events`` lists what a run keeps."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from graft_device.history.kept import Kept
from graft_device.ranking import Prediction
from graft_device.store.pictures import render
from tests.device.history.test_kept_events import keeping, make_event, put, seqs
from tests.support.running import PATIENCE_S, eventually

EVENTS = [
    make_event(1, "cats", region="bowl", kind="enter", photo=render(1, 64)),
    make_event(2, "cats", region="bowl", kind="leave", duration=7.25),
    make_event(3, "dogs", predictions=(Prediction("dogs", 0.5),)),
]


def events(*args: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "graft_device.cli", "events", *map(str, args)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE_S)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("events")
    with keeping(folder) as sink:
        put(sink, *EVENTS)
        sink.correct(EVENTS[2].id, "foxes")
    return folder


def test_a_person_reads_a_line_for_each_event_the_newest_first(folder: Path) -> None:
    done = events(folder)
    assert done.stdout.splitlines() == [
        "2026-01-31T12:00:03.000Z  answer  dogs 50% (was foxes)  door",
        "2026-01-31T12:00:02.000Z  leave after 7 s  cats 90%          door bowl",
        f"2026-01-31T12:00:01.000Z  enter   cats 90%          door bowl  {EVENTS[0].id}",
    ]
    assert (done.stderr, done.returncode) == ("", 0)


def test_a_program_reads_the_events_that_it_asks_for(folder: Path) -> None:
    done = events(folder, "--label", "cats", "--since", "2026-01-31T12:00:00Z", "--min-score", 0.6, "--json")
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert found == [
        {**EVENTS[1].to_json(), "picture": False}, {**EVENTS[0].to_json(), "picture": True},
    ]  # fmt: skip
    for option, value, expected in (
        ("--kind", "leave", [2]),
        ("--until", "2026-01-31T12:00:01Z", [1]),
        ("--limit", 1, [3]),
    ):
        lines = events(folder, option, value, "--json").stdout.splitlines()
        assert [json.loads(line)["seq"] for line in lines] == expected
    assert events(folder, "--source", "yard", "--json").stdout == ""
    assert events(folder, "--source", "yard").stderr == "no such event is kept\n"


def test_a_picture_is_written_to_a_file(folder: Path, tmp_path: Path) -> None:
    assert events(folder, "--picture", EVENTS[0].id, "-o", tmp_path / "cat.jpg").returncode == 0
    with Image.open(tmp_path / "cat.jpg") as image:
        assert image.size == (64, 64)
    for event_id, reason in ((EVENTS[1].id, "no picture of the event"), ("1234", "no event 1234 is kept")):
        done = events(folder, "--picture", event_id, "-o", tmp_path / "none.jpg")
        assert (done.returncode, len(done.stderr.splitlines())) == (1, 1)
        assert done.stderr.startswith(f"error: {reason}")
    assert not (tmp_path / "none.jpg").exists()


def test_mistakes_give_one_line(folder: Path, tmp_path: Path) -> None:
    done = events(tmp_path)
    assert done.stderr.startswith(f"error: no events are kept in {tmp_path}; ")
    assert len(done.stderr.splitlines()) == done.returncode == 1
    assert "'yesterday' is no time" in events(folder, "--since", "yesterday").stderr
    for wrong in (["--kind", "leaf"], ["--picture", "1234"], ["--min-score", "nan"]):
        assert events(folder, *wrong).returncode == 2


def test_it_lists_events_while_a_run_writes_them(tmp_path: Path) -> None:
    with keeping(tmp_path) as sink:
        put(sink, *EVENTS)
        eventually(lambda: len(seqs(sink.kept)) == 3 and len(events(tmp_path, "--json").stdout.splitlines()) == 3)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_another_user_may_read_a_history_that_is_not_written(in_memory: Path) -> None:
    folder = in_memory / "kept"
    with keeping(folder) as sink:
        put(sink, *EVENTS)
    assert not list(folder.glob("*-wal"))
    in_memory.chmod(0o755)
    process = os.fork()
    if process == 0:
        try:
            os.setuid(65534)
            kept = Kept(folder)
            os._exit(seqs(kept) != [3, 2, 1] or kept.picture(EVENTS[0].id) is None)
        finally:
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == 0
