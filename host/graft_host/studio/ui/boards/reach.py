"""Shows why a board cannot be reached, and what helps."""

from __future__ import annotations

import shlex

from nicegui import ui

from graft_host.deploy.target import parse_target
from graft_host.studio.board_list.boards import Look
from graft_host.studio.board_list.host_keys import HostKey
from graft_host.studio.board_list.kept import KeptBoard
from graft_host.studio.board_list.reaching import config_words
from graft_host.studio.studio import Studio
from graft_host.studio.texts.texts import Texts
from graft_host.studio.ui.boards.parts import trouble
from graft_host.studio.ui.widgets.command import copied_line
from graft_host.studio.ui.widgets.problems import attempt

_KEY_COMMAND = "for key in /etc/ssh/ssh_host_*_key.pub; do ssh-keygen -lf $key; done"


def show_trouble(studio: Studio, texts: Texts, board: KeptBoard, look: Look) -> None:
    """Adds what went wrong at the last look."""
    if look.trouble == "unknown_key" and look.key is not None:
        _unknown_key(studio, texts, board, look.key)
        return
    with trouble(texts, look.what, "" if look.trouble == "login" else look.remedy):
        if look.trouble == "login":
            ui.label(texts("boards.login_help"))
            words = ["ssh-copy-id", *config_words(), *parse_target(board.address).plain().split()]
            copied_line(texts, shlex.join(words))
            ui.label(texts("boards.login_key")).classes("quiet")


def _unknown_key(studio: Studio, texts: Texts, board: KeptBoard, key: HostKey) -> None:
    async def trust() -> None:
        await attempt(texts, lambda: studio.boards.trust(board.address, key))

    with ui.element("div").classes("boards-trouble boards-question").props("role=alert"):
        ui.label(texts("boards.new_key"))
        ui.label(f"{key.kind} {key.fingerprint}").classes("boards-fingerprint")
        ui.label(texts("boards.compare_key")).classes("quiet")
        copied_line(texts, _KEY_COMMAND)
        ui.button(texts("boards.trust_key"), on_click=trust).props("color=primary unelevated")
