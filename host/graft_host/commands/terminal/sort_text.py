"""What ``graft sort`` prints for a person who sorts without its page."""

from __future__ import annotations

from graft_device.text import printable
from graft_host.commands.terminal.console import argument, table
from graft_host.sorting.applying import BACK, Applied
from graft_host.sorting.options import SortOptions
from graft_host.sorting.places import BIN
from graft_host.sorting.state import Group, Left
from graft_host.sorting.suggestions import Suggested

_PLACES = {BIN: "to the bin", BACK: "back to the inbox"}
_MOST_LEFT = 5
_LONGEST = 40  # characters of a file name


def suggested_text(result: Suggested, options: SortOptions) -> str:
    """A table of the groups, and what to do next."""
    pictures = sum(len(group.pictures) for group in result.groups)
    if not pictures:
        return "\n".join([f"no pictures in {printable(options.inbox)}", *_left_lines(result.skipped)])
    folders = f"{argument(options.inbox)} {argument(options.photos)}"
    return "\n".join(
        [
            table(["group", "pictures", "scores", "such as"], [_row(group) for group in result.groups]),
            "",
            *_left_lines(result.skipped),
            f"{_count(pictures)} in {_count(len(result.groups), 'group')}",
            f"list       {printable(result.file)}",
            "",
            "Next: check the labels in the list, change or clear those that are wrong, and move the pictures:",
            f"  graft sort {folders} --apply {argument(result.file)}",
        ]
    )


def applied_text(result: Applied) -> str:
    """The number of pictures by where they were put, and those that were left."""
    lines = [
        f"{_count(count)} {_PLACES.get(label, f'to {printable(label)}')}"
        for label, count in result.moved.items()
        if count
    ]
    return "\n".join([*(lines or ["nothing was moved"]), *_left_lines(result.left)])


def _row(group: Group) -> list[str]:
    scores = [picture.score for picture in group.pictures if picture.score is not None]
    first = printable(group.pictures[0].name)
    return [
        printable(group.title),
        f"{len(group.pictures):,}",
        f"{_share(max(scores))} to {_share(min(scores))}" if scores else "",
        first if len(first) <= _LONGEST else f"…{first[1 - _LONGEST :]}",
    ]


def _share(score: float) -> str:
    """A probability in percent; rounded down, since none is certain."""
    return f"{int(score * 100)}%"


def _left_lines(left: tuple[Left, ...]) -> list[str]:
    lines = [f"left       {printable(one.name)}: {printable(one.reason)}" for one in left[:_MOST_LEFT]]
    more = len(left) - _MOST_LEFT
    return [*lines, f"           and {more:,} more"] if more > 0 else lines


def _count(count: int, what: str = "picture") -> str:
    return f"1 {what}" if count == 1 else f"{count:,} {what}s"
