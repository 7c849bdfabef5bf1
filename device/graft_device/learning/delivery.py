"""Writes a learned model: signed if a key was given, tested as ``install`` would test it, and then put in its place."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from graft_device.errors import ExportError, GraftError, os_reason
from graft_device.learning.request import Request
from graft_device.store.selftest import demand, run_selftest
from graft_device.store.signatures import verify
from graft_device.store.signing import signature_of, signing_time, stamped
from graft_device.system.durable import atomic_path, write_atomically


def deliver(request: Request, data: bytes, signers: Path | None) -> Path | None:
    """Writes a model and its signature.

    Args:
        request: with the output and the key.
        data: the model.
        signers: the list of signers that this board requires; None for none.

    Returns:
        The signature; None without a key.

    Raises:
        SelfTestError: the model fails its self-test here.
        SignatureError: the key is not in the list of signers.
        ExportError: a file cannot be written, or the key cannot sign.
    """
    output = request.output.resolve()
    signature = request.output.with_name(f"{request.output.name}.sig")
    if request.key is not None:
        data = stamped(data, signing_time())
    try:
        with atomic_path(output) as temporary:
            temporary.write_bytes(data)
            try:
                demand(run_selftest(temporary, request.runtime), str(request.output))
                armored = None if request.key is None else signature_of(data, request.key)
                if armored is not None:
                    _check(temporary, armored, signers, request)
            except GraftError as error:
                raise error.renamed(temporary, request.output) from error
            with contextlib.suppress(FileNotFoundError):  # of the file that is replaced, or of none
                os.unlink(signature)  # noqa: PTH108
        if armored is not None:
            write_atomically(signature, armored)
    except OSError as error:
        raise ExportError(f"cannot write {request.output}: {os_reason(error)}") from error
    return None if request.key is None else signature


def _check(model: Path, armored: bytes, signers: Path | None, request: Request) -> None:
    """Lets this board check the signature, so that a key it does not trust is found now."""
    if signers is None:
        return
    signature = model.with_name(f"{model.name}.sig")
    try:
        write_atomically(signature, armored)
        verify(model, signature, signers, str(request.output))
    finally:
        with contextlib.suppress(OSError):
            signature.unlink()
