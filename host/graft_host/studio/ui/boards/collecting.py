"""Collects the pictures that boards kept, and sorts those whose label a person gave there."""

from __future__ import annotations

from collections.abc import Sequence

from nicegui import ui

from graft_device.text import printable
from graft_host.studio.board_list.kept import KeptBoard
from graft_host.studio.board_list.waiting import Waiting, accept, accept_back, waiting
from graft_host.studio.jobs.job import ENDED, Job
from graft_host.studio.studio import Studio
from graft_host.studio.tasks.collect import TASK
from graft_host.studio.texts.texts import Texts
from graft_host.studio.ui.boards.parts import code_line, heading, table, trouble
from graft_host.studio.ui.widgets.command import command_line
from graft_host.studio.ui.widgets.job_view import job_view
from graft_host.studio.ui.widgets.problems import attempt, show_done

_MOST_LABELS = 40


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
            self._inbox = ui.element("div").classes("boards-inbox")
        self.show_jobs()
        ui.timer(0, self._count, once=True)

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
            ui.timer(0, self._count, once=True)

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

    async def _count(self) -> None:
        found = await attempt(self._texts, lambda: waiting(self._studio.project))
        if found is not None:
            self._show_inbox(found)

    def _show_inbox(self, found: Waiting) -> None:
        texts = self._texts
        self._inbox.clear()
        with self._inbox:
            heading(3, texts("boards.inbox"))
            ui.label(texts("boards.waiting", count=found.total) if found.total else texts("boards.inbox_empty"))
            if found.said:
                ui.label(texts("boards.said_help")).classes("quiet")
            for label, count in sorted(found.said.items())[:_MOST_LABELS]:
                text = texts("boards.accept", count=count, label=printable(label))
                ui.button(text, icon="done_all", on_click=lambda label=label: self._accept(label)).props("outline")
            if found.total:
                ui.label(texts("boards.sort_rest")).classes("quiet")
                code_line(texts, "graft sort inbox photos")

    async def _accept(self, label: str) -> None:
        studio, texts = self._studio, self._texts
        applied = await attempt(texts, lambda: accept(studio.project, studio.cache, label))
        if applied is not None:
            await self._count()
            count = sum(applied.moved.values())
            with self._inbox, ui.element("div").classes("boards-row").props("role=status"):
                ui.label(texts("boards.accepted", count=count, label=printable(label)))
                ui.button(texts("boards.accept_back"), icon="undo", on_click=self._accept_back).props("flat")

    async def _accept_back(self) -> None:
        studio = self._studio
        if await attempt(self._texts, lambda: accept_back(studio.project, studio.cache)) is not None:
            await self._count()
            show_done(self._texts("boards.accepted_back"))
