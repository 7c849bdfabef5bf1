"""What a sound file names is looked at: what could never work is a mistake, what may still come is a note."""

from __future__ import annotations

from pathlib import Path

import pytest

from graft_device.board.checking import examine
from graft_device.config.reading import open_board_file
from tests.support.board_files import SMALL
from tests.support.device_models import write_artifact

SOURCE = 'place = "photos"\n'
BASE = SMALL.replace('place = "/dev/video0"\n', SOURCE)


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """A folder with what the file names: a model with the labels red, green and blue, and photos."""
    write_artifact(tmp_path / "pets.tflite")
    (tmp_path / "photos").mkdir()
    return tmp_path


def found(folder: Path, text: str) -> list[tuple[bool, int, str]]:
    """Whether each finding is grave, its line, and its text."""
    (folder / "board.toml").write_text(text)
    board = open_board_file(folder / "board.toml")
    placed = [(each.grave, board.mistake(each.path, each.what, each.remedy)) for each in examine(board.settings)]
    return [(grave, mistake.line, mistake.at(Path("f")).partition(" ")[2]) for grave, mistake in placed]


def test_nothing_is_wrong_with_what_is_there(desk: Path) -> None:
    (desk / "secret").write_text("x")
    more = """
[[sink]]
kind = "webhook"
name = "phone"
url = "https://h/"
secret-file = "secret"
[[rule]]
sinks = ["phone"]
labels = ["red", "unknown"]
kinds = ["answer"]
[http]
listen = "127.0.0.1:80"
"""
    assert found(desk, BASE + more) == []


def test_a_file_that_is_no_model_is_a_mistake_and_one_that_is_missing_a_note(desk: Path) -> None:
    (desk / "pets.tflite").write_text("no model")
    ((grave, line, text),) = found(desk, BASE)
    assert (grave, line) == (True, 3)
    assert text.startswith("model 'pets': ")
    (desk / "pets.tflite").unlink()
    assert found(desk, BASE) == [(False, 3, f"model 'pets': {desk}/pets.tflite does not exist")]


def test_a_store_stands_for_its_current_model(desk: Path) -> None:
    (desk / "store" / "current").mkdir(parents=True)
    (desk / "pets.tflite").rename(desk / "store" / "current" / "model.tflite")
    assert found(desk, BASE.replace("pets.tflite", "store")) == []


@pytest.mark.parametrize(
    ("more", "grave", "text"),
    [
        ('[[rule]]\nsinks = ["s"]\nlabels = ["reed"]', False, (
            "rule 1: no model has the label 'reed'; did you mean 'red'?"
        )),
        ('[events]\nfolder = "e"\npictures = ["cat"]', False, "events: no model has the label 'cat'"),
        ('[[rule]]\nsinks = ["s"]\nkinds = ["answer",\n"leave"]', False, (
            "rule 1: no region reports events of kind leave; add confirm, hold or clear-after"
        )),
        ('[[sink]]\nkind = "gpio"\nname = "l"\npin = 3', False, (
            "sink 'l': it is switched from enter to leave, but no region reports states; add seconds, or confirm for "
            "the sources"
        )),
        ('[[sink]]\nkind = "exec"\nname = "x"\ncommand = ["no-such-program"]', False, (
            "sink 'x': there is no program no-such-program"
        )),
        ('[[sink]]\nkind = "mqtt"\nname = "m"\nurl = "mqtt://h/a#b"', True, (
            "sink 'm': the broker's URL has an option"
        )),
        ('[uncertain]\nfolder = "{desk}/photos"', True, "source 1: "),
        ('[http]\nlisten = "0.0.0.0:80"', False, "http: 0.0.0.0 can be reached from the network, so the page needs"),
        ('[http]\nlisten = "0.0.0.0:80"\ntoken-file = "short"', True, "http: the token is too short"),
        ('[http]\nlisten = "0.0.0.0:80"\ntoken-file = "gone"', False, "http: {desk}/gone does not exist"),
        ('[http]\nlisten = "0.0.0.0:80"\ninsecure = true\nhosts = ["http://x"]', True, (
            "http: 'http://x' is not a host"
        )),
    ],
)  # fmt: skip
def test_what_the_settings_say_of_each_other(more: str, grave: bool, text: str, desk: Path) -> None:
    (desk / "short").write_text("abc")
    sink = '\n[[sink]]\nkind = "exec"\nname = "s"\ncommand = ["true"]\n'
    whole = BASE + sink + more.replace("{desk}", str(desk))
    (finding,) = found(desk, whole)
    assert finding[0] == grave
    assert finding[2].startswith(text.replace("{desk}", str(desk)))
    assert whole.splitlines()[finding[1] - 1] in SOURCE + more.replace("{desk}", str(desk))


def test_a_place_that_is_missing_and_a_camera_that_cannot_be(desk: Path) -> None:
    assert [grave for grave, _, _ in found(desk, SMALL.replace("pets.tflite", "x" * 3000))][:1] == [False]
    assert found(desk, SMALL.replace("/dev/video0", "/dev/video99")) == [
        (False, 6, "source 1: /dev/video99 does not exist")
    ]
    ((grave, line, text),) = found(desk, SMALL.replace("/dev/video0", "picamera2:x"))
    assert (grave, line) == (True, 6)
    assert text.startswith("source 1: picamera2:x is not a camera; give picamera2, or")
