"""``graft-device service -- run --config FILE``: the sandbox is opened for what the file needs, and for no more."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import tempfile
from pathlib import Path
from typing import NamedTuple

import pytest

from graft_device.config.reading import read_board
from graft_device.service.board_needs import KEYS, board_needs
from graft_device.service.service import Service, program
from graft_device.service.unit import unit
from tests.conftest import error_line, graft_device
from tests.device.service.test_service import LIMIT, lines_of, needs_systemd, read_only, systemd_analyze
from tests.support.device_models import write_artifact


class Case(NamedTuple):
    """A file, and what its unit contains.

    Attributes:
        text: behind the model.
        devices: the kinds of devices.
        groups: the groups that may use them.
        network: ``all``, ``loopback`` or empty.
    """

    text: str
    devices: str = ""
    groups: str = ""
    network: str = ""


def sink(kind: str, keys: str) -> str:
    return f'[[source]]\nplace = "/srv/photos"\n[[sink]]\nkind = "{kind}"\nname = "s"\n{keys}\n'


FOLDER = '[[source]]\nplace = "/srv/photos"\n'
VIDEO, PI = "char-video4linux", "char-video4linux char-media char-dma_heap"
CASES = {
    "folder": Case('[[source]]\nplace = "/srv/photos"\n'),
    "webcam": Case('[[source]]\nplace = "/dev/video0"\n', VIDEO, "video"),
    "two cameras": Case('[[source]]\nplace = "/dev/video0"\n[[source]]\nplace = "picamera2:1"\n', PI, "video"),
    "stream": Case('[[source]]\nplace = "rtsp://camera/1"\n', network="all"),
    "stream of this machine": Case('[[source]]\nplace = "rtsp://127.0.0.1/1"\n', network="loopback"),
    "pin": Case(sink("gpio", "pin = 17"), "char-gpiochip", "gpio"),
    "pin and camera": Case(
        sink("gpio", "pin = 17").replace("/srv/photos", "/dev/video0"), f"{VIDEO} char-gpiochip", "video gpio"
    ),
    "webhook": Case(sink("webhook", 'url = "https://example.org/x"'), network="all"),
    "webhook of this machine": Case(sink("webhook", 'url = "http://localhost:8123/x"'), network="loopback"),
    "broker": Case(sink("mqtt", 'url = "mqtt://broker/x"'), network="all"),
    "apprise": Case(sink("apprise", 'url-file = "/etc/graft/urls"'), network="all"),
    "program": Case(sink("exec", 'command = ["true"]')),
    "page": Case(FOLDER + '[http]\nlisten = "0.0.0.0:8080"\ninsecure = true\n', network="all"),
    "page of this machine": Case(FOLDER + '[http]\nlisten = "[::1]:80"\n', network="loopback"),
    "page and broker": Case(
        sink("mqtt", 'url = "mqtt://broker/x"') + '[http]\nlisten = "127.0.0.1:80"\n', network="all"
    ),
    "kept": Case('[[source]]\nplace = "/srv/photos"\n[events]\nfolder = "events"\n[uncertain]\nfolder = "unsure"\n'),
    "captured": Case(FOLDER + '[http]\nlisten = "127.0.0.1:80"\n[capture]\nfolder = "new"\n', network="loopback"),
}  # fmt: skip
each_case = pytest.mark.parametrize("case", CASES.values(), ids=CASES)


def write_file(folder: Path, text: str) -> Path:
    """A file beside its model; others may read both."""
    if not (folder / "pets.tflite").exists():
        write_artifact(folder / "pets.tflite")
    file = folder / "board.toml"
    file.write_text(f'[[model]]\nname = "pets"\nfile = "pets.tflite"\n{text}')
    file.chmod(0o644)
    return file


def unit_of(folder: Path, text: str, *options: str) -> tuple[str, list[str]]:
    """The unit of a file, and the warnings and notes."""
    file = write_file(folder, text)
    done = graft_device("service", "-o", "-", *options, "--", "run", "--config", file)
    assert done.returncode == 0, done.stderr
    return done.stdout, [line for line in done.stderr.splitlines() if line.startswith(("warning: ", "note: "))]


@each_case
def test_devices_groups_and_network_are_those_that_the_file_needs(case: Case, tmp_path: Path) -> None:
    file = write_file(tmp_path, case.text)
    needs = board_needs(read_board(file), file, KEYS, "x", own_user=True)
    text = unit(Service("x", "x", ("/bin/true", "run", "--config", str(file)), needs))
    assert lines_of(text, "DeviceAllow") == [f"{kind} rw" for kind in case.devices.split()]
    assert lines_of(text, "PrivateDevices") == ([] if case.devices else ["yes"])
    assert lines_of(text, "SupplementaryGroups") == ([case.groups] if case.groups else [])
    assert lines_of(text, "PrivateUsers") == ([] if case.devices else ["yes"])
    assert lines_of(text, "PrivateNetwork") == ([] if case.network else ["yes"])
    assert ("AF_INET6" in lines_of(text, "RestrictAddressFamilies")[0]) == bool(case.network)
    assert lines_of(text, "IPAddressDeny") == ([] if case.network == "all" else ["any"])
    assert lines_of(text, "IPAddressAllow") == (["localhost"] if case.network == "loopback" else [])


@needs_systemd
@pytest.mark.parametrize("name", ["two cameras", "pin and camera", "page and broker", "program"])
def test_systemd_finds_no_fault_and_little_exposure(name: str, tmp_path: Path) -> None:
    text, _ = unit_of(tmp_path, CASES[name].text)
    path = tmp_path / "graft-run-board.service"
    path.write_text(text)
    verified = systemd_analyze("verify", path)
    assert (verified.returncode, verified.stdout, verified.stderr) == (0, "", "")
    judged = systemd_analyze("security", "--offline=true", f"--threshold={LIMIT * 10:.0f}", path)
    assert judged.returncode == 0, judged.stdout


def test_the_command_names_the_file_as_a_whole_wherever_it_was_written(tmp_path: Path) -> None:
    file = write_file(tmp_path, CASES["folder"].text)
    for words in (("--config", "board.toml"), ("--config=board.toml",), (f"--config={tmp_path}/x/../board.toml",)):
        done = graft_device("service", "--overwrite", "--", "run", *words, "--json", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        text = (tmp_path / "graft-run-board.service").read_text()
        command = shlex.split(lines_of(text, "ExecStart")[0])
        named = ["--config", str(file)] if words[0] == "--config" else [f"--config={file}"]
        assert command == [*program(), "run", *named, "--json"]
        assert lines_of(text, "Description") == ["graft-device run with board.toml"]
        assert lines_of(text, "WorkingDirectory") == ["/var/lib/graft-run-board"]


def test_what_the_file_names_is_bound_and_its_folders_are_below_the_service_s(tmp_path: Path) -> None:
    """pytest's folder is in /tmp, which systemd hides as it hides homes."""
    for name in ("token", "secret", "urls", "ca.pem"):
        (tmp_path / name).write_text("0123456789abcdef")
    (tmp_path / "photos").mkdir()
    feed = tmp_path / "feed"
    feed.write_text("#!/bin/sh\n")
    feed.chmod(0o755)
    text, _ = unit_of(
        tmp_path,
        f"""
[[source]]
place = "photos/../photos"
[[sink]]
kind = "webhook"
name = "a"
url = "https://h/"
secret-file = "secret"
queue = "queue"
[[sink]]
kind = "apprise"
name = "b"
url-file = "urls"
[[sink]]
kind = "mqtt"
name = "c"
url = "mqtts://h/?ca={tmp_path}/ca.pem"
[[sink]]
kind = "exec"
name = "d"
command = ["./feed"]
[http]
listen = "0.0.0.0:80"
token-file = "token"
[events]
folder = "events"
[uncertain]
folder = "/var/lib/graft-run-board/unsure"
""",
    )
    names = ("board.toml", "ca.pem", "feed", "pets.tflite", "photos", "secret", "token", "urls")
    assert read_only(text) == [str(tmp_path / name) for name in names]
    assert lines_of(text, "BindPaths") == lines_of(text, "ReadWritePaths") == []


