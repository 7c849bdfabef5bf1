"""The programs that ``graft deploy`` runs on a board, run here; and what it makes of what they say."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from graft_device.errors import GraftError
from graft_device.store.incoming import ModelSource
from graft_device.store.installation import Request, install
from graft_device.store.slots import Store
from graft_host.deploy.on_board import kit as board_kit
from graft_host.deploy.on_board import lock as board_lock
from graft_host.deploy.on_board.back import take_back
from graft_host.deploy.ssh import Connection
from graft_host.deploy.target import Target
from graft_host.deploy.transfer import _CLEAR, _PREPARE, unwritable
from tests.support.device_models import KERNEL, write_artifact


@pytest.mark.parametrize(("room", "wanted"), [(1000, b"parts" + b"current"), (10**15, b"parts")])
def test_what_was_cut_off_is_gone_on_with_even_where_there_is_little_room(
    room: int, wanted: bytes, tmp_path: Path
) -> None:
    """The script that runs on the board, told of a new model of so many bytes."""
    folder, current = tmp_path / "in coming" / ("ab" * 8), tmp_path / "current.tflite"
    current.write_bytes(b"current")
    (folder / ".partial").mkdir(parents=True)
    (folder / ".partial" / "model.tflite").write_bytes(b"parts")
    command = ["sh", "-c", _PREPARE, "sh", str(folder), str(current), str(room)]
    assert subprocess.run(command, capture_output=True, check=True).stdout == b"seed\n"
    assert (folder / ".seed" / "model.tflite").read_bytes() == wanted
    assert not (folder / ".partial" / "model.tflite").exists()


def test_what_was_cut_off_of_others_goes(tmp_path: Path) -> None:
    ours, others, foreign = ["ab" * 8, "kit-1"], ["cd" * 8, "kit-0"], ["sixteen letters!", "pets", "kit.tflite"]
    for name in (*ours, *others, *foreign):
        (tmp_path / name).mkdir()
    command = ["sh", "-c", _CLEAR, "sh", str(tmp_path), *ours]
    subprocess.run(command, check=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([*ours, *foreign])
    subprocess.run(["sh", "-c", _CLEAR, "sh", str(tmp_path / "none"), *ours], check=True)


@pytest.mark.parametrize(
    ("said", "status", "advice"),
    [
        ("cat: write error: No space left on device", 6, "device); make room there"),
        (
            "mkdir: cannot create directory: Permission denied",
            6,
            "denied); choose a folder that you may write in with --store",
        ),
        ("mv: cannot stat 'model.tflite': No such file or directory", 1, "the files cannot be put in place there"),
    ],
)
def test_what_a_shell_says(said: str, status: int, advice: str, tmp_path: Path) -> None:
    error = unwritable(Connection(Target("b"), tmp_path), f"{said}\n")
    assert advice in str(error)
    assert said in str(error)
    assert error.exit_status == status


def test_the_lock_on_kits_is_for_its_owner_alone(tmp_path: Path) -> None:
    """Whoever may read it could hold it, and so keep all deployments away."""
    with board_kit._locked(tmp_path):
        assert (tmp_path / ".kits.lock").stat().st_mode & 0o777 == 0o600


def hold(store: Path, wait: int) -> subprocess.Popen[str]:
    """Takes the lock of a board, with little patience with who holds it."""
    program = Path(board_lock.__file__).read_text().replace("SILENCE_S = 30", "SILENCE_S = 1")
    command = [sys.executable, "-I", "-c", program, str(store), str(wait)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def heard(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_a_deployment_that_is_silent_is_not_waited_for(tmp_path: Path) -> None:
    """A connection that is lost may look alive to the board."""
    with hold(tmp_path / "store", 0) as first:
        assert heard(first) == "held"
        assert (tmp_path / "store" / ".deploy.lock").stat().st_mode & 0o777 == 0o600
        with hold(tmp_path / "store", 60) as second:
            assert [heard(second), heard(second)] == ["waiting", "held"]


def fake_kit(folder: Path, works: bool) -> Path:
    (folder / "bin").mkdir(parents=True)
    (folder / "kit.json").write_text("{}")
    for name in ("python", "graft-device"):
        (folder / "bin" / name).write_text(f"#!/bin/sh\nexit {int(not works)}\n")
        (folder / "bin" / name).chmod(0o755)
    return folder


@pytest.mark.parametrize(("works", "rebuild", "made"), [(True, False, False), (False, False, True), (True, True, True)])
def test_an_installed_kit_is_made_again_if_it_is_broken(
    works: bool, rebuild: bool, made: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kit = fake_kit(tmp_path / "kits" / "k1", works)
    monkeypatch.setattr(board_kit, "_build", lambda _store, kit, _request: fake_kit(kit, works=True))
    assert board_kit.make(tmp_path, {"id": "k1", "rebuild": rebuild}) == {"made": made}
    assert [path.name for path in kit.parent.iterdir()] == ["k1"]
    assert board_kit._works(kit)


def test_a_broken_kit_stays_where_no_other_can_be_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A service that was started from it may go on."""
    kit = fake_kit(tmp_path / "kits" / "k1", works=False)

    def build(store: Path, kit: Path, request: dict[str, Any]) -> None:
        kit.mkdir()
        raise board_kit.KitError("no network")

    monkeypatch.setattr(board_kit, "_build", build)
    with pytest.raises(board_kit.KitError):
        board_kit.make(tmp_path, {"id": "k1"})
    assert (kit / "kit.json").is_file()
    assert [path.name for path in kit.parent.iterdir()] == ["k1"]


@pytest.mark.parametrize("start", ["#!{}/python\n", "#!/bin/sh\n'''exec' \"{}/python\" \"$0\" \"$@\"\n' '''\n"])
def test_programs_are_led_through_the_link(start: str, tmp_path: Path) -> None:
    """As pip begins them, also where the folder has a blank."""
    store, kit = tmp_path, tmp_path / "kits" / "k 1"
    (kit / "bin").mkdir(parents=True)
    program = kit / "bin" / "graft-device"
    program.write_text(start.format(kit / "bin") + f"print('{kit}/bin')\n")
    board_kit._lead_through_link(store, kit)
    assert program.read_text() == start.format(store / "venv" / "bin") + f"print('{kit}/bin')\n"


def test_the_error_of_a_full_disk_says_what_to_do() -> None:
    script = 'echo "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device"; exit 1'
    with pytest.raises(board_kit.KitError, match="No space left on device") as caught:
        board_kit._run(["sh", "-c", script], "pip can't install the kit")
    assert caught.value.remedy == "make room there, or name another folder with --store"
    assert caught.value.status == 6


def test_what_ran_a_minute_ago_is_taken_back_unsigned_too(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    paths = [write_artifact(tmp_path / f"m{number}.tflite", kernel=KERNEL * number) for number in (1, 2)]
    first, second = (install(Request(ModelSource(str(path)), store)).current for path in paths)
    (store.root / "allowed_signers").write_text("")
    for _ in range(2):
        assert take_back(store, first.id) == "m1"
        assert (store.current_id(), store.previous_id()) == (first.id, second.id)
    with pytest.raises(GraftError, match="no model in"):
        take_back(store, "0" * 16)
