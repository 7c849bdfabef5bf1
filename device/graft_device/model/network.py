"""Checks that the network of a model file is the one that was tested when the file was made."""

from __future__ import annotations

import hashlib
from pathlib import Path

from graft_device.errors import ModelError, os_reason
from graft_device.model.reader import ModelFile, read_model
from graft_device.system.plain import open_plain

_CHUNK = 1 << 20


class DamagedError(ModelError):
    """The network of a file is not the one that its checksum belongs to."""


def check_network(model: ModelFile) -> None:
    """Compares the network of a file with its checksum. A file without a checksum passes; see ``without_checksum``.

    An interpreter trusts its file: a single flipped bit can crash the process, or give wrong answers without a word.

    Raises:
        DamagedError: the network is another one.
        ModelError: the file cannot be read.
    """
    golden = model.golden
    if golden is None:
        return
    same_size = golden.network_bytes == model.network_bytes
    try:
        same = same_size and _sha256(model.path, golden.network_bytes) == golden.network_sha256
    except OSError as error:
        raise ModelError(f"cannot read model {model.path}: {os_reason(error)}") from error
    if not same:
        raise DamagedError(f"{model.path} is damaged: its network is not the original one", "copy it again")


def read_checked(path: str | Path) -> ModelFile:
    """Reads a model with ``read_model``, and its network with ``check_network``."""
    model = read_model(path)
    check_network(model)
    return model


def without_checksum(model: ModelFile, name: Path | None = None) -> str | None:
    """A line about a file whose network cannot be checked; None for the others.

    Args:
        model: the file.
        name: the path in the line; the model's where None.
    """
    if model.golden is not None:
        return None
    return f"{name or model.path} has no checksum of its network, so damage may go unnoticed; train it again to add one"


def _sha256(path: Path, size: int) -> str | None:
    """The SHA-256 of the first bytes of a file; None if it is shorter."""
    sha256, left = hashlib.sha256(), size
    with open_plain(path) as file:
        while left > 0 and (chunk := file.read(min(_CHUNK, left))):
            sha256.update(chunk)
            left -= len(chunk)
    return None if left else sha256.hexdigest()
