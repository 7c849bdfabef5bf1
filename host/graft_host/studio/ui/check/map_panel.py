"""The map of all photos, with what is selected on it beside it."""

from __future__ import annotations

import asyncio
import functools
from dataclasses import dataclass

from nicegui import events, ui

from graft_device.errors import GraftError
from graft_device.system.durable import digest
from graft_host.studio.jobs.job import ENDED, Job
from graft_host.studio.maps.neighbours import has_umap
from graft_host.studio.maps.photo_map import Method, PhotoMap, map_path, read_map
from graft_host.studio.maps.placed import Placed, placed
from graft_host.studio.studio import Studio
from graft_host.studio.texts.texts import Texts
from graft_host.studio.ui.check.photo_map import WORDS, PhotoMapCanvas
from graft_host.studio.ui.check.selection import Selection
from graft_host.studio.ui.widgets.live import on_change
from graft_host.studio.ui.widgets.looks import Looks
from graft_host.studio.ui.widgets.problems import attempt
from graft_host.studio.ui.widgets.running_job import RunningJob

_UMAP = "python3 -m pip install umap-learn"


@dataclass(frozen=True)
class _Shown:
    """What is drawn.

    Attributes:
        made: the map; None if there is none.
        photos: on it.
        revision: of the photos.
        total: how many photos there are.
    """

    made: PhotoMap | None
    photos: Placed | None
    revision: str
    total: int


class MapPanel:
    """The map, kept up to date with the photos and the jobs."""

    def __init__(self, studio: Studio, texts: Texts) -> None:
        """Adds it to the page."""
        self._studio, self._texts = studio, texts
        self._method: Method = "pca"
        self._read: dict[Method, tuple[int, PhotoMap | None]] = {}
        self._digests: dict[tuple[str, str], str] = {}
        self._drawn: tuple[PhotoMap | None, str] | None = None
        with ui.element("div").classes("check-bar") as self._bar:
            self._button = ui.button(
                texts("check.draw"), icon="scatter_plot", on_click=lambda: self._draw(self._method)
            ).props("color=primary")
            self._state = ui.label().classes("check-summary").props("role=status aria-live=polite").mark("map-state")
        with ui.element("div").classes("check-map-whole") as self._whole:
            self._methods()
            with ui.element("div").classes("check-map-and-selection"):
                self._canvas = PhotoMapCanvas({name: texts(f"check.map_{name}") for name in WORDS})
                self._selection = Selection(studio, texts, self._canvas.clear_selection)
            self._explained = ui.label().classes("quiet check-explained").mark("explained")
        self._job = RunningJob(studio, texts, "map")  # below the map, which stays where it is when a job ends
        self._canvas.on("ready", self._ready)
        self._canvas.on("select", self._select)
        self._whole.visible = False
        self._looks = Looks(texts, self._job.element, lambda: self._look(self._method), self._show)
        for signal in (studio.album.changed, studio.jobs.changed):
            on_change(signal, self._looks.ask)
        self._looks.ask()

    def _methods(self) -> None:
        texts = self._texts
        with ui.element("div").classes("check-methods").props("role=group") as group:
            group.props["aria-label"] = texts("check.methods")
            self._pca = ui.button(texts("check.pca"), on_click=functools.partial(self._take, "pca")).props(
                "dense outline"
            )
            self._umap = ui.button(texts("check.umap"), on_click=functools.partial(self._take, "umap")).props(
                "dense outline"
            )
            self._umap.enabled = has_umap()
            if not has_umap():
                ui.label(texts("check.umap_missing", command=_UMAP)).classes("quiet")

    async def _take(self, method: Method) -> None:
        self._method = method
        self._looks.ask()
        job = self._studio.jobs.newest("map")
        on_its_way = job is not None and job.state not in ENDED and job.arguments.get("method") == method
        if not on_its_way and await asyncio.to_thread(self._map, method) is None:
            await self._draw(method)

    def _ready(self) -> None:
        self._drawn = None
        self._looks.ask()

    def _select(self, event: events.GenericEventArguments) -> None:
        self._selection.choose(str(event.args.get("token", "")), str(event.args.get("bits", "")))

    def _look(self, method: Method) -> _Shown:
        made = self._map(method) or self._map("pca")  # while another one is made
        state = self._studio.album.state()
        photos = None if made is None else placed(made, state, self._digest)
        total = sum(len(group.photos) for group in state.groups)
        return _Shown(made, photos, state.revision, total)

    def _map(self, method: Method) -> PhotoMap | None:
        """The map of a method, which is read again only once its file has changed."""
        try:
            changed = map_path(self._studio.project, method).stat().st_mtime_ns
        except OSError:
            changed = 0
        if method not in self._read or self._read[method][0] != changed:
            self._read[method] = changed, read_map(self._studio.project, method) if changed else None
        return self._read[method][1]

    def _digest(self, photo_id: str, version: str) -> str:
        if (photo_id, version) not in self._digests:
            try:
                found = digest(self._studio.album.path(photo_id))
            except (OSError, GraftError):
                found = ""
            self._digests[photo_id, version] = found
        return self._digests[photo_id, version]

    def _show(self, shown: _Shown) -> None:
        texts = self._texts
        self._button.enabled = self._job.update()
        made, photos = shown.made, shown.photos
        self._whole.visible = made is not None
        self._button.text = texts("check.draw" if made is None else "check.draw_again")
        self._bar.visible = made is None or photos is None or bool(photos.missing)
        if made is None or photos is None:
            self._state.text = texts("check.no_map" if shown.total else "check.no_photos")
            return
        self._state.text = texts("check.missing", count=photos.missing) if photos.missing else ""
        for method, button in (("pca", self._pca), ("umap", self._umap)):
            button.props["aria-pressed"] = "true" if method == made.method else "false"
            button.props["outline"] = method != made.method
        self._explained.text = self._explanation(made)
        if self._drawn is None or self._drawn[0] is not made or self._drawn[1] != shown.revision:
            keep = self._drawn is not None and self._drawn[0] is made
            self._drawn = made, shown.revision
            self._selection.offer(photos)
            self._canvas.load(photos, self._selection.token, keep_view=keep)

    def _explanation(self, made: PhotoMap) -> str:
        if made.method == "umap":
            return self._texts("check.about_umap")
        across, up = (f"{100 * share:.0f}" for share in made.explained)
        both = f"{100 * sum(made.explained):.0f}"
        return self._texts("check.about_pca", both=both, across=across, up=up)

    async def _draw(self, method: Method) -> None:
        self._button.enabled = False

        def add() -> Job:
            return self._studio.jobs.add("map", {"method": method}, self._texts("check.map_job"))

        if await attempt(self._texts, add) is None:
            self._button.enabled = True
