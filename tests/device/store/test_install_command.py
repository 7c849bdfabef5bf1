from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from graft_device.store.exit_codes import ExitCode
from tests.conftest import error_line, graft_device
from tests.device.test_runtime import each_runtime
from tests.support.device_models import picture, write_artifact
from tests.support.host_data import run_on_small_disk
from tests.support.stores import sha256, slot_id, write_crashing, write_model, write_wrong

pytestmark = pytest.mark.service  # every test runs a board's commands many times over


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("models")
    return [write_model(folder / f"m{number}.tflite", 1 + number / 10) for number in range(5)]


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "store"


def done(*args: object, store: Path) -> subprocess.CompletedProcess[str]:
    found = graft_device(*args, "--store", store)
    assert found.returncode == 0, found.stderr
    return found


def asked(*args: object, store: Path) -> Any:
    found = done(*args, "--json", store=store)
    assert len(found.stdout.splitlines()) == 1
    return json.loads(found.stdout)


def tree(store: Path) -> dict[str, tuple[int, int]]:
    """Everything in a store but the lock and the workbench, so that a change of anything shows."""
    found = {}
    for path in sorted(store.rglob("*")):
        if path.name not in {"lock", "staging"}:
            state = path.lstat()
            found[str(path.relative_to(store))] = (state.st_ino, state.st_mtime_ns)
    return found


def classified(store: Path, folder: Path) -> str:
    """What the current model says of a red picture."""
    picture("red").save(folder / "red.png")
    answer = graft_device("classify", store / "current" / "model.tflite", folder / "red.png", "--json")
    assert answer.returncode == 0, answer.stderr
    return str(json.loads(answer.stdout)["predictions"][0]["label"])


@each_runtime
def test_install_again_another_and_back(runtime: str, models: list[Path], store: Path, tmp_path: Path) -> None:
    old, new = models[:2]
    first = asked("install", old, "--runtime", runtime, store=store)
    assert (first["changed"], first["previous"], first["pruned"]) == (True, None, [])
    assert first["store"] == str(store)
    current = first["current"]
    assert current.keys() == {"id", "name", "sha256", "bytes", "path", "installed", "signed", "signer", "ms"}
    assert (current["id"], current["name"], current["sha256"]) == (slot_id(old), "m0", sha256(old))
    assert Path(current["path"]).read_bytes() == old.read_bytes()
    assert current["ms"] > 0
    assert (first["selftest"]["passed"], first["selftest"]["runtime"]) == (True, runtime)
    assert first["selftest"]["kind"] == "synthetic"
    assert str((store / "current").readlink()) == f"slots/{slot_id(old)}"
    assert classified(store, tmp_path) == "red"

    before = tree(store)
    again = asked("install", old, store=store)
    assert (again["changed"], again["current"], again["selftest"]) == (False, current, None)
    assert tree(store) == before

    second = asked("install", new, "--sha256", sha256(new).upper(), store=store)
    assert second["current"]["id"] == slot_id(new)
    assert second["previous"] == current
    back = asked("rollback", store=store)
    assert (back["changed"], back["current"], back["previous"]["id"]) == (True, current, slot_id(new))
    assert back["selftest"]["passed"]
    assert asked("rollback", store=store)["current"]["id"] == slot_id(new)


def test_back_from_a_current_model_that_is_gone(models: list[Path], store: Path) -> None:
    for model in models[:3]:
        done("install", model, store=store)
    (store / "current").unlink()
    (store / "current").symlink_to("slots/ffffffffffffffff")
    assert asked("rollback", slot_id(models[0])[:6], store=store)["current"]["name"] == "m0"
    (store / "current").unlink()
    (store / "current").symlink_to("slots/ffffffffffffffff")
    assert asked("rollback", store=store)["current"]["name"] == "m1"


def test_nothing_is_waited_for_or_made_where_it_does_not_belong(models: list[Path], store: Path) -> None:
    os.mkfifo(store.parent / "pipe")
    assert "a named pipe, not a file" in error_line(graft_device("install", store.parent / "pipe", "--store", store))
    found = graft_device("install", models[0], "--store", "")
    assert (found.returncode, "the name is empty" in found.stderr) == (2, True)
    assert not Path("slots").exists()


