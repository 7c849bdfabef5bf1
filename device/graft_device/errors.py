"""The errors that graftkit raises. Each reports what is wrong and what to do about it."""

from __future__ import annotations

from typing import TypeVar

_Error = TypeVar("_Error", bound="GraftError")


class GraftError(Exception):
    """An error that a person can fix. The command line prints it as one line, ``error: what; remedy``.

    Attributes:
        what: what is wrong, with the name of the file, option or address. One clause without a full stop.
        remedy: what to do about it, as an instruction. Empty where ``what`` already makes it plain.
        exit_status: the exit status of the command line.
    """

    exit_status = 1

    def __init__(self, what: str = "", remedy: str = "") -> None:
        super().__init__(what, remedy)
        self.what = what
        self.remedy = remedy

    def __str__(self) -> str:
        """Both fields in one line."""
        return f"{self.what}; {self.remedy}" if self.remedy else self.what

    def renamed(self: _Error, old: object, new: object) -> _Error:
        """The same error about the same file under another name, such as the one that the user gave.

        Args:
            old: the name in this error's text.
            new: the name that replaces it.
        """
        error = type(self).__new__(type(self), *self.args)
        error.__dict__.update(self.__dict__)
        error.what = self.what.replace(str(old), str(new))
        error.remedy = self.remedy.replace(str(old), str(new))
        return error


def os_reason(error: OSError) -> str:
    """The operating system's message, in lower case so that it fits into a sentence."""
    return (error.strerror or str(error)).lower()


def why(error: Exception) -> str:
    """The reason for an error in a few words, for a note."""
    return os_reason(error) if isinstance(error, OSError) else str(error) or type(error).__name__


class PhotoError(GraftError):
    """An image cannot be read. The message is the reason, without the file's name."""


class ModelError(GraftError):
    """A model file is not usable."""


class RuntimeMissingError(GraftError):
    """No runtime that works is installed on this machine."""


class DatasetError(GraftError):
    """A folder of photos cannot be trained on or evaluated with."""


class WeightsError(GraftError):
    """Backbone weights are missing, or the file does not hold what its name or format promises."""


class CacheError(GraftError):
    """The cache cannot be read or written."""


class ExportError(GraftError):
    """A model cannot be converted, fused or written."""


class GateError(GraftError):
    """The model was made, but it fails a quality gate that the user set. ``evaluation`` holds its figures."""

    exit_status = 3

    def __init__(self, what: str, remedy: str = "", *, evaluation: object = None) -> None:
        super().__init__(what, remedy)
        self.evaluation = evaluation
