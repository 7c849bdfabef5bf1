"""Checks that the folders of a run do not contain each other."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from graft_host.support.destination import resolved
from graft_host.support.option import OptionError


def check_places(target: Path, sources: Sequence[Path], match: Path | None = None) -> None:
    """Raises OptionError if a source is the target, in it, or around it, if two sources are so, or ``match`` is in one.

    Args:
        target: the folder of the target.
        sources: the folders of the sources.
        match: the folder of photos to match; None if there is none. It may be the target or a source itself.
    """
    for index, source in enumerate(sources):
        if resolved(source) == resolved(target):
            raise OptionError(
                f"{source} is the target itself", "give a folder of photos from elsewhere", option="--source"
            )
        for earlier in sources[:index]:
            if resolved(source) == resolved(earlier):
                raise OptionError(f"{source} is {earlier}", "give each folder once", option="--source")
            _refuse_inside(source, earlier, "--source")
            _refuse_inside(earlier, source, "--source")
        _refuse_inside(source, target, "--source")
        _refuse_inside(target, source, "--source")
    for folder in () if match is None else (target, *sources):
        if match is not None and resolved(match) != resolved(folder):
            _refuse_inside(match, folder, "--match")


def _refuse_inside(inner: Path, outer: Path, option: str) -> None:
    if resolved(inner).is_relative_to(resolved(outer)):
        raise OptionError(
            f"{inner} is inside {outer}, where it would count as a class", "move it out of there", option=option
        )
