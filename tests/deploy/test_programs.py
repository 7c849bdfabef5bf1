"""The programs that ``graft deploy`` runs on a board, run here; and what it makes of what they say."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from graft_device.errors import GraftError
from graft_device.store import ownership
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
    ours, others = ["ab" * 8, "kit-ababababab12"], ["cd" * 8, "kit-cdcdcdcdcd34"]
    foreign = ["sixteen letters!", "pets", "kit.tflite", "kit-0", "kit-of my letters"]
    for name in (*ours, *others, *foreign):
        (tmp_path / name).mkdir()
    (tmp_path / ("ef" * 8)).symlink_to(tmp_path / "pets")
    foreign.append("ef" * 8)
    (tmp_path / "pets" / "letter.txt").touch()
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


def test_the_three_lists_of_what_a_store_contains_are_one(tmp_path: Path) -> None:
    own = {*ownership._FILES, *ownership._LINKS, *ownership._FOLDERS}
    assert own == board_kit._OF_STORE
    assert ownership.MARKER == board_kit._MARKER
    for name in own:
        (tmp_path / name).mkdir()
    assert probed(tmp_path).get("foreign") is None
    (tmp_path / ".newest.abcdefgh.tmp").touch()
    assert probed(tmp_path).get("foreign") is None
    for name in ("letter.txt", ".letter", "..letter"):
        (tmp_path / name).symlink_to("nowhere")
        assert probed(tmp_path)["foreign"] == name
        (tmp_path / ownership.MARKER).touch()
        assert probed(tmp_path).get("foreign") is None
        (tmp_path / ownership.MARKER).unlink()
        (tmp_path / name).unlink()


def probed(store: Path) -> dict[str, str]:
    """What the probe prints about a store on this machine, by key."""
    command = ["sh", str(Path(board_lock.__file__).with_name("probe.sh")), str(store), "", ""]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    return dict(line.split("=", 1) for line in lines)


def test_a_folder_that_is_no_store_gets_no_kit(tmp_path: Path) -> None:
    (tmp_path / "kits").mkdir()
    (tmp_path / "letter.txt").touch()
    for action in (board_kit.make, board_kit.activate):
        with pytest.raises(board_kit.KitError, match=r"is not a store: it contains letter\.txt") as caught:
            action(tmp_path, {"id": "0123456789ab", "prune": True})
        assert caught.value.status == 6
    assert sorted(path.name for path in tmp_path.iterdir()) == ["kits", "letter.txt"]


def test_only_kits_are_removed_and_no_link_is_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store, target = tmp_path / "store", tmp_path / "target"
    kits = store / "kits"
    kit = fake_kit(kits / "0123456789ab", works=True)
    old = [fake_kit(kits / "earlier", works=True), kits / "aaaaaaaaaaaa", kits / ".aaaaaaaaaaaa.broken"]
    fake_kit(target, works=True)
    for path in (*old[1:], kits / "letters"):
        path.mkdir()
    (kits / "letter.txt").touch()
    for name in ("linked", "bbbbbbbbbbbb"):
        (kits / name).symlink_to(target)
    assert board_kit.activate(store, {"id": kit.name, "prune": True})["activated"]
    assert sorted(path.name for path in kits.iterdir()) == [kit.name, "bbbbbbbbbbbb", "letter.txt", "letters", "linked"]
    monkeypatch.setattr(board_kit, "_build", lambda _store, kit, _request: fake_kit(kit, works=True))
    with pytest.raises(board_kit.KitError, match="bbbbbbbbbbbb is not a kit that graftkit made"):
        board_kit.make(store, {"id": "bbbbbbbbbbbb", "rebuild": True})
    (store / "venv").unlink()
    (store / "venv").touch()
    with pytest.raises(board_kit.KitError, match="venv is not a link that graftkit made"):
        board_kit.activate(store, {"id": kit.name})
    (store / ".kits.lock").unlink()
    (store / ".kits.lock").symlink_to(target / "kit.json")
    with pytest.raises(OSError, match="symbolic links"):
        board_kit.activate(store, {"id": kit.name})
    kits.rename(tmp_path / "moved")
    kits.symlink_to(tmp_path / "moved")
    with pytest.raises(board_kit.KitError, match="kits is a link, not a folder"):
        board_kit.activate(store, {"id": kit.name, "prune": True})
    assert (target / "kit.json").read_text() == "{}"


def hold(store: Path, wait: int) -> subprocess.Popen[str]:
    """Takes the lock of a board, with little patience with who holds it."""
    program = Path(board_lock.__file__).read_text().replace("SILENCE_S = 30", "SILENCE_S = 1")
    command = [sys.executable, "-I", "-c", program, "hold", str(store), str(wait)]
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


def lock(action: str, store: Path, *args: object) -> subprocess.CompletedProcess[str]:
    """Runs the program as Ansible does, which keeps nothing running."""
    command = [sys.executable, "-I", "-", action, str(store), *map(str, args)]
    return subprocess.run(
        command, input=Path(board_lock.__file__).read_text(), capture_output=True, text=True, timeout=60, check=False
    )


def test_a_lease_locks_out_others_until_it_is_released(tmp_path: Path) -> None:
    store = tmp_path / "store"
    assert lock("lease", store, 0, "ours").stdout == "held\n"
    assert lock("lease", store, 0, "ours").stdout == "held\n", "the same run has it already"
    other = lock("lease", store, 0, "theirs")
    assert (other.returncode, other.stdout) == (7, "waiting\nbusy\n")
    assert other.stderr == "error: another deployment to it is in progress; try again later\n"
    with hold(store, 0) as command:
        assert [heard(command), heard(command)] == ["waiting", "busy"]
    lock("release", store, "theirs")
    with hold(store, 60) as command:
        assert heard(command) == "waiting"
        lock("release", store, "ours")
        assert heard(command) == "held"
    assert [path.name for path in store.iterdir()] == [".deploy.lock"]


def test_a_lease_ends_with_nobody_to_release_it(tmp_path: Path) -> None:
    program = Path(board_lock.__file__).read_text().replace("3600, 600, 120", "1, 1, 1")
    command = [sys.executable, "-I", "-c", program, "lease", str(tmp_path), "0", "ours"]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "held\n"
    with hold(tmp_path, 60) as other:
        assert [heard(other), heard(other)] == ["waiting", "held"]


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
    """As pip begins them, also where the folder has a blank; a session's settings for Python do not reach them."""
    store, kit = tmp_path, tmp_path / "kits" / "k 1"
    (kit / "bin").mkdir(parents=True)
    program = kit / "bin" / "graft-device"
    program.write_text(start.format(kit / "bin") + f"print('{kit}/bin')\n")
    board_kit._lead_through_link(store, kit)
    isolated = (
        start.format(store / "venv" / "bin").replace('/python"', '/python" -I').replace("/python\n", "/python -I\n")
    )
    assert program.read_text() == isolated + f"print('{kit}/bin')\n"


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
