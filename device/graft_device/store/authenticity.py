"""What a board that demands signatures asks of a model: who signed it, and whether it is not an older one."""

from __future__ import annotations

from pathlib import Path

from graft_device.errors import GraftError
from graft_device.store.exit_codes import DowngradeError, SignatureError
from graft_device.store.incoming import Source
from graft_device.store.signatures import verify
from graft_device.store.slots import Store, is_time


def check_age(source: Source, signed: str | None, latest: str | None) -> None:
    """Raises DowngradeError for a model that was signed before the newest one was."""
    if latest is None or (signed or "") >= latest:
        return
    age = "does not tell when it was signed" if signed is None else f"was signed {signed}"
    raise DowngradeError(
        f"{source.text} {age}, and a model signed {latest} was installed before: sign it anew with 'graft sign', or "
        "give --allow-downgrade"
    )


def check_signature(model: Path, signature: Path, signers: Path, name: str) -> str:
    """Who signed a model; raises SignatureError where nobody that may did."""
    if not signature.is_file():
        raise SignatureError(f"{name} is refused: it is not signed, and {signers} demands that; sign it: graft sign")
    return verify(model, signature, signers, name)


def newest(store: Store) -> str | None:
    """The time inside the newest signed model that was ever installed here; None before the first."""
    try:
        text = store.newest.read_text("ascii").strip()
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise GraftError(f"cannot read {store.newest}, which tells of the newest model: mend or remove it") from error
    if not is_time(text):
        raise GraftError(f"{store.newest} does not hold the time of the newest model: mend or remove it")
    return text
