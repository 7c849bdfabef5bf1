"""A board as the page shows it. All texts come from the board and may be anything."""

from __future__ import annotations

from dataclasses import dataclass

from graft_host.deploy.facts import BoardFacts


@dataclass(frozen=True)
class DoctorLine:
    """A line of doctor's table.

    Attributes:
        name: what was checked.
        state: ``ok``, ``note`` or ``problem``.
        text: the facts, and what they mean.
        remedy: the shell command that fixes it; empty if there is none.
    """

    name: str
    state: str
    text: str
    remedy: str = ""


@dataclass(frozen=True, kw_only=True)
class ModelThere:
    """A model in the board's store.

    Attributes:
        id: of its slot, the beginning of its SHA-256.
        name: as it was called when it was deployed.
        state: ``current``, ``previous`` or ``kept``.
        signer: who signed it; empty if nobody did.
        ms: milliseconds of an inference on the board; None if they were not measured.
    """

    id: str
    name: str
    state: str
    signer: str = ""
    ms: float | None = None


@dataclass(frozen=True, kw_only=True)
class Running:
    """What the current model's file contains about itself.

    Attributes:
        labels: of its classes.
        written_by: the version of graftkit that made it; empty if it is not known.
        accuracy: in words; empty if it is not known.
        drift: how the scores of the last days compare with training; empty if there is nothing to compare.
    """

    labels: tuple[str, ...] = ()
    written_by: str = ""
    accuracy: str = ""
    drift: str = ""


@dataclass(frozen=True, kw_only=True)
class BoardSeen:
    """A board at the moment of a look.

    Attributes:
        facts: what a deployment would find.
        doctor: doctor's table; empty where it could not be made.
        models: those in the store, the current one first, then the previous one.
        running: what the current model contains about itself; None if there is none, or it could not be asked.
        runs: whether a runtime works there; None where that is unknown.
    """

    facts: BoardFacts
    doctor: tuple[DoctorLine, ...] = ()
    models: tuple[ModelThere, ...] = ()
    running: Running | None = None
    runs: bool | None = None

    @property
    def current(self) -> ModelThere | None:
        """The model that the board uses."""
        return next((model for model in self.models if model.state == "current"), None)

    @property
    def previous(self) -> ModelThere | None:
        """The model that the way back leads to."""
        return next((model for model in self.models if model.state == "previous"), None)
