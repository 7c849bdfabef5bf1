"""One finding: its photos side by side, and a button for each remedy."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from nicegui import ui

from graft_host.studio.remedies.found import FoundPhoto
from graft_host.studio.remedies.remedy import Remedy, remedies
from graft_host.studio.remedies.standing import Standing
from graft_host.studio.texts.texts import Texts
from graft_host.studio.ui.check.pictures import thumbnail
from graft_host.studio.ui.check.words import name_of, photo_text, problem_text, remedy_text

_MOST_PHOTOS = 12  # of one finding; a film of a thousand frames is one finding

Act = Callable[[Standing, Remedy], Awaitable[None]]


def finding_card(texts: Texts, standing: Standing, act: Act) -> ui.element:
    """Adds the card of a finding.

    Args:
        texts: of the language.
        standing: the finding.
        act: called when a person chooses a remedy.
    """
    problem = problem_text(texts, standing)
    offered = remedies(standing.finding, standing.photos)
    kept = next((remedy.better for remedy in offered if remedy.better is not None), None)
    with ui.element("article").classes("check-card studio-card") as card:
        card.props["aria-label"] = problem
        card.props["data-kind"] = standing.finding.kind
        ui.label(problem).classes("check-problem")
        if standing.photos:
            with ui.element("div").classes("check-photos"):
                for photo in standing.photos[:_MOST_PHOTOS]:
                    is_kept = kept is not None and photo.id == kept.id
                    _photo(texts, photo, texts(f"check.better_{kept.reason}") if kept is not None and is_kept else "")
            if len(standing.photos) > _MOST_PHOTOS:
                ui.label(texts("check.more_photos", count=len(standing.photos) - _MOST_PHOTOS)).classes("quiet")
        with ui.element("div").classes("check-remedies"):
            for place, remedy in enumerate(offered):
                _button(texts, standing, remedy, act, first=place == 0)
    return card


def _photo(texts: Texts, photo: FoundPhoto, why: str) -> None:
    with ui.element("figure").classes("check-photo check-kept" if why else "check-photo"):
        if photo.width:
            thumbnail(photo.id, f"{photo.label}: {name_of(photo)}", photo.digest[:16])
        else:
            with ui.element("div").classes("check-broken"):
                ui.icon("broken_image").props("aria-hidden=true")
        with ui.element("figcaption"):
            if photo.label:
                ui.label(photo.label).classes("check-label")
            ui.label(photo_text(photo)).classes("check-facts quiet")
            if why:
                ui.label(f"{texts('check.better')}: {why}").classes("check-why")


def _button(texts: Texts, standing: Standing, remedy: Remedy, act: Act, *, first: bool) -> None:
    text = remedy_text(texts, standing, remedy)
    if remedy.action == "photos":
        ui.link(text, "/").classes("check-link")
        return

    async def choose() -> None:
        button.enabled = False
        await act(standing, remedy)
        if not button.is_deleted:
            button.enabled = True

    button = ui.button(text, on_click=choose).props("dense" if first else "dense flat")
    button.props["color"] = "primary" if first and remedy.action != "ignore" else None
    names = ", ".join(name_of(photo) for photo in standing.photos[:2]) or ", ".join(standing.finding.labels)
    button.props["aria-label"] = f"{text}: {names}"
