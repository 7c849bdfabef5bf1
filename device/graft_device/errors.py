"""What can go wrong, in words for the person who has to mend it."""

from __future__ import annotations


class GraftError(Exception):
    """Says in one line what is wrong with which file and what to do about it.

    The command line prints it as ``error: …`` and ends with ``exit_status``.
    """

    exit_status = 1


def os_reason(error: OSError) -> str:
    """What the system says, in lower case to stand inside a sentence."""
    return (error.strerror or str(error)).lower()


def why(error: Exception) -> str:
    """The reason of an error, for a note."""
    return os_reason(error) if isinstance(error, OSError) else str(error) or type(error).__name__


class PhotoError(GraftError):
    """An image cannot be read; the message is the reason, without the file's name."""


class ModelError(GraftError):
    """A model file is not usable."""


class RuntimeMissingError(GraftError):
    """No interpreter can be opened on this machine."""


class DatasetError(GraftError):
    """A folder of photos cannot be trained on or evaluated with."""


class WeightsError(GraftError):
    """Backbone weights are missing, or are not what they are said to be."""


class CacheError(GraftError):
    """The cache cannot be read or written."""


class ExportError(GraftError):
    """A model cannot be converted, fused or written."""


class GateError(GraftError):
    """The model was made, but a quality gate that the user set refuses it; ``evaluation`` says how good it is."""

    exit_status = 3

    def __init__(self, message: str, evaluation: object = None) -> None:
        super().__init__(message)
        self.evaluation = evaluation
