from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from graft_device.errors import ExportError, WeightsError
from graft_host.support.outside.isolated import JobError, call_quietly
from tests.support.host_data import run_python
from tests.support.running import eventually

# A job that does what the request asks for; `-m` finds it through PYTHONPATH.
_JOB = """
import os, signal, sys, time
from pathlib import Path
from graft_device.errors import WeightsError
from graft_host.support.outside.isolated import serve

def job(request, progress):
    print("noise on standard output")
    print("noise on standard error", file=sys.stderr)
    os.write(1, b"native noise\\n")
    os.write(2, b"native noise\\n")
    what = request["what"]
    for done in range(request.get("steps", 0)):
        progress(done + 1, request["steps"])
        print("more noise")
    if what == "fail":
        raise ValueError("this went wrong")
    if what == "system":
        try:
            open(request["path"])
        except FileNotFoundError as error:
            raise RuntimeError("in other words") from error
    if what == "weights":
        raise WeightsError(request["message"])
    if what == "kill":
        print("W0000 some warning or other", file=sys.stderr, flush=True)
        os.kill(os.getpid(), getattr(signal, request["signal"]))
    if what == "write":
        Path(request["path"]).write_text(request["text"])
    if what == "chatter":
        os.write(2, b"x" * 3_000_000)
        os.write(1, (b"y" * 99 + b"\\n") * 30_000)
    if what == "sleep":
        Path(request["path"]).write_text(str(os.getpid()))
        progress(1, 2)
        time.sleep(600)

if __name__ == "__main__":
    serve(job)
"""


