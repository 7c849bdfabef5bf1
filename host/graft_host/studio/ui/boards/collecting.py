"""Collects the pictures that boards kept."""

from __future__ import annotations

from collections.abc import Sequence

from nicegui import ui

from graft_device.text import printable
from graft_host.studio.board_list.kept import KeptBoard
from graft_host.studio.jobs.job import ENDED, Job
from graft_host.studio.studio import Studio
from graft_host.studio.tasks.collect import TASK
from graft_host.studio.texts.texts import Texts
from graft_host.studio.ui.boards.inbox import InboxPart
from graft_host.studio.ui.boards.parts import table, trouble
from graft_host.studio.ui.widgets.command import command_line
from graft_host.studio.ui.widgets.headings import heading
from graft_host.studio.ui.widgets.job_view import job_view
from graft_host.studio.ui.widgets.problems import attempt


class CollectSection:
    """The section about pictures."""

    def __init__(self, studio: Studio, texts: Texts) -> None:
        """Builds it in the current element."""
        self._studio = studio
        self._texts = texts
        self._boxes: dict[str, ui.checkbox] = {}
        self._shown, self._ended = "", True
        with ui.element("section").classes("studio-card boards-collect") as self._section:
            self._section.props["aria-label"] = texts("boards.collect_title")
            heading(2, texts("boards.collect_title"))
            ui.label(texts("boards.collect_help")).classes("quiet")
            with ui.element("div").classes("boards-collect-form") as self._form:
                self._choices = ui.element("div").classes("boards-row")
                with ui.expansion(texts("boards.more"), icon="tune").classes("boards-more"):
                    self._move = ui.checkbox(texts("boards.move"), on_change=self._changed)
                    self._folder = ui.input(texts("boards.folder"), on_change=self._changed)
                    self._folder.props["placeholder"] = texts("boards.usual")
                self._go = ui.button(texts("boards.collect"), icon="download", on_click=self._collect)
                self._go.props("color=primary unelevated")
                self._command = command_line(texts, "")
            self._job = ui.element("div").classes("boards-job")
            self._inbox = InboxPart(studio, texts)
        self.show_jobs()

    def show_boards(self, boards: Sequence[KeptBoard]) -> None:
        """Offers the boards that there are now."""
        for address in set(self._boxes) - {board.address for board in boards}:
            self._boxes.pop(address).delete()
        for board in boards:
            if board.address not in self._boxes:
                with self._choices:
                    self._boxes[board.address] = ui.checkbox(board.name, value=True, on_change=self._changed)
        self._form.set_visibility(bool(boards))
        self._changed()

    def show_jobs(self) -> None:
        """Shows the newest collection, and counts the inbox again once it has ended."""
        self._inbox.show_jobs()
        job = self._studio.jobs.newest("collect")
        if job is None:
            return
        ended = job.state in ENDED
        if job.id == self._shown and ended == self._ended:
            return
        if job.id != self._shown:
            self._shown = job.id
            self._job.clear()
            with self._job:
                job_view(self._studio, self._texts, job.id)
                self._result = ui.element("div").props("role=status")
        self._ended = ended
        if ended:
            self._show_result(job)
            self._inbox.count()

    def _arguments(self) -> dict[str, object]:
        chosen = [address for address, box in self._boxes.items() if box.value]
        return {"boards": chosen, "move": bool(self._move.value), "folder": (self._folder.value or "").strip()}

    def _changed(self) -> None:
        arguments = self._arguments()
        self._go.set_enabled(bool(arguments["boards"]))
        self._command.text = TASK.command(arguments) if arguments["boards"] else ""

    async def _collect(self) -> None:
        arguments = self._arguments()
        await attempt(
            self._texts, lambda: self._studio.jobs.add("collect", arguments, self._texts("boards.collect_title"))
        )

    def _show_result(self, job: Job) -> None:
        self._result.clear()
        if job.result is None:
            return
        texts = self._texts
        with self._result:
            ui.label(texts("boards.arrived", count=int(job.result["new"])))
            names = (texts("boards.board"), texts("boards.came"))
            boards = job.result["boards"]
            table(
                names, ((printable(board["board"]), printable(board["line"])) for board in boards if not board["error"])
            )
            for board in boards:
                for text in (*board["problems"], *([board["error"]] if board["error"] else [])):
                    trouble(texts, printable(f"{board['board']}: {text}"), "")
