"""Signs a model with an SSH key through ``ssh-keygen``; see ``signatures`` for how a board checks it."""

from __future__ import annotations

import json
import os
import subprocess
import time
from io import BytesIO
from pathlib import Path

from graft_device.errors import ExportError, GraftError, os_reason
from graft_device.model.archive import Archive, ArchiveError
from graft_device.model.packing import pack_zip
from graft_device.store.signatures import NAMESPACE, SIGNED_FORMAT, SIGNED_NAME
from graft_device.store.slots import utc

_MOST_ENTRY_BYTES = 1 << 24
"""Bytes of a file in the zip, as the largest card may have."""


def stamped(artifact: bytes, moment: str) -> bytes:
    """Adds the time of signing to an artifact's zip, or replaces an earlier one; the network is not changed."""
    try:
        archive = Archive(BytesIO(artifact))
        network = artifact[: archive.network_bytes]
        files = {name: archive.read(name, _MOST_ENTRY_BYTES) for name in archive.names() if name != SIGNED_NAME}
    except (ValueError, ArchiveError) as error:
        raise ExportError(f"the zip in the model cannot be read ({error})", "train the model again") from error
    text = json.dumps({"format": SIGNED_FORMAT, "time": moment}) + "\n"
    return network + pack_zip({**files, SIGNED_NAME: text.encode()})


def signature_of(data: bytes, key: Path) -> bytes:
    """The armored signature of some bytes.

    Args:
        data: what is signed.
        key: the private key, or a public key whose private key the SSH agent holds.

    Raises:
        ExportError: the key cannot sign, or there is no ssh-keygen.
    """
    if not key.is_file():
        raise ExportError(f"the key {key} does not exist", f"create it: ssh-keygen -t ed25519 -f {key}")
    command = ["ssh-keygen", "-Y", "sign", "-q", "-n", NAMESPACE, "-f", str(key)]
    try:
        done = subprocess.run(command, input=data, capture_output=True, check=False, env={**os.environ, "LC_ALL": "C"})
    except OSError as error:
        reason = f"ssh-keygen cannot be run ({os_reason(error)})"
        raise ExportError(reason, "install it: sudo apt install openssh-client") from error
    if done.returncode:
        lines = [line for line in done.stderr.decode(errors="replace").splitlines() if line.strip()]
        raise ExportError(
            f"{key} cannot sign: {lines[-1] if lines else f'ssh-keygen exited with status {done.returncode}'}"
        )
    return done.stdout


def signing_time() -> str:
    """The current time, or that of ``$SOURCE_DATE_EPOCH`` for reproducible builds."""
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    try:
        return utc(time.time() if epoch is None else int(epoch))
    except (ValueError, OverflowError, OSError) as error:
        raise GraftError(f"SOURCE_DATE_EPOCH is {epoch!r}", "set it to seconds since 1970, or unset it") from error
