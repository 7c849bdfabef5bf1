from __future__ import annotations

import http.client
import json
import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from graft_host.demo.rendering.render import PARTS
from tests.conftest import error_line, graft, graft_json

pytestmark = pytest.mark.slow

BIN = Path(sys.executable).parent


def _without_network(home: Path) -> dict[str, str]:
    """The environment of a machine with an empty home and no network connection."""
    closed = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), "http://127.0.0.1:9")
    environment = {**os.environ, **closed, "HOME": str(home), "KERAS_HOME": str(home / "keras")}
    return {**environment, "GRAFT_CACHE": str(home / "cache"), "GRAFT_WEIGHTS": str(home / "no-such-weights.h5")}


def _commands(output: str) -> list[str]:
    """The commands that the demo prints at its end."""
    lines = output.partition("\nNext:\n")[2].splitlines()
    return [line[2:] for line in lines if not line.startswith("   ")]


def _run(command: str, folder: Path, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["/bin/sh", "-c", command],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )


def test_the_demo_convinces_on_a_machine_without_weights_and_network(tmp_path: Path) -> None:
    environment = _without_network(tmp_path)
    done = graft("demo", "--json", env=environment, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    assert report["pretrained"] is True
    assert report["backbone"] == "efficientnet-lite0"
    assert report["accuracy"]["shipped"] >= 0.95
    assert [photo["truth"] for photo in report["new"]] == list(PARTS)
    for photo in report["new"]:
        assert photo["said"] == photo["truth"]
        assert photo["score"] > 0.8
        assert (tmp_path / photo["file"]).is_file()
    assert report["stranger"]["said"] == "unknown"
    assert report["stranger"]["score"] < report["unknown"]["score"]
    assert (tmp_path / report["stranger"]["file"]).is_file()
    assert "graftkit report" in (tmp_path / report["report"]).read_text("utf-8")
    assert [answer["label"] for answer in report["answers"]] == list(PARTS)


def test_every_printed_command_works_as_printed(tmp_path: Path) -> None:
    """Also in a folder with spaces, and where graft is not on the path."""
    environment = {**_without_network(tmp_path), "PATH": "/usr/bin:/bin"}
    first = _run(f"{shlex.quote(str(BIN / 'graft'))} demo --folder 'my demo'", tmp_path, environment)
    assert first.returncode == 0, first.stderr
    classify, show, train, deploy = _commands(first.stdout)

    done = _run(classify, tmp_path, environment)
    assert done.returncode == 0, done.stderr
    answers = dict(line.split(": ", 1) for line in done.stdout.splitlines())
    assert list(answers) == [f"my demo/new/{name}.jpg" for name in ("leaf", *PARTS)]
    assert answers["my demo/new/leaf.jpg"].startswith("unknown (nearest: ")
    for part in PARTS:
        assert answers[f"my demo/new/{part}.jpg"].startswith(f"{part} ")

    done = _run(train, tmp_path, environment)
    assert done.returncode == 0, done.stderr
    (accuracy,) = (line for line in first.stdout.splitlines() if line.startswith("accuracy "))
    assert accuracy in done.stdout.splitlines()
    assert (tmp_path / "mine.tflite").is_file()

    done = _run(deploy, tmp_path, environment)
    assert "pi@raspberrypi: " in error_line(done, status=10)  # there is no such board

    _opens_the_report(show, tmp_path, environment)


def _opens_the_report(command: str, folder: Path, environment: dict[str, str]) -> None:
    """Runs the demo with a browser that notes its address, reads the page there, and presses Ctrl-C."""
    browser, address = folder / "browser", folder / "address"
    os.mkfifo(address)
    browser.write_text(f'#!/bin/sh\necho noise\necho "$1" > {shlex.quote(str(address))}\n')
    browser.chmod(0o755)
    running = subprocess.Popen(
        ["/bin/sh", "-c", f"exec {command} --json"], cwd=folder, env={**environment, "BROWSER": str(browser)},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        url = address.read_text().strip()
        connection = http.client.HTTPConnection(url.removeprefix("http://").removesuffix("/"), timeout=60)
        connection.request("GET", "/")
        assert connection.getresponse().read() == (folder / "my demo" / "parts.html").read_bytes()
        running.send_signal(signal.SIGINT)
        output, notes = running.communicate(timeout=60)
    finally:
        running.kill()
    assert running.returncode == 0, notes
    assert json.loads(output)["report"] == "my demo/parts.html"
    assert f"the report is at {url}" in notes


def test_random_weights_see_photos_of_one_bench(tmp_path: Path) -> None:
    environment = _without_network(tmp_path)
    done = graft("demo", "--weights", "random", env=environment, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    for part in PARTS:
        assert f"graft-demo/new/{part}.jpg: " in done.stdout
    assert _commands(done.stdout)[2].endswith("mine.tflite --weights random")
    again = graft("demo", "--weights", "random", "--json", env=environment, cwd=tmp_path)
    assert again.returncode == 0, again.stderr
    report = json.loads(again.stdout)
    assert report["pretrained"] is False
    assert report["accuracy"]["shipped"] >= 0.85
    assert [answer["label"] for answer in report["answers"]] == list(PARTS)
    assert report["cache"]["misses"] == 0
    assert [Path(answer["image"]).stem for answer in report["answers"]] == list(PARTS)


def test_the_demo_with_a_file_of_inceptions_weights_is_accurate(tmp_path: Path, weights_file: Path) -> None:
    report = graft_json("demo", "--folder", tmp_path / "demo", "--weights", weights_file, "--cache", tmp_path / "c")
    assert report["backbone"] == "inception-v3"
    assert report["accuracy"]["shipped"] >= 0.9
    assert [answer["label"] for answer in report["answers"]] == list(PARTS)
