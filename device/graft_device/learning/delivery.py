"""Writes a learned model: signed if a key was given, tested as ``install`` would test it, and then put in its place."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from graft_device.errors import ExportError, GraftError, os_reason
from graft_device.learning.request import Request, check_output, exists_already
from graft_device.store.selftest import demand, run_selftest
from graft_device.store.signatures import signature_file, verify
from graft_device.store.signing import signature_of, signing_time, stamped
from graft_device.system.durable import atomic_path, rename_to_free, sync


def deliver(request: Request, data: bytes, signers: Path | None, folder: Path) -> Path | None:
    """Writes a model and its signature; the model is put in its place before the signature.

    Args:
        request: with the output and the key.
        data: the model.
        signers: the list of signers that this board requires; None for none.
        folder: an empty one on the file system of the output, for this process alone.

    Returns:
        The signature; None without a key.

    Raises:
        SelfTestError: the model fails its self-test here.
        SignatureError: the key is not in the list of signers.
        ExportError: a file cannot be written, or the key cannot sign.
    """
    output, signature, staged = request.output.resolve(), signature_file(request.output), folder / "finished.tflite"
    if request.key is not None:
        data = stamped(data, signing_time())
    try:
        staged.write_bytes(data)
        sync(staged)
        try:
            demand(run_selftest(staged, request.runtime), str(request.output))
        except GraftError as error:
            raise error.renamed(staged, request.output) from error
        if request.key is None:
            _put(staged, output, request)
            with contextlib.suppress(FileNotFoundError):  # of the file that was replaced, or of none
                os.unlink(signature)  # noqa: PTH108
            return None
        armored = signature_of(data, request.key)
        with atomic_path(signature) as temporary:  # written before the model is replaced: the disk may be full
            temporary.write_bytes(armored)
            if signers is not None:  # so that a key that this board does not trust is found now
                verify(staged, temporary, signers, str(request.output))
            _put(staged, output, request)
    except OSError as error:
        raise ExportError(f"cannot write {request.output}: {os_reason(error)}") from error
    return signature


def _put(staged: Path, output: Path, request: Request) -> None:
    """Moves the finished model to its place; without ``--overwrite`` never over a file that appeared meanwhile."""
    try:
        moved = not request.overwrite and rename_to_free(staged, output)
    except FileExistsError as error:
        raise exists_already(request) from error
    if not moved:
        check_output(request)
        os.replace(staged, output)  # noqa: PTH105  the tests stop the process before it
    with contextlib.suppress(OSError):  # the new file is in place: no reason to report a failure
        sync(output.parent)
