"""Checks who signed a model and that it is not older than the newest one, for boards that require signatures."""

from __future__ import annotations

from pathlib import Path

from graft_device.errors import GraftError
from graft_device.store.exit_codes import DowngradeError, SignatureError
from graft_device.store.incoming import ModelSource
from graft_device.store.signatures import verify
from graft_device.store.slots import Store, is_time
from graft_device.system.plain import read_plain

_TIME_BYTES = 4096


def check_age(source: ModelSource, signed: str | None, latest: str | None) -> None:
    """Raises DowngradeError for a model that was signed before the newest one."""
    if latest is None or (signed or "") >= latest:
        return
    age = "has no signing time" if signed is None else f"was signed {signed}"
    raise DowngradeError(
        f"{source.text} {age}, and a model signed {latest} was installed before",
        "sign it again with 'graft sign', or use --allow-downgrade",
    )


def check_signature(model: Path, signature: Path, signers: Path, name: str) -> str:
    """Returns who signed a model; raises SignatureError unless it was an allowed signer."""
    if not signature.is_file():
        what = f"{name} is refused: it is not signed, and {signers} requires signatures"
        raise SignatureError(what, "sign it with 'graft sign'")
    return verify(model, signature, signers, name)


def newest(store: Store) -> str | None:
    """The time of signing of the newest signed model that was ever installed here; None before the first."""
    try:
        text = read_plain(store.newest, _TIME_BYTES).decode("ascii").strip()
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        what = f"cannot read {store.newest}, which holds the time of the newest model"
        raise GraftError(what, "correct or remove it") from error
    if not is_time(text):
        raise GraftError(f"{store.newest} does not hold the time of the newest model", "correct or remove it")
    return text
