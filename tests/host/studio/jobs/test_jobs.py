"""Jobs with real processes: in order, cancelled, killed, and in two studios at once."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from graft_device.errors import GraftError
from graft_host.studio.jobs.job import JobEvent
from tests.support.host_data import python_environment
from tests.support.running import eventually, state_of
from tests.support.studio_jobs import comes_to, get, helpers, jobs_of, queue_in_a_process, ran


@pytest.fixture(autouse=True)
def _tasks_of_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", python_environment()["PYTHONPATH"])


def _gone(process: int) -> bool:
    try:
        return state_of(process) in "ZX"
    except OSError:
        return True


def _is_full(path: Path) -> bool:
    """Has the next one who writes a file find the disk full; not while somebody writes it."""
    try:
        path.symlink_to("/dev/full")
    except FileExistsError:
        return False
    return True


def test_jobs_of_a_lane_run_in_order_while_another_lane_goes_on(tmp_path: Path) -> None:
    with jobs_of(tmp_path) as jobs:
        first = jobs.add("waits", {"name": "first"}, "first")
        second = jobs.add("waits", {"name": "second"}, "second")
        elsewhere = jobs.add("travels", {"name": "board"}, "board")
        eventually(lambda: {*ran(tmp_path)} == {"first", "board"})
        eventually(lambda: (shown := get(jobs, first).progress) is not None and shown.done > 0)
        running = get(jobs, first)
        assert running.progress is not None
        assert (running.progress.stage, running.progress.unit, running.progress.total) == ("waiting", "turns", 10)
        assert running.notes == ("first waits",)
        assert running.events == (JobEvent("began", {"name": "first"}),)
        assert get(jobs, second).state == "queued"
        (tmp_path / "go").touch()
        done = comes_to(jobs, second, "done")
        assert done.result == {"turns": 0, "name": "second"}
        assert done.command == "wait second"
        assert (get(jobs, first).ended or 0) <= (done.started or 0)
        comes_to(jobs, elsewhere, "done")
        assert [job.id for job in jobs.all()] == [elsewhere.id, second.id, first.id]
        assert jobs.newest_done("waits") == done
        eventually(lambda: all(map(_gone, helpers(tmp_path))))
    assert jobs_of(tmp_path).get(second.id) == done


def test_a_cancelled_job_puts_things_in_order_and_its_processes_end(tmp_path: Path) -> None:
    with jobs_of(tmp_path) as jobs, jobs_of(tmp_path) as other_studio:
        running = jobs.add("waits", {"name": "running"}, "running")
        queued = jobs.add("waits", {"name": "queued"}, "queued")
        eventually(lambda: ran(tmp_path) == ["running"])
        jobs.cancel(queued.id)
        assert get(jobs, queued).state == "cancelled"
        comes_to(other_studio, running, "running")
        other_studio.cancel(running.id)
        comes_to(jobs, running, "cancelled")
        assert (tmp_path / "interrupted-running").exists()
        eventually(lambda: _gone(helpers(tmp_path)[0]))
        comes_to(other_studio, running, "cancelled")
        other_studio.remove(running.id)
        eventually(lambda: jobs.get(running.id) is None)
        last = jobs.add("fails", {"how": "gate"}, "last")
        comes_to(jobs, last, "failed")
    assert ran(tmp_path) == ["running"]


@pytest.mark.parametrize(
    ("how", "status", "what"),
    [
        ("gate", 3, "accuracy 40% is below 90%"),
        ("killed", 1, "the process of the job was ended by SIGKILL"),
        ("bug", 1, "unexpected ZeroDivisionError: by zero"),
        ("error", 1, "the file is no model"),
    ],
)
def test_a_failed_job_says_why(tmp_path: Path, how: str, status: int, what: str) -> None:
    with jobs_of(tmp_path) as jobs:
        failed = comes_to(jobs, jobs.add("fails", {"how": how}, how), "failed")
    assert failed.error is not None
    assert (failed.error.what, failed.error.status) == (what, status)
    assert failed.result == ({"accuracy": 0.4} if how == "gate" else None)


def test_after_a_kill_the_next_studio_does_the_job(tmp_path: Path) -> None:
    with queue_in_a_process(tmp_path) as studio:
        job = jobs_of(tmp_path).add("waits", {"name": "job"}, "job")
        eventually(lambda: ran(tmp_path) == ["job"])
        studio.kill()
        studio.wait()
        with jobs_of(tmp_path) as jobs:
            eventually(lambda: ran(tmp_path) == ["job", "job"])
            assert (tmp_path / "interrupted-job").exists(), "the job outlived its studio"
            eventually(lambda: _gone(helpers(tmp_path)[0]))
            (tmp_path / "go").touch()
            assert comes_to(jobs, job, "done").notes == ("job waits",)


def test_a_studio_that_ends_leaves_its_running_job_for_the_next(tmp_path: Path) -> None:
    with jobs_of(tmp_path) as jobs:
        job = jobs.add("waits", {"name": "job"}, "job")
        eventually(lambda: ran(tmp_path) == ["job"])
    assert get(jobs, job).state == "queued"
    assert (tmp_path / "interrupted-job").exists()
    (tmp_path / "go").touch()
    with jobs_of(tmp_path) as again:
        comes_to(again, job, "done")


def test_a_job_for_a_board_is_not_done_unasked_hours_later(tmp_path: Path) -> None:
    old, new = (jobs_of(tmp_path).add("travels", {"name": name}, name) for name in ("old", "new"))
    path = tmp_path / ".studio" / "jobs" / old.id / "job.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "created": old.created - 3 * 3600}))
    (tmp_path / "go").touch()
    with jobs_of(tmp_path) as jobs:
        error = comes_to(jobs, old, "failed").error
        assert error is not None
        assert error.remedy == "ask for it again"
        comes_to(jobs, new, "done")
    assert ran(tmp_path) == ["new"]


def test_two_studios_run_each_job_once(tmp_path: Path) -> None:
    (tmp_path / "go").touch()
    with queue_in_a_process(tmp_path), jobs_of(tmp_path) as jobs:
        added = [jobs.add("waits", {"name": f"job{number}"}, "") for number in range(6)]
        for job in added:
            comes_to(jobs, job, "done")
    assert ran(tmp_path) == [f"job{number}" for number in range(6)]


def test_a_full_disk_fails_the_job_and_no_other(tmp_path: Path) -> None:
    with jobs_of(tmp_path) as jobs:
        first = jobs.add("waits", {"name": "first"}, "first")
        eventually(lambda: get(jobs, first).notes == ("first waits",))
        eventually(lambda: _is_full(tmp_path / ".studio" / "jobs" / first.id / ".progress.json"))
        failed = comes_to(jobs, first, "failed")
        assert failed.error is not None
        assert failed.error.what.endswith("no space left on device")
        assert "free some space" in failed.error.remedy
        (tmp_path / "go").touch()
        comes_to(jobs, jobs.add("waits", {"name": "second"}, "second"), "done")


def test_a_damaged_job_is_skipped_with_a_note(tmp_path: Path) -> None:
    waiting = jobs_of(tmp_path)
    good, bad, worse = (waiting.add("waits", {"name": name}, name) for name in ("good", "bad", "worse"))
    jobs = tmp_path / ".studio" / "jobs"
    (jobs / bad.id / "job.json").write_text('{"kind": 3')
    values = json.loads((jobs / worse.id / "job.json").read_text())
    (jobs / worse.id / "job.json").write_text(json.dumps({**values, "state": "resting"}))
    (tmp_path / "go").touch()
    notes: list[str] = []
    with jobs_of(tmp_path, notes.append) as again:
        comes_to(again, good, "done")
        assert [job.id for job in again.all()] == [good.id]
    assert [bad.id in note or worse.id in note for note in notes] == [True, True]


def test_arguments_are_checked_before_a_job_is_queued(tmp_path: Path) -> None:
    jobs = jobs_of(tmp_path)
    with pytest.raises(GraftError, match="there is no name"):
        jobs.add("waits", {}, "job")
    with pytest.raises(GraftError, match="there is no task 'os'"):
        jobs.add("os", {}, "job")
    assert jobs.all() == ()


def test_the_oldest_of_many_jobs_are_forgotten(tmp_path: Path) -> None:
    jobs = jobs_of(tmp_path)
    newest = jobs.add("waits", {"name": "job"}, "newest")
    jobs.cancel(newest.id)
    folder = tmp_path / ".studio" / "jobs"
    for age in range(1, 203):
        shutil.copytree(folder / newest.id, folder / f"{int(newest.id) - age:013d}")
    waiting = jobs.add("waits", {"name": "job"}, "waiting")
    kept = [waiting.id, *(f"{int(newest.id) - age:013d}" for age in range(200))]
    assert [job.id for job in jobs.all()] == kept
    assert sorted(path.name for path in folder.iterdir()) == kept[::-1]
