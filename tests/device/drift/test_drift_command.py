from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest

from graft_device.drift.day_file import DayFile, fingerprint
from graft_device.drift.histogram import Histogram, card_entry
from graft_device.model import read_model
from tests.conftest import error_line, graft_device
from tests.support.device_models import make_card, write_artifact

GOOD = [0.99] * 80 + [0.9] * 15 + [0.4] * 5
BAD = [0.99] * 20 + [0.9] * 20 + [0.7] * 40 + [0.4] * 40


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return write_artifact(tmp_path / "pets.tflite", card=make_card(scores=card_entry(GOOD, 5)))


def keep(state: Path, model: Path, day: str, scores: list[float], unknown: int) -> DayFile:
    file = DayFile(state, fingerprint(read_model(model)))
    file.add({day: Histogram.of(scores, unknown)}, date.fromisoformat(day), clock_set=True)
    return file


def test_it_shows_the_days_and_says_when_to_train_again(model: Path, tmp_path: Path) -> None:
    state = tmp_path / "state"
    keep(state, model, "2026-03-01", GOOD, 5)
    for day in ("2026-03-02", "2026-03-03", "2026-03-04"):
        keep(state, model, day, BAD * 10, 400)
    done = graft_device("drift", model, "--state", state)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == f"model      {model}"
    assert lines[1] == "reference  100 test photos, 5.0% unknown"
    assert lines[2] == "recent     3,700 answers, 32.6% unknown, 2026-03-01 to 2026-03-04"
    assert float(lines[3].split()[1].rstrip(";")) > 1
    assert lines[4].endswith("train again, with photos from this camera")
    assert lines[7].split() == ["2026-03-01", "100", "5.0%", "0.00", "0.07"]
    assert lines[8].split()[:3] == ["2026-03-02", "1,200", "33.3%"]
    assert len(lines) == 11


def test_json_has_the_days_asked_for(model: Path, tmp_path: Path) -> None:
    for day in ("2026-03-01", "2026-03-02", "2026-03-03"):
        keep(tmp_path / "state", model, day, GOOD, 5)
    done = graft_device("drift", model, "--state", tmp_path / "state", "--days", "2", "--json")
    found = json.loads(done.stdout)
    assert found["model"] == "pets"
    assert [entry["day"] for entry in found["days"]] == ["2026-03-02", "2026-03-03"]
    assert found["recent"]["photos"] == 200
    assert found["index"] <= found["chance"]
    assert found["retrain"] is False


def test_by_default_it_reads_where_a_service_or_a_user_keeps_state(model: Path, tmp_path: Path) -> None:
    keep(tmp_path / "graftkit" / "drift", model, "2026-03-01", GOOD, 5)
    done = graft_device("drift", model, env={"XDG_STATE_HOME": str(tmp_path)})
    assert "100 answers" in done.stdout


def test_without_answers_and_without_a_reference_it_says_so(model: Path, tmp_path: Path) -> None:
    done = graft_device("drift", model, "--state", tmp_path)
    assert (done.returncode, "too few answers to say: 0" in done.stdout) == (0, True)
    old = write_artifact(tmp_path / "old.tflite")
    done = graft_device("drift", old, "--state", tmp_path)
    assert (done.returncode, "train the model again" in done.stdout) == (0, True)


def test_a_damaged_file_is_an_error_of_one_line(model: Path, tmp_path: Path) -> None:
    file = keep(tmp_path, model, "2026-03-01", GOOD, 5)
    file.path.write_bytes(b"nonsense")
    done = graft_device("drift", model, "--state", tmp_path)
    assert error_line(done).startswith(f"error: {file.path} is damaged (")
