"""Runs on the board with the kit's Python: switches back to the model that was current before a deployment.

Unlike ``graft-device rollback`` this needs no self-test and no signature: a failed deployment must leave the board with
what ran a minute ago. Arguments: STORE ID. Prints one line of JSON, ``{"name": …}``; reports an error as a ``Failure``.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from graft_device.errors import GraftError
from graft_device.failure import Failure
from graft_device.store.exit_codes import writing
from graft_device.store.slots import Store
from graft_device.store.switching import locked, switch

_WAIT_S = 60


def take_back(store: Store, slot_id: str) -> str:
    """Makes a slot the current one; returns the model's name.

    Raises:
        GraftError: there is no such slot, or the store cannot be written.
    """
    with locked(store, _WAIT_S):
        wanted, current = store.find(slot_id), store.current_id()
        if wanted != current:
            with writing(store.root):
                switch(store, wanted, current)
        return store.slot(wanted).name


def main() -> None:
    """Runs as ``python - STORE ID`` with this text on standard input."""
    try:
        answer = json.dumps({"name": take_back(Store(Path(sys.argv[1])), sys.argv[2])})
    except GraftError as error:
        sys.stderr.write(f"{Failure.of(error).line()}\n")
        sys.exit(error.exit_status)
    sys.stdout.write(f"{answer}\n")


if __name__ == "__main__":
    main()
