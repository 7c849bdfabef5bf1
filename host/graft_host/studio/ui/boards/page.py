"""The page with boards, what runs there, deploying, the way back, and collecting."""

from __future__ import annotations

from nicegui import ui

from graft_device.errors import GraftError
from graft_host.studio.board_list.kept import KeptBoard
from graft_host.studio.project.models import find_models
from graft_host.studio.studio import Studio
from graft_host.studio.texts.texts import Texts
from graft_host.studio.ui.boards.adding import add_form
from graft_host.studio.ui.boards.card import BoardCard
from graft_host.studio.ui.boards.collecting import CollectSection
from graft_host.studio.ui.boards.job_part import newest_of_boards
from graft_host.studio.ui.boards.parts import trouble
from graft_host.studio.ui.widgets.headings import heading
from graft_host.studio.ui.widgets.live import on_change

_MOST_MODELS = 500


def build(studio: Studio, texts: Texts) -> None:
    """Builds the page."""
    heading(1, texts("shell.boards"))
    ui.label(texts("boards.intro")).classes("quiet boards-intro")
    add_form(studio, texts)
    _Cards(studio, texts)


class _Cards:
    """A card for each board, and what concerns all of them."""

    def __init__(self, studio: Studio, texts: Texts) -> None:
        self._studio = studio
        self._texts = texts
        self._wanted = ui.context.client.request.query_params.get("model", "")
        self._cards: dict[str, BoardCard] = {}
        self._problem = ui.element("div").classes("boards-problem")
        self._looks = ui.button(texts("boards.look_at_all"), icon="refresh", on_click=self._look_at_all)
        self._looks.props("flat").classes("boards-all")
        self._list = ui.element("div").classes("boards-list")
        self._collect = CollectSection(studio, texts)
        self._follow()
        on_change(studio.boards.changed, self._follow)
        on_change(studio.jobs.changed, self._follow_jobs)

    def _follow(self) -> None:
        """Adds and removes cards, and shows what looks have found; what is typed on the other cards stays."""
        boards = self._boards()
        for address in set(self._cards) - {board.address for board in boards}:
            self._cards.pop(address).remove()
        for board in boards:
            if board.address not in self._cards:
                with self._list:
                    self._cards[board.address] = BoardCard(self._studio, self._texts, board, self._wanted)
        for card in self._cards.values():
            card.show_look()
        self._follow_jobs()
        self._looks.set_visibility(len(boards) > 1)
        self._collect.show_boards(boards)

    def _boards(self) -> tuple[KeptBoard, ...]:
        """The boards; those that are shown where the settings cannot be read, and why not."""
        self._problem.clear()
        try:
            return self._studio.boards.all()
        except GraftError as error:
            with self._problem:
                trouble(self._texts, error.what, error.remedy)
            return tuple(card.board for card in self._cards.values())

    def _follow_jobs(self) -> None:
        models = tuple(model.path for model in find_models(self._studio.project)[:_MOST_MODELS])
        newest = newest_of_boards(self._studio.jobs.all())
        for card in self._cards.values():
            card.show_work(models, newest.get(card.board.address))
        self._collect.show_jobs()

    def _look_at_all(self) -> None:
        for address in self._cards:
            self._studio.boards.look(address)
