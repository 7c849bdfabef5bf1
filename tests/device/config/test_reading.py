"""A ``board.toml`` gives settings, or every one of its mistakes with the line that it is on."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graft_device.config.areas import Mask, Roi
from graft_device.config.mistakes import MOST, ConfigError, Mistake
from graft_device.config.reading import read_board
from graft_device.config.settings import BoardSettings, CaptureSettings, Confirm, HttpSettings
from graft_device.config.sinks import ExecSettings, MqttSettings
from tests.fuzz.board_files import Kind
from tests.support.board_files import FULL, SMALL


def read(folder: Path, text: str | bytes) -> BoardSettings:
    file = folder / "board.toml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_board(file)


def mistakes(folder: Path, text: str | bytes) -> tuple[Mistake, ...]:
    with pytest.raises(ConfigError) as caught:
        read(folder, text)
    assert caught.value.mistakes, caught.value
    return caught.value.mistakes


def lines(folder: Path, text: str) -> list[tuple[str, str]]:
    """The mistakes of a text, each behind the text of the line that it is on."""
    own = text.splitlines()
    found = mistakes(folder, text)
    return [(own[mistake.line - 1], mistake.at(Path("f")).partition(" ")[2]) for mistake in found]


def test_the_smallest_file(tmp_path: Path) -> None:
    board = read(tmp_path, SMALL)
    assert [(model.name, model.file) for model in board.models] == [("pets", tmp_path / "pets.tflite")]
    assert [(source.places, source.regions[0].models) for source in board.sources] == [(("/dev/video0",), ("pets",))]
    assert (board.sinks, board.rules, board.http, board.events, board.uncertain) == ((), (), None, None, None)


def test_a_file_with_everything(tmp_path: Path) -> None:
    board = read(tmp_path, FULL)
    door, bench, photos = board.sources
    bowl, flap = door.regions
    assert (door.interval, door.on_motion, door.at_least_every, bench.interval) == (0.5, 0.3, 60, 0.25)
    assert (bench.size, bench.on_motion, bench.places) == ((1280, 720), 0.5, ("picamera2",))
    assert door.masks[1] == Mask(((0, 0), (1, 0), (1, 1)), shares=True)
    assert (bowl.name, bowl.roi, bowl.models) == ("bowl", Roi(0.5, 0.5, 0.25, 0.3, shares=True), ("pets", "parts"))
    assert (flap.roi, flap.models) == (Roi(10, 20, 300, 200, shares=False), ("pets",))
    assert photos.places == (str(tmp_path / "a.jpg"), str(tmp_path / "photos/b.jpg"))
    assert isinstance(board.sinks[1], ExecSettings)
    assert board.sinks[1].command == (str(tmp_path / "feed"), "cat")
    assert board.http == HttpSettings("::", 8080, tmp_path / "token", viewers=2, hosts=("board.example.org",))
    assert board.capture == CaptureSettings(Path("captured"), 200)
    assert [rule.weekdays for rule in board.rules] == [("sat", "sun")]


def test_a_program_beside_the_file_is_found_from_any_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "board.toml").write_text(SMALL + '[[sink]]\nkind = "exec"\nname = "feeder"\ncommand = ["./feed"]\n')
    sink = read_board(Path("board.toml")).sinks[0]
    assert isinstance(sink, ExecSettings)
    assert sink.command == (str(tmp_path / "feed"),)


def test_what_is_read_is_beside_the_file_and_what_is_written_in_the_working_directory(tmp_path: Path) -> None:
    board = read(tmp_path, FULL)
    assert [model.file for model in board.models] == [tmp_path / "pets.tflite", Path("/srv/models/store")]
    assert isinstance(board.sinks[3], MqttSettings)
    assert board.events is not None
    assert board.uncertain is not None
    written = (board.sinks[3].queue, board.events.folder, board.uncertain.folder)
    assert written == (Path("queue"), Path("events"), Path("/var/lib/graft/uncertain"))


def test_a_region_has_the_answers_of_its_source_and_of_the_file_except_its_own(tmp_path: Path) -> None:
    door, bench, _ = read(tmp_path, FULL).sources
    bowl, flap = (region.answers for region in door.regions)
    whole = bench.regions[0].answers
    assert [answers.top_k for answers in (bowl, flap, whole)] == [2, 2, 2]
    assert [answers.confirm for answers in (bowl, flap, whole)] == [Confirm(3, 5), Confirm(2, 2), Confirm(3, 5)]
    assert [answers.threshold for answers in (bowl, flap, whole)] == [0.4, 0.4, None]
    assert [answers.clear_after for answers in (bowl, flap, whole)] == [10, None, None]
    assert [answers.hold for answers in (bowl, flap, whole)] == [1.5, 1.5, 3]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            "every = 0.5",
            "fps = 0",
            [
                ("fps = 0", "source 'door': fps 0 is below 0.001"),
            ],
        ),
        (
            "every = 0.5",
            "every = nan",
            [
                ("every = nan", "source 'door': every nan is not a finite number"),
            ],
        ),
        (
            "fps = 4",
            "fps = 4\nevery = 2",
            [
                ("every = 2", "source 'bench': it has both fps and every; remove one of them"),
            ],
        ),
        (
            "fps = 4",
            "fsp = 4",
            [
                ("fsp = 4", "source 'bench': there is no key 'fsp' in [[source]]; did you mean 'fps'?"),
            ],
        ),
        (
            "top-k = 2",
            "top_k = 2",
            [
                ("top_k = 2", "there is no key 'top_k' at the top of the file; did you mean 'top-k'?"),
            ],
        ),
        (
            "pin = 17",
            "fps = 1",
            [
                ("[[sink]]", "sink 'lamp': pin is missing; add it, such as pin = 17"),
                ("fps = 1", "sink 'lamp': there is no key 'fps' in [[sink]]; it is a key of [[source]]"),
            ],
        ),
        (
            "[events]",
            "[event]",
            [
                ("[event]", "there is no 'event' at the top of the file; did you mean 'events'?"),
            ],
        ),
        (
            "pin = 17",
            'pin = "17"',
            [
                ('pin = "17"', "sink 'lamp': pin must be a whole number, not a text"),
            ],
        ),
        (
            "days = 7",
            "days = true",
            [
                ("days = true", "events: days must be a number, not true or false"),
            ],
        ),
        (
            "days = 7",
            "days = 1979-05-27",
            [
                ("days = 1979-05-27", "events: days must be a number, not a date or time"),
            ],
        ),
        (
            'labels = ["cat"]',
            'labels = "cat"',
            [
                ('labels = "cat"', "rule 1: labels must be a list in brackets, not a text"),
            ],
        ),
        (
            'sinks = ["phone", "mail"]',
            "sinks = []",
            [
                ("sinks = []", "rule 1: sinks is empty"),
            ],
        ),
        (
            'kind = "exec"',
            'kind = "exce"',
            [
                ('kind = "exce"', "sink 'feeder': kind 'exce' does not exist; did you mean 'exec'?"),
            ],
        ),
        (
            'kind = "exec"',
            "",
            [
                ("[[sink]]", "sink 'feeder': kind is missing; add it, such as kind = \"webhook\""),
            ],
        ),
        (
            '"0,0,1,0,1,1"',
            '"0,0,1"',
            [
                (
                    '  "0,0,1",  # a triangle',
                    (
                        "source 'door': mask is wrong: '0,0,1' is not a mask; give x,y,width,height, or the corners "
                        "of a polygon as x,y,x,y,x,y"
                    ),
                ),
            ],
        ),
        (
            'roi = "10,20,300,200"',
            "",
            [
                (
                    "[[source.region]]",
                    "source 'door', region 'flap': roi is missing; add it, such as roi = \"0.5,0.5,0.25,0.3\"",
                ),
            ],
        ),
        (
            'after = "22:00"',
            'after = "24:00"',
            [
                ('after = "24:00"', "rule 1: after '24:00' is not a time of day such as 22:00"),
            ],
        ),
        (
            '"sat", "sun"',
            '"sat", "sunday"',
            [
                ('weekdays = ["sat", "sunday"]', "rule 1: weekdays 'sunday' does not exist; did you mean 'sun'?"),
            ],
        ),
        (
            'sinks = ["phone", "mail"]',
            'sinks = ["phone",\n"male"]',
            [
                ('"male"]', "rule 1: there is no sink 'male'; did you mean 'mail'?"),
            ],
        ),
        (
            'regions = ["bowl"]',
            'regions = ["dish"]',
            [
                ('regions = ["dish"]', "rule 1: there is no region 'dish'; choose from 'bowl', 'flap'"),
            ],
        ),
        (
            'name = "bench"',
            'name = "door"',
            [
                ('name = "door"', "source 'door': another source has this name, too; give each its own name"),
            ],
        ),
        (
            'size = "1280x720"\nmodel = "parts"',
            "",
            [
                (
                    "[[source]]",
                    'source \'bench\': it names no model, and the file has several; add model = "pets" or "parts"',
                ),
            ],
        ),
        (
            'model = "parts"\nhold',
            'model = "part"\nhold',
            [
                ('model = "part"', "source 'bench': there is no model 'part'; did you mean 'parts'?"),
            ],
        ),
        (
            "on-motion = 0.3\n",
            "",
            [
                ("at-least-every = 60", "source 'door': at-least-every needs on-motion; add on-motion = true"),
            ],
        ),
        (
            "fps = 4",
            "changes = true",
            [
                ("changes = true", "source 'bench': changes and states cannot be combined; remove changes"),
            ],
        ),
        (
            "on-motion = 0.3",
            "on-motion = 2",
            [
                ("on-motion = 2", "source 'door': on-motion 2 is above 1"),
            ],
        ),
        (
            'confirm = "3/5"',
            'confirm = "5/3"',
            [
                (
                    'confirm = "5/3"',
                    "confirm is wrong: '5/3' can never be reached; give N or N/M, such as 3/5, up to 1000",
                ),
            ],
        ),
        (
            '"[::]:8080"',
            '"8080"',
            [
                (
                    'listen = "8080"',
                    (
                        "http: listen is wrong: '8080' is not an address to listen on; give "
                        "HOST:PORT, such as 0.0.0.0:8080"
                    ),
                ),
            ],
        ),
        (
            '"mqtts://graft@broker.local/door"',
            '"http://u:secret@h"',
            [
                ('url = "http://u:secret@h"', "sink 'home': url 'http://h' is not an mqtt:// or mqtts:// URL"),
            ],
        ),
        (
            '"secret"',
            '"~/secret"',
            [
                (
                    'secret-file = "~/secret"',
                    (
                        "sink 'phone': secret-file '~/secret': ~ does not stand for a home folder here; "
                        "write the whole path"
                    ),
                ),
            ],
        ),
        (
            'place = "picamera2"',
            "",
            [
                ("[[source]]", "source 'bench': place is missing; add it, such as place = \"/dev/video0\""),
            ],
        ),
        (
            '[[sink]]\nkind = "gpio"',
            '[sink]\nkind = "gpio"',
            [
                ("[sink]", "this is not TOML: cannot declare ('sink',) twice (at line 65, column 6)"),
            ],
        ),
    ],
)
def test_each_mistake_has_its_line_and_a_remedy(
    old: str, new: str, expected: list[tuple[str, str]], tmp_path: Path
) -> None:
    assert FULL.count(old) == 1, old
    assert lines(tmp_path, FULL.replace(old, new)) == expected


def test_a_whole_number_that_no_computer_counts_to(tmp_path: Path) -> None:
    huge = f"pin = {'9' * 400}"
    assert lines(tmp_path, FULL.replace("pin = 17", huge)) == [
        (huge, "sink 'lamp': pin of so many digits is not a finite number")
    ]


def test_a_text_of_the_file_that_is_very_long_is_cut_in_the_error(tmp_path: Path) -> None:
    text = FULL.replace('model = "pets"', f'model = "{"x" * 3000}"').replace('"3/5"', f'"{"9" * 3000}"')
    assert [len(what) < 500 for _, what in lines(tmp_path, text)] == [True, True]


def test_a_name_that_no_file_can_have_is_left_to_those_who_open_it(tmp_path: Path) -> None:
    (model,) = read(tmp_path, SMALL.replace("pets.tflite", "x" * 3000)).models
    assert model.file == tmp_path / ("x" * 3000)


def test_all_mistakes_come_at_once_in_the_order_of_their_lines(tmp_path: Path) -> None:
    text = FULL.replace("top-k = 2", "top-k = 0").replace("days = 7", "days = 0").replace('"bowl"\nroi', '"bowl"\nro')
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, text)
    assert [mistake.line for mistake in caught.value.mistakes] == [3, 30, 32, 105]
    assert str(caught.value) == (
        f"{tmp_path}/board.toml:3: top-k 0 is below 1 (and 3 more mistakes); see all: graft-device config check "
        f"{tmp_path}/board.toml"
    )


def test_lines_of_keys_however_they_are_written(tmp_path: Path) -> None:
    """Inline tables, tables in lists of several lines, dotted keys, arrays of tables, and headers that repeat."""
    text = """\
