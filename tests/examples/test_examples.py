"""The examples, run as their texts say."""

from __future__ import annotations

import http.client
import json
import re
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nbclient
import nbformat
import pytest

from graft_device.actions.posting import parse_post_url
from graft_device.actions.signing import read_secret, signature
from graft_device.actions.webhook import Webhook
from graft_host.demo.rendering.render import PARTS, render_dataset
from tests.device.outputs.test_event_queue import make_event
from tests.support.device_models import COLOURS, write_artifact
from tests.support.running import PATIENCE_S, drop_photo, run_device

if TYPE_CHECKING:
    from collections.abc import Iterator

EXAMPLES = Path(__file__).parents[2] / "examples"
NOTEBOOK = EXAMPLES / "first_model.ipynb"
RECEIVER = [sys.executable, str(EXAMPLES / "webhook_receiver.py")]


def run_example(name: str, *args: object, **options: Any) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(EXAMPLES / name), *map(str, args)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False, **options)


# Train and classify


@pytest.mark.slow
def test_train_and_classify(tmp_path: Path, shared_cache: Path) -> None:
    render_dataset(tmp_path / "photos", 14, 0)
    image = min((tmp_path / "photos" / "nut").iterdir())
    model = tmp_path / "parts.tflite"
    options = ["--weights", "random", "--tap", "mixed0", "--image-size", 75, "--cache", shared_cache]
    done = run_example("train_and_classify.py", tmp_path / "photos", model, image, *options)
    assert done.returncode == 0, done.stderr
    first, accuracy, *classes, answer = done.stdout.splitlines()
    assert first == f"{model}: nut, screw, washer"
    assert re.fullmatch(r"accuracy on the test photos: \d+\.\d%", accuracy)
    assert [line.split(":")[0].strip() for line in classes] == list(PARTS)
    assert re.fullmatch(rf"{re.escape(str(image))}: \w+ \d+\.\d% \(.+\)", answer)
    assert "testing the file: " in done.stderr


def test_train_and_classify_reports_an_error_with_its_remedy(tmp_path: Path) -> None:
    options = ["--weights", "random", "--cache", tmp_path / "cache", "--tap", "mixed11"]
    done = run_example("train_and_classify.py", tmp_path, tmp_path / "m.tflite", *options)
    assert done.returncode == 2
    what, remedy = done.stderr.splitlines()
    assert what == "error: Inception-v3 has no tap 'mixed11'"
    assert remedy.startswith("  try this: choose from mixed0, ")


# The notebook


def read_notebook() -> Any:
    return nbformat.read(NOTEBOOK, as_version=4)  # type: ignore[no-untyped-call]


def test_the_notebook_is_committed_without_outputs() -> None:
    for cell in read_notebook().cells:
        if cell.cell_type == "code":
            assert (cell.outputs, cell.execution_count) == ([], None)


