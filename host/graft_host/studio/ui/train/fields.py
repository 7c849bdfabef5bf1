"""The choices about a training, in the groups in which the page shows them."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from graft_host.backbones.registry import family
from graft_host.studio.project.folder import Project
from graft_host.studio.project.models import find_models
from graft_host.studio.tasks.train_options import DEFAULTS, default
from graft_host.studio.texts.texts import Texts, catalogue

Kind = Literal["choice", "tap", "model", "folder", "number", "percent", "switch"]

HUNDRED = 100


@dataclass(frozen=True, kw_only=True)
class Field:
    """One choice.

    Attributes:
        name: of the option in ``graft_host.train``.
        kind: how it is shown.
        values: of a ``choice``, and the two of a ``switch``, the first of which is off.
        low: the least number.
        high: the greatest number, or share in percent.
        step: between two numbers.
    """

    name: str
    kind: Kind
    values: tuple[Any, ...] = ()
    low: float | None = None
    high: float | None = None
    step: float = 1


GROUPS: Mapping[str, tuple[Field, ...]] = {
    "speed": (
        Field(
            name="backbone",
            kind="choice",
            values=("efficientnet-lite0", "efficientnet-lite1", "efficientnet-lite2", "inception-v3"),
        ),
        Field(name="image_size", kind="number", low=64, high=600, step=32),
        Field(name="tap", kind="tap"),
        Field(name="readout", kind="choice", values=("auto", "single", "multi", "grid")),
        Field(name="quantize", kind="choice", values=("int8", "dynamic", "float16", "float32")),
        Field(name="resize", kind="choice", values=("squash", "crop")),
    ),
    "few": (
        Field(name="augment", kind="number", low=0, high=100),
        Field(name="camera_copies", kind="number", low=0, high=100),
        Field(name="fine_tune", kind="switch", values=("off", "auto")),
    ),
    "unknown": (Field(name="unknown_rate", kind="percent", low=0, high=50),),
    "safety": (
        Field(name="min_accuracy", kind="percent", low=0, high=100),
        Field(name="not_worse_than", kind="model"),
    ),
    "balance": (Field(name="class_weight", kind="switch", values=("none", "balanced")),),
    "elsewhere": (
        Field(name="source", kind="folder"),
        Field(name="source_weight", kind="choice", values=("equal", "density")),
        Field(name="match", kind="folder"),
    ),
    "chance": (
        Field(name="seed", kind="number", low=0),
        Field(name="test_percent", kind="number", low=1, high=90),
        Field(name="validation_percent", kind="number", low=0, high=90),
    ),
}

FIELDS = {field.name: field for fields in GROUPS.values() for field in fields}
LISTS = ("source",)
"""The options that take several folders; the page gives one."""


def default_of(name: str) -> Any:
    """What the page shows for an option that is not given; None for nothing."""
    value = default(name)
    return None if value in ("", 0, ()) and name in {"tap", "image_size", "source"} else value


def taps_of(backbone: str) -> tuple[str, ...]:
    """The layers of a network that a model may be cut at, the first the quickest."""
    return tuple(family(backbone).taps)


def size_of(backbone: str) -> int:
    """The usual side of a network's pictures in pixels."""
    return int(family(backbone).default_size)


def models_of(project: Project) -> tuple[str, ...]:
    """The models of the project, by the names of their files relative to it; reads a folder."""
    return tuple(sorted(model.path for model in find_models(project)))


def can_fine_tune() -> bool:
    """Whether the packages for training the last layers are installed."""
    return importlib.util.find_spec("tensorflow") is not None


def value_text(texts: Texts, name: str, value: Any) -> str:
    """A value of an option in words."""
    field = FIELDS.get(name)
    if isinstance(value, list):
        value = ", ".join(map(str, value))
    if value is None or value == "":
        return texts("train.nothing")
    if field is not None and field.kind == "percent" and isinstance(value, (int, float)):
        return f"{value * HUNDRED:g}%"
    if name.endswith("_percent"):
        return f"{value:g}%"
    key = f"{name}_{value}"
    return texts(f"train.{key}") if key in catalogue()["train"] else str(value)


def name_text(texts: Texts, name: str) -> str:
    """The name of an option in words."""
    return texts(f"train.{name}") if name in catalogue()["train"] else name


def is_default(name: str, value: Any) -> bool:
    """Whether a value changes nothing."""
    return value is None or value in ("", []) or value == DEFAULTS.get(name, default(name))