http.listen = "0.0.0.0:80"
http.viewers = -1
events = { folder = "e", days = 0 }
model = [
  { name = "a", file = "a.tflite" },
  # the second
  { name = "b", file = "b.tflite", threads = 0 },
]

[[source]]
place = "x"
model = "a"
[[source.region]]
name = "r"
roi = "0,0,1,1"
[[source]]
place = "y"
model = "a"
[[source.region]]
name = "r"
roi = "0,0,1"
[[source.region]]
name = "s"
roi = '''0,0,0,1'''
"""
    assert [mistake.line for mistake in mistakes(tmp_path, text)] == [2, 3, 7, 21, 24]


def test_what_is_not_toml_is_named_line_by_line_with_the_other_mistakes(tmp_path: Path) -> None:
    text = FULL.replace("top-k = 2", "top-k = = 2").replace("pin = 17", "pin = 17a").replace("days = 7", "days = 0")
    assert lines(tmp_path, text) == [
        ("top-k = = 2", "this is not TOML: invalid value (at line 3, column 9)"),
        (
            "pin = 17a",
            "this is not TOML: expected newline or end of document after a statement (at line 68, column 9)",
        ),
        ("days = 0", "events: days 0 is below 0.01"),
    ]
    again = lines(tmp_path, FULL.replace("days = 7", "days = 7\ndays = 8"))
    assert again == [("days = 8", "this is not TOML: cannot overwrite a value (at line 106, column 9)")]


def test_a_list_that_is_not_closed_is_named_where_it_begins(tmp_path: Path) -> None:
    assert [mistake.line for mistake in mistakes(tmp_path, FULL.replace("triangle\n]", "triangle\n"))] == [23]


def test_other_encodings_and_ends_of_lines(tmp_path: Path) -> None:
    usual = read(tmp_path, FULL)
    assert read(tmp_path, b"\xef\xbb\xbf" + FULL.replace("\n", "\r\n").encode()) == usual
    (mistake,) = mistakes(tmp_path, FULL.replace('"bowl"\nroi', '"böwl"\nroi').encode("latin-1"))
    assert (mistake.line, mistake.what) == (31, "this is not text in UTF-8")


def test_files_that_are_none(tmp_path: Path) -> None:
    for name, reason in {
        "gone": "no such file",
        "folder": "a folder, not a file",
        "large": "larger than 1,000,000",
    }.items():
        path = tmp_path / name
        if name == "folder":
            path.mkdir()
        elif name == "large":
            path.write_text("# comment\n" * 100_001)
        with pytest.raises(ConfigError, match=f"cannot read {path}: {reason}"):
            read_board(path)
    assert len(mistakes(tmp_path, "")) == 2  # no model, no source


@pytest.mark.parametrize(
    "text",
    [
        "a = " + "[" * 100_000,
        "a = " + "[" * 400 + "]" * 400,
        "a = " + "{b=" * 50_000,
        "a" + ".a" * 200_000 + " = 1",
        "[a" + ".a" * 200_000 + "]",
        " " * 900_000,
        "top-k = " + "9" * 10_000,
        "\n".join(f"k{number} = 1" for number in range(20_000)),
        "[[source]]\n" * 20_000,
        "x = [\n" + "[1],\n" * 50_000,
        "x = [\n" + "[1],\n" * 50_000 + "]",
        'x = """\n' + "]\n" * 50_000,
    ],
    ids=range(12),
)  # fmt: skip
def test_hostile_files_are_refused_soon(text: str, tmp_path: Path) -> None:
    before = time.process_time()
    found = mistakes(tmp_path, text)
    assert time.process_time() - before < 30  # seconds of the processor; a tenth of that here
    assert len(found) <= MOST
    assert all(1 <= mistake.line <= text.count("\n") + 1 for mistake in found)


