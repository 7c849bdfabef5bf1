"""Fixtures that several test files share; slow ones are created once per session."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, settings

if "PYTEST_XDIST_WORKER" in os.environ:  # as many workers as cores: linear algebra on more threads waits for itself
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    os.environ.setdefault("OMP_NUM_THREADS", "1")

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # a shell starts what runs in the background so
    signal.signal(signal.SIGINT, signal.default_int_handler)

from tests.support import forked
from tests.support.arm.kept import once
from tests.support.needs import needs_service

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.remote.park import Park

# The same examples in every run, however long each takes on a busy machine: a failure is due to a change. Inputs that
# differ from commit to commit are what `make fuzz` is for.
settings.register_profile(
    "repeatable", derandomize=True, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("repeatable")

SHARED = Path(__file__).resolve().parents[2] / "shared"


@dataclass(frozen=True)
class Trained:
    """The result of a ``graft train --json``: its files and its output."""

    model: Path
    report: dict[str, Any]
    cache: Path
    photos: Path


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks the tests that need a service, and puts the slow ones last, so that errors show early."""
    for item in items:
        if isinstance(item, pytest.Function) and needs_service(item):
            item.add_marker("service")
    items.sort(key=lambda item: item.get_closest_marker("slow") is not None)


@pytest.fixture(scope="session")
def weights_file() -> Path:
    """Real ImageNet weights up to mixed8."""
    path = SHARED / "weights" / "inception_v3_2015_mixed8_notop.h5"
    if not path.is_file():
        pytest.skip(f"real weights are not at {path}")
    return path


@pytest.fixture(scope="session")
def cats_and_dogs() -> Path:
    """500 real photos in two classes."""
    path = SHARED / "datasets" / "cats_and_dogs"
    if not path.is_dir():
        pytest.skip(f"real photos are not at {path}")
    return path


@pytest.fixture(scope="session")
def shared_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One cache for the end-to-end tests, so that each backbone is converted once."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="session")
def pets(
    weights_file: Path, cats_and_dogs: Path, shared_cache: Path, tmp_path_factory: pytest.TempPathFactory
) -> Trained:
    """The main example: cats and dogs on real weights, mixed7 at 299.

    It is trained once per run, by the first worker that needs it. Each worker has its own copy of the cache, so that
    what the tests of another worker convert changes nothing here.
    """

    def train(folder: Path) -> None:
        options = ["--weights", str(weights_file), "--tap", "mixed7", "--image-size", "299"]
        done = graft_json("train", cats_and_dogs, "-o", folder / "pets.tflite", *options, "--cache", folder / "cache")
        (folder / "report.json").write_text(json.dumps(done))

    folder = once(_run_folder(tmp_path_factory) / "pets", train)
    shutil.copytree(folder / "cache", shared_cache, dirs_exist_ok=True)
    report = json.loads((folder / "report.json").read_bytes())
    return Trained(folder / "pets.tflite", report, shared_cache, cats_and_dogs)


def _run_folder(factory: pytest.TempPathFactory) -> Path:
    """The temporary folder that all workers of a run share."""
    own = factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


@pytest.fixture(scope="session")
def bound_by_permissions() -> list[str]:
    """The prefix of a command that makes it respect file permissions even when root runs it."""
    if os.geteuid() != 0:
        return []
    kept = "-dac_override,-dac_read_search"
    prefix = ["setpriv", f"--bounding-set={kept}", f"--inh-caps={kept}"]
    if shutil.which("setpriv") is None or subprocess.run([*prefix, "true"], check=False).returncode:
        pytest.skip("root's rights cannot be given up here (no setpriv)")
    return prefix


@pytest.fixture
def in_memory() -> Iterator[Path]:
    """A temporary folder, in memory where the system offers that: waiting for a disk would take most of the time."""
    memory = Path("/dev/shm")  # noqa: S108  the folder in it gets a name of its own
    fits = memory.is_dir() and os.access(memory, os.W_OK)
    with tempfile.TemporaryDirectory(dir=memory if fits else None) as folder:
        yield Path(folder)


@pytest.fixture(scope="module")
def park(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Park]:
    """Boards on the loopback to deploy to."""
    from tests.support.remote.park import opened

    with opened(tmp_path_factory) as park:
        yield park


def graft(*args: object, timeout: float = 600, **options: Any) -> subprocess.CompletedProcess[str]:
    """Runs ``graft`` as a person does."""
    return _run("graft_host.cli", args, timeout, options)


def graft_device(*args: object, timeout: float = 120, **options: Any) -> subprocess.CompletedProcess[str]:
    """Runs ``graft-device`` as a person does."""
    return _run("graft_device.cli", args, timeout, options)


def graft_json(*args: object) -> Any:
    """The output of ``graft … --json``, which must be one JSON object and nothing else."""
    done = graft(*args, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def error_line(done: subprocess.CompletedProcess[str], status: int = 1) -> str:
    """The error line of a command; fails unless it is the only line and the exit status is right."""
    assert done.returncode == status, (done.returncode, done.stderr)
    assert "Traceback" not in done.stderr
    lines = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert len(lines) == 1, done.stderr
    assert done.stderr.rstrip().splitlines()[-1] == lines[0], done.stderr
    return lines[0]


def _run(
    module: str, args: tuple[object, ...], timeout: float, options: dict[str, Any]
) -> subprocess.CompletedProcess[str]:
    if forked.wanted(options):
        return forked.run(module, list(map(_text, args)), timeout, options)
    command = [*options.pop("prefix", []), sys.executable, "-m", module, *map(_text, args)]
    return subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False, **options)


def _text(arg: object) -> str:
    return os.fspath(arg) if isinstance(arg, (str, os.PathLike)) else str(arg)
