"""The pages of the studio, in the order in which a person needs them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from graft_host.studio.studio import Studio
from graft_host.studio.texts.texts import Texts
from graft_host.studio.ui.boards import page as boards
from graft_host.studio.ui.check import page as check
from graft_host.studio.ui.export import page as export
from graft_host.studio.ui.fastest import page as fastest
from graft_host.studio.ui.photos import page as photos
from graft_host.studio.ui.train import page as train
from graft_host.studio.ui.trying import page as trying


@dataclass(frozen=True)
class Page:
    """A page.

    Attributes:
        key: of its title among the texts of the shell.
        path: its address.
        icon: a name of Material Icons.
        build: builds what is below the header.
    """

    key: str
    path: str
    icon: str
    build: Callable[[Studio, Texts], None]


PAGES = (
    Page("photos", "/", "photo_library", photos.build),
    Page("check", "/check", "fact_check", check.build),
    Page("train", "/train", "model_training", train.build),
    Page("fastest", "/fastest", "speed", fastest.build),
    Page("trying", "/try", "photo_camera", trying.build),
    Page("boards", "/boards", "developer_board", boards.build),
    Page("export", "/export", "ios_share", export.build),
)
