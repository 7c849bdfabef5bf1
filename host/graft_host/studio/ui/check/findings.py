"""What the newest check found, the worst first, with remedies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from nicegui import ui

from graft_host.studio.jobs.job import Job
from graft_host.studio.remedies.ignored import Entry
from graft_host.studio.remedies.remedy import Remedy, remedies
from graft_host.studio.remedies.seen import counts_of, ids_of, seen
from graft_host.studio.remedies.standing import Standing, findings_of, standing
from graft_host.studio.studio import Studio
from graft_host.studio.tasks.looking import SEEN, check_command
from graft_host.studio.texts.texts import Texts
from graft_host.studio.ui.check.group import Group
from graft_host.studio.ui.check.ignored_list import ignored_list
from graft_host.studio.ui.widgets.command import command_line
from graft_host.studio.ui.widgets.live import on_change
from graft_host.studio.ui.widgets.looks import Looks
from graft_host.studio.ui.widgets.problems import attempt, show_done
from graft_host.studio.ui.widgets.running_job import RunningJob


@dataclass(frozen=True)
class _Now:
    """What a page shows: the newest check that is done, what of it still stands, and what is ignored."""

    job: Job | None
    found: Sequence[Standing]
    ignored: Sequence[Entry]
    changed: bool


class Findings:
    """The findings, kept up to date with the photos and the jobs."""

    def __init__(self, studio: Studio, texts: Texts) -> None:
        """Adds them to the page."""
        self._studio, self._texts = studio, texts
        self._groups: dict[str, Group] = {}
        with ui.element("div").classes("check-bar"):
            self._button = ui.button(texts("check.start"), icon="fact_check", on_click=self._check).props(
                "color=primary"
            )
            self._summary = ui.label().classes("check-summary").props("role=status aria-live=polite").mark("summary")
        self._changed = ui.label(texts("check.changed")).classes("check-changed").mark("changed")
        self._job = RunningJob(studio, texts, "check")
        self._list = ui.element("div").classes("check-groups")
        self._ignored = ui.element("div")
        command_line(texts, check_command({}))
        self._changed.visible = False
        looks = Looks(texts, self._list, self._look, self._show)
        for signal in (studio.album.changed, studio.jobs.changed, studio.ignored.changed):
            on_change(signal, looks.ask)
        looks.ask()

    def _look(self) -> _Now:
        studio = self._studio
        job = studio.jobs.newest_done("check")
        state, ignored = studio.album.state(), studio.ignored.entries()
        if job is None:
            return _Now(None, (), ignored, changed=False)
        photos = ids_of(state)

        def exists(photo_id: str) -> bool:
            return photo_id in photos or (studio.project.photos / photo_id).is_file()

        found = standing(findings_of(job.result), counts_of(state), exists, ignored)
        return _Now(job, found, ignored, changed=job.arguments.get(SEEN) != seen(state))

    def _show(self, now: _Now) -> None:
        texts = self._texts
        self._button.enabled = self._job.update()
        if now.job is None:
            self._summary.text = texts("check.never")
        else:
            photos = int((now.job.result or {}).get("photos", 0))
            count = len(now.found)
            text = texts("check.found", count=count) if count else texts("check.nothing")
            self._summary.text = f"{text} {texts('check.of_photos', count=photos)}"
        self._button.text = texts("check.start" if now.job is None else "check.again")
        self._changed.visible = now.changed and self._job.shown is None
        before = self._cards()
        kinds = {kind: list(group) for kind, group in groupby(now.found, key=lambda each: each.finding.kind)}
        if [*kinds] != [kind for kind in self._groups if kind in kinds]:  # another order, or new kinds
            self._list.clear()
            self._groups.clear()
        for kind in [kind for kind in self._groups if kind not in kinds]:
            self._groups.pop(kind).remove()
        with self._list:
            for kind, found in kinds.items():
                if kind not in self._groups:
                    self._groups[kind] = Group(texts, self._act, self._act_on_all)
                self._groups[kind].show(found)
        self._keep_focus([*before])
        self._ignored.clear()
        with self._ignored:
            ignored_list(texts, now.ignored, self._studio.ignored.take_back)

    def _cards(self) -> dict[str, ui.element]:
        return {key: card for group in self._groups.values() for key, card in group.cards.items()}

    def _keep_focus(self, before: Sequence[str]) -> None:
        """Gives the focus that went with a card to the card after it; to the button at the top if none is left."""
        now = self._cards()
        gone = [place for place, key in enumerate(before) if key not in now]
        if not gone:
            return
        left = [now[key] for key in (*before[gone[0] :], *reversed(before[: gone[0]])) if key in now]
        target = f"getHtmlElement({left[0].id})?.querySelector('button, a')" if left else ""
        target = target or f"getHtmlElement({self._button.id})"
        ui.run_javascript(f"if (document.activeElement === document.body) {target}?.focus()")

    async def _check(self) -> None:
        self._button.enabled = False

        def add() -> Job:
            arguments = {SEEN: seen(self._studio.album.refresh())}
            return self._studio.jobs.add("check", arguments, self._texts("check.job"))

        if await attempt(self._texts, add) is None:
            self._button.enabled = True

    async def _act(self, found: Standing, remedy: Remedy) -> None:
        if await attempt(self._texts, lambda: self._do([found], [remedy])) is not None:
            self._after(remedy, 1)

    async def _act_on_all(self, found: Sequence[Standing]) -> None:
        chosen = [remedies(each.finding, each.photos)[0] for each in found]
        if await attempt(self._texts, lambda: self._do(found, chosen)) is not None:
            self._after(chosen[0], len(found))

    def _do(self, found: Sequence[Standing], chosen: Sequence[Remedy]) -> bool:
        """Does the same to several findings, as one change that can be taken back."""
        album = self._studio.album
        if moved := [photo for remedy in chosen for photo in remedy.moved]:
            album.move(moved, chosen[0].label)
        if binned := [photo for remedy in chosen for photo in remedy.binned]:
            album.delete(binned)
        if chosen[0].action == "ignore":
            self._studio.ignored.add([each.finding for each in found])
        return True

    def _after(self, remedy: Remedy, count: int) -> None:
        done = "ignored" if remedy.action == "ignore" else "moved" if remedy.moved else "binned"
        count = len(remedy.moved) or len(remedy.binned) if count == 1 and done != "ignored" else count
        show_done(self._texts(f"check.{done}", count=count, label=remedy.label))