def test_files_of_a_store_that_are_nested_beyond_sense(models: list[Path], store: Path) -> None:
    for model in models[:2]:
        done("install", model, store=store)
    for path in (store / "switch.json", store / "slots" / slot_id(models[0]) / "slot.json"):
        path.write_text("[" * 100_000)
    assert len(asked("models", store=store)["slots"]) == 2
    assert asked("install", models[2], store=store)["changed"]


def test_models_tells_which_is_current_and_since_when(models: list[Path], store: Path) -> None:
    nothing = asked("models", store=store)
    assert nothing == {
        "store": str(store), "current": None, "previous": None, "since": None, "signatures": None, "slots": [],
    }  # fmt: skip
    assert not store.exists()
    for model in models[:3]:
        done("install", model, store=store)
    found = asked("models", store=store)
    assert [slot["state"] for slot in found["slots"]] == ["current", "previous", "kept"]
    assert [slot["id"] for slot in found["slots"]] == [slot_id(model) for model in reversed(models[:3])]
    assert (found["current"], found["previous"]) == (slot_id(models[2]), slot_id(models[1]))
    assert found["since"] >= found["slots"][0]["installed"]
    lines = done("models", store=store).stdout.splitlines()
    assert lines[0].split()[:2] == ["current", slot_id(models[2])]
    assert found["since"] in lines[0]
    third = asked("rollback", slot_id(models[0])[:6], store=store)
    assert (third["current"]["name"], third["previous"]["name"]) == ("m0", "m2")


def test_old_slots_go_but_never_the_current_or_the_previous(models: list[Path], store: Path) -> None:
    for model in models[:3]:
        done("install", model, store=store)
    done("rollback", slot_id(models[0]), store=store)  # the oldest is current now
    found = asked("install", models[3], "--keep", 1, store=store)
    assert set(found["pruned"]) == {slot_id(models[1]), slot_id(models[2])}
    assert {path.name for path in (store / "slots").iterdir()} == {slot_id(models[0]), slot_id(models[3])}
    found = asked("install", models[4], "--keep", 3, store=store)
    assert found["pruned"] == []
    assert len(asked("models", store=store)["slots"]) == 3


def test_a_store_in_the_place_of_a_model(models: list[Path], store: Path, tmp_path: Path) -> None:
    done("install", models[0], store=store)
    picture("green").save(tmp_path / "green.png")
    assert "green 9" in graft_device("classify", store, tmp_path / "green.png").stdout
    assert graft_device("info", store).returncode == 0
    environment = {**os.environ, "GRAFT_STORE": str(store)}
    assert "passed" in graft_device("selftest", env=environment).stdout
    assert slot_id(models[0]) in graft_device("models", env=environment).stdout


def test_incoming_is_taken_over_without_a_copy(models: list[Path], store: Path) -> None:
    done("install", models[0], store=store)
    incoming = store / "incoming" / "new.tflite"
    incoming.write_bytes(models[1].read_bytes())
    Path(f"{incoming}.sig").write_text("unchecked, because no signers are known")
    incoming.chmod(0o600)
    number = incoming.stat().st_ino
    found = asked("install", incoming, store=store)
    assert Path(found["current"]["path"]).stat().st_ino == number
    assert Path(found["current"]["path"]).stat().st_mode & 0o777 == 0o644
    assert list(incoming.parent.iterdir()) == []

    write_wrong(incoming)
    before = incoming.read_bytes()
    error_line(graft_device("install", incoming, "--store", store), ExitCode.SELFTEST)
    assert (incoming.read_bytes(), incoming.stat().st_nlink) == (before, 1)


def test_incoming_that_others_may_write_to_is_copied(models: list[Path], store: Path) -> None:
    done("install", models[0], store=store)
    incoming = store / "incoming" / "new.tflite"
    incoming.write_bytes(models[1].read_bytes())
    incoming.chmod(0o666)
    with incoming.open("r+b") as kept_open:
        found = asked("install", incoming, store=store)
        kept_open.write(b"changed behind the back")
    assert sha256(Path(found["current"]["path"])) == sha256(models[1])


