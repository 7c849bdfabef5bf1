"""What all pages of a studio work with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from graft_host.studio.album.album import Album
from graft_host.studio.board_list.boards import BoardList
from graft_host.studio.jobs.queue import Jobs
from graft_host.studio.project.folder import Project
from graft_host.studio.remedies.ignored import Ignored
from graft_host.studio.trials.trials import Trials


@dataclass(frozen=True, kw_only=True)
class Studio:
    """The parts of a studio.

    Attributes:
        project: its folder.
        album: its photos.
        jobs: its long work.
        boards: its boards.
        ignored: what checks found, and a person knows to be right.
        trials: its models, run on photos.
        cache: the folder of backbones and bottlenecks; the usual one if None.
    """

    project: Project
    album: Album
    jobs: Jobs
    boards: BoardList
    ignored: Ignored
    trials: Trials
    cache: Path | None
