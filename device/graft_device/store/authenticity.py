"""Checks who signed a model and that it is not older than the newest one, for boards that require signatures."""

from __future__ import annotations

import time
from pathlib import Path

from graft_device.errors import GraftError
from graft_device.store.exit_codes import DowngradeError, SignatureError
from graft_device.store.incoming import ModelSource
from graft_device.store.signatures import verify
from graft_device.store.slots import Store, is_time, utc
from graft_device.system.clock import TOLERANCE_S, current_time
from graft_device.system.plain import read_plain

_TIME_BYTES = 4096


def check_age(source: ModelSource, signed: str | None, store: Store) -> None:
    """Checks that a model is neither older than the newest one nor from the future.

    Args:
        source: the model, for messages.
        signed: when the model was signed, UTC; None if it contains no time.
        store: the store to install it in.

    Raises:
        SignatureError: the model was signed later than now, by a clock that is set.
        DowngradeError: the model was signed before the newest one.
    """
    if signed is not None and is_ahead(signed, store):
        raise SignatureError(
            f"{source.shown} was signed {signed}, and here it is {utc(time.time())}",
            "correct the clock that is wrong, and sign the model again if that was the signer's; or use "
            "--allow-downgrade",
        )
    latest = newest(store)
    if latest is None or (signed or "") >= latest:
        return
    age = "has no signing time" if signed is None else f"was signed {signed}"
    what = f"{source.shown} {age}, and a model signed {latest} was installed before"
    if is_ahead(latest, store):
        raise DowngradeError(f"{what}, by a clock that was ahead", "use --allow-downgrade once, which resets that time")
    raise DowngradeError(what, "sign it again with 'graft sign', or use --allow-downgrade")


def is_ahead(moment: str, store: Store) -> bool:
    """Whether a time is later than now, by more than clocks differ; False if this board's clock is not set."""
    now = current_time((store.root, store.slots_folder))
    return now is not None and moment > utc(now + TOLERANCE_S)


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
