"""``graft-device events``."""

# No `from __future__ import annotations` here: on Python 3.9 Typer would not see what Annotated holds.

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer

from graft_device import console
from graft_device.commands.options import JsonOption, finite
from graft_device.config.sinks import KINDS
from graft_device.text import printable

if TYPE_CHECKING:
    from graft_device.history.kept import Kept
    from graft_device.history.queries import EventQuery

_PAGE = 200
_TIME = "Time such as 2026-01-31T12:00, or how long ago, such as 90m, 12h or 7d."

_Folder = Annotated[Path, typer.Argument(metavar="DIR", help="The folder of 'run --keep-events'.", readable=False)]
_Label = Annotated[Optional[str], typer.Option(help="Only events with this label, or unknown.")]
_Source = Annotated[Optional[str], typer.Option(help="Only events of this source.")]
_Region = Annotated[Optional[str], typer.Option(help="Only events of this region.")]
_Kind = Annotated[Optional[str], typer.Option(metavar="KIND", help=f"Only one of {', '.join(KINDS)}.")]
_MinScore = Annotated[
    Optional[float],
    typer.Option(min=0, max=1, callback=finite, metavar="SCORE", help="Only events with at least this best score."),
]
_Since = Annotated[Optional[str], typer.Option(metavar="TIME", help=f"Only events from then on. {_TIME}")]
_Until = Annotated[Optional[str], typer.Option(metavar="TIME", help="Only events until then.")]
_Limit = Annotated[int, typer.Option(min=1, help="List at most so many events.")]
_Picture = Annotated[
    Optional[str], typer.Option(metavar="ID", help="Write the picture of this event to FILE, and list nothing.")
]
_Output = Annotated[Optional[Path], typer.Option("-o", "--output", metavar="FILE", help="The JPEG file to write.")]


def events(
    folder: _Folder,
    label: _Label = None,
    source: _Source = None,
    region: _Region = None,
    kind: _Kind = None,
    min_score: _MinScore = None,
    since: _Since = None,
    until: _Until = None,
    limit: _Limit = 20,
    picture: _Picture = None,
    output: _Output = None,
    as_json: JsonOption = False,
) -> None:
    """List the events that a run keeps, the newest first.

    It works while the run goes on, whose newest events follow within 10 seconds. With --json, each line is an event as
    'run' prints it, with "picture" and, where a person said what it was, "corrected".
    """
    if kind is not None and kind not in KINDS:
        raise typer.BadParameter(f"{kind!r} is none of {', '.join(KINDS)}", param_hint="--kind")
    if (picture is None) != (output is None):
        raise typer.BadParameter("give both --picture ID and -o FILE", param_hint="--picture")

    from graft_device.history.kept import Kept
    from graft_device.history.queries import EventQuery, HistoryError, moment

    kept = Kept(folder)
    if not kept.exists:
        raise HistoryError(f"no events are kept in {folder}", "name the folder that a run got as --keep-events")
    if picture is not None and output is not None:
        _write(kept, picture, output)
        return
    earliest, latest = (None if text is None else moment(text) for text in (since, until))
    query = EventQuery(limit, None, label, source, region, kind, min_score, earliest, latest)
    count = 0
    for event in _found(kept, query):
        typer.echo(json.dumps(event) if as_json else printable(_line(event)))
        count += 1
    if not (count or as_json):
        console.say("no such event is kept")


def _found(kept: "Kept", query: "EventQuery") -> Iterator[Mapping[str, Any]]:
    """The events that a query wants, however many these are."""
    left, before = query.limit, query.before
    while left:
        page = kept.page(replace(query, limit=min(left, _PAGE), before=before))
        yield from page.events
        left, before = left - len(page.events), page.next
        if before is None:
            return


def _line(event: Mapping[str, Any]) -> str:
    """An event for people, with its id if it has a picture."""
    place = " ".join(filter(None, (event["source"], event.get("region"))))
    answer = f"{event['label']} {event['score']:.0%}"
    if "corrected" in event:
        answer += f" (was {event['corrected']})"
    lasted = f" after {event['duration']:.0f} s" if "duration" in event else ""
    picture = f"  {event['id']}" if event["picture"] else ""
    return f"{event['time']}  {event['kind'] + lasted:<6}  {answer:<16}  {place}{picture}"


def _write(kept: "Kept", event_id: str, output: Path) -> None:
    """Writes the picture of an event."""
    from graft_device.history.queries import HistoryError
    from graft_device.system.durable import write_atomically

    event = kept.event(event_id)
    if event is None:
        raise HistoryError(f"no event {event_id} is kept", "the end of each line of 'graft-device events' is an id")
    data = kept.picture(event_id)
    if data is None:
        raise HistoryError(f"no picture of the event {event_id} is kept")
    write_atomically(output, data)
