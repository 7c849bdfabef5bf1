"""Signs the body of a webhook, with the time in the signature, so that a receiver can refuse old ones."""

from __future__ import annotations

import hashlib
import hmac
import os
from pathlib import Path

from graft_device.actions.action_error import ActionError
from graft_device.errors import os_reason
from graft_device.system.plain import read_plain

SECRET_VARIABLE = "GRAFT_WEBHOOK_SECRET"  # noqa: S105  the name, not a secret
HEADER = "X-Graft-Signature"

_MOST = 4096


def read_secret(path: Path | None) -> bytes | None:
    """The secret: of a file, or else of ``$GRAFT_WEBHOOK_SECRET``; None if neither is given.

    Spaces and line ends around it are no part of it.

    Raises:
        ActionError: the file cannot be read or is empty.
    """
    if path is None:
        return os.environ.get(SECRET_VARIABLE, "").strip().encode("utf-8", "surrogateescape") or None
    try:
        secret = read_plain(path, _MOST).strip()
    except (OSError, ValueError) as error:
        reason = os_reason(error) if isinstance(error, OSError) else str(error)
        raise ActionError(f"cannot read the secret in {path}: {reason}", "name another secret-file") from error
    if not secret:
        raise ActionError(f"the secret in {path} is empty", f"run: openssl rand -hex 32 > {path}")
    return secret


def signature(secret: bytes, seconds: int, body: bytes) -> str:
    """The value of ``X-Graft-Signature``: ``t=UNIX,v1=HEX``.

    ``HEX`` is the HMAC-SHA256 (RFC 2104) of the time, a full stop, and the body as it is sent, in hexadecimal digits.

    Args:
        secret: known to both sides.
        seconds: the time, since 1970.
        body: of the request.
    """
    digest = hmac.new(secret, b"%d." % seconds + body, hashlib.sha256).hexdigest()
    return f"t={seconds},v1={digest}"
