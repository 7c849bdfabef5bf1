"""A full disk: going back to the previous model takes no room, and whatever fails leaves the current model."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.host_data import run_on_small_disk
from tests.support.stores import slot_id, write_model

FULL = """
import json, os, subprocess, sys
disk, exchanged, *models = sys.argv[1:]
store = disk + "/store"

def run(*args, python=()):
    command = [sys.executable, *(python or ("-m", "graft_device.cli")), *args, "--store", store]
    done = subprocess.run(command, capture_output=True, text=True)
    names = [f"{store}/{name}" for name in ("current", "previous")]
    links = [os.path.basename(os.readlink(name)) for name in names if os.path.lexists(name)]
    return [done.returncode, done.stderr.strip().splitlines()[-1:], links]

for model in models:
    assert run("install", model)[0] == 0
if exchanged == "unmarked":
    os.unlink(store + "/graftkit-store")
with open(disk + "/full", "wb", buffering=0) as file:
    try:
        while True:
            file.write(bytes(4096))
    except OSError:
        pass
no_exchange = ("-c", "import graft_device.store.switching as s; s.exchange = lambda *_: False; "
               "from graft_device.cli import main; main()")
python = no_exchange if exchanged == "no exchange" else ()
first = os.path.basename(os.readlink(store + "/previous"))
oldest = next(name for name in os.listdir(store + "/slots")
              if name not in [os.path.basename(os.readlink(f"{store}/{link}")) for link in ("current", "previous")])
answers = [run("rollback", python=python), run("rollback", python=python), run("rollback", oldest, python=python),
           run("install", models[0].replace("m0", "m3"))]
left = sorted(name for name in os.listdir(store) if name.startswith(".") or name == "switch.json")
print(json.dumps([answers, left, os.listdir(store + "/staging")]))
"""


@pytest.mark.parametrize("how", ["exchange", "no exchange", "unmarked"])
def test_rollback(how: str, tmp_path: Path) -> None:
    models = [write_model(tmp_path / f"m{number}.tflite", 1 + number / 10) for number in range(4)]
    ids = [slot_id(model) for model in models]
    answers, left, staging = json.loads(run_on_small_disk(2048, FULL, how, *models[:3]))
    for status, _, links in answers[:3]:
        assert status == 0
        assert links[0] != links[1]
    assert [links for _, _, links in answers] == [
        [ids[1], ids[2]],
        [ids[2], ids[1]],
        [ids[0], ids[2]],
        [ids[0], ids[2]],
    ]
    status, lines, _ = answers[3]
    assert (status, len(lines)) == (6, 1)
    assert "free some space, or choose another folder with --store" in lines[0]
    assert (left, staging) == ([], [])
