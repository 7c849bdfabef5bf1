"""Runs on the board, with the kit's Python: makes a model the current one again that was it before a deployment.

Unlike ``graft-device rollback`` this asks for no self-test and no signature: what ran a minute ago is what a failed
deployment has to leave. Arguments: STORE ID. One line of JSON on standard output: ``{"name": …}``.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from graft_device.errors import GraftError
from graft_device.store.exit_codes import writing
from graft_device.store.slots import Store
from graft_device.store.switching import locked, switch

_WAIT_S = 60


def take_back(store: Store, slot_id: str) -> str:
    """Makes a slot the current one; returns its name.

    Raises:
        GraftError: it is not there, or the store can't be written.
    """
    with locked(store, _WAIT_S):
        wanted, current = store.find(slot_id), store.current_id()
        if wanted != current:
            with writing(store.root):
                switch(store, wanted, current)
        return store.slot(wanted).name


def main() -> None:
    """``python - STORE ID`` with this text on standard input."""
    try:
        answer = json.dumps({"name": take_back(Store(Path(sys.argv[1])), sys.argv[2])})
    except GraftError as error:
        sys.stderr.write(f"error: {error}\n")
        sys.exit(error.exit_status)
    sys.stdout.write(f"{answer}\n")


if __name__ == "__main__":
    main()
