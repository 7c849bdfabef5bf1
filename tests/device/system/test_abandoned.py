from __future__ import annotations

import subprocess
import sys
import textwrap

import pytest

from tests.support.running import PATIENCE_S

PROGRAM = """
import atexit, sys, threading
from graft_device.system.abandoned import Abandonable, leave

hangs = sys.argv[1] == "hangs"
thread = Abandonable(threading.Event().wait if hangs else bool, "reads a camera")
thread.start()
if not hangs:
    thread.join()
atexit.register(lambda: sys.stderr.write("torn down"))
sys.stdout.write("the last line")
try:
    sys.exit(eval(sys.argv[2]))
except SystemExit as end:
    leave(end.code)
    raise
"""


@pytest.mark.parametrize(("status", "code"), [("0", 0), ("None", 0), ("3", 3)])
@pytest.mark.parametrize("thread", ["hangs", "has ended"])
def test_nothing_is_torn_down_under_a_thread_that_hangs(thread: str, status: str, code: int) -> None:
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(PROGRAM), thread, status],
        capture_output=True, text=True, timeout=PATIENCE_S, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (code, "the last line")
    assert done.stderr == ("" if thread == "hangs" else "torn down")
