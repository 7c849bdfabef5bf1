"""A weights file that has not changed is not read again."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from graft_device.errors import WeightsError
from graft_host.backbones.family import WeightsSource
from graft_host.backbones.inception_v3.family import FAMILY
from graft_host.backbones.weights.find import check_tap, find_weights
from graft_host.backbones.weights.kept_weights import kept_weights
from graft_host.support.kept import file_stamp
from tests.support.host_data import random_layers, write_h5


@pytest.fixture(autouse=True)
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every file counts as settled, so that no test has to wait."""
    monkeypatch.setattr(file_stamp, "_SETTLED", 0)


class Finder:
    """Finds weights as a run does, and counts how often."""

    def __init__(self, spec: str, cache: Path) -> None:
        self.spec, self.cache, self.count = spec, cache, 0

    def __call__(self, tap: str = "mixed0") -> WeightsSource:
        def find() -> WeightsSource:
            self.count += 1
            weights = find_weights(self.spec)
            check_tap(weights, tap)
            return weights

        return kept_weights(self.spec, tap, FAMILY, self.cache, find)


def test_an_unchanged_file_is_read_once(tmp_path: Path) -> None:
    path = write_h5(tmp_path / "w.h5", random_layers(12))
    find = Finder(str(path), tmp_path / "cache")
    assert find() == find() == find_weights(str(path))
    assert find.count == 1


def test_a_file_that_changed_is_read_again(tmp_path: Path) -> None:
    path = write_h5(tmp_path / "w.h5", random_layers(12))
    find = Finder(str(path), tmp_path / "cache")
    first, before = find(), path.stat()
    time.sleep(0.02)  # a step of the clock that stamps files
    write_h5(path, random_layers(12, seed=1))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert path.stat().st_size == before.st_size
    assert find().fingerprint != first.fingerprint
    assert find() == find_weights(str(path))
    assert find.count == 2


def test_a_tap_that_is_out_of_reach_is_refused_each_time(tmp_path: Path) -> None:
    path = write_h5(tmp_path / "w.h5", random_layers(12))
    find = Finder(str(path), tmp_path / "cache")
    find("mixed0")
    for _ in range(2):
        with pytest.raises(WeightsError, match="ends at mixed0, before mixed1"):
            find("mixed1")


def test_a_file_that_changes_while_it_is_read_is_not_kept(tmp_path: Path) -> None:
    path, cache = write_h5(tmp_path / "w.h5", random_layers(12)), tmp_path / "cache"

    def find() -> WeightsSource:
        weights = find_weights(str(path))
        time.sleep(0.02)
        write_h5(path, random_layers(12, seed=1))
        return weights

    first = kept_weights(str(path), "mixed0", FAMILY, cache, find)
    assert Finder(str(path), cache)().fingerprint != first.fingerprint


def test_random_weights_have_no_file(tmp_path: Path) -> None:
    find = Finder("random", tmp_path)
    assert find() == find() == find_weights("random")
    assert find.count == 2


def test_a_missing_file_is_reported(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="no such weights file"):
        Finder(str(tmp_path / "none.h5"), tmp_path)()


PROGRAM = """
import json, sys
from pathlib import Path
from graft_host.backbones.inception_v3.family import FAMILY
from graft_host.backbones.weights.kept_weights import kept_weights
from graft_host.backbones.weights.find import find_weights
from graft_host.support.kept import file_stamp

file_stamp._SETTLED = 0
kept_weights(sys.argv[1], "mixed0", FAMILY, Path(sys.argv[2]), lambda: find_weights(sys.argv[1]))
print(json.dumps(sorted(sys.modules)))
"""


def test_weights_that_are_known_need_no_library_to_read_them(tmp_path: Path) -> None:
    path = write_h5(tmp_path / "w.h5", random_layers(12))
    command = [sys.executable, "-c", PROGRAM, str(path), str(tmp_path / "cache")]
    first, second = (
        set(json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)) for _ in range(2)
    )
    assert "h5py" in first
    assert not {"h5py", "ssl", "http.client", "tensorflow", "scipy"} & second
