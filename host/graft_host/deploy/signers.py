"""Checks a list of allowed signers before it is put on boards, where a wrong one would refuse every model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from graft_device.errors import GraftError, os_reason
from graft_device.store.authenticity import check_signature
from graft_device.store.signatures import signature_file
from graft_device.system.plain import read_plain
from graft_host.deploy.errors import DeployError

if TYPE_CHECKING:
    from pathlib import Path

NAME = "allowed_signers"
"""The list's file name in a store."""


def check_signers(model: Path, signers: Path) -> None:
    """Raises DeployError unless a model is signed by someone in the list.

    Args:
        model: the model; its signature is in the file of the same name with ``.sig`` added.
        signers: the list, in the format of ssh-keygen(1), ALLOWED SIGNERS.
    """
    try:
        read_plain(signers)
    except OSError as error:
        raise DeployError(f"cannot read the allowed signers {signers}: {os_reason(error)}", exit_status=2) from error
    try:
        check_signature(model, signature_file(model), signers, model.name)
    except GraftError as error:
        raise DeployError(error.what, error.remedy, exit_status=error.exit_status) from error
