"""Help and usage errors of both programs, as people see them."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from graft_device.cli import EXAMPLES, _Group
from graft_host.cli import _COMMANDS
from tests.conftest import error_line, graft, graft_device
from tests.support.device_models import picture, write_artifact

RUN = {"graft": graft, "graft-device": graft_device}


@pytest.mark.parametrize("program", RUN)
def test_the_list_of_commands_fits_80_columns_and_cuts_no_summary(program: str) -> None:
    listed = RUN[program]("--help", env={**os.environ, "COLUMNS": "80"}).stdout.partition("Commands:\n")[2].splitlines()
    assert len(listed) >= 11
    assert [line for line in listed if "..." in line or len(line) > 80] == []


@pytest.mark.parametrize("args", [("graft",), ("graft", "train"), ("graft-device",), ("graft-device", "run")])
def test_h_is_help(args: tuple[str, ...]) -> None:
    program, *command = args
    short, long = (RUN[program](*command, name) for name in ("-h", "--help"))
    assert short.returncode == 0
    assert short.stdout == long.stdout
    assert "-h, --help" in short.stdout


def test_the_options_of_train_are_in_groups() -> None:
    lines = graft("train", "--help").stdout.splitlines()
    headings = [line for line in lines if line and not line.startswith(" ") and line.endswith(":")]
    assert headings == [
        "Arguments:",
        "Options:",
        "Network:",
        "Photos:",
        "Photos from elsewhere:",
        "Head:",
        "Gates and report:",
        "Run:",
    ]
    usual = lines[lines.index("Options:") + 1 : lines.index("Network:")]
    assert [line.split()[0] for line in usual if line.startswith("  -")] == ["-o,", "--overwrite", "--json", "-h,"]


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (("graft", "classify", "m.tflite"), "graft has no command 'classify'; run: graft-device classify"),
        (("graft", "serve"), "run: graft-device serve"),
        (("graft-device", "train", "photos"), "graft-device has no command 'train'; run: graft train"),
        (("graft", "trian"), "no such command 'trian'. Did you mean 'train'?"),
        (("graft", "train", "--tpa", "x"), "no such option: --tpa"),
    ],
)
def test_usage_errors_name_the_way_on(args: tuple[str, ...], words: str) -> None:
    line = error_line(RUN[args[0]](*args[1:]), status=2)
    assert line.startswith("error: ")
    assert words.rstrip("?") in line


def test_each_program_knows_the_commands_of_the_other() -> None:
    assert set(_Group.elsewhere) >= {command.__name__ for command in _COMMANDS} - set(EXAMPLES)


def test_a_run_whose_results_go_to_a_file_counts_the_photos_on_the_terminal(tmp_path: Path) -> None:
    model = write_artifact(tmp_path / "m.tflite")
    (tmp_path / "photos").mkdir()
    for number in range(3):
        picture("red").save(tmp_path / "photos" / f"{number}.png")
    terminal, other_end = pty.openpty()
    with (tmp_path / "out").open("w") as out:
        command = [
            sys.executable,
            "-m",
            "graft_device.cli",
            "run",
            str(model),
            "--source",
            str(tmp_path / "photos"),
            "--once",
        ]
        done = subprocess.run(command, stdout=out, stderr=other_end, check=False)
    os.close(other_end)
    shown = os.read(terminal, 65536).decode()
    os.close(terminal)
    assert done.returncode == 0, shown
    assert "\r\x1b[K3 photos, " in shown
    assert len((tmp_path / "out").read_text().splitlines()) == 3