@settings(max_examples=300)
@given(seed=st.integers(0, 2**32))
def test_any_change_gives_settings_or_mistakes_within_the_file(
    seed: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    target = Kind(tmp_path_factory.getbasetemp())
    target.sound = target.seeds()
    rng = random.Random(seed)
    assert target.read(target.mutate(rng.choice(target.sound), rng)) in {"accepted", "refused"}


@settings(max_examples=30)
@given(breaks=st.lists(st.integers(0, len(FULL.splitlines())), max_size=5), seed=st.integers(0, 99))
def test_a_mistake_keeps_its_line_whatever_stands_above_it(
    breaks: list[int], seed: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Comments and empty lines change no line but that of what follows, even within a list of several lines."""
    text = FULL.replace("at-most-every = 60", "at-most-every = -60").splitlines()
    for place in sorted(breaks, reverse=True):
        text.insert(place, "# ] \"\"\" '''" if seed % 2 else "")
    (mistake,) = mistakes(tmp_path_factory.getbasetemp(), "\n".join(text))
    assert text[mistake.line - 1] == "at-most-every = -60"


def test_without_a_reader_of_toml_the_pip_command_is_named(tmp_path: Path) -> None:
    """As on Python 3.9 and 3.10 without the extra ``config``."""
    (tmp_path / "board.toml").write_text(SMALL)
    program = (
        "import sys; sys.modules.update(tomllib=None, tomli=None)\n"
        "from pathlib import Path\n"
        "from graft_device.config.reading import read_board\n"
        "read_board(Path(sys.argv[1]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, tmp_path / "board.toml"], capture_output=True, text=True, check=False
    )
    assert done.stderr.splitlines()[-1].endswith('install it: python3 -m pip install "tomli>=2"')
