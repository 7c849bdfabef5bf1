"""Heads of several folds are trained at the same time, each on one thread."""

from __future__ import annotations

import json
import os
import subprocess
import sys

from graft_host.heads.map_folds import map_folds

WORK = """
import json
import sys

import numpy as np
from threadpoolctl import threadpool_info

from graft_host.heads.head import fit_softmax, photo_weights
from graft_host.heads.map_folds import map_folds

assert not any(name.startswith("scipy") for name in sys.modules)


def work(seed):
    draw = np.random.default_rng(seed)
    labels = np.arange(20) % 2
    values = draw.normal(size=(20, 8)).astype(np.float32) + labels[:, np.newaxis]
    fit_softmax(values, labels, photo_weights(labels, 2, balanced=False), 2, (1.0,))
    return {library["filepath"]: library["num_threads"] for library in threadpool_info()}


print(json.dumps(map_folds(work, range(3), 2)))
"""

AHEAD = """
import sys
import threading

from threadpoolctl import threadpool_limits

from graft_host.heads.softmax_regression import load_ahead

load_ahead()
while threading.active_count() > 1:
    with threadpool_limits(1):
        pass
assert "scipy.optimize" in sys.modules
"""


def test_results_are_in_the_order_of_the_folds() -> None:
    assert map_folds(lambda number: number * 2, range(7), 3) == [0, 2, 4, 6, 8, 10, 12]


def test_each_library_of_linear_algebra_has_one_thread_also_the_one_that_the_first_head_loads() -> None:
    chosen = {name: value for name, value in os.environ.items() if not name.endswith("_NUM_THREADS")}
    command = [sys.executable, "-c", WORK]
    done = subprocess.run(command, env=chosen, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    for libraries in json.loads(done.stdout):
        assert any("numpy" in path for path in libraries)
        assert any("scipy" in path for path in libraries)
        assert set(libraries.values()) == {1}


def test_threads_can_be_limited_while_scipy_is_loaded_ahead() -> None:
    """Before threadpoolctl 3.7, with glibc before 2.40, both waited for each other for ever."""
    command = [sys.executable, "-c", AHEAD]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