@pytest.fixture
def job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    modules = tmp_path / "modules"
    modules.mkdir()
    (modules / "graft_test_job.py").write_text(_JOB)
    monkeypatch.setenv(
        "PYTHONPATH", os.pathsep.join([str(modules), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
    )
    monkeypatch.delenv("PYTHONUNBUFFERED", raising=False)  # progress must arrive at once without it
    return "graft_test_job"


def test_the_job_receives_the_request_and_is_waited_for(tmp_path: Path, job: str) -> None:
    text = 'ねじ "quoted" two\nlines'
    call_quietly(job, {"what": "write", "path": str(tmp_path / "out"), "text": text})
    assert (tmp_path / "out").read_text() == text


def test_progress_arrives_in_order_between_other_output(job: str) -> None:
    counts: list[tuple[int, int]] = []
    call_quietly(job, {"what": "nothing", "steps": 5}, lambda done, total: counts.append((done, total)))
    assert counts == [(1, 5), (2, 5), (3, 5), (4, 5), (5, 5)]
    call_quietly(job, {"what": "nothing", "steps": 5})


def test_the_output_of_the_job_is_hidden(job: str, capfd: pytest.CaptureFixture[str]) -> None:
    call_quietly(job, {"what": "chatter", "steps": 1})
    with pytest.raises(ExportError):
        call_quietly(job, {"what": "fail"})
    assert capfd.readouterr() == ("", "")


def test_a_job_that_fails_gives_its_last_line(job: str) -> None:
    with pytest.raises(ExportError) as caught:
        call_quietly(job, {"what": "fail"})
    assert str(caught.value) == "ValueError: this went wrong"


def test_the_code_of_a_system_error_arrives_whatever_the_words(tmp_path: Path, job: str) -> None:
    with pytest.raises(JobError, match="in other words") as caught:
        call_quietly(job, {"what": "system", "path": str(tmp_path / "none")})
    assert caught.value.errno == errno.ENOENT
    with pytest.raises(JobError, match="this went wrong") as caught:
        call_quietly(job, {"what": "fail"})
    assert caught.value.errno is None


def test_an_error_for_the_user_is_not_changed(job: str) -> None:
    with pytest.raises(WeightsError) as caught:
        call_quietly(job, {"what": "weights", "message": "w.h5 is no\nweights file: ねじ"})
    assert str(caught.value) == "w.h5 is no\nweights file: ねじ"


@pytest.mark.parametrize("name", ["SIGKILL", "SIGSEGV"])
def test_a_killed_job_is_not_explained_by_an_earlier_warning(job: str, name: str) -> None:
    with pytest.raises(ExportError, match=name) as caught:
        call_quietly(job, {"what": "kill", "signal": name})
    assert "W0000" not in str(caught.value)
    assert ("memory" in str(caught.value)) == (name == "SIGKILL")


def test_a_job_that_ends_silently_is_an_error_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "graft_mute_job.py").write_text("raise SystemExit(5)")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(ExportError, match="graft_mute_job ended with status 5"):
        call_quietly("graft_mute_job", {})


def test_a_job_that_does_not_exist_is_an_error_even_if_the_request_is_large() -> None:
    with pytest.raises(ExportError, match="No module named"):
        call_quietly("graft_no_such_job", {"much": "x" * 1_000_000})


def test_files_in_the_working_folder_have_no_influence(
    tmp_path: Path, job: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = tmp_path / "here"
    here.mkdir()
    for name in ("json", "queue", "random", "runpy", "numpy", "tensorflow", "graft_host"):
        (here / f"{name}.py").write_text("raise RuntimeError('the wrong one')")
    monkeypatch.chdir(here)
    call_quietly(job, {"what": "write", "path": "out", "text": "x"})
    assert (here / "out").read_text() == "x"


def test_an_error_in_progress_ends_the_job(tmp_path: Path, job: str) -> None:
    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        call_quietly(job, {"what": "sleep", "path": str(tmp_path / "pid")}, stop)
    _ends(int((tmp_path / "pid").read_text()))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_job_ends_with_its_run(tmp_path: Path, job: str, number: signal.Signals) -> None:
    code = """
import sys
from graft_host.support.outside.isolated import call_quietly
call_quietly("graft_test_job", {"what": "sleep", "path": sys.argv[1]}, lambda done, total: print("started", flush=True))
"""
    command = [sys.executable, "-c", code, str(tmp_path / "pid")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as run:
        assert run.stdout is not None
        assert run.stdout.readline() == "started\n"
        pid = int((tmp_path / "pid").read_text())
        assert _alive(pid)
        run.send_signal(number)  # to the run alone, not to its job as a terminal would
        run.communicate(timeout=30)
    assert run.returncode == -number
    _ends(pid)


# A job that is still being imported when its run ends.
_SLOW_JOB = """
import os, select, time
from pathlib import Path
from graft_host.support.outside.isolated import serve

def job(request, progress):
    Path(request["path"]).touch()

if __name__ == "__main__":
    folder = Path(os.environ["GRAFT_TEST_FOLDER"])
    select.select([0], [], [])  # the request has come
    (folder / "part").write_text(str(os.getpid()))
    (folder / "part").rename(folder / "pid")
    while not (folder / "go").exists():
        time.sleep(0.01)
    serve(job)
"""


@pytest.mark.usefixtures("job")
def test_a_job_that_begins_after_the_end_of_its_run_does_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "modules" / "graft_slow_job.py").write_text(_SLOW_JOB)
    monkeypatch.setenv("GRAFT_TEST_FOLDER", str(tmp_path))
    code = """
import sys
from graft_host.support.outside.isolated import call_quietly
call_quietly("graft_slow_job", {"path": sys.argv[1]})
"""
    with subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "out")]) as run:
        eventually((tmp_path / "pid").exists)
        run.kill()
    (tmp_path / "go").touch()
    _ends(int((tmp_path / "pid").read_text()))
    assert not (tmp_path / "out").exists()


def _ends(pid: int) -> None:
    """Waits until the process has ended."""
    eventually(lambda: not _alive(pid), f"process {pid} goes on")


def _alive(pid: int) -> bool:
    """Whether the process exists and is not only waiting to be reaped."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):  # the file may go while it is read
        return False


def test_importing_it_does_not_import_tensorflow() -> None:
    code = """
import sys
import graft_host.training.pipeline
print([name for name in ("tensorflow", "keras", "h5py") if name in sys.modules])
"""
    done = run_python(code)
    assert done.stdout == "[]\n", done.stderr
