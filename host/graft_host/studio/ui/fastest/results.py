"""What a search has found: the picture, the network that fits, and a table with all of them."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from functools import partial

from nicegui import ui

from graft_host.backbones.registry import title_of
from graft_host.network_search.pareto import Candidate, Limits
from graft_host.studio.jobs.job import ENDED, Job
from graft_host.studio.project.folder import Project
from graft_host.studio.searches.networks import Networks, networks, progress
from graft_host.studio.texts.texts import Texts
from graft_host.studio.ui.fastest.picture import Picture, key_of
from graft_host.studio.ui.fastest.words import accuracy_text, ms_text, network_text
from graft_host.studio.ui.widgets.durations import duration
from graft_host.studio.ui.widgets.headings import heading

_COLUMNS = ("column_network", "column_accuracy", "column_ms", "column_mb", "column_mark", "column_take")


class Results:
    """The part of the page below the form."""

    def __init__(
        self,
        project: Project,
        texts: Texts,
        take: Callable[[Job, Candidate], Awaitable[None]],
        limit: Callable[[Limits, bool], Awaitable[None]],
    ) -> None:
        """Adds the elements, hidden until there is a network.

        Args:
            project: of the searches.
            texts: of the language.
            take: called with the search and the network that a person takes.
            limit: called with limits that were dragged, and whether they are final.
        """
        self._project, self._texts, self._take = project, texts, take
        self._job: Job | None = None
        self._limits: Limits | None = None
        self._found = Networks((), (), None)
        self._rows: dict[str, _Row] = {}
        with ui.element("section").classes("studio-card fastest-results") as self._section:
            heading(2, texts("fastest.found"))
            self._count = ui.label().classes("quiet").props("role=status aria-live=polite").mark("found")
            self._choice = ui.label().classes("fastest-choice").mark("choice")
            self._tested = ui.label().mark("tested")
            self._button = ui.button(texts("fastest.take_chosen"), on_click=self._take_chosen).mark("take-chosen")
            self._picture = Picture(texts, self._take_key, limit)
            self._legend = ui.label().classes("quiet fastest-help")
            self._source = ui.label().classes("quiet fastest-help").mark("source")
            self._doubt = ui.label(texts("fastest.doubt")).classes("quiet fastest-help")
            with ui.element("div").classes("fastest-table").props("tabindex=0 role=region") as region:
                region.props["aria-label"] = texts("fastest.table")
                with ui.element("table"):
                    with ui.element("thead"), ui.element("tr"):
                        for column in _COLUMNS:
                            with ui.element("th").props("scope=col"):
                                ui.label(texts(f"fastest.{column}"))
                    self._body = ui.element("tbody")
        self._section.visible = False

    def show(self, job: Job | None, limits: Limits) -> None:
        """Shows what a search has found so far, and which network fits the limits."""
        if job is self._job and limits == self._limits:
            return
        self._job, self._limits = job, limits
        self._found = found = Networks((), (), None) if job is None else networks(job, limits)
        self._section.visible = bool(found.candidates)
        if job is None or not found.candidates:
            return
        self._show_words(job, found)
        self._picture.show(found, limits)
        self._show_rows(found)

    def _show_words(self, job: Job, found: Networks) -> None:
        texts = self._texts
        self._count.text = self._progress(job, found)
        self._button.visible = found.chosen is not None
        if found.chosen is None:
            self._choice.text = texts("fastest.nothing_fits")
        else:
            self._choice.text = texts("fastest.choice", network=network_text(texts, found.chosen))
        self._tested.text = self._test(job, found.chosen)
        self._tested.visible = bool(self._tested.text)
        result = job.result or {}
        self._source.text = texts("fastest.source", source=result.get("latency", ""))
        self._source.visible = bool(result.get("latency"))
        self._doubt.visible = bool(result.get("warnings"))
        families = dict.fromkeys(candidate.backbone for candidate in found.candidates)
        self._legend.text = texts("fastest.legend")
        if len(families) > 1:
            shapes = [
                texts("fastest.shape", shape=texts(f"fastest.shape_{place % 6}"), title=title_of(name))
                for place, name in enumerate(families)
            ]
            self._legend.text += " " + texts("fastest.shapes", shapes=texts("fastest.comma").join(shapes))

    def _progress(self, job: Job, found: Networks) -> str:
        texts, known = self._texts, len(found.candidates)
        if job.state in ENDED:
            return texts("fastest.count", count=known)
        expected = progress(self._project, job, found, time.time())
        if expected is None or expected.seconds_left is None or known >= expected.networks:
            return texts("fastest.last_steps", count=known)
        left = duration(texts, expected.seconds_left)
        return texts("fastest.so_far", known=known, networks=expected.networks, left=left)

    def _test(self, job: Job, chosen: Candidate | None) -> str:
        """What the winner of the search did with the test photos; empty if another network is chosen now."""
        result = job.result or {}
        winner, named = result.get("winner"), result.get("chosen")
        if chosen is None or not winner or not named:
            return ""
        if (named["backbone"], named["tap"], named["image_size"]) != chosen.shape:
            return ""
        tested = result["photos"]["test"]
        right = round(winner["accuracy"]["shipped"] * tested)
        return self._texts("fastest.tested", right=right, tested=tested)

    def _show_rows(self, found: Networks) -> None:
        front = set(map(key_of, found.front))
        wanted = {key_of(candidate): candidate for candidate in found.candidates}
        for key in self._rows.keys() - wanted.keys():
            self._rows.pop(key).element.delete()
        for place, (key, candidate) in enumerate(wanted.items()):
            if key not in self._rows:
                with self._body:
                    self._rows[key] = _Row(self._texts, partial(self._take_key, key))
            row = self._rows[key]
            assert self._limits is not None  # noqa: S101  ``show`` has set them
            mark = "fastest.mark_front" if key in front else ""
            mark = "fastest.mark_misses" if self._limits.misses(candidate) else mark
            mark = "fastest.mark_chosen" if candidate == found.chosen else mark
            row.show(candidate, mark)
            if row.element.parent_slot is not None and row.element.parent_slot.children[place] is not row.element:
                row.element.move(target_index=place)

    async def _take_key(self, key: str) -> None:
        candidate = next((one for one in self._found.candidates if key_of(one) == key), None)
        if self._job is not None and candidate is not None:
            await self._take(self._job, candidate)

    async def _take_chosen(self) -> None:
        if self._job is not None and self._found.chosen is not None:
            await self._take(self._job, self._found.chosen)


class _Row:
    """A row of the table."""

    def __init__(self, texts: Texts, take: Callable[[], Awaitable[None]]) -> None:
        self._texts = texts
        with ui.element("tr") as self.element:
            with ui.element("th").props("scope=row"):
                self._name = ui.label()
            self._cells = []
            for _ in range(4):
                with ui.element("td"):
                    self._cells.append(ui.label())
            with ui.element("td"):
                self._button = ui.button(texts("fastest.take"), on_click=take).props("flat dense")

    def show(self, candidate: Candidate, mark: str) -> None:
        texts = self._texts
        self._name.text = name = network_text(texts, candidate)
        figures = [accuracy_text(texts, candidate), ms_text(candidate), f"{candidate.megabytes:.1f}"]
        for cell, text in zip(self._cells, [*figures, texts(mark) if mark else ""], strict=True):
            cell.text = text
        label = texts("fastest.take_named", network=name)
        if self._button.props.get("aria-label") != label:
            self._button.props["aria-label"] = label
