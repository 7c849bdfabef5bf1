"""Whether a model is signed by someone whom this board trusts: OpenSSH's signatures, checked by ``ssh-keygen``.

What ``graft sign`` writes, or ``ssh-keygen -Y sign -n graftkit -f KEY MODEL``.
"""

from __future__ import annotations

import json
import os
import subprocess
import zipfile
import zlib
from pathlib import Path

from graft_device.errors import GraftError, os_reason
from graft_device.store.exit_codes import SignatureError
from graft_device.store.slots import Store, is_time

NAMESPACE = "graftkit"
SIGNERS_NAME = "allowed_signers"
SYSTEM_SIGNERS = Path("/etc/graftkit") / SIGNERS_NAME
SIGNED_NAME = "signed.json"
SIGNED_FORMAT = 1

_SECONDS = 120
_DISTRUST = {
    "namespace does not match": f"it was made for something else than {NAMESPACE}: sign with 'graft sign'",
    "incorrect signature": "the file was altered after it was signed, or the signature is another file's",
    "not yet valid": "the signer's key is not valid yet: look at the board's clock",
    "expired": "the signer's key is no longer valid",
    "namespace": f'the signer may not sign models (namespaces="{NAMESPACE}" is missing in the list of signers)',
}


def demanded_by(store: Store, chosen: Path | None = None) -> Path | None:
    """The list of allowed signers in force; None where this board wants no signatures.

    Args:
        store: its own list comes before the system's.
        chosen: comes before both.

    Raises:
        SignatureError: there is one, but it cannot be read.
    """
    places = (chosen,) if chosen is not None else (store.root / SIGNERS_NAME, SYSTEM_SIGNERS)
    for path in places:
        try:
            with path.open("rb"):
                return path.absolute()
        except (FileNotFoundError, NotADirectoryError) as error:
            if chosen is not None or os.path.lexists(path):
                raise SignatureError(f"cannot read the allowed signers {path}: {os_reason(error)}") from error
        except OSError as error:
            raise SignatureError(f"cannot read the allowed signers {path}: {os_reason(error)}") from error
    return None


def verify(model: Path, signature: Path, signers: Path, name: str) -> str:
    """Checks a signature over a file's bytes.

    Args:
        model: the file.
        signature: as ``ssh-keygen -Y sign`` writes it.
        signers: in the format that ssh-keygen(1) describes under ALLOWED SIGNERS.
        name: of the model, for messages.

    Returns:
        Who signed, as the list of signers calls them.

    Raises:
        SignatureError: it does not hold.
    """
    found = _ssh_keygen("find-principals", "-s", signature, "-f", signers)
    principals = [each for each in found.stdout.replace("\n", ",").split(",") if each and not each.startswith("!")]
    if found.returncode or not principals:
        if "parse signature" in found.stderr or "armor" in found.stderr:
            raise SignatureError(f"{name} is refused: its signature is damaged, or is none; sign it with 'graft sign'")
        raise SignatureError(
            f"{name} is refused: it is signed by a key that is not in {signers}, or is not valid there at this time: "
            "look at both, and at the board's clock"
        )
    reason = ""
    for principal in principals:
        with model.open("rb") as data:
            done = _ssh_keygen(
                "verify", "-f", signers, "-I", principal, "-n", NAMESPACE, "-s", signature, stdin=data.fileno()
            )
        if done.returncode == 0:
            return principal
        reason = reason or done.stderr
    raise SignatureError(f"{name} is refused: {_in_words(reason)}")


def signed_at(model: Path) -> str | None:
    """The time of signing inside a model, UTC; None where it holds none.

    Raises:
        GraftError: what is there is no time.
    """
    try:
        with zipfile.ZipFile(model) as archive:
            raw = json.loads(archive.read(SIGNED_NAME))
        time = raw["time"] if raw["format"] == SIGNED_FORMAT else None
    except KeyError:
        return None
    except (OSError, ValueError, TypeError, RuntimeError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise GraftError(f"{model} does not tell when it was signed ({error}): sign it again") from error
    if not is_time(time):
        raise GraftError(f"{model} does not tell when it was signed ({time!r}): update graftkit, or sign it again")
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
            "signatures are demanded, and ssh-keygen is not installed to check them: sudo apt install openssh-client"
        ) from error
    except (OSError, subprocess.SubprocessError) as error:
        raise SignatureError(f"ssh-keygen cannot be run to check the signature: {error}") from error


def _in_words(stderr: str) -> str:
    for words, meaning in _DISTRUST.items():
        if words in stderr:
            return meaning
    lines = [line for line in stderr.splitlines() if line.strip()]
    return lines[0] if lines else "its signature does not hold"