@pytest.mark.slow
def test_the_notebook_runs_from_top_to_bottom(
    tmp_path: Path, shared_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {
        "GRAFT_NOTEBOOK_FOLDER": tmp_path / "first-model",
        "GRAFT_CACHE": shared_cache,
        "GRAFT_WEIGHTS": "random",
        "IPYTHONDIR": tmp_path / "ipython",
        "JUPYTER_RUNTIME_DIR": tmp_path / "jupyter",
    }.items():
        monkeypatch.setenv(name, str(value))
    notebook = read_notebook()
    nbclient.NotebookClient(notebook, timeout=300, kernel_name="python3").execute()
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    assert [output.output_type for output in outputs if output.output_type == "error"] == []
    pages = [output.data["text/html"] for output in outputs if "text/html" in output.get("data", {})]
    assert len(pages) == 3  # check, train and evaluate
    assert "of the test photos" in pages[1]
    answers = "".join(output.text for output in outputs if output.get("name") == "stdout")
    assert [line.partition(":")[0] for line in answers.splitlines()] == list(PARTS)


# The webhook receiver


class Receiving:
    """A receiver, with its address and the lines that it printed."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        assert process.stderr is not None
        self.process = process
        self.url = process.stderr.readline().strip().removeprefix("listening on ")
        self.place = self.url.removeprefix("http://")

    def post(self, body: bytes, **headers: str) -> int:
        """The status of the answer to a request."""
        connection = http.client.HTTPConnection(self.place, timeout=30)
        connection.request("POST", "/", body, headers)
        status = connection.getresponse().status
        connection.close()
        return status

    def lines(self) -> list[str]:
        """Ends the receiver; returns what it printed."""
        self.process.terminate()
        return self.process.communicate(timeout=30)[0].splitlines()


@pytest.fixture
def receiving() -> Iterator[Receiving]:
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen([*RECEIVER, "--port", "0"], **streams) as process:  # type: ignore[call-overload]
        try:
            yield Receiving(process)
        finally:
            process.kill()


def test_events_of_a_board_reach_the_receiver(receiving: Receiving, tmp_path: Path) -> None:
    model = write_artifact(tmp_path / "colours.tflite")
    photos = [drop_photo(tmp_path, f"{colour}.png", colour) for colour in COLOURS]
    sources = [word for photo in photos for word in ("--source", photo)]
    board = run_device(model, *sources, "--json")
    assert board.returncode == 0, board.stderr
    done = run_example("webhook_receiver.py", "--forward", receiving.url, input=board.stdout)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    events = [json.loads(line) for line in board.stdout.splitlines()]
    expected = [f"{event['time']} {event['source']}: {event['label']} {event['score']:.1%}" for event in events]
    assert receiving.lines() == expected
    assert [event["label"] for event in events] == list(COLOURS)


def test_what_is_not_an_event_is_refused(receiving: Receiving) -> None:
    assert receiving.post(b"{") == 400
    assert receiving.post(b"[]") == 400
    assert receiving.post(b'{"label": "red"}') == 400
    assert receiving.post(b"", **{"Content-Length": "-5"}) == 400
    assert receiving.post(b"", **{"Content-Length": "1000001"}) == 413
    assert receiving.lines() == []


def test_with_a_secret_only_signed_and_recent_events_are_taken(tmp_path: Path) -> None:
    """The board's webhook signs, and the example checks by itself."""
    secret = tmp_path / "secret"
    secret.write_text("s3cret\n")
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    command = [*RECEIVER, "--port", "0", "--secret-file", str(secret)]
    with subprocess.Popen(command, **streams) as process:  # type: ignore[call-overload]
        receiver = Receiving(process)
        event = make_event("cats")
        webhook = Webhook("phone", parse_post_url(receiver.url), PATIENCE_S, read_secret(secret))
        webhook.put(replace(event, photo=b"a picture"))
        body, now = event.to_line().encode(), int(time.time())

        def answer(signed: str) -> int:
            return receiver.post(body, **{"X-Graft-Signature": signed})

        assert answer(signature(b"s3cret", now, body)) == 204
        assert answer(signature(b"another", now, body)) == 401
        assert answer(signature(b"s3cret", now, body + b" ")) == 401
        assert answer(signature(b"s3cret", now - 3600, body)) == 401
        assert answer(signature(b"s3cret", now - 3600, body).replace(f"t={now - 3600}", f"t={now}")) == 401
        assert [answer(odd) for odd in ("", "t=,v1=", "v1", "t=" + "1" * 5000)] == [401] * 4
        line = f"{event.time} {event.source}: cats 90.0%"
        assert receiver.lines() == [line, line]


def test_an_event_that_is_not_delivered_is_reported(receiving: Receiving) -> None:
    good = json.dumps({"time": "2026-01-01T00:00:00Z", "source": "camera", "label": "red", "score": 0.5})
    done = run_example("webhook_receiver.py", "--forward", receiving.url, input=f"nonsense\n{good}\n")
    assert done.returncode == 1
    assert done.stderr == f"not delivered to {receiving.url}: HTTP Error 400: not an event of graft-device run\n"
    assert receiving.lines() == ["2026-01-01T00:00:00Z camera: red 50.0%"]
