from __future__ import annotations

import inspect
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest

from graft_device.commands.run import run
from graft_device.commands.serve import serve
from graft_device.service.paths import normal, without_dots
from graft_device.service.service import Service, install_lines, program, service_name
from graft_device.service.service import find_needs as needs_of_all_options
from graft_device.service.unit import quote, unit
from graft_device.service.visible import ServiceError, ServiceNeeds
from tests.conftest import error_line, graft_device
from tests.support.device_models import write_artifact

Test = TypeVar("Test", bound=Callable[..., Any])


def needs_systemd(test: Test) -> Test:
    """Skips a test where systemd's own reader of units is missing."""
    missing = shutil.which("systemd-analyze") is None
    skip = pytest.mark.skipif(missing, reason="systemd-analyze is missing: apt-get install systemd")
    marked: Test = pytest.mark.service(skip(test))
    return marked


LIMIT = 2.0
"""The exposure up to which ``systemd-analyze security`` calls a unit OK."""

CAMERA_RUN = ("run", "--source", "picamera2", "--fps", "2", "--changes")
COMMANDS = {
    "folder": ("run", "--source", "/srv/photos"),
    "webcam": ("run", "--source", "/dev/video0", "--save-uncertain", "unsure"),
    "picamera2": CAMERA_RUN,
    "mqtt": (*CAMERA_RUN, "--mqtt", "mqtt://broker/cats"),
    "stream": ("run", "--source", "rtsp://camera/1"),
    "serve": ("serve",),
    "serve to all": ("serve", "--host", "::", "--port", "8080"),
}
each_command = pytest.mark.parametrize("args", COMMANDS.values(), ids=COMMANDS)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_artifact(tmp_path_factory.mktemp("models") / "my pets.tflite")


def lines_of(text: str, key: str) -> list[str]:
    return re.findall(rf"^{key}=(.*)$", text, re.MULTILINE)


def read_only(text: str) -> list[str]:
    """The read-only paths that a unit binds, except this Python's."""
    python = [Path(sys.prefix), Path(sys.base_prefix), *map(Path, sys.path)]
    shown = lines_of(text, "BindReadOnlyPaths")
    return [path.strip('"') for path in shown if not any(Path(path) in (each, *each.parents) for each in python)]


def written(folder: Path, model: Path, *args: str, options: tuple[str, ...] = ()) -> tuple[Path, str]:
    """Writes a unit with the command; returns its path and its text."""
    done = graft_device("service", model, *options, "--", *args, cwd=folder)
    assert done.returncode == 0, done.stderr
    (path,) = folder.glob("*.service")
    return path, path.read_text("utf-8")


def find_needs(subcommand: str, options: dict[str, Any], name: str, own_user: bool) -> ServiceNeeds:
    """The needs of a command with some options, and the defaults of all others."""
    command: Callable[..., Any] = run if subcommand == "run" else serve
    defaults = {key: parameter.default for key, parameter in inspect.signature(command).parameters.items()}
    return needs_of_all_options(subcommand, {**defaults, "model": Path("m.tflite"), **options}, name, own_user)


