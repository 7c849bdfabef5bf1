"""Notifications by Apprise, to real receivers on the loopback."""

from __future__ import annotations

import base64
import io
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from graft_device.actions.action_error import ActionError
from graft_device.actions.delivery import TRIES
from graft_device.actions.opening import open_sink
from graft_device.actions.plain_words import body, title
from graft_device.config.sinks import AppriseSettings
from graft_device.outputs.events import Event
from graft_device.outputs.sink import Sink
from tests.device.outputs.test_event_queue import make_event
from tests.support.running import PATIENCE_S, eventually
from tests.support.sinks import WebhookReceiver


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("graft_device.outputs.queued.FLUSH_S", PATIENCE_S)
    monkeypatch.setattr("graft_device.system.backoff.Backoff.next", lambda _: 0.05)


@pytest.fixture
def receiver() -> Iterator[WebhookReceiver]:
    with WebhookReceiver() as receiver:
        receiver.status = 200
        yield receiver


def event(number: int = 1, **fields: Any) -> Event:
    return replace(make_event("cat"), seq=number, source="door", **fields)


def opened(folder: Path, notes: list[str], *urls: str, pictures: bool = False) -> Sink:
    (folder / "urls").write_text("# ours\n\n" + "\n".join(urls) + "\n")
    settings = AppriseSettings("mail", folder / "urls", pictures, folder / "queues")
    return open_sink(settings, states=False, note=notes.append)


def test_people_read_plain_words_and_see_the_picture(receiver: WebhookReceiver, tmp_path: Path) -> None:
    notes: list[str] = []
    sink = opened(tmp_path, notes, f"json://127.0.0.1:{receiver.port}/s3cret", pictures=True)
    sink.put(event(kind="enter", photo=np.full((60, 80, 3), 120, np.uint8)))
    eventually(lambda: len(receiver.bodies) == 1 or bool(notes))
    sink.close()
    sent = receiver.bodies[0]
    assert sent["title"] == "door: cat is here"
    assert sent["message"].startswith("The model is 90% certain. Seen at ")
    picture = Image.open(io.BytesIO(base64.b64decode(sent["attachments"][0]["base64"])))
    assert (picture.format, picture.size) == ("JPEG", (80, 60))
    assert notes == []


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        (
            {"kind": "leave", "duration": 125.0, "region": "bowl"},
            "door, bowl: cat has left|It was there for 2 min 5 s. ",
        ),
        ({"kind": "leave", "duration": 7380.0}, "door: cat has left|It was there for 2 h 3 min."),
        ({"unknown": True}, "door: unknown|The model does not know it; the nearest is cat."),
        ({"clock_set": False}, "door: cat|The model is 90% certain. The board's clock is not set."),
    ],
)
def test_the_words_for_each_kind_of_event(fields: dict[str, Any], words: str) -> None:
    seen = event(**fields)
    assert f"{title(seen)}|{body(seen)}".startswith(words)


def test_one_service_that_is_away_does_not_hold_up_another_nor_repeat_at_it(
    receiver: WebhookReceiver, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    notes: list[str] = []
    with WebhookReceiver() as away:
        away.refusing = True
        sink = opened(
            tmp_path, notes, f"json://me:s3cret@127.0.0.1:{away.port}/s3cret", f"json://127.0.0.1:{receiver.port}"
        )
        sink.put(event(1))
        sink.put(event(2))
        eventually(lambda: len(receiver.bodies) == 2 and len(away.requests) >= TRIES + 2)
        away.status, away.refusing = 200, False
        eventually(lambda: len(away.bodies) == 2)
        sink.close()
    assert len(receiver.requests) == 2
    assert notes[0] == "apprise mail 1 (json): the service answers 503; trying again, events are kept"
    assert "is back" in notes[1]
    assert "s3cret" not in "".join((*notes, *capfd.readouterr()))


def test_a_service_that_refuses_an_event_gets_the_next_one(receiver: WebhookReceiver, tmp_path: Path) -> None:
    notes: list[str] = []
    sink = opened(tmp_path, notes, f"json://127.0.0.1:{receiver.port}")
    receiver.status = 400
    sink.put(event(1))
    eventually(lambda: any("dropped" in note for note in notes))
    receiver.status = 200
    sink.put(event(2))
    eventually(lambda: len(receiver.bodies) == 1 or bool(notes))
    sink.close()
    assert len(receiver.requests) == TRIES + 1


def test_what_waits_is_delivered_by_the_next_run(receiver: WebhookReceiver, tmp_path: Path) -> None:
    notes: list[str] = []
    receiver.refusing = True
    url = f"json://127.0.0.1:{receiver.port}"
    sink = opened(tmp_path, notes, url)
    sink.put(event(7))
    eventually(lambda: len(receiver.requests) >= 1)
    sink.close()
    assert "1 event waits in " in notes[-1]
    receiver.refusing = False
    sink = opened(tmp_path, notes, url)
    assert sink.last_number == 7
    eventually(lambda: len(receiver.bodies) == 1 or bool(notes))
    sink.close()


def test_urls_that_cannot_be_used_are_errors_that_repeat_no_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for url in ("nonsense://s3cret", "s3cret"):
        with pytest.raises(ActionError) as error:
            opened(tmp_path, [], "json://127.0.0.1", url)
        assert str(error.value).startswith(f"line 4 of {tmp_path}/urls is not a URL that Apprise knows; see ")
        assert "s3cret" not in str(error.value)
    with pytest.raises(ActionError, match=r"^apprise mail has no URL; write Apprise's URLs into .*urls, one a line"):
        opened(tmp_path, [])
    monkeypatch.delenv("GRAFT_APPRISE_URLS", raising=False)
    with pytest.raises(ActionError, match=r"or set \$GRAFT_APPRISE_URLS"):
        open_sink(AppriseSettings("mail"), states=False, note=print)
    monkeypatch.setenv("GRAFT_APPRISE_URLS", "json://127.0.0.1 nonsense://s3cret")
    with pytest.raises(ActionError, match=r"^URL 2 in \$GRAFT_APPRISE_URLS is not"):
        open_sink(AppriseSettings("mail"), states=False, note=print)


def test_without_apprise_there_is_one_error_line_and_other_runs_do_not_load_it() -> None:
    program = (
        "import sys\nfrom graft_device.actions.opening import open_sink\n"
        "from graft_device.config.sinks import *\nfrom graft_device.errors import GraftError\n"
        "open_sink(ExecSettings('x', ('true',)), True, print).close()\n"
        "assert not {'apprise', 'gpiozero', 'ssl', 'http', 'sqlite3'} & set(sys.modules)\n"
        "sys.modules['apprise'] = None\n"
        "try: open_sink(AppriseSettings('mail'), True, print)\nexcept GraftError as error: print(error)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False,
        env={"GRAFT_APPRISE_URLS": "json://h", "HOME": "/nowhere", "PATH": "/usr/bin:/bin"},
    )  # fmt: skip
    assert done.stderr == ""
    assert done.stdout == (
        'apprise mail needs Apprise, which is not installed; run: python3 -m pip install "graftkit[apprise]"\n'
    )
