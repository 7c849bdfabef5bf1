"""A model in a process of its own, which is started again when it has ended."""

from __future__ import annotations

import contextlib
import os
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

from graft_device.errors import ModelError, PhotoError
from graft_device.model import ModelFile
from graft_device.preprocess.budget import memory_to_use
from graft_device.system.child import child_error, command
from graft_device.trial.copies import Copy, copied
from graft_device.trial.limits import limits_for
from graft_device.trial.trial import TIMEOUT_S, try_copy
from graft_host.studio.project.errors import StudioError
from graft_host.studio.trials.exchange import packed, read_message

_CPU_SECONDS = 10_000_000
"""Of processor time: the process may be used for days."""

_OPENED = 2
"""How often the network is opened: for its scores, and for its bottlenecks."""


class ModelProcess:
    """A model in a child process. Several threads may use it; each request waits for those before it.

    Attributes:
        path: the model's file. What runs is a copy of what it held when it was opened first.
    """

    def __init__(self, path: Path) -> None:
        """Describes the process; the first request starts it."""
        self.path = path
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._errors: IO[bytes] | None = None
        self._description: dict[str, Any] = {}
        self._tried: tuple[Copy, ModelFile] | None = None
        self._held = contextlib.ExitStack()
        self._closed = False

    def description(self) -> dict[str, Any]:
        """Labels, card, runtime, network and length of the bottleneck, as the process gives them.

        Raises:
            ModelError: the file is no model, or not one that can be used.
        """
        with self._lock:
            self._running()
            return self._description

    def ask(self, way: str, body: bytes) -> tuple[dict[str, Any], bytes]:
        """Sends a request and waits for the reply. A process that has ended is started again, once.

        Args:
            way: ``classify``, ``pixels`` or ``bottleneck`` with the bytes of an image file, or ``logits`` with the
                pixels of one or more inputs.
            body: those bytes.

        Raises:
            PhotoError: the photo cannot be read.
            ModelError: the model cannot be used.
            StudioError: this request ended the process.
        """
        with self._lock, contextlib.suppress(EOFError, OSError):
            return self._asked(way, body)
        with self._lock:
            try:
                return self._asked(way, body)
            except (EOFError, OSError) as error:
                raise StudioError(
                    f"the process that runs {self.path.name} ends with this picture", "use another picture or model"
                ) from error

    def close(self) -> None:
        """Ends the process and forgets the copy; from now on, requests are refused."""
        with self._lock:
            self._closed = True
            self._end()
            self._held.close()
            self._tried = None

    @property
    def pid(self) -> int | None:
        """The number of the process; None while there is none."""
        return None if self._process is None else self._process.pid

    def _asked(self, way: str, body: bytes) -> tuple[dict[str, Any], bytes]:
        process = self._running()
        try:
            with _watched(process):
                assert process.stdin is not None  # noqa: S101  both are pipes
                assert process.stdout is not None  # noqa: S101
                process.stdin.write(packed({"do": way}, body))
                process.stdin.flush()
                header, data = read_message(process.stdout)
        except BaseException:  # what the process would answer is of no use to the next request
            self._end()
            raise
        if "error" in header:
            raise (PhotoError if header.get("photo") else ModelError)(*header["error"])
        return header, data

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is not None and self._process.poll() is None:
            return self._process
        self._end()
        if self._closed:
            raise StudioError(f"{self.path.name} was closed, or another file took its place", "try again")
        copy, model = self._copy()
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115  closed with the process
        self._process = process = _started(copy, model, self._errors)
        try:
            with _watched(process):
                assert process.stdout is not None  # noqa: S101  it is a pipe
                description, _ = read_message(process.stdout)
        except (EOFError, OSError) as error:
            raise self._failure() from error
        except BaseException:
            self._end()
            raise
        self._description = {**description, "model": str(self.path)}
        return process

    def _copy(self) -> tuple[Copy, ModelFile]:
        """A copy that was tried; a file that could do harm is never opened without a limit of time."""
        if self._tried is None:
            with contextlib.ExitStack() as held:
                copy = held.enter_context(copied(self.path))
                self._tried = copy, try_copy(copy, self.path, "auto")
                self._held = held.pop_all()
        return self._tried

    def _failure(self) -> ModelError:
        """Why the process did not start."""
        assert self._process is not None  # noqa: S101  it was started
        assert self._errors is not None  # noqa: S101
        self._process.kill()
        status = self._process.wait()
        self._errors.seek(0)
        reason = child_error(status, self._errors.read().decode(errors="replace"))
        self._end()
        return ModelError(f"{self.path.name} cannot be opened: {reason.what}", reason.remedy)

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    with contextlib.suppress(OSError):
                        pipe.close()
        if self._errors is not None:
            self._errors.close()
            self._errors = None


def _started(copy: Copy, model: ModelFile, errors: IO[bytes]) -> subprocess.Popen[bytes]:
    limits = limits_for(model, TIMEOUT_S)
    limits = replace(limits, memory=_OPENED * limits.memory + memory_to_use(), seconds=_CPU_SECONDS)
    try:
        return subprocess.Popen(
            command("graft_host.studio.trials.worker", limits.text(), str(copy.path)),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, pass_fds=copy.handles,
            env={**os.environ, "MALLOC_ARENA_MAX": "2"}, start_new_session=True,
        )  # fmt: skip
    except OSError as error:
        raise StudioError(f"cannot start another Python process ({error})", "close other programs") from error


@contextlib.contextmanager
def _watched(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """Ends a process that takes too long, so that reading its reply ends too."""
    clock = threading.Timer(TIMEOUT_S, process.kill)
    clock.daemon = True
    clock.start()
    try:
        yield
    finally:
        clock.cancel()
