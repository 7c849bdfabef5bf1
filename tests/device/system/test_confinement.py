from __future__ import annotations

import json
import os
import pwd
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from graft_device.model import read_model
from graft_device.store.selftest import run_selftest
from graft_device.system.child import ChildError, ask
from graft_device.system.confinement import Confinement
from graft_device.trial.limits import limits_for
from tests.conftest import graft_device
from tests.support.device_models import write_artifact
from tests.support.stores import write_model

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
NOBODY = pwd.getpwnam("nobody").pw_uid

PROBE = """
import ctypes, json, os, resource, sys, threading, time
from graft_device.system.confinement import Confinement, confine

def tried(action):
    try:
        action()
    except BaseException as error:
        return type(error).__name__
    return None

def many():
    for _ in range(1000):
        threading.Thread(target=time.sleep, args=(5,), daemon=True).start()

def large():
    with os.fdopen(os.memfd_create("x"), "wb") as file:
        file.write(bytes(2 << 20))

before = os.readlink("/proc/self/ns/net")
refused = confine(Confinement.parse(sys.argv[1]))
print(json.dumps({
    "refused": refused,
    "ids": [os.getuid(), os.geteuid(), os.getgid(), os.getegid()],
    "groups": os.getgroups(),
    "network": before == os.readlink("/proc/self/ns/net"),
    "privileges": ctypes.CDLL(None).prctl(39, 0, 0, 0, 0),
    "root again": tried(lambda: os.setuid(0)),
    "memory": tried(lambda: bytearray(300 << 20)),
    "less memory": tried(lambda: bytearray(20 << 20)),
    "threads": tried(many),
    "file": tried(large),
    "core": resource.getrlimit(resource.RLIMIT_CORE),
    "descriptors": tried(lambda: os.listdir("/proc/self/fd")),
}), flush=True)
os._exit(0)
"""


def probe(limits: Confinement) -> dict[str, object]:
    """What a confined process finds out about itself."""
    done = subprocess.run(
        [sys.executable, "-c", PROBE, limits.text()], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert isinstance(found, dict)
    return found


def test_limits_hold() -> None:
    found = probe(Confinement(100 << 20, 60))
    assert found["memory"] == "MemoryError"
    assert found["less memory"] is None
    assert found["file"] == "OSError"
    assert found["core"] == [0, 0]
    assert found["privileges"] == 1
    assert found["refused"] is None


@as_root
def test_root_becomes_another_user_without_network() -> None:
    found = probe(Confinement(400 << 20, 60, NOBODY, NOBODY))
    assert found["ids"] == [NOBODY] * 4
    assert found["groups"] == []
    assert found["network"] is False
    assert found["root again"] == "PermissionError"
    assert found["threads"] == "RuntimeError"
    assert found["descriptors"] is None


@as_root
def test_a_trial_of_root_runs_as_nobody(tmp_path: Path) -> None:
    model = write_model(tmp_path / "m.tflite", photos=True)
    model.chmod(stat.S_IRUSR)
    tmp_path.chmod(stat.S_IRWXU)
    report = run_selftest(model)
    assert (report.passed, report.kind, report.uid) == (True, "golden", NOBODY)
    done = graft_device("install", model, "--store", tmp_path / "store", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["selftest"]["uid"] == NOBODY


@as_root
def test_a_trial_for_a_users_store_runs_as_that_user(tmp_path: Path) -> None:
    model = write_artifact(tmp_path / "m.tflite")
    store = tmp_path / "store"
    store.mkdir()
    os.chown(store, 12345, 23456)
    limits = limits_for(read_model(model), 1, store)
    assert (limits.user, limits.group) == (12345, 23456)
    assert run_selftest(model, store=store).uid == 12345
    os.chown(store, 0, 0)
    assert run_selftest(model, store=store).uid == NOBODY


@pytest.mark.parametrize(
    ("program", "words"),
    [
        ("while True: print('x' * 100_000)", "printed more than 4,194,304 bytes"),
        ("print('[' * 100_000)", "gave no answer"),
        ("print('1' * 5000)", "gave no answer"),
        ("print('NaN')", "gave no answer"),
        ("sys.exit('graft-error {')", "graft-error {"),
        ("sys.exit('graft-error ' + '[' * 100_000)", "graft-error ["),
        ('sys.exit(\'graft-error {"what": 1, "remedy": 2, "kind": 3}\')', "graft-error {"),
        ("os.close(1); os.close(2); time.sleep(60)", "gave no answer within 3 seconds"),
        ("os.fork(); time.sleep(60)", "gave no answer within 3 seconds"),
    ],
)
def test_a_child_that_does_not_answer_as_it_should(
    program: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "odd_child.py").write_text(f"import os, sys, time\ndef main():\n    {program}\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(ChildError) as caught:
        ask("odd_child", timeout=3 if "within 3 seconds" in words else 120)
    assert caught.value.what.startswith(words)
    assert len(str(caught.value)) < 400
