"""Actions and rules of a board.toml, in a run from the command line."""

from __future__ import annotations

import os
from pathlib import Path

from tests.support.device_models import COLOURS, write_artifact
from tests.support.running import drop_photo, run_device
from tests.support.sinks import WebhookReceiver

BOARD = """
[[model]]
name = "colours"
file = "colours.tflite"

[[source]]
name = "door"
places = ["red.png", "green.png", "blue.png"]

[[sink]]
kind = "webhook"
name = "phone"
url = "{url}"
pictures = true

[[sink]]
kind = "exec"
name = "feeder"
command = ["./feed"]

[[sink]]
kind = "exec"
name = "broken"
command = ["./fail"]

[[rule]]
sinks = ["phone"]
labels = ["green"]

[[rule]]
sinks = ["phone", "feeder"]
labels = ["blue"]
"""


def test_each_sink_gets_what_its_rules_let_pass_and_one_that_fails_stops_no_other(tmp_path: Path) -> None:
    write_artifact(tmp_path / "colours.tflite")
    for colour in COLOURS:
        drop_photo(tmp_path, f"{colour}.png", colour)
    for name, text in (("feed", f"echo $GRAFT_LABEL >> '{tmp_path}/fed'"), ("fail", "exit 4")):
        (tmp_path / name).write_text(f"#!/bin/sh\n{text}\n")
        (tmp_path / name).chmod(0o755)
    with WebhookReceiver() as receiver:
        (tmp_path / "board.toml").write_text(BOARD.format(url=receiver.url))
        done = run_device(
            "--config", tmp_path / "board.toml", cwd=tmp_path, env={**os.environ, "XDG_STATE_HOME": str(tmp_path)}
        )
    assert done.returncode == 0, done.stderr
    assert [line.split()[-2] for line in done.stdout.splitlines()] == list(COLOURS)
    assert [body["label"] for body in receiver.bodies] == ["green", "blue"]
    assert all("picture" in body for body in receiver.bodies)
    assert (tmp_path / "fed").read_text() == "blue\n"
    assert [line for line in done.stderr.splitlines() if line.startswith("note: exec")] == [
        "note: exec broken: exit status 4"
    ]
