"""The choices about a training as fields, which are checked at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from nicegui import ui
from nicegui.elements.mixins.validation_element import ValidationElement

from graft_device.errors import GraftError
from graft_host.studio.project.folder import Project
from graft_host.studio.tasks.train_options import CHOICES, DEFAULTS, check_choices
from graft_host.studio.texts.texts import Texts
from graft_host.studio.ui.train.fields import (
    FIELDS,
    GROUPS,
    HUNDRED,
    LISTS,
    Field,
    can_fine_tune,
    default_of,
    is_default,
    models_of,
    size_of,
    taps_of,
    value_text,
)
from graft_host.support.option import OptionError


class Form:
    """All fields.

    Attributes:
        error: what is wrong with the values; empty if nothing is.
    """

    def __init__(self, project: Project, texts: Texts, values: Mapping[str, Any], changed: Callable[[], None]) -> None:
        """Adds the fields.

        Args:
            project: in which paths are.
            texts: of the language.
            values: to begin with, by option names.
            changed: called after each change of a value.
        """
        self.error = ""
        self._project, self._texts = project, texts
        self._changed = changed
        self._others = {name: value for name, value in values.items() if name in CHOICES}
        self._elements: dict[str, Any] = {}
        for group, fields in GROUPS.items():
            with ui.element("fieldset").classes("train-group"):
                with ui.element("legend"):
                    ui.label(texts(f"train.group_{group}"))
                for field in fields:
                    self._add(field, self._others.pop(field.name, None))
        self._check()

    def choices(self) -> dict[str, Any]:
        """The values that differ from the defaults."""
        values = {**self._others, **{name: self._value(name) for name in self._elements}}
        return {name: value for name, value in values.items() if not is_default(name, value)}

    def fill(self, values: Mapping[str, Any]) -> None:
        """Shows other values."""
        self._others = {name: value for name, value in values.items() if name in CHOICES}
        for name, field in FIELDS.items():
            self._elements[name].value = self._shown(field, self._others.pop(name, None))
        self._on_change()

    def refresh(self) -> None:
        """Offers the models that there are now."""
        element = self._elements["not_worse_than"]
        options = self._options(FIELDS["not_worse_than"])
        if options != element.options:
            element.set_options({**options, element.value: options.get(element.value, element.value)})

    def _add(self, field: Field, value: Any) -> None:
        texts = self._texts
        with ui.element("div").classes("train-field"):
            shown = self._shown(field, value)
            if field.kind == "switch":
                element: Any = ui.checkbox(texts(f"train.{field.name}"), value=shown, on_change=self._on_change)
                if field.name == "fine_tune" and not can_fine_tune():
                    element.disable()
            elif field.kind in {"choice", "tap", "model"}:
                options = self._options(field)
                if shown not in options:
                    options[shown] = str(shown)
                element = ui.select(options, label=texts(f"train.{field.name}"), value=shown)
                element.on_value_change(self._on_change)
            elif field.kind == "folder":
                element = ui.input(texts(f"train.{field.name}"), value=shown, on_change=self._on_change)
            else:
                element = ui.number(
                    texts(f"train.{field.name}"),
                    value=shown if isinstance(shown, (int, float)) else None,
                    min=field.low,
                    max=field.high,
                    step=field.step,
                    suffix="%" if field.kind == "percent" or field.name.endswith("_percent") else None,
                    on_change=self._on_change,
                )
            if isinstance(element, ValidationElement):
                element.without_auto_validation()  # it would clear what is wrong after each change
            self._elements[field.name] = element
            hint = ui.label(self._help(field)).classes("train-help quiet")
            hint.props["id"] = f"help-{field.name}"
            element.props["aria-describedby"] = f"help-{field.name}"
        if field.name == "image_size":
            self._show_size()

    def _help(self, field: Field) -> str:
        texts, name = self._texts, field.name
        text = texts(f"train.{name}_help")
        if name == "fine_tune" and not can_fine_tune():
            return texts("train.fine_tune_missing")
        if field.kind == "switch":
            return text
        if name in {"tap", "image_size", "readout"}:
            return text
        return f"{text} {texts('train.default', value=value_text(texts, name, default_of(name)))}"

    def _options(self, field: Field) -> dict[Any, str]:
        texts = self._texts
        if field.kind == "tap":
            backbone = self._value("backbone") if "backbone" in self._elements else default_of("backbone")
            try:
                taps = taps_of(backbone)
            except GraftError:
                taps = ()
            return {"": texts("train.choose_best"), **{tap: tap for tap in taps}}
        if field.kind == "model":
            return {"": texts("train.nothing"), **{path: path for path in models_of(self._project)}}
        if field.name == "readout":
            return {"": texts("train.choose_best"), **{one: texts(f"train.readout_{one}") for one in field.values}}
        return {one: texts(f"train.{field.name}_{one}") for one in field.values}

    def _shown(self, field: Field, value: Any) -> Any:
        """A value as its element has it."""
        if field.kind == "switch":
            return value == field.values[1]
        if isinstance(value, list):
            value = ", ".join(map(str, value))
        if value is None and field.name not in {"tap", "readout", "image_size"}:
            value = default_of(field.name)
        if field.kind == "percent" and isinstance(value, (int, float)):
            return round(value * HUNDRED, 6)
        if field.kind in {"choice", "tap", "model", "folder"}:
            return "" if value is None else value
        return value

    def _value(self, name: str) -> Any:
        """The value of an element as the option has it; None for the default."""
        field = FIELDS[name]
        value = self._elements[name].value
        if field.kind == "switch":
            return field.values[bool(value)]
        if value is None or value == "":
            return None
        if field.kind == "percent":
            return round(value / HUNDRED, 8)
        if field.kind == "folder":
            folders = [part.strip().rstrip("/") for part in value.split(",") if part.strip()]
            return folders if name in LISTS else folders[0] if folders else None
        if field.kind == "number" and float(value).is_integer():
            return int(value)
        return value

    def _on_change(self, *_: object) -> None:
        self._show_taps()
        self._show_size()
        self._check()
        self._changed()

    def _show_taps(self) -> None:
        tap = self._elements["tap"]
        options = self._options(FIELDS["tap"])
        if tap.options != options:
            tap.set_options(options, value=tap.value if tap.value in options else "")

    def _show_size(self) -> None:
        try:
            size = size_of(self._value("backbone") or default_of("backbone"))
        except GraftError:
            return
        self._elements["image_size"].props["placeholder"] = str(size)

    def _check(self) -> None:
        wrong, self.error = "", ""
        try:
            check_choices(self._project, {**DEFAULTS, **self.choices()})
        except OptionError as error:
            wrong, self.error = error.option.removeprefix("--").replace("-", "_"), _sentence(error)
        except GraftError as error:
            self.error = _sentence(error)
        for name, element in self._elements.items():
            if isinstance(element, ValidationElement):
                element.error = self.error if name == wrong else None


def _sentence(error: GraftError) -> str:
    return f"{error.what}: {error.remedy}" if error.remedy else error.what
