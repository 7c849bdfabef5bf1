"""``graft-device run --config``: a file says everything, and SIGHUP reads it again."""

from __future__ import annotations

import signal
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from tests.conftest import error_line, graft_device
from tests.support.device_models import write_artifact
from tests.support.ports import free_port
from tests.support.running import PATIENCE_S, drop_photo, running


@pytest.fixture
def board(tmp_path: Path) -> Path:
    """A board file with one model and two watched folders, one of them with a region."""
    write_artifact(tmp_path / "colours.tflite")
    for name in ("door", "yard"):
        (tmp_path / name).mkdir()
    return write(tmp_path / "board.toml")


def write(path: Path, more: str = "", top: str = "") -> Path:
    path.write_text(
        f"""
{top}
[[model]]
name = "colours"
file = "colours.tflite"

[[source]]
name = "door"
place = "door"
existing = true

[[source]]
name = "yard"
place = "yard"
existing = true

[[source.region]]
name = "left"
roi = "0,0,0.5,1"
{more}
"""
    )
    return path


def test_a_file_says_everything(board: Path) -> None:
    with running("--config", board, "--json") as job:
        drop_photo(board.parent / "door", "1.png", "red")
        event = job.event()
        assert (event["source"], event.get("region"), event["label"]) == ("door", None, "red")
        assert event["file"] == str(board.parent / "door" / "1.png")
        drop_photo(board.parent / "yard", "1.png", "blue")
        event = job.event()
        assert (event["source"], event["region"], event["view"]) == ("yard", "left", "yard-left")
        assert (event["label"], event["seq"]) == ("blue", 2)
        assert job.end() == 0


def test_for_a_person_each_line_says_where(board: Path) -> None:
    drop_photo(board.parent / "yard", "1.png", "blue")
    with running("--config", board, "--limit", 1) as job:
        assert "yard, left, 1.png: blue 9" in job.line()


def test_sighup_reads_the_file_again_and_a_bad_one_leaves_the_old_one_in_use(board: Path) -> None:
    with running("--config", board, "--json") as job:
        drop_photo(board.parent / "door", "1.png", "red")
        assert "reason" not in job.event()

        write(board, top="threshold = 7")
        job.process.send_signal(signal.SIGHUP)
        note = job.note()
        assert note.startswith(f"note: {board}:2: ")
        assert note.endswith("; the old settings stay in use")
        drop_photo(board.parent / "door", "2.png", "red")
        assert job.event()["label"] == "red"

        write(board, top="threshold = 1.0")
        job.process.send_signal(signal.SIGHUP)
        assert job.note() == "note: board.toml was read again"
        assert [job.event()["label"] for _ in range(2)] == ["unknown"] * 2, "the photos that are there"

        write(board, more='\n[uncertain]\nfolder = "/proc/none"\n')
        job.process.send_signal(signal.SIGHUP)
        assert job.note() == "note: board.toml was read again"
        assert "the old settings are in use again" in job.note()
        assert [job.event()["label"] for _ in range(2)] == ["unknown"] * 2
        assert job.end() == 0


def test_a_new_model_behind_the_file_is_taken_over_without_an_end(board: Path) -> None:
    with running("--config", board, "--json") as job:
        drop_photo(board.parent / "door", "1.png", "red")
        assert job.event()["label"] == "red"
        write_artifact(board.parent / "new", labels=["rot", "gelb", "blau"])
        (board.parent / "new").replace(board.parent / "colours.tflite")
        job.process.send_signal(signal.SIGHUP)
        assert job.note() == "note: opened again: colours.tflite, 3 labels"
        drop_photo(board.parent / "door", "2.png", "red")
        assert job.event()["label"] == "rot"
        assert job.end() == 0


def test_sighup_takes_a_new_token_and_a_bad_one_leaves_the_old_one_in_use(board: Path) -> None:
    def status(token: str) -> int:
        request = urllib.request.Request(f"{url}/v1/board", headers={"Authorization": f"Bearer {token}"})  # noqa: S310
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:  # noqa: S310
                return int(answer.status)
        except urllib.error.HTTPError as error:
            error.close()
            return error.code

    token = board.parent / "token"
    token.write_text("1" * 16)
    url = f"http://127.0.0.1:{free_port()}"
    write(board, more=f'\n[http]\nlisten = "{url[7:]}"\ntoken-file = "token"\n')
    with running("--config", board, "--json") as job:
        assert job.note() == f"page on {url}"
        assert [status("1" * 16), status("2" * 16)] == [200, 401]
        token.write_text("")
        job.process.send_signal(signal.SIGHUP)
        assert job.note().endswith("is empty, so it does not contain a token; make one with: openssl rand -hex 16 > "
                                   f"{token}; the old settings stay in use")  # fmt: skip
        assert status("1" * 16) == 200
        token.write_text("2" * 16)
        job.process.send_signal(signal.SIGHUP)
        assert job.note() == "note: board.toml was read again"
        assert job.note() == f"page on {url}"
        assert [status("1" * 16), status("2" * 16)] == [401, 200]
        assert job.end() == 0


def test_mistakes_are_one_line_each(board: Path) -> None:
    write(board, top='threshold = 7\nconfirm = "5/3"')
    line = error_line(graft_device("run", "--config", board))
    assert line.startswith(f"error: {board}:2: ")
    assert "1 more mistake" in line


def test_options_beside_the_file_are_refused(board: Path) -> None:
    done = graft_device("run", "--config", board, "--source", "x")
    assert done.returncode == 2
    assert "--source cannot be combined with --config" in done.stderr
