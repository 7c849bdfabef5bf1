"""``graft-device selftest``."""

# No `from __future__ import annotations` here: on Python 3.9 Typer would not see what Annotated holds.

import json
from pathlib import Path
from typing import Annotated, Optional

import typer

from graft_device.commands.options import JsonOption, RuntimeChoice, RuntimeOption, in_store, note_checksum
from graft_device.commands.store_options import StoreOption, describe_selftest, note_user, open_store
from graft_device.text import printable


def selftest(
    model: Annotated[
        Optional[Path],
        typer.Argument(metavar="[MODEL]", help="A .tflite file.  [default: the store's current model]"),
    ] = None,
    store: StoreOption = None,
    runtime: RuntimeOption = RuntimeChoice.AUTO,
    as_json: JsonOption = False,
) -> None:
    """Check that a model answers here as it did on the workstation.

    The exit status is 3 if it does not.
    """
    from graft_device.errors import GraftError
    from graft_device.model import read_model
    from graft_device.store.exit_codes import ExitCode
    from graft_device.store.selftest import demand, run_selftest

    path = in_store(model or open_store(store).root)
    if model is None and not path.is_file():
        raise GraftError(f"no model is installed in {path}", "install one: graft-device install FILE")
    report = run_selftest(path, runtime.value, open_store(store).root if model is None else None)
    note_checksum(read_model(path))
    note_user(report)
    if as_json:
        typer.echo(json.dumps(report.to_json()))
        if not report.passed:
            raise typer.Exit(int(ExitCode.SELFTEST))
        return
    for photo in report.photos:
        verdict = "as expected" if photo["passed"] else f"{photo['expected']} was expected"
        line = f"{photo['name']}: {photo['found']}, {verdict}, scores differ by at most {photo['difference']:.4f}"
        typer.echo(printable(line))
    demand(report, str(path))
    typer.echo(printable(f"{path}: {describe_selftest(report)}"))
