"""``graft-device models``."""

# No `from __future__ import annotations` here: on Python 3.9 Typer would not see what Annotated holds.

import json

import typer

from graft_device import console
from graft_device.commands.options import JsonOption
from graft_device.commands.store_options import StoreOption, open_store
from graft_device.text import printable


def models(store: StoreOption = None, as_json: JsonOption = False) -> None:
    """List the installed models.

    They are the current model, the previous one, which rollback restores, and older ones that are kept.
    """
    from graft_device.store.signatures import demanded_by

    models_store = open_store(store)
    current, previous = models_store.current_id(), models_store.previous_id()
    states = {previous: "previous", current: "current"}
    slots = [(slot, states.get(slot.id, "kept")) for slot in models_store.slots()]
    since = None if current is None else models_store.since()
    if as_json:
        signers = demanded_by(models_store)
        listing = {
            "store": str(models_store.root),
            "current": current,
            "previous": previous,
            "since": since,
            "signatures": None if signers is None else str(signers),
            "slots": [{**slot.to_json(), "state": state} for slot, state in slots],
        }
        typer.echo(json.dumps(listing))
        return
    for slot, state in slots:
        when = f"since {since}" if state == "current" else f"installed {slot.installed or 'at an unknown time'}"
        signer = f"  signed by {slot.signer}" if slot.signer else ""
        line = f"{state:<8}  {slot.id}  {slot.bytes / 1e6:>6.1f} MB  {when}  {slot.name}{signer}"
        typer.echo(printable(line))
    if not slots:
        console.say(f"no model is installed in {printable(models_store.root)}; install one: graft-device install FILE")
