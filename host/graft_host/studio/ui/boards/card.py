"""A board on the page: how it is reached, what runs there, and what can be done."""

from __future__ import annotations

from nicegui import ui

from graft_host.studio.board_list.boards import Look
from graft_host.studio.board_list.kept import KeptBoard
from graft_host.studio.jobs.job import Job
from graft_host.studio.studio import Studio
from graft_host.studio.texts.texts import Texts
from graft_host.studio.ui.boards.deploying import DeployForm
from graft_host.studio.ui.boards.going_back import back_button
from graft_host.studio.ui.boards.job_part import BoardJob
from graft_host.studio.ui.boards.parts import name_control
from graft_host.studio.ui.boards.reach import show_trouble
from graft_host.studio.ui.boards.there import show_doctor, show_running
from graft_host.studio.ui.widgets.durations import moment
from graft_host.studio.ui.widgets.headings import heading
from graft_host.studio.ui.widgets.problems import attempt


class BoardCard:
    """The card of a board.

    Attributes:
        board: whose card it is.
    """

    def __init__(self, studio: Studio, texts: Texts, board: KeptBoard, wanted: str) -> None:
        """Builds it in the current element; ``wanted`` is the model to begin with, if there is one of this name."""
        self._studio = studio
        self._texts = texts
        self.board = board
        self._wanted = wanted
        self._shown: Look | None = None
        with ui.element("section").classes("studio-card boards-card") as self._card:
            name_control(self._card, board.name)
            self._head()
            self._seen = ui.element("div").classes("boards-seen")
            self._place = ui.element("div").classes("boards-place")
            self._job = BoardJob(studio, texts)
        self._form: DeployForm | None = None
        self._models: tuple[str, ...] = ()

    def _head(self) -> None:
        texts, board = self._texts, self.board
        with ui.element("div").classes("boards-head"):
            with ui.element("div").classes("boards-title"):
                heading(2, board.name)
                if board.address != board.name:
                    ui.label(board.address).classes("quiet")
            self._state = ui.label().classes("boards-state").props("role=status")
            with ui.element("div").classes("boards-row"):
                self._look = ui.button(texts("boards.look"), icon="search", on_click=self._look_now).props("outline")
                gone = ui.button(icon="close", on_click=self._forget).props("flat")
                name_control(gone, texts("boards.remove", name=board.name))
                with gone:
                    ui.tooltip(texts("boards.remove_help"))

    def remove(self) -> None:
        """Removes the card from the page."""
        self._card.delete()

    def show_look(self) -> None:
        """Shows what the last look has found."""
        look = self._studio.boards.last_look(self.board.address)
        if look is self._shown:
            return
        self._shown = look
        self._look.set_enabled(not look.busy)
        self._state.text = self._state_text(look)
        self._state.classes(replace=f"boards-state boards-{self._state_class(look)}")
        if look.busy:
            return
        self._seen.clear()
        with self._seen:
            if look.what:
                show_trouble(self._studio, self._texts, self.board, look)
            if look.seen is not None:
                show_running(self._texts, look.seen)
                back_button(self._studio, self._texts, self.board, look.seen)
                show_doctor(self._texts, look.seen)
        if look.seen is not None and self._form is None:
            with self._place:
                self._form = DeployForm(self._studio, self._texts, self.board, self._wanted)
            self._form.show_models(self._models)

    def show_work(self, models: tuple[str, ...], job: Job | None) -> None:
        """Offers models, shows how far work for this board is, and looks again once that has ended.

        Args:
            models: of the project.
            job: the newest work for this board; None if there is none.
        """
        self._models = models
        if self._form is not None:
            self._form.show_models(models)
        if self._job.show(job):
            self._studio.boards.look(self.board.address)

    def _look_now(self) -> None:
        self._studio.boards.look(self.board.address)

    async def _forget(self) -> None:
        await attempt(self._texts, lambda: self._studio.boards.remove(self.board))

    def _state_text(self, look: Look) -> str:
        if look.busy:
            return self._texts("boards.looking")
        if look.what:
            return self._texts("boards.unreachable", when=moment(look.at))
        return self._texts("boards.answers", when=moment(look.at)) if look.seen else self._texts("boards.not_looked")

    @staticmethod
    def _state_class(look: Look) -> str:
        if look.busy or not look.at:
            return "unknown"
        return "bad" if look.what else "good"
