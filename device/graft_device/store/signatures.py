"""Checks with ``ssh-keygen`` that a model has an OpenSSH signature of someone whom this board trusts.

``graft sign`` writes such signatures, and so does ``ssh-keygen -Y sign -n graftkit -f KEY MODEL``.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from graft_device.errors import GraftError, os_reason
from graft_device.model.archive import ArchiveError, opened_archive
from graft_device.store.exit_codes import SignatureError
from graft_device.store.slots import Store, is_time
from graft_device.system.plain import open_plain
from graft_device.system.strict_json import parse_json

NAMESPACE = "graftkit"
SIGNERS_NAME = "allowed_signers"
SYSTEM_SIGNERS = Path("/etc/graftkit") / SIGNERS_NAME
SIGNED_NAME = "signed.json"
SIGNED_FORMAT = 1
_MOST_SIGNED_BYTES = 4096

_SECONDS = 120
_REASONS = {
    "namespace does not match": (f"its signature is not for {NAMESPACE}", "sign it with 'graft sign'"),
    "incorrect signature": ("it was altered after it was signed, or the signature belongs to another file", ""),
    "not yet valid": ("the signer's key is not valid yet", "check the board's clock"),
    "expired": ("the signer's key has expired", ""),
    "namespace": (f'the signer may not sign models (namespaces="{NAMESPACE}" is missing in the list of signers)', ""),
}
"""Texts of ssh-keygen, which has one exit status for all errors; what each means, and what to do."""


def signature_file(model: Path) -> Path:
    """Where the signature of a model is: in the file of the same name with ``.sig`` added."""
    return model.with_name(f"{model.name}.sig")


def demanded_by(store: Store, chosen: Path | None = None) -> Path | None:
    """The list of allowed signers to use; None where this board requires no signatures.

    Args:
        store: the store, whose list is used before the system's.
        chosen: a list to use instead of both.

    Raises:
        SignatureError: the list cannot be read.
    """
    places = (chosen,) if chosen is not None else (store.root / SIGNERS_NAME, SYSTEM_SIGNERS)
    for path in places:
        try:
            with open_plain(path):
                return path.absolute()
        except (FileNotFoundError, NotADirectoryError) as error:
            if chosen is not None or os.path.lexists(path):
                raise SignatureError(f"cannot read the allowed signers {path}: {os_reason(error)}") from error
        except OSError as error:
            raise SignatureError(f"cannot read the allowed signers {path}: {os_reason(error)}") from error
    return None


def verify(model: Path, signature: Path, signers: Path, name: str) -> str:
    """Checks the signature of a file.

    Args:
        model: the file.
        signature: the signature file, as ``ssh-keygen -Y sign`` writes it.
        signers: the list of allowed signers, in the format of ssh-keygen(1), ALLOWED SIGNERS.
        name: the model's name in messages.

    Returns:
        The signer's name in the list of signers.

    Raises:
        SignatureError: the signature is not valid.
    """
    done = _ssh_keygen("find-principals", "-s", signature, "-f", signers)
    principals = [name for name in done.stdout.replace("\n", ",").split(",") if name and not name.startswith("!")]
    if done.returncode or not principals:
        if "parse signature" in done.stderr or "armor" in done.stderr:
            what = f"{name} is refused: its signature is damaged, or is not a signature"
            raise SignatureError(what, "sign it with 'graft sign'")
        raise SignatureError(
            f"{name} is refused: it is signed by a key that is not in {signers}, or is not valid there at this time",
            "check the key, the list and the board's clock",
        )
    reason = ""
    for principal in principals:
        with open_plain(model) as data:
            done = _ssh_keygen(
                "verify", "-f", signers, "-I", principal, "-n", NAMESPACE, "-s", signature, stdin=data.fileno()
            )
        if done.returncode == 0:
            return principal
        reason = reason or done.stderr
    what, remedy = _explained(reason)
    raise SignatureError(f"{name} is refused: {what}", remedy)


def signed_at(model: Path) -> str | None:
    """The time of signing in a model, UTC; None where it holds none.

    Raises:
        GraftError: the time cannot be read.
    """
    try:
        with opened_archive(model) as archive:
            if SIGNED_NAME not in archive:
                return None
            raw = parse_json(archive.read(SIGNED_NAME, _MOST_SIGNED_BYTES).decode("utf-8"))
        time = raw["time"] if raw["format"] == SIGNED_FORMAT else None
    except KeyError:
        return None
    except (OSError, ValueError, TypeError, ArchiveError) as error:
        raise GraftError(f"the time of signing in {model} cannot be read ({error})", "sign it again") from error
    if not is_time(time):
        what = f"the time of signing in {model} cannot be read ({time!r})"
        raise GraftError(what, "update graftkit, or sign it again")
    return str(time)


def _ssh_keygen(action: str, *args: object, stdin: int = subprocess.DEVNULL) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            ["ssh-keygen", "-Y", action, *map(str, args)],  # noqa: S607  the board's own
            stdin=stdin, capture_output=True, text=True, errors="replace", timeout=_SECONDS, check=False,
            env={**os.environ, "LC_ALL": "C"},
        )  # fmt: skip
    except FileNotFoundError as error:
        raise SignatureError(
            "this board requires signatures, and ssh-keygen is not installed to check them",
            "run: sudo apt install openssh-client",
        ) from error
    except (OSError, subprocess.SubprocessError) as error:
        raise SignatureError(f"ssh-keygen cannot be run to check the signature: {error}") from error


def _explained(stderr: str) -> tuple[str, str]:
    """What is wrong, and what to do about it."""
    for text, explanation in _REASONS.items():
        if text in stderr:
            return explanation
    lines = [line for line in stderr.splitlines() if line.strip()]
    return lines[0] if lines else "its signature is not valid", ""
