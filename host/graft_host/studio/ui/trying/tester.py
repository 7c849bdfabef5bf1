"""The component with the camera, photos, and what a model answers."""

from __future__ import annotations

from collections.abc import Sequence

from nicegui.element import Element

from graft_host.studio.project.models import ProjectModel
from graft_host.studio.texts.texts import Texts, catalogue


class Tester(Element, component="tester.js"):
    """Shows a model's answers to frames and photos, which the browser sends to the studio by itself.

    It emits ``model`` with the name of each model that is chosen.
    """

    def __init__(self, texts: Texts, models: Sequence[ProjectModel], chosen: str, labels: Sequence[str]) -> None:
        """Creates the component.

        Args:
            texts: all those of the page go to the browser.
            models: that can be chosen.
            chosen: the name of the first one.
            labels: the classes of the photos.
        """
        super().__init__()
        self._props["texts"] = {name: text[texts.language] for name, text in catalogue()["trying"].items()}
        self._props["chosen"] = chosen
        self._props["labels"] = [*labels]
        self.offer(models)

    def name_classes(self, labels: Sequence[str]) -> None:
        """Changes the classes that a picture can be added to."""
        if self._props["labels"] != [*labels]:
            self._props["labels"] = [*labels]
            self.update()

    def offer(self, models: Sequence[ProjectModel]) -> None:
        """Changes the models that can be chosen."""
        names = [model.name for model in models]
        if self._props.get("models") != names:
            self._props["models"] = names
            self.update()
