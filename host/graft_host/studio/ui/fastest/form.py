"""What a person wants: which networks are tried, for which board, and how quick and how good one must be."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import replace

from nicegui import ui

from graft_device.errors import WeightsError
from graft_host.backbones.family import Family
from graft_host.backbones.weights.find import VARIABLE
from graft_host.network_search.grids_here import families_here
from graft_host.network_search.pareto import Limits
from graft_host.studio.project.errors import StudioError
from graft_host.studio.searches.measured import MOST_BYTES, MeasuredBoard, add_figures, measured_boards
from graft_host.studio.searches.wishes import Wishes
from graft_host.studio.studio import Studio
from graft_host.studio.texts.texts import Texts
from graft_host.studio.ui.fastest.text_file import TextFile
from graft_host.studio.ui.widgets.problems import attempt, show_done

_HERE = ""
"""The value of the choice of a board that stands for this machine."""

_SEPARATORS = re.compile(r"[\s,;\uff0c\u3001]+")  # with the commas of Chinese keyboards


class Form:
    """The fields.

    Attributes:
        wishes: what they say now.
    """

    def __init__(self, studio: Studio, texts: Texts, wishes: Wishes, changed: Callable[[], None]) -> None:
        """Adds the fields.

        Args:
            studio: in whose project figures of boards are kept.
            texts: of the language.
            wishes: to begin with.
            changed: called after each change of a field by a person.
        """
        self.wishes = wishes
        self._studio, self._texts, self._changed = studio, texts, changed
        self._boards: tuple[MeasuredBoard, ...] = ()
        with ui.element("fieldset").classes("fastest-group"):
            _legend(texts("fastest.families"))
            self._families = ui.element("div").classes("fastest-families")
        with ui.element("fieldset").classes("fastest-group"):
            _legend(texts("fastest.board"))
            self._board = ui.radio({_HERE: texts("fastest.here")}, value=_HERE).mark("board")
            self._board.on_value_change(self._choose_board)
            ui.label(texts("fastest.measure")).classes("quiet fastest-help")
            TextFile(texts("fastest.add_figures"), ".json,application/json", MOST_BYTES, self._add_figures)
        with ui.element("fieldset").classes("fastest-group"):
            _legend(texts("fastest.limits"))
            with ui.element("div").classes("fastest-numbers"):
                self._ms = ui.number(texts("fastest.max_ms"), min=0, suffix="ms", value=wishes.max_ms)
                self._least = ui.number(texts("fastest.min_accuracy"), min=0, max=100, suffix="%")
                self._least.value = None if wishes.min_accuracy is None else _percent(wishes.min_accuracy)
            for number in (self._ms, self._least):
                number.props("outlined debounce=300 step=any")
                number.on_value_change(self._read_limits)
            ui.label(texts("fastest.limits_help")).classes("quiet fastest-help")
        with ui.expansion(texts("fastest.more")).classes("fastest-more"):
            self._sizes = self._list("sizes", ", ".join(map(str, wishes.sizes)))
            self._taps = self._list("taps", ", ".join(wishes.taps))
        ui.timer(0, self._load, once=True)

    def _list(self, name: str, value: str) -> ui.input:
        field = ui.input(self._texts(f"fastest.{name}"), value=value).props("outlined debounce=300")
        ui.label(self._texts(f"fastest.{name}_help")).classes("quiet fastest-help")
        field.on_value_change(self._read_lists)
        return field

    def show_limits(self, limits: Limits) -> None:
        """Shows limits that were dragged in the picture."""
        self.wishes = replace(self.wishes, max_ms=limits.max_ms, min_accuracy=limits.min_accuracy)
        self._ms.value = limits.max_ms
        self._least.value = None if limits.min_accuracy is None else _percent(limits.min_accuracy)

    async def _load(self) -> None:
        weights = os.environ.get(VARIABLE) or "imagenet"
        found = await attempt(self._texts, lambda: (families_here(weights), measured_boards(self._studio.project)))
        if found is None:
            return
        families, self._boards = found
        here = [family.name for family, fault in families if fault is None]
        kept = [name for name in self.wishes.backbones if name in here]
        self.wishes = replace(self.wishes, backbones=tuple(kept or here))
        with self._families:
            for family, fault in families:
                self._add_family(family, fault)
        self._show_boards()
        self._changed()

    def _add_family(self, family: Family, fault: WeightsError | None) -> None:
        with ui.element("div"):
            box = ui.checkbox(family.title, value=family.name in self.wishes.backbones)
            box.on_value_change(lambda event: self._choose_family(family.name, wanted=event.value))
            if fault is not None:
                box.disable()
                ui.label(self._texts("fastest.missing", remedy=fault.remedy)).classes("quiet fastest-help")

    def _choose_family(self, name: str, *, wanted: bool) -> None:
        others = [other for other in self.wishes.backbones if other != name]
        self.wishes = replace(self.wishes, backbones=tuple([*others, name] if wanted else others))
        self._changed()

    def _show_boards(self) -> None:
        """Offers the boards; one that is not there any more is this machine."""
        chosen = next((board.name for board in self._boards if set(board.files) & set(self.wishes.latency)), _HERE)
        self._board.set_options(
            {_HERE: self._texts("fastest.here"), **{board.name: board.name for board in self._boards}}, value=chosen
        )
        self._choose_board()

    def _choose_board(self) -> None:
        files = next((board.files for board in self._boards if board.name == self._board.value), ())
        if files != self.wishes.latency:
            self.wishes = replace(self.wishes, latency=files)
            self._changed()

    async def _add_figures(self, name: str, content: str | None) -> None:
        def add() -> tuple[str, tuple[MeasuredBoard, ...]]:
            if content is None:
                raise StudioError(self._texts("fastest.too_large", name=name), "")
            project = self._studio.project
            return add_figures(project, name, content.encode()).board, measured_boards(project)

        added = await attempt(self._texts, add)
        if added is not None:
            board, self._boards = added
            self.wishes = replace(
                self.wishes, latency=next(known.files for known in self._boards if known.name == board)
            )
            self._show_boards()
            self._changed()
            show_done(self._texts("fastest.added", board=board))

    def _read_limits(self) -> None:
        ms, least = self._ms.value, self._least.value
        limits = Limits(
            max_ms=ms if ms and ms > 0 else None, min_accuracy=min(least, 100) / 100 if least and least > 0 else None
        )
        if limits != self.wishes.limits:
            self.wishes = replace(self.wishes, max_ms=limits.max_ms, min_accuracy=limits.min_accuracy)
            self._changed()

    def _read_lists(self) -> None:
        sizes = [part for part in _SEPARATORS.split(self._sizes.value or "") if part]
        taps = [part for part in _SEPARATORS.split(self._taps.value or "") if part]
        wrong = next((part for part in sizes if not part.isdecimal()), None)
        self._sizes.error = None if wrong is None else self._texts("fastest.no_number", text=wrong)
        if wrong is None:
            self.wishes = replace(self.wishes, sizes=tuple(map(int, sizes)), taps=tuple(taps))
            self._changed()


def _legend(text: str) -> None:
    with ui.element("legend"):
        ui.label(text)


def _percent(share: float) -> float:
    return round(100 * share, 2)
