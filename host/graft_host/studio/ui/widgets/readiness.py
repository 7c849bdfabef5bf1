"""Shows whether there are photos enough to train on."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from nicegui import ui

from graft_device.errors import GraftError
from graft_host.photos.problems import FEW_PHOTOS
from graft_host.studio.album.state import AlbumState
from graft_host.studio.studio import Studio
from graft_host.studio.texts.texts import Texts
from graft_host.studio.ui.widgets.live import on_change

_FEWEST_CLASSES = 2
_MOST_NAMED = 3


def show_readiness(studio: Studio, texts: Texts, tell: Callable[[bool], None]) -> None:
    """Adds what is missing, or how much there is, and keeps it up to date.

    Args:
        studio: whose photos are counted.
        texts: of the language.
        tell: called with whether there are photos of two classes and no empty ones, which cannot be trained.
    """
    with ui.element("div").classes("studio-ready").props("role=status"):
        text = ui.label()
        hint = ui.label().classes("quiet")
        link = ui.link(texts("train.to_photos"), "/")

    def update() -> None:
        try:
            state = studio.album.state()
        except GraftError as error:
            text.text, hint.text = error.what, error.remedy
            return
        text.text, hint.text = readiness(texts, state)
        tell(is_enough(state) and not _empty(state))
        hint.visible = bool(hint.text)
        link.visible = bool(hint.text)

    on_change(studio.album.changed, update)
    update()


def is_enough(state: AlbumState) -> bool:
    """Whether there are photos of two classes."""
    return sum(bool(entry.photos) for entry in state.classes) >= _FEWEST_CLASSES


def _empty(state: AlbumState) -> list[str]:
    """The labels of the classes without photos, which a training refuses."""
    return [entry.label for entry in state.classes if not entry.photos]


def _named(labels: Sequence[str]) -> str:
    return ", ".join(labels[:_MOST_NAMED]) + (" …" if len(labels) > _MOST_NAMED else "")


def readiness(texts: Texts, state: AlbumState) -> tuple[str, str]:
    """What photos there are, and what is missing; the second is empty if nothing is."""
    counts = {entry.label: len(entry.photos) for entry in state.classes}
    full = {label: count for label, count in counts.items() if count}
    photos = texts("train.photos", count=sum(counts.values()))
    if not is_enough(state):
        return texts("train.not_enough"), texts("train.needs_classes", count=FEW_PHOTOS)
    there = texts("train.there_are", classes=texts("train.classes", count=len(full)), photos=photos)
    if empty := _empty(state):
        return there, texts("train.needs_none_empty", names=_named(empty))
    few = [label for label, count in counts.items() if count < FEW_PHOTOS]
    return there, texts("train.needs_photos", names=_named(few), count=FEW_PHOTOS) if few else ""
