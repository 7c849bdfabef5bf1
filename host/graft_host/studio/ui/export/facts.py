"""What is in a model file."""

from __future__ import annotations

from nicegui import ui

from graft_device.model import ModelFile
from graft_host.backbones.registry import title_of_card
from graft_host.studio.texts.texts import Texts

_NAMES = ("classes", "network", "input", "accuracy", "size", "sha256")
_MOST_CLASSES = 12


class Facts:
    """A list of facts about a model."""

    def __init__(self, texts: Texts) -> None:
        """Adds the list, without a model."""
        self._texts = texts
        self._values: dict[str, ui.label] = {}
        with ui.element("dl").classes("export-facts") as self._list:
            for name in _NAMES:
                with ui.element("dt"):
                    ui.label(texts(f"export.fact_{name}"))
                with ui.element("dd"):
                    self._values[name] = ui.label().mark(name)
        self._list.visible = False

    def show(self, model: ModelFile | None) -> None:
        """Shows a model; nothing if it cannot be read."""
        self._list.visible = model is not None
        if model is None:
            return
        texts, card = self._texts, model.card
        names = ", ".join(model.labels[:_MOST_CLASSES]) + (", …" if len(model.labels) > _MOST_CLASSES else "")
        accuracy = card.accuracy
        found = {
            "classes": texts("export.classes", count=len(model.labels), names=names),
            "network": texts("export.network", title=title_of_card(card.backbone.get("name")), tap=card.tap),
            "input": texts("export.input", size=str(card.image_size), numbers=card.quantization),
            "accuracy": texts("export.unmeasured") if accuracy is None else f"{round(100 * accuracy, 1):g}%",
            "size": f"{model.bytes / 1e6:.2f} MB",
            "sha256": model.digest,
        }
        for name, text in found.items():
            self._values[name].text = text
