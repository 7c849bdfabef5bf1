"""The network that photos are looked at with before there is a model: that of check and map."""

from __future__ import annotations

import shlex
from pathlib import Path

from graft_host.studio.project.errors import StudioError
from graft_host.studio.project.folder import PHOTOS, Project
from graft_host.studio.project.links import refuse_links_out
from graft_host.studio.tasks.flags import flags
from graft_host.studio.tasks.task import Arguments
from graft_host.support.option import build
from graft_host.training.options import CheckOptions

LIGHT = "efficientnet-lite0"
"""The backbone that the studio trains on if nothing else is chosen, so that all find its bottlenecks in the cache."""

SEEN = "seen"
"""The argument that identifies the photos that there were when the job was queued; it changes nothing."""

_TAKEN = frozenset({"backbone", "tap", "image_size", "weights"})


def check_options(project: Project, arguments: Arguments, cache: Path | None) -> CheckOptions:
    """The options of a check; raises GraftError if the arguments are none, or a link leads out."""
    unknown = sorted({*arguments} - _TAKEN - {SEEN})
    if unknown:
        raise StudioError(f"a check does not take '{unknown[0]}'", f"choose from {', '.join(sorted(_TAKEN))}")
    refuse_links_out(project, project.photos)
    values = {"backbone": LIGHT, **_given(arguments), "photos": project.photos, "cache": cache}
    return build(CheckOptions, values)


def check_command(arguments: Arguments) -> str:
    """The command line of a check, to be run in the project's folder."""
    return shlex.join(["graft", "check", PHOTOS, *flags(CheckOptions, {"backbone": LIGHT, **_given(arguments)})])


def _given(arguments: Arguments) -> Arguments:
    return {name: value for name, value in arguments.items() if name in _TAKEN}
