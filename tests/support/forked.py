"""Runs the command lines in forks of a process that has imported them: each in its own process, without the imports.

``make test-unit`` does so; every other run of the tests starts real processes. Run as a program, this is the process
that forks: it reads a request in JSON per line and answers with the exit status.
"""

from __future__ import annotations

import atexit
import json
import os
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

MODULES = ("graft_device.cli", "graft_host.cli")
_COMMON = (
    "numpy", "PIL.Image", "scipy.optimize", "h5py", "flatbuffers", "imagehash", "ai_edge_litert.interpreter",
    "ai_edge_litert.schema_py_generated", "graft_device.classifier", "graft_host.photos.dataset",
)  # fmt: skip
"""Imports that most commands make; none of them starts a thread, which would not live on in a fork."""


def wanted(options: dict[str, Any]) -> bool:
    """Whether a command may run in a fork: only where nothing about its process is special, its Python least of all."""
    is_plain = options.keys() <= {"cwd", "env"} and _python(options.get("env") or os.environ) == _AT_START
    return "GRAFT_TESTS_FORK" in os.environ and is_plain


def _python(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables that Python reads when it starts; the process that forks has done so already."""
    return {name: value for name, value in environment.items() if name.startswith("PYTHON")}


_AT_START = _python(os.environ)


def run(module: str, args: list[str], timeout: float, options: dict[str, Any]) -> subprocess.CompletedProcess[str]:
    """Runs a command line in a fork; the result is that of ``subprocess.run``, with the output as text."""
    server = _server()
    assert server.stdin is not None
    assert server.stdout is not None
    with tempfile.TemporaryDirectory(prefix="graft-test-") as folder:
        request = {
            "module": module, "args": args, "folder": folder, "timeout": timeout,
            "cwd": os.fspath(options.get("cwd") or Path.cwd()), "env": dict(options.get("env") or os.environ),
        }  # fmt: skip
        server.stdin.write(json.dumps(request) + "\n")
        server.stdin.flush()
        status = int(server.stdout.readline())
        output, errors = ((Path(folder) / name).read_text("utf-8") for name in ("stdout", "stderr"))
    return subprocess.CompletedProcess([module, *args], status, output, errors)


@cache
def _server() -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.support.forked"]
    server = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]
    )
    atexit.register(_end, server)
    return server


def _end(server: subprocess.Popen[str]) -> None:
    server.communicate()  # its input ends, and so does it


def _serve() -> None:
    for name in (*MODULES, *_COMMON):
        import_module(name)
    for line in sys.stdin:
        process = os.fork()
        if process == 0:
            _act(json.loads(line))
        sys.stdout.write(f"{os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])}\n")
        sys.stdout.flush()


def _act(request: dict[str, Any]) -> None:
    """Becomes the command and ends with its exit status; past its time, by SIGALRM."""
    import signal

    signal.alarm(int(request["timeout"]))
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    for number, name in ((1, "stdout"), (2, "stderr")):
        file = os.open(Path(request["folder"]) / name, os.O_WRONLY | os.O_CREAT, 0o600)
        os.dup2(file, number)
        os.close(file)
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(request["env"])
    sys.path[0] = request["cwd"]
    sys.argv = [request["module"], *request["args"]]
    status = 1
    try:
        sys.modules[request["module"]].main()
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:  # noqa: BLE001  nothing may get out of the fork
        traceback.print_exc()
    finally:
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


if __name__ == "__main__":
    _serve()