def test_a_folder_elsewhere_needs_a_user_who_may_write_there(tmp_path: Path) -> None:
    kept = '[[source]]\nplace = "/srv/photos"\n[events]\nfolder = "/srv/events"\n[capture]\nfolder = "/srv/new"\n'
    done = graft_device("service", "--", "run", "--config", write_file(tmp_path, kept))
    assert "/srv/events: the user that systemd creates for the service can write only into" in error_line(done)
    text, _ = unit_of(tmp_path, kept, "--user", "root")
    assert lines_of(text, "ReadWritePaths") == ["/srv/events", "/srv/new"]


def test_a_store_is_bound_as_a_whole(tmp_path: Path) -> None:
    model, store = write_artifact(tmp_path / "m.tflite"), tmp_path / "store"
    assert graft_device("install", model, "--store", store).returncode == 0
    file = tmp_path / "board.toml"
    file.write_text(f'[[model]]\nname = "m"\nfile = "{store}"\n' + CASES["folder"].text)
    done = graft_device("service", "-o", "-", "--", "run", "--config", file)
    assert read_only(done.stdout) == [str(file), str(store)]


def test_the_service_reads_its_file_again_where_it_would_see_the_new_one(tmp_path: Path) -> None:
    """A file that is bound alone, as in a home, stays the old one when an editor replaces it."""
    _, notes = unit_of(tmp_path, CASES["folder"].text)
    text, _ = unit_of(tmp_path, CASES["folder"].text)
    assert lines_of(text, "ExecReload") == []
    assert any("is in a home, so the service reads it only when it starts" in note for note in notes)
    seen = Path("/var/cache")
    if not os.access(seen, os.W_OK):
        pytest.skip("no folder that a service sees can be written into here")
    with tempfile.TemporaryDirectory(dir=seen) as folder:
        text, notes = unit_of(Path(folder), CASES["folder"].text)
    assert lines_of(text, "ExecReload") == ["/bin/kill -HUP $MAINPID"]
    assert not any("is in a home" in note for note in notes)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[[source]]\nplace = "/srv/p"\n[http]\nlisten = "0.0.0.0:80"\n', (
            "0.0.0.0 can be reached from the network, so the page starts only with a token; write GRAFT_TOKEN=… into "
            "/etc/default/graft-run-board"
        )),
        (sink("exec", 'command = ["true"]'), "runs in the sandbox of the service: it sees no homes, has no network,"),
        (sink("exec", 'command = ["no-such"]'), "there is no program no-such where services look for programs"),
        ('[[source]]\nplace = "rtsp://u:secret@h/"\n', "everybody on the board can read the passwords in"),
        ('[[source]]\nplace = "/dev/video99"\n', "/dev/video99 does not exist; the service waits for it"),
    ],
)  # fmt: skip
def test_warnings_name_what_a_service_cannot_do_by_itself(text: str, words: str, tmp_path: Path) -> None:
    _, lines = unit_of(tmp_path, text)
    assert [line for line in lines if words in line], lines
    assert not any("secret@" in line for line in lines)


