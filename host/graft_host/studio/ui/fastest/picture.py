"""The picture of a search: accuracy over milliseconds, with limits that can be dragged."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from nicegui.element import Element
from nicegui.events import GenericEventArguments

from graft_host.network_search.pareto import Candidate, Limits
from graft_host.studio.searches.networks import Networks
from graft_host.studio.texts.texts import Texts
from graft_host.studio.ui.fastest.words import lines


def key_of(candidate: Candidate) -> str:
    """A text that no other network of the search has."""
    return f"{candidate.backbone} {candidate.tap} {candidate.image_size}"


class Picture(Element, component="picture.js"):
    """A point for each network, which a click or a key takes."""

    def __init__(
        self, texts: Texts, take: Callable[[str], Awaitable[None]], limit: Callable[[Limits, bool], Awaitable[None]]
    ) -> None:
        """Adds the picture, without networks.

        Args:
            texts: of the language.
            take: called with the key of a network that was clicked.
            limit: called with limits that were dragged, and whether they are final.
        """
        super().__init__()
        self._texts = texts
        self._props["words"] = {
            name: texts(f"fastest.{name}") for name in ("picture", "across", "up", "max_ms", "min_accuracy", "none")
        }
        self.show(Networks((), (), None), Limits())

        async def taken(event: GenericEventArguments) -> None:
            await take(str(event.args))

        async def moved(event: GenericEventArguments) -> None:
            if isinstance(event.args, Mapping):
                await limit(_limits(event.args), bool(event.args.get("final")))

        self.on("take", taken)
        self.on("limits", moved)

    def show(self, networks: Networks, limits: Limits) -> None:
        """Shows networks and limits."""
        families = [*dict.fromkeys(candidate.backbone for candidate in networks.candidates)]
        front, texts = set(map(key_of, networks.front)), self._texts
        points = []
        for candidate in networks.candidates:
            key, chosen = key_of(candidate), candidate == networks.chosen
            points.append(
                {
                    "key": key,
                    "name": f"{candidate.tap}/{candidate.image_size}",
                    "ms": candidate.ms,
                    "accuracy": candidate.accuracy,
                    "error": candidate.standard_error,
                    "family": families.index(candidate.backbone),
                    "front": key in front,
                    "chosen": chosen,
                    "missed": bool(limits.misses(candidate)),
                    "lines": lines(texts, candidate, limits, front=key in front, chosen=chosen),
                }
            )
        self._props["networks"] = points
        self._props["limits"] = {"max_ms": limits.max_ms, "min_accuracy": limits.min_accuracy}
        self.update()


def _limits(values: Mapping[str, Any]) -> Limits:
    def number(name: str) -> float | None:
        value = values.get(name)
        return float(value) if isinstance(value, (int, float)) and value > 0 else None

    least = number("min_accuracy")
    return Limits(max_ms=number("max_ms"), min_accuracy=None if least is None else min(1.0, least))
