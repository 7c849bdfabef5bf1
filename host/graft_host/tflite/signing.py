"""Signs a model with an SSH key through ``ssh-keygen``; boards check it against their list of allowed signers."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from graft_device.errors import ExportError, GraftError, os_reason
from graft_device.model import read_checked
from graft_device.store.signatures import signature_file, signed_at
from graft_device.store.signing import signature_of, signing_time, stamped
from graft_device.store.slots import utc
from graft_device.system.clock import TOLERANCE_S, current_time
from graft_device.system.durable import atomic_path, write_atomically
from graft_device.system.plain import read_plain


@dataclass(frozen=True, kw_only=True)
class Signed:
    """A signed model.

    Attributes:
        model: the signed file.
        signature: the file with the signature, next to the model.
        sha256: of the model file, in hex.
        bytes: size of the model file.
        time: time of signing, in UTC.
        doubts: why boards may refuse the model because of its time of signing, a line each.
    """

    model: Path
    signature: Path
    sha256: str
    bytes: int
    time: str
    doubts: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The fields as ``graft sign --json`` prints them."""
        names = ("model", "signature", "sha256", "bytes", "time")
        return {name: str(value) if isinstance(value := getattr(self, name), Path) else value for name in names}


def sign(model: Path, key: Path, output: Path | None = None, *, overwrite: bool = False) -> Signed:
    """Writes the time of signing into a model, and signs the whole file.

    The time allows a board to refuse an old model that somebody sends again. The bytes of the network, the labels and
    the card are not changed.

    Args:
        model: a ``.tflite`` file that ``graft train`` wrote; replaced unless ``output`` is given.
        key: the private key, or a public key whose private key the SSH agent holds.
        output: where the signed model is written; None to replace ``model``.
        overwrite: whether ``output`` may be replaced.

    Raises:
        ModelError: the file was not written by graftkit.
        ExportError: the file cannot be signed or written.
    """
    read_checked(model)
    target = output or model
    if output is not None and output.exists() and not overwrite:
        raise ExportError(f"{output} exists", "give another name with -o, or --overwrite")
    moment = signing_time()
    doubts = tuple(_doubts(model, moment))
    data = stamped(read_plain(model), moment)
    signature = signature_file(target)
    armored = signature_of(data, key)
    try:
        with atomic_path(signature) as temporary:  # written before the model is replaced: the disk may be full
            temporary.write_bytes(armored)
            write_atomically(target.resolve(), data)
    except OSError as error:
        raise ExportError(f"cannot write {target} and its signature: {os_reason(error)}") from error
    return Signed(
        model=target, signature=signature, sha256=hashlib.sha256(data).hexdigest(), bytes=len(data), time=moment,
        doubts=doubts,
    )  # fmt: skip


def _doubts(model: Path, moment: str) -> Iterator[str]:
    """Why the time of signing may be wrong; yields nothing if there is no reason to think so."""
    before, now = _signed_before(model), current_time()
    if before is not None and before > moment:
        yield f"{model.name} was signed {before} before, and now {moment}: check this machine's clock"
    if now is None:
        yield f"this machine's clock is not set: it shows {utc(time.time())}"
    elif moment > utc(now + TOLERANCE_S):
        yield f"{moment} is in the future, so boards refuse the model until then"
    elif "SOURCE_DATE_EPOCH" not in os.environ and model.stat().st_mtime > now + TOLERANCE_S:
        written = utc(model.stat().st_mtime)
        yield f"{model.name} was written {written}, and it is {moment} now: check this machine's clock"


def _signed_before(model: Path) -> str | None:
    try:
        return signed_at(model)
    except GraftError:  # its time cannot be read; it gets a new one now
        return None