def test_a_file_that_only_its_owner_may_read_is_noticed(tmp_path: Path) -> None:
    file = write_file(tmp_path, CASES["folder"].text)
    file.chmod(0o600)
    done = graft_device("service", "-o", "-", "--", "run", "--config", file)
    assert f"cannot read {file}; give --user with its owner, or chmod 644 it" in done.stderr
    done = graft_device("service", "-o", "-", "--user", "root", "--", "run", "--config", file)
    assert "cannot read" not in done.stderr


def test_the_mistakes_of_the_file_are_those_of_run(tmp_path: Path) -> None:
    file = write_file(tmp_path, '[[source]]\nplace = "/srv/photos"\nfps = 0\n')
    done = graft_device("service", "--", "run", "--config", file)
    assert error_line(done) == f"error: {file}:6: source 1: fps 0 is below 0.001"
    assert [path.name for path in tmp_path.iterdir()] == ["pets.tflite", "board.toml"]


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["pets.tflite", "--", "run", "--config", "board.toml"], "cannot be combined with --config"),
        (["--", "run", "--source", "/srv/photos"], "MODEL"),
        (["--", "run"], "MODEL"),
        (["--", "serve"], "MODEL"),
    ],
)
def test_wrong_usage(args: list[str], words: str, tmp_path: Path) -> None:
    write_file(tmp_path, CASES["folder"].text)
    done = graft_device("service", *args, cwd=tmp_path)
    assert done.returncode == 2, done.stderr
    assert words in done.stderr.splitlines()[-1]


def test_the_options_of_a_run_without_a_file_open_the_same(tmp_path: Path) -> None:
    """All of them at once: what each needs alone is what the file's keys need."""
    model, token = write_artifact(tmp_path / "pets.tflite"), tmp_path / "token"
    token.write_text("0123456789abcdef")
    args = (
        "--source", "/srv/photos", "--webhook", "https://example.org/x", "--exec", "/bin/true a", "--gpio", "17",
        "--http", "0.0.0.0:80", "--token-file", token, "--keep-events", "events", "--confirm", "3/5",
    )  # fmt: skip
    done = graft_device("service", model, "-o", "-", "--", "run", *args)
    assert done.returncode == 0, done.stderr
    assert lines_of(done.stdout, "DeviceAllow") == ["char-gpiochip rw"]
    assert lines_of(done.stdout, "PrivateNetwork") == []
    assert read_only(done.stdout) == [str(model), str(token)]
    done = graft_device("service", model, "--", "run", "--source", "/srv/photos", "--keep-events", "/srv/events")
    assert "/srv/events: the user that systemd creates" in error_line(done)


def test_a_unit_that_cannot_be_written_leaves_the_old_one(tmp_path: Path) -> None:
    if shutil.which("prlimit") is None:
        pytest.skip("no prlimit")
    file, old = write_file(tmp_path, CASES["folder"].text), tmp_path / "x.service"
    old.write_text("mine")
    command = ("service", "--overwrite", "-o", old, "--", "run", "--config", file)
    done = graft_device(*command, prefix=["prlimit", "--fsize=100"])
    assert re.match(r"error: file too large", error_line(done))
    assert old.read_text() == "mine"
    assert not list(tmp_path.glob("*.tmp"))
