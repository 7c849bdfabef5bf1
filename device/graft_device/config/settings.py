"""The settings of a run: models, sources with their regions, what counts as an answer, and where it goes."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Optional

from graft_device.config.areas import Mask, Roi
from graft_device.config.key import Key
from graft_device.config.sinks import LARGEST_MB, RuleSettings, SinkSettings

_MOST_LABELS = 65_536

RUNTIMES = ("auto", "litert", "tflite-runtime")


@dataclass(frozen=True)
class ModelSettings:
    """A model that one or more sources use.

    Attributes:
        name: what regions and events call it.
        file: the ``.tflite`` file, or a store for its current model.
        runtime: ``auto``, ``litert`` or ``tflite-runtime``.
        threads: the number of threads for one inference; None for all usable cores.
    """

    name: Annotated[str, Key("What regions and events call the model.", example='"pets"')]
    file: Annotated[Path, Key("A .tflite file, or a store of 'graft-device install'.", example='"pets.tflite"')]
    runtime: Annotated[str, Key("TFLite runtime to use.", choices=RUNTIMES)] = "auto"
    threads: Annotated[Optional[int], Key("Cores to use; all where it is missing.", low=1, high=1024, example="2")] = (
        None
    )


@dataclass(frozen=True)
class Confirm:
    """How many of the last answers must agree before they count: ``votes`` of ``window``."""

    votes: int
    window: int


@dataclass(frozen=True)
class AnswerSettings:
    """What becomes of the answers for one region. A region's keys come before those of its source and of the file.

    Attributes:
        top_k: the number of labels in an event.
        threshold: the score below which a frame is unknown; 0 for never; None for the model's.
        smooth: the half-life of the smoothing in frames; 0 for none.
        changes: whether only changes of the label are reported.
        confirm: how many of the last answers must agree; None for no states.
        hold: the seconds that a state lasts at least.
        clear_after: the seconds without its label after which a state ends; None for no such end.
    """

    top_k: Annotated[int, Key("Number of labels in an event.", low=1, high=_MOST_LABELS)] = 3
    threshold: Annotated[
        Optional[float],
        Key("Score below which a frame is unknown; the model's where it is missing.", example="0.5", low=0, high=1),
    ] = None
    smooth: Annotated[
        float, Key("Average over frames; after so many, a frame counts half.", example="4", low=0, high=10_000)
    ] = 0.0
    changes: Annotated[bool, Key("Report only changes of the label.")] = False
    confirm: Annotated[
        Optional[Confirm], Key("Report states: a label that so many of the last answers agree on.", example='"3/5"')
    ] = None
    hold: Annotated[float, Key("Seconds that a state lasts at least.", example="5", low=0, high=86_400)] = 0.0
    clear_after: Annotated[
        Optional[float], Key("Seconds without its label after which a state ends.", example="10", low=0, high=86_400)
    ] = None

    @property
    def states(self) -> bool:
        """Whether events are of kind ``enter`` and ``leave``."""
        return self.confirm is not None or self.hold > 0 or self.clear_after is not None


@dataclass(frozen=True)
class RegionSettings:
    """A part of a source's frames that models look at.

    Attributes:
        name: what events call it; None for the whole frame without a name.
        roi: the part; None for the whole frame.
        models: the names of the models that look at it.
        answers: what becomes of their answers.
    """

    name: Optional[str] = None
    roi: Optional[Roi] = None
    models: tuple[str, ...] = ()
    answers: AnswerSettings = field(default_factory=AnswerSettings)


@dataclass(frozen=True)
class SourceSettings:
    """Where frames come from.

    Attributes:
        name: what events call it; None for the usual name of each file or camera.
        places: photos, or one of: a folder, a video, a camera, a URL.
        size: the width and height to request from a camera, in pixels.
        interval: seconds between two classified frames; 0 for all.
        existing: whether the photos that are in a watched folder count.
        once: whether to end after what is there now.
        required: whether a camera that cannot be opened at the start ends the run.
        on_motion: the sensitivity of the motion gate, 0 to 1; None for no gate.
        at_least_every: the seconds after which a frame is classified even without motion; None for never.
        masks: parts of each frame that are blanked out.
        regions: what the models look at; at least one.
    """

    places: tuple[str, ...]
    name: Optional[str] = None
    size: tuple[int, int] = (640, 480)
    interval: float = 0.0
    existing: bool = False
    once: bool = False
    required: bool = False
    on_motion: Optional[float] = None
    at_least_every: Optional[float] = None
    masks: tuple[Mask, ...] = ()
    regions: tuple[RegionSettings, ...] = (RegionSettings(),)


@dataclass(frozen=True)
class UncertainSettings:
    """Where frames are kept that the model is uncertain about.

    Attributes:
        folder: one folder for each label is made in it.
        max_mb: the largest size in MB; the oldest go first.
        below: the score below which the model is uncertain.
    """

    folder: Annotated[
        Path, Key("Keep the photos that a model is uncertain about.", example='"uncertain"', written=True)
    ]
    max_mb: Annotated[
        float, Key("Largest size of the folder in MB; the oldest go first.", low=0.001, high=LARGEST_MB)
    ] = 500.0
    below: Annotated[float, Key("Score below which the model is uncertain.", low=0, high=1)] = 0.8


@dataclass(frozen=True)
class CaptureSettings:
    """Where the pictures go that a person captures on the page.

    Attributes:
        folder: one folder for each label is made in it.
        max_mb: the largest size of all captured pictures in MB; nothing is removed, and no more are kept.
    """

    folder: Annotated[
        Path, Key("Keep pictures for training that are captured on the page.", example='"captured"', written=True)
    ]
    max_mb: Annotated[
        float, Key("Largest size of the folder in MB; then no more are kept.", low=0.001, high=LARGEST_MB)
    ] = 500.0


@dataclass(frozen=True)
class EventsSettings:
    """Where events and their pictures are kept.

    Attributes:
        folder: of the database and the pictures.
        max_mb: the largest size in MB; the oldest go first.
        days: after how many days an event is removed.
        pictures: the labels whose pictures are kept; empty for all.
    """

    folder: Annotated[Path, Key("Keep events and their pictures.", example='"events"', written=True)]
    max_mb: Annotated[float, Key("Largest size of the folder in MB; the oldest go first.", low=1, high=LARGEST_MB)] = (
        500.0
    )
    days: Annotated[float, Key("Days after which an event is removed.", low=0.01, high=36_500)] = 30.0
    pictures: Annotated[
        tuple[str, ...], Key("Labels whose pictures are kept; all where it is missing.", example='["cat"]')
    ] = ()


@dataclass(frozen=True)
class HttpSettings:
    """The page of the board's cameras.

    Attributes:
        host: the address to listen on.
        port: the port; 0 for a free one.
        token_file: a file with the token that clients must send; None for ``$GRAFT_TOKEN``, if it is set.
        insecure: whether the network may use the page without a token.
        viewers: how many may watch the live pictures of one camera at a time.
        origins: other sites whose pages may use the API; ``*`` for any.
        hosts: host names to accept besides those of this machine and the local network.
    """

    host: str
    port: int
    token_file: Optional[Path] = None
    insecure: bool = False
    viewers: int = 4
    origins: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()


@dataclass(frozen=True)
class BoardSettings:
    """Everything that ``graft-device run`` does, resolved: each region has its models and answers.

    Attributes:
        models: by their names.
        sources: read at the same time.
        sinks: where events go besides standard output.
        rules: which events a sink gets. A sink that no rule names gets all.
        http: the page; None for none.
        events: where events are kept; None for nowhere.
        uncertain: where uncertain frames are kept; None for nowhere.
        capture: where pictures go that are captured on the page; None for nowhere.
    """

    models: tuple[ModelSettings, ...]
    sources: tuple[SourceSettings, ...]
    sinks: tuple[SinkSettings, ...] = ()
    rules: tuple[RuleSettings, ...] = ()
    http: Optional[HttpSettings] = None
    events: Optional[EventsSettings] = None
    uncertain: Optional[UncertainSettings] = None
    capture: Optional[CaptureSettings] = None
