"""The keys of the file where it writes a setting in another form than the settings have it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Optional, Union

from graft_device.config.areas import Mask, Roi
from graft_device.config.key import Key
from graft_device.config.texts import Address

_MODEL_HELP = "Name of the model; needed only where the file has several."
_MODELS_HELP = "Names of the models, if several look at it."


@dataclass(frozen=True)
class SourceKeys:
    """The keys of ``[[source]]`` besides those of ``AnswerSettings``."""

    name: Annotated[Optional[str], Key("What events and rules call the source.", example='"door"')] = None
    place: Annotated[
        Optional[str],
        Key("A photo, a folder to watch, a video, a camera or the URL of one.", example='"/dev/video0"'),
    ] = None
    places: Annotated[tuple[str, ...], Key("Several photos.", example='["a.jpg", "b.jpg"]')] = ()
    model: Annotated[Optional[str], Key(_MODEL_HELP, example='"pets"')] = None
    models: Annotated[tuple[str, ...], Key(_MODELS_HELP, example='["pets"]')] = ()
    size: Annotated[tuple[int, int], Key("Size in pixels to request from a camera.", example='"640x480"')] = (640, 480)
    fps: Annotated[
        Optional[float], Key("Classify at most so many frames per second.", example="2", low=0.001, high=1000)
    ] = None
    every: Annotated[
        Optional[float], Key("Seconds between two classified frames.", low=0.001, high=86_400, example="0.5")
    ] = None
    on_motion: Annotated[
        Union[bool, float], Key("Classify only while something moves; or how sensitive that is.", low=0, high=1)
    ] = False
    at_least_every: Annotated[
        Optional[float],
        Key("Seconds after which a frame is classified even without motion.", low=0.001, high=86_400, example="60"),
    ] = None
    mask: Annotated[
        tuple[Mask, ...],
        Key("Parts of the frame that are blanked out, as x,y,width,height or corners.", example='["0,0,0.3,0.1"]'),
    ] = ()
    existing: Annotated[bool, Key("Also classify the photos that are already in the folder.")] = False
    once: Annotated[bool, Key("Classify what is there now, then end.")] = False
    required: Annotated[bool, Key("End at once if the camera cannot be opened at the start.")] = False


@dataclass(frozen=True)
class RegionKeys:
    """The keys of ``[[source.region]]`` besides those of ``AnswerSettings``."""

    name: Annotated[str, Key("What events and rules call the region.", example='"bowl"')]
    roi: Annotated[Roi, Key("x,y,width,height, in shares of the frame or in pixels.", example='"0.5,0.5,0.25,0.3"')]
    model: Annotated[Optional[str], Key(_MODEL_HELP, example='"pets"')] = None
    models: Annotated[tuple[str, ...], Key(_MODELS_HELP, example='["pets"]')] = ()


@dataclass(frozen=True)
class HttpKeys:
    """The keys of ``[http]``."""

    listen: Annotated[Address, Key("HOST:PORT of the page.", example='"0.0.0.0:8080"')]
    token_file: Annotated[
        Optional[Path],
        Key("File with the token that clients must send; $GRAFT_TOKEN where it is missing.", example='"token"'),
    ] = None
    insecure: Annotated[bool, Key("Let everybody in the network use the page without a token.")] = False
    viewers: Annotated[int, Key("How many may watch the live pictures of one camera.", low=0, high=1000)] = 4
    origins: Annotated[
        tuple[str, ...], Key("Other sites whose pages may use the API.", example='["https://home.example.org"]')
    ] = ()
    hosts: Annotated[
        tuple[str, ...],
        Key("Host names to accept besides those of the local network.", example='["board.example.org"]'),
    ] = ()