def systemd_analyze(*args: object) -> subprocess.CompletedProcess[str]:
    command = ["systemd-analyze", "--no-pager", *map(str, args)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


# systemd's own checks


@needs_systemd
@each_command
def test_systemd_finds_no_fault_and_little_exposure(args: tuple[str, ...], model: Path, tmp_path: Path) -> None:
    path, _ = written(tmp_path, model, *args)
    verified = systemd_analyze("verify", path)
    assert (verified.returncode, verified.stdout, verified.stderr) == (0, "", "")
    judged = systemd_analyze("security", "--offline=true", f"--threshold={LIMIT * 10:.0f}", path)
    assert judged.returncode == 0, judged.stdout
    exposure = re.search(r"Overall exposure level for \S+: (\d+\.\d)", judged.stdout)
    assert exposure is not None
    assert float(exposure[1]) <= LIMIT


@needs_systemd
def test_systemd_would_find_faults(tmp_path: Path) -> None:
    """Shows that the test above can fail."""
    service = Service("graft-x", "x", ("/no/such/program", "run"), ServiceNeeds(), systemd=252)
    path = tmp_path / "graft-x.service"
    path.write_text(unit(service))
    assert systemd_analyze("verify", path).returncode != 0
    path.write_text("[Service]\nExecStart=/bin/true\n")
    assert systemd_analyze("security", "--offline=true", f"--threshold={LIMIT * 10:.0f}", path).returncode != 0


@needs_systemd
@pytest.mark.parametrize("name", ["a b", "100%", "do$HOME", "Füße 🔩", ";", "%n"])
def test_systemd_parses_quoted_words(name: str, tmp_path: Path) -> None:
    """``verify`` looks for the program, so it does not find a name that was quoted wrongly."""
    program_path = tmp_path / name
    program_path.write_text("#!/bin/sh\n")
    program_path.chmod(0o755)
    path = tmp_path / "graft-x.service"
    path.write_text(unit(Service("graft-x", "x", (str(program_path), "run", name), ServiceNeeds(), systemd=252)))
    verified = systemd_analyze("verify", path)
    assert (verified.returncode, verified.stderr) == (0, "")


@needs_systemd
@pytest.mark.parametrize(
    "word", ['quo"te', "it's", "back\\slash", "end\\", "tab\tbed", "two\nlines", "caf\udce9", "%q", ""]
)
def test_systemd_accepts_words_of_any_characters(word: str, tmp_path: Path) -> None:
    path = tmp_path / "graft-x.service"
    path.write_text(
        unit(Service("graft-x", word, ("/bin/true", word, word), ServiceNeeds(), systemd=252)), "utf-8", "strict"
    )
    verified = systemd_analyze("verify", path)
    assert (verified.returncode, verified.stderr) == (0, "")


# The text


def test_quoting() -> None:
    assert quote("--source=/srv/a-b.jpg") == "--source=/srv/a-b.jpg"
    assert quote("") == '""'
    assert quote("a b") == '"a b"'
    assert quote("50%") == "50%%"
    assert quote("$HOME") == '"$$HOME"'
    assert quote("$HOME", dollars=False) == '"$HOME"'
    assert quote('a"\\\n') == r'"a\"\\\x0a"'
    assert quote("caf\udce9") == r'"caf\xe9"'
    assert quote(";") == '";"'


def test_the_content_of_every_unit(model: Path, tmp_path: Path) -> None:
    path, text = written(tmp_path, model, *CAMERA_RUN)
    assert path.name == "graft-run-my-pets.service"
    words = shlex.split(lines_of(text, "ExecStart")[0])
    assert words == [*program(), "run", str(model), *CAMERA_RUN[1:]]
    for key, value in {
        "Description": "graft-device run with my pets.tflite",
        "Type": "notify", "DynamicUser": "yes", "ProtectSystem": "strict", "Restart": "on-failure",
        "RestartPreventExitStatus": "2", "MemoryMax": "512M", "WorkingDirectory": "/var/lib/graft-run-my-pets",
        "StateDirectory": "graft-run-my-pets", "EnvironmentFile": "-/etc/default/graft-run-my-pets",
        "WantedBy": "multi-user.target", "StartLimitIntervalSec": "0",
    }.items():  # fmt: skip
        assert lines_of(text, key) == [value], key
    assert int(lines_of(text, "WatchdogSec")[0]) > 0
    assert "ProcSubset" not in text  # the runtimes read /proc/cpuinfo


@pytest.mark.parametrize(
    ("name", "camera", "families", "closed"),
    [
        ("folder", "", "AF_UNIX", True),
        ("webcam", "char-video4linux", "AF_UNIX", True),
        ("picamera2", "char-video4linux char-media char-dma_heap", "AF_UNIX AF_NETLINK", True),
        ("mqtt", "char-video4linux char-media char-dma_heap", "AF_UNIX AF_INET AF_INET6 AF_NETLINK", False),
        ("stream", "", "AF_UNIX AF_INET AF_INET6", False),
        ("serve to all", "", "AF_UNIX AF_INET AF_INET6", False),
    ],
)
def test_devices_and_network_only_where_they_are_needed(
    name: str, camera: str, families: str, closed: bool, model: Path, tmp_path: Path
) -> None:
    _, text = written(tmp_path, model, *COMMANDS[name])
    assert lines_of(text, "DeviceAllow") == [f"{kind} rw" for kind in camera.split()]
    assert lines_of(text, "PrivateDevices") == ([] if camera else ["yes"])
    assert lines_of(text, "SupplementaryGroups") == (["video"] if camera else [])
    assert lines_of(text, "RestrictAddressFamilies") == [families]
    assert lines_of(text, "PrivateNetwork") == (["yes"] if closed else [])
    assert lines_of(text, "IPAddressDeny") == (["any"] if closed else [])
    assert ("After=network-online.target" in text) != closed


def test_a_server_for_this_machine_only(model: Path, tmp_path: Path) -> None:
    _, text = written(tmp_path, model, "serve", "--host", "localhost")
    assert (lines_of(text, "IPAddressDeny"), lines_of(text, "IPAddressAllow")) == (["any"], ["localhost"])
    assert lines_of(text, "PrivateNetwork") == []


def test_homes_are_hidden_except_the_paths_that_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("graft_device.service.paths.HIDDEN", (tmp_path,))
    venv, photos, gone = tmp_path / "pi" / "my venv", tmp_path / "pi" / "photos", tmp_path / "pi" / "gone"
    (venv / "bin").mkdir(parents=True)
    (venv / "bin" / "python3").touch()
    photos.mkdir()
    monkeypatch.setattr(sys, "prefix", str(venv))
    monkeypatch.setattr(sys, "path", [str(venv / "lib"), "/usr/lib/python3", ""])
    service = Service(
        "graft-x", "x", (str(venv / "bin" / "python3"), "run", str(photos)), ServiceNeeds(reads=(photos, gone))
    )
    assert lines_of(unit(service), "BindReadOnlyPaths") == [f'"{venv}"', str(photos)]
    (tmp_path / "a:b").mkdir()
    with pytest.raises(ServiceError, match="a colon"):
        unit(Service("graft-x", "x", (str(venv / "bin" / "python3"), "run"), ServiceNeeds(reads=(tmp_path / "a:b",))))


def test_a_service_sees_the_whole_store_since_its_link_changes(model: Path, tmp_path: Path) -> None:
    store = tmp_path / "store"
    assert graft_device("install", model, "--store", store).returncode == 0
    for named in (store, store / "current" / "model.tflite"):
        done = graft_device("service", named, "--output", "-", "--", "serve")
        assert done.returncode == 0, done.stderr
        assert str(store) in lines_of(done.stdout, "BindReadOnlyPaths")
        (command,) = lines_of(done.stdout, "ExecStart")
        assert f" serve {store}/current/model.tflite" in command
        assert lines_of(done.stdout, "ExecReload") == ["/bin/kill -HUP $MAINPID"]


@needs_systemd
def test_dots_are_removed_from_paths_since_systemd_ignores_such_paths(model: Path, tmp_path: Path) -> None:
    folder, photos, unsure = (tmp_path / name for name in ("sv", "photos", "unsure"))
    for each in (folder, photos, unsure):
        each.mkdir()
    relative, dotted = os.path.relpath(model, folder), f"{tmp_path}/sv/../photos"
    assert relative.startswith("..")
    args = ("--source", dotted, f"--save-uncertain={tmp_path}/gone/../unsure")
    path, text = written(folder, Path(relative), "run", *args, options=("--user", "root"))
    verified = systemd_analyze("verify", path)
    assert (verified.returncode, verified.stdout, verified.stderr) == (0, "", "")
    assert str(model) in read_only(text)
    assert lines_of(text, "BindPaths") == [str(unsure)]
    words = shlex.split(lines_of(text, "ExecStart")[0])
    assert words == [*program(), "run", str(model), "--source", str(photos), f"--save-uncertain={unsure}"]


def test_removing_dots_keeps_the_store_s_link_and_follows_others(model: Path, tmp_path: Path) -> None:
    store = tmp_path / "store"
    assert graft_device("install", model, "--store", store).returncode == 0
    done = graft_device("service", store / "slots" / ".." / "current" / "model.tflite", "-o", "-", "--", "serve")
    assert done.returncode == 0, done.stderr
    assert f" serve {store}/current/model.tflite" in lines_of(done.stdout, "ExecStart")[0]
    assert str(store) in read_only(done.stdout)
    assert normal(store / "current" / ".." / "x") == store / "slots" / "x"  # as the kernel resolves it
    assert [*map(without_dots, ["/a/../b", "--x=/a/../b", "a/../b", "mqtt://h/../x", "--x", "/..", "//a"])] == [
        "/b", "--x=/b", "a/../b", "mqtt://h/../x", "--x", "/", "/a",
    ]  # fmt: skip


@pytest.fixture
def hidden(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A hidden folder such as /home; its neighbours are not hidden, although pytest has them in /tmp."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setattr("graft_device.service.paths.HIDDEN", (home,))
    return home


def test_files_behind_links_are_bound(hidden: Path, tmp_path: Path) -> None:
    served, photos = tmp_path / "srv", hidden / "pi" / "photos"
    served.mkdir()
    photos.mkdir(parents=True)
    (hidden / "pi" / "t.tflite").touch()
    (served / "m.tflite").symlink_to(hidden / "pi" / "t.tflite")
    (served / "pi").symlink_to("../home/link")
    (hidden / "link").symlink_to("pi")
    needs = ServiceNeeds(reads=(served / "pi" / "photos",), reload=True)
    text = unit(Service("graft-x", "x", ("/bin/true", "run", str(served / "m.tflite")), needs))
    # From the first hidden folder on, systemd follows links itself.
    assert read_only(text) == [str(hidden / "link" / "photos"), str(hidden / "pi" / "t.tflite")]
    assert lines_of(text, "ExecReload") == []


def test_a_store_behind_a_link_is_bound_as_a_whole(hidden: Path, tmp_path: Path) -> None:
    slot = hidden / "store" / "slots" / "1"
    slot.mkdir(parents=True)
    (slot / "model.tflite").touch()
    (hidden / "store" / "current").symlink_to("slots/1")
    for name, target in {"m.tflite": "current/model.tflite", "store": ""}.items():
        (tmp_path / name).symlink_to(hidden / "store" / target)
    for model in (tmp_path / "m.tflite", tmp_path / "store" / "current" / "model.tflite"):
        text = unit(Service("graft-x", "x", ("/bin/true", "serve", str(model)), ServiceNeeds(reload=True)))
        assert read_only(text) == [str(hidden / "store")]
        assert lines_of(text, "ExecReload") == ["/bin/kill -HUP $MAINPID"]


def test_a_link_to_a_camera_is_a_camera(hidden: Path, tmp_path: Path) -> None:
    for link in (tmp_path / "door", hidden / "door"):
        link.symlink_to("/dev/null")
        needs = find_needs("run", {"source": [str(link)]}, "x", own_user=True)
        assert needs.camera == "v4l2"
        text = unit(Service("graft-x", "x", ("/bin/true", "run"), needs))
        assert read_only(text) == [str(link)] * (link.parent == hidden)


def test_the_files_that_options_name_are_bound(model: Path, tmp_path: Path) -> None:
    ca, token = tmp_path / "ca.pem", tmp_path / "tok"
    ca.touch()
    token.write_text("0123456789abcdef")
    for number, args in enumerate((
        ("run", "--source", "picamera2", "--mqtt", f"mqtts://h/x?discovery=off&ca={ca}"),
        ("serve", f"--token-file={token}"),
        ("serve", "--token-file", str(token)),
    )):  # fmt: skip
        folder = tmp_path / str(number)
        folder.mkdir()
        _, text = written(folder, model, *args)
        assert str(token if args[0] == "serve" else ca) in read_only(text)


def test_a_folder_in_a_home_is_written_to(hidden: Path, tmp_path: Path) -> None:
    """It needs ``BindPaths``, since ``ReadWritePaths`` would find an empty home."""
    (hidden / "queue").mkdir()
    options = {
        "source": ["picamera2"],
        "mqtt": "mqtt://h",
        "queue": hidden / "queue",
        "save_uncertain": tmp_path / "unsure",
    }
    needs = find_needs("run", options, "x", own_user=False)
    text = unit(Service("graft-x", "x", ("/bin/true", "run", "--queue", str(hidden / "queue")), needs, user="pi"))
    assert (lines_of(text, "BindPaths"), read_only(text)) == ([str(hidden / "queue")], [])
    assert lines_of(text, "ReadWritePaths") == [str(tmp_path / "unsure")]


def test_a_path_that_a_service_could_never_see_is_refused(hidden: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(hidden / "gone")
    for path in (hidden / "gone", tmp_path / "link"):
        with pytest.raises(ServiceError, match=f"{path} does not exist; create it first"):
            find_needs("run", {"source": [str(path)]}, "x", own_user=True)
        with pytest.raises(ServiceError, match=f"--queue {path} does not exist"):
            find_needs("run", {"source": ["picamera2"], "mqtt": "mqtt://h", "queue": path}, "x", own_user=False)
    with pytest.raises(ServiceError, match=f"cannot see the whole of {hidden}; give a folder in it"):
        find_needs("run", {"source": [str(hidden)]}, "x", own_user=True)
    with pytest.raises(ServiceError, match="--token-file tok: a service needs an absolute path; give /"):
        find_needs("serve", {"token_file": "tok"}, "x", own_user=True)
    for ca, words in {"ca.pem": "needs an absolute path", "/a/../ca.pem": "give /ca.pem"}.items():
        with pytest.raises(ServiceError, match=words):
            find_needs("run", {"source": ["picamera2"], "mqtt": f"mqtts://h?ca={ca}"}, "x", own_user=True)


def test_dots_may_not_lead_out_of_the_service_s_folder() -> None:
    for folder in ("../y", "/var/lib/x/../../../srv"):
        with pytest.raises(ServiceError, match="creates for the service can write only into /var/lib/x;"):
            find_needs("run", {"source": ["picamera2"], "mqtt": "mqtt://h", "queue": Path(folder)}, "x", own_user=True)


def test_waits_between_restarts_grow_on_every_systemd(tmp_path: Path) -> None:
    new = unit(Service("graft-x", "x", ("/bin/true", "run"), ServiceNeeds(), systemd=257))
    assert (lines_of(new, "RestartSteps"), lines_of(new, "RestartMaxDelaySec")) == (["6"], ["120"])
    assert lines_of(new, "ExecStartPre") == []
    old = unit(Service("graft-x", "x", ("/bin/true", "run"), ServiceNeeds(), systemd=252))
    assert lines_of(old, "RestartSteps") == []
    (before,) = lines_of(old, "ExecStartPre")
    script = shlex.split(before.removeprefix("-"))[2].replace("$$", "$")
    assert lines_of(old, "RuntimeDirectoryPreserve") == ["restart"]
    waits = []
    for _ in range(9):
        command = ["sh", "-c", f"sleep() {{ echo $1; }}; {script}"]
        done = subprocess.run(
            command, capture_output=True, text=True, check=True, env={**os.environ, "RUNTIME_DIRECTORY": str(tmp_path)}
        )
        waits.append(int(done.stdout))
    assert waits == [0, 20, 40, 60, 80, 100, 120, 120, 120]
    (after,) = lines_of(old, "ExecStopPost")
    forget = shlex.split(after.removeprefix("-"))[2].replace("$$", "$")
    for result in ("exit-code", "success"):
        assert (tmp_path / "starts").exists()
        environment = {**os.environ, "RUNTIME_DIRECTORY": str(tmp_path), "SERVICE_RESULT": result}
        subprocess.run(["sh", "-c", forget], check=True, env=environment)
    assert not (tmp_path / "starts").exists()


def test_a_user_that_exists(model: Path, tmp_path: Path) -> None:
    args = ("run", "--source", "/srv/photos", "--save-uncertain", "/srv/unsure", "--queue", "queue")
    _, text = written(tmp_path, model, *args, options=("--user", "pi", "--memory-max", "1G", "--name", "cats"))
    assert (lines_of(text, "User"), lines_of(text, "DynamicUser")) == (["pi"], [])
    assert lines_of(text, "ReadWritePaths") == ["/srv/unsure"]
    assert lines_of(text, "MemoryMax") == ["1G"]
    assert lines_of(text, "StateDirectory") == ["cats"]


def test_needs() -> None:
    options = {"source": ["/srv/photos"], "queue": Path("/var/lib/x/queue"), "save_uncertain": Path("unsure")}
    options["mqtt"] = "mqtt://broker"
    needs = ServiceNeeds(network="all", reads=(Path("/srv/photos"),), reload=True)
    assert find_needs("run", options, "x", own_user=True) == needs
    with pytest.raises(ServiceError, match="creates for the service can write only into /var/lib/y;"):
        find_needs("run", options, "y", own_user=True)
    with pytest.raises(ServiceError, match="needs an absolute path"):
        find_needs("run", {"source": ["photos"]}, "x", own_user=True)


def test_names() -> None:
    assert service_name("run", Path("/a/Füße & Co..tflite")) == "graft-run-F-e-Co"
    assert service_name("serve", Path("/a/猫.tflite")) == "graft-serve-model"
    lines = install_lines(Path("a b.service"), "x")
    assert lines[0] == "sudo install -m 644 'a b.service' /etc/systemd/system/x.service"


# The command


def test_the_two_commands(model: Path, tmp_path: Path) -> None:
    done = graft_device("service", model, "--", "serve", cwd=tmp_path)
    assert (done.returncode, len(done.stdout.splitlines())) == (0, 2)
    fakes = 'sudo() { "$@"; }; install() { echo "$3 $4"; }; systemctl() { echo "$@"; }; '
    ran = subprocess.run(["sh", "-e", "-c", fakes + done.stdout], capture_output=True, text=True, check=True)
    assert ran.stdout.splitlines() == [
        "graft-serve-my-pets.service /etc/systemd/system/graft-serve-my-pets.service",
        "daemon-reload",
        "enable --now graft-serve-my-pets.service",
    ]


def test_printing_it(model: Path, tmp_path: Path) -> None:
    done = graft_device("service", model, "-o", "-", "--", "serve", cwd=tmp_path)
    assert done.stdout.startswith("[Unit]\n")
    assert "systemctl" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_an_existing_file_is_kept(model: Path, tmp_path: Path) -> None:
    path = tmp_path / "x.service"
    path.write_text("mine")
    args = ("service", model, "-o", path, "--", "serve")
    assert (
        error_line(graft_device(*args))
        == f"error: {path} already exists; replace it with --overwrite, or write another file with --output"
    )
    assert path.read_text() == "mine"
    assert graft_device("service", "--overwrite", *args[1:]).returncode == 0
    assert path.read_text().startswith("[Unit]")


def test_a_token_in_the_unit_gives_a_warning(model: Path, tmp_path: Path) -> None:
    done = graft_device("service", model, "--", "serve", "--host", "::", "--token", "0123456789abcdef", cwd=tmp_path)
    assert done.returncode == 0
    assert "GRAFT_TOKEN=… into /etc/default/graft-serve-my-pets" in done.stderr


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (
            ("run", "--source", "picamera2", "--mqtt", "mqtts://u:secret@h/x"),
            (
                "warning: everybody on the board can read the password of the broker in the unit; remove it from "
                "--mqtt and write GRAFT_MQTT_PASSWORD=… into /etc/default/graft-run-my-pets (chmod 600)"
            ),
        ),
        (
            ("run", "--source=rtsp://u:secret@h/"),
            (
                "the password of the camera in the unit; replace the URL there with ${GRAFT_SOURCE} and write "
                "GRAFT_SOURCE=URL into /etc/default/graft-run-my-pets (chmod 600)"
            ),
        ),
        (("run", "--source", "http://h/v?user=u&pwd=secret"), "the password of the camera"),
        (
            ("serve", "--host", "0.0.0.0"),  # noqa: S104  named in a unit, not listened on
            (
                "0.0.0.0 can be reached from the network, so the service starts only with a token; write GRAFT_TOKEN=… "
                "into /etc/default/graft-serve-my-pets (chmod 600"
            ),
        ),
    ],
)
def test_passwords_in_the_unit_and_a_missing_token_give_a_warning(
    args: tuple[str, ...], words: str, model: Path, tmp_path: Path
) -> None:
    environment = {**os.environ, "GRAFT_TOKEN": "of this shell alone", "GRAFT_MQTT_PASSWORD": "likewise"}
    done = graft_device("service", model, "--", *args, cwd=tmp_path, env=environment)
    assert done.returncode == 0, done.stderr
    assert words in done.stderr
    assert done.stderr.count("warning:") == 1
    assert "secret" not in done.stderr


@pytest.mark.parametrize(
    "args",
    [
        ("run", "--source", "picamera2", "--mqtt", "mqtts://u@h/x"),
        ("run", "--source", "rtsp://u@h/?size=1"),
        ("serve", "--host", "::", "--insecure"),
        ("serve", "--host", "localhost"),
    ],
)
def test_no_warning_without_a_reason(args: tuple[str, ...], model: Path, tmp_path: Path) -> None:
    done = graft_device("service", model, "--", *args, cwd=tmp_path, env={**os.environ, "GRAFT_MQTT_PASSWORD": "x"})
    assert done.returncode == 0, done.stderr
    assert "warning:" not in done.stderr


def test_a_path_that_may_appear_later_gives_a_note(model: Path, tmp_path: Path) -> None:
    fails = "fails and tries again until it does"
    for source, options, then in (
        ("/dev/video99", (), "waits for it"),
        ("/dev/video99", ("--require-source",), fails),
        ("/srv/gone", (), fails),
    ):
        done = graft_device("service", model, "-o", "-", "--", "run", "--source", source, *options, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        assert f"note: {source} does not exist; the service {then}" in done.stderr


REFUSED = {
    "two rates": ("run", "--source", "/dev/video0", "--fps", "1", "--every", "1"),
    "size": ("run", "--source", "/dev/video0", "--size", "x"),
    "broker": ("run", "--source", "/dev/video0", "--mqtt", "http://x"),
    "a folder beside a photo": ("run", "--source", "/a.jpg", "--source", "/srv"),
    "scheme": ("run", "--source", "mms://x"),
    "camera": ("run", "--source", "picamera2:x"),
    "host": ("serve", "--allow-host", "HTTP://x"),
    "origin": ("serve", "--allow-origin", "x"),
    "token": ("serve", "--token", "short"),
}


@pytest.mark.parametrize("args", REFUSED.values(), ids=REFUSED)
def test_the_errors_are_those_of_the_command_itself(args: tuple[str, ...], model: Path, tmp_path: Path) -> None:
    itself = graft_device(args[0], model, *args[1:], cwd=tmp_path)
    done = graft_device("service", model, "--user", "root", "--", *args, cwd=tmp_path)
    assert done.returncode == itself.returncode != 0
    assert done.stderr.splitlines()[-1] == itself.stderr.splitlines()[-1]
    assert list(tmp_path.iterdir()) == []


def test_saving_uncertain_photos_into_the_watched_folder_is_refused(model: Path, tmp_path: Path) -> None:
    args = ("run", "--source", "/srv", "--save-uncertain", "/srv")
    done = graft_device("service", model, "--user", "root", "--", *args, cwd=tmp_path)
    assert "/srv is watched" in error_line(done)


def test_a_missing_photo_among_several_is_refused(model: Path) -> None:
    done = graft_device("service", model, "--", "run", "--source", "/a.jpg", "--source", "/b")
    assert error_line(done) == "error: --source /a.jpg does not exist; create it first, or leave it out"


def test_a_token_and_its_file(model: Path, tmp_path: Path) -> None:
    (tmp_path / "tok").write_text("short")
    file = ("--token-file", tmp_path / "tok")
    assert "the token is too short" in error_line(graft_device("service", model, "--", "serve", *file))
    both = graft_device("service", model, "--", "serve", *file, "--token", "0123456789abcdef")
    assert "there are two tokens; give either --token-file or --token" in error_line(both)


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["--", "classify", "a.jpg"], "choose run or serve"),
        (["--", "run"], "--source"),
        (["--", "run", "--source", "picamera2", "--colour"], "--colour"),
        (["--", "serve", "--port", "many"], "--port"),
        (["--name", "a b", "--", "serve"], "--name"),
        (["--user", "a b", "--", "serve"], "--user"),
        (["--memory-max", "lots", "--", "serve"], "--memory-max"),
        ([], "ARGS"),
    ],
)
def test_wrong_usage(args: list[str], words: str, model: Path, tmp_path: Path) -> None:
    done = graft_device("service", model, *args, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert words in done.stderr.splitlines()[-1]
    assert list(tmp_path.iterdir()) == []


def test_a_missing_model(tmp_path: Path) -> None:
    assert "cannot read model" in error_line(graft_device("service", tmp_path / "none.tflite", "--", "serve"))


def test_a_service_can_reopen_its_model_only_if_it_would_see_the_new_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, open_to_all = tmp_path / "home", tmp_path / "srv"
    slot = home / "store" / "slots" / "1"
    for folder in (slot, open_to_all):
        folder.mkdir(parents=True)
    (home / "store" / "current").symlink_to(slot)
    models = [home / "pets.tflite", slot / "model.tflite", open_to_all / "pets.tflite"]
    for model in models:
        model.write_bytes(b"model")
    monkeypatch.setattr("graft_device.service.paths.HIDDEN", (home,))
    reloads = {}
    for model in (models[0], home / "store" / "current" / "model.tflite", models[2]):
        command = ("/usr/bin/graft-device", "serve", str(model))
        text = unit(Service("pets", "pets", command, ServiceNeeds(reload=True)))
        reloads[str(model.relative_to(tmp_path))] = "ExecReload=" in text
    assert reloads == {"home/pets.tflite": False, "home/store/current/model.tflite": True, "srv/pets.tflite": True}