REFUSED = {
    "nothing": (ExitCode.ERROR, "cannot read"),
    "a folder": (ExitCode.ERROR, "a folder, not a file"),
    "a photo": (ExitCode.ERROR, "is not a .tflite model"),
    "cut short": (ExitCode.ERROR, "has no model card"),
    "another file": (ExitCode.CHECKSUM, "its SHA-256 is"),
    "flipped bits": (ExitCode.CHECKSUM, "is damaged: its network is not the original one"),
    "other answers": (ExitCode.SELFTEST, "of 6 pictures, first rendered picture 1"),
    "a crash": (ExitCode.SELFTEST, "fails its self-test on this board: "),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_not_fit_changes_nothing(case: str, models: list[Path], store: Path, tmp_path: Path) -> None:
    done("install", models[0], store=store)
    before = tree(store)
    bad, options = tmp_path / "bad.tflite", []
    good = models[1].read_bytes()
    if case == "a folder":
        bad.mkdir()
    elif case == "a photo":
        picture("red").save(bad, "PNG")
    elif case == "cut short":
        bad.write_bytes(good[:-100])
    elif case == "another file":
        bad.write_bytes(good)
        options = ["--sha256", "0" * 64]
    elif case == "flipped bits":
        bad.write_bytes(good[:1000] + bytes([good[1000] ^ 1]) + good[1001:])
    elif case == "other answers":
        write_wrong(bad)
    elif case == "a crash":
        write_crashing(bad)
    status, words = REFUSED[case]
    line = error_line(graft_device("install", bad, *options, "--store", store), status)
    assert words in line
    assert str(bad) in line
    assert "staging" not in line
    assert tree(store) == before
    assert classified(store, tmp_path) == "red"


def test_wrong_usage(models: list[Path], store: Path) -> None:
    for args in (("install", models[0], "--sha256", "abc"), ("rollback", "xyz"), ("install",)):
        assert graft_device(*args, "--store", store).returncode == ExitCode.USAGE
    assert "cannot download ftp://board/m.tflite; use an http or https URL" in error_line(
        graft_device("install", "ftp://board/m.tflite", "--store", store)
    )
    assert "no model is installed" in error_line(graft_device("rollback", "--store", store))
    assert "no model is installed" in error_line(graft_device("selftest", "--store", store))
    assert not store.exists()
    done("install", models[0], store=store)
    assert "there is no earlier model" in error_line(graft_device("rollback", "--store", store))
    assert "no model in" in error_line(graft_device("rollback", "0123456789", "--store", store))


def test_rollback_to_a_damaged_model_is_refused_and_installing_it_again_mends_it(
    models: list[Path], store: Path
) -> None:
    done("install", models[0], store=store)
    done("install", models[1], store=store)
    damaged = store / "previous" / "model.tflite"
    damaged.write_bytes(damaged.read_bytes()[:-1] + b"x")
    line = error_line(graft_device("rollback", "--store", store), ExitCode.CHECKSUM)
    assert "install m0 again" in line
    assert asked("models", store=store)["current"] == slot_id(models[1])
    assert asked("install", models[0], store=store)["changed"]
    assert sha256(store / "current" / "model.tflite") == sha256(models[0])

    damaged = store / "current" / "model.tflite"  # also the one in use
    damaged.write_bytes(b"x")
    found = asked("install", models[0], store=store)
    assert (found["changed"], found["current"]["id"]) == (True, slot_id(models[0]))
    assert found["previous"]["id"] == slot_id(models[1])
    assert sha256(damaged) == sha256(models[0])


def test_one_at_a_time(models: list[Path], store: Path) -> None:
    done("install", models[0], store=store)
    with (store / "lock").open("r+b") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert "is in progress" in error_line(graft_device("install", models[1], "--store", store), ExitCode.BUSY)
        error_line(graft_device("rollback", "--store", store, "--wait", 0.3), ExitCode.BUSY)
        assert asked("models", store=store)["current"] == slot_id(models[0])
        command = [sys.executable, "-m", "graft_device.cli", "install", str(models[1]), "--store", str(store)]
        with subprocess.Popen([*command, "--wait", "300", "--json"], stdout=subprocess.PIPE) as waiting:
            fcntl.flock(lock, fcntl.LOCK_UN)
            output = waiting.communicate(timeout=300)[0]
    assert json.loads(output)["current"]["id"] == slot_id(models[1])


def test_several_at_once_leave_a_whole_store(models: list[Path], store: Path) -> None:
    command = [sys.executable, "-m", "graft_device.cli", "install"]
    started = [
        subprocess.Popen([*command, str(model), "--store", str(store), "--wait", "300"], stdout=subprocess.DEVNULL)
        for model in models
    ]
    assert [process.wait(300) for process in started] == [0] * len(models)
    found = asked("models", store=store)
    assert len(found["slots"]) == 3
    assert {"current", "previous"} <= {slot["state"] for slot in found["slots"]}
    assert list((store / "staging").iterdir()) == []


DISK = """
import subprocess, sys
from pathlib import Path
disk, old, new, case = sys.argv[1:]
def device(*args):
    done = subprocess.run([sys.executable, "-m", "graft_device.cli", *args, "--store", f"{disk}/store"],
                          capture_output=True, text=True)
    return done.returncode, (done.stdout + done.stderr).strip()
assert device("install", old)[0] == 0
if case == "full":
    rest = open(f"{disk}/rest", "wb", buffering=0)
    try:
        while rest.write(bytes(4096)):
            pass
    except OSError:
        pass
else:
    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
status, said = device("install", new)
print(status)
print(said)
print(device("models")[1])
print(device("rollback")[0])
"""


@pytest.mark.parametrize("case", ["full", "read-only"])
def test_a_disk_that_takes_nothing(case: str, models: list[Path]) -> None:
    status, line, listed, back = run_on_small_disk(4096, DISK, models[0], models[1], case).splitlines()
    assert int(status) == ExitCode.STORE
    assert line.startswith("error: ")
    assert ("no room in the store" if case == "full" else "read-only file system; mount it writable") in line
    assert listed.split()[:2] == ["current", slot_id(models[0])]
    assert int(back) in (ExitCode.ERROR, ExitCode.STORE)


def test_no_permission(models: list[Path], tmp_path: Path, bound_by_permissions: list[str]) -> None:
    store = tmp_path / "store"
    done("install", models[0], store=store)
    before = tree(store)
    folders = [store, *(path for path in store.rglob("*") if path.is_dir() and not path.is_symlink())]
    for path in folders:
        path.chmod(0o555)
    (store / "lock").chmod(0o444)
    line = error_line(graft_device("install", models[1], "--store", store, prefix=bound_by_permissions), ExitCode.STORE)
    assert "permission denied; run the command as its owner (sudo), or choose another folder with --store" in line
    for path in folders:
        path.chmod(0o755)
    assert tree(store) == before
    line = error_line(
        graft_device("install", models[1], "--store", "/proc/graftkit", prefix=bound_by_permissions), ExitCode.STORE
    )
    assert "cannot write the store /proc/graftkit" in line


def test_the_store_can_be_read_by_a_services_own_user(models: list[Path], store: Path) -> None:
    store.mkdir()
    (store / "lock").touch(0o644)
    done("install", models[0], store=store)
    for path in [store, *store.rglob("*")]:
        # Whoever may read the lock could hold it, and so keep all updates away.
        wanted = 0o600 if path.name == "lock" else 0o755 if path.is_dir() else 0o644
        assert path.stat().st_mode & 0o777 == wanted, path


def test_a_plain_model_passes_for_sense_only(store: Path, tmp_path: Path) -> None:
    found = done("install", write_artifact(tmp_path / "plain.tflite"), store=store)
    assert "only checked for plausible answers" in found.stdout


def test_the_exit_codes_are_what_others_build_on() -> None:
    assert {code.name: code.value for code in ExitCode} == {
        "DONE": 0, "ERROR": 1, "USAGE": 2, "SELFTEST": 3, "SIGNATURE": 4, "DOWNGRADE": 5, "STORE": 6, "BUSY": 7,
        "CHECKSUM": 8, "FETCH": 9, "INTERRUPTED": 130,
    }  # fmt: skip
