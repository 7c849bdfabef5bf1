"""What a person asks for when a board is to learn, and the checks that need nothing but names."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, replace
from pathlib import Path

from graft_device.errors import ExportError, GraftError
from graft_device.model.reader import LONGEST_LABEL
from graft_device.ranking import UNKNOWN
from graft_device.store.exit_codes import SignatureError
from graft_device.store.signatures import demanded_by
from graft_device.store.slots import Store


@dataclass(frozen=True)
class Request:
    """A request to learn from photos.

    Attributes:
        model: the ``.tflite`` file.
        label: the class of the photos.
        adds: whether it is a new class; otherwise the model has it, and the photos are some that it gets wrong.
        photos: files and folders.
        output: the ``.tflite`` to write.
        max_loss: how much of their accuracy the old classes may lose together, 0 to 1.
        key: the SSH key that signs the file; None for none.
        store: the store whose list of signers is followed.
        overwrite: whether ``output`` may be replaced.
        runtime: ``auto``, ``litert`` or ``tflite-runtime``.
        threads: cores to use; None for all.
    """

    model: Path
    label: str
    adds: bool
    photos: tuple[str, ...]
    output: Path
    max_loss: float
    key: Path | None
    store: Store
    overwrite: bool = False
    runtime: str = "auto"
    threads: int | None = None


def check_label(request: Request, labels: tuple[str, ...]) -> None:
    """Raises GraftError unless the label can be learned for a model with these labels."""
    label = request.label
    twin = next((known for known in labels if _folded(known) == _folded(label)), None)
    if not request.adds:
        if label not in labels:
            remedy = f"its classes are {', '.join(labels)}; --class adds a new one"
            raise GraftError(
                f"the model has no class {label!r}", remedy if twin is None else f"did you mean --correct {twin}?"
            )
        return
    if label in labels:
        raise GraftError(f"the model has a class {label!r} already", f"give its photos with --correct {label}")
    if twin is not None:
        raise GraftError(
            f"the model has a class {twin!r} already, and {label!r} differs only in case, blanks or the encoding of "
            "accents",
            f"give its photos with --correct {twin}, or choose another name",
        )
    usable = label.strip() == label != "" and label.isprintable() and "/" not in label and not label.startswith(".")
    if not usable or len(label) > LONGEST_LABEL or label.casefold() == UNKNOWN:
        raise GraftError(f"a class cannot be called {label!r}", "give another name")


def _folded(label: str) -> str:
    """A label without what people do not see as a difference, as a canonical caseless match ignores it.

    See the Unicode Standard, section 3.13, D145.
    """
    return unicodedata.normalize("NFD", unicodedata.normalize("NFD", label.strip()).casefold())


def composed(request: Request) -> Request:
    """The request with the accents of a new class composed (NFC), as ``graft train`` names classes."""
    return replace(request, label=unicodedata.normalize("NFC", request.label)) if request.adds else request


def check_output(request: Request) -> None:
    """Raises ExportError unless the output may be written: never over the model itself or into a store."""
    output = request.output
    if output.exists() and output.samefile(request.model):
        raise ExportError(f"{output} is the model itself", "give another name with -o")
    store = request.store
    if store.slots_folder.is_dir() and store.root.resolve() in output.resolve().parents:
        raise ExportError(f"{output} is inside the store", "write it elsewhere, and run: graft-device install FILE")
    if output.exists() and not request.overwrite:
        raise exists_already(request)
    if not output.absolute().parent.is_dir():
        raise ExportError(f"there is no folder {output.absolute().parent}", "create it, or give another name with -o")


def exists_already(request: Request) -> ExportError:
    """The error for an output that may not be replaced."""
    return ExportError(f"{request.output} exists", "give another name with -o, or --overwrite")


def identity_of(model: Path) -> tuple[int, ...]:
    """What changes when a file is replaced or written; empty for a file that cannot be found."""
    try:
        status = model.stat()
    except OSError:
        return ()
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def signers_of(request: Request) -> Path | None:
    """The list of signers that this board requires; None for a board that requires none.

    Raises:
        SignatureError: it requires signatures, and no key was given.
    """
    signers = demanded_by(request.store)
    if signers is not None and request.key is None:
        raise SignatureError(
            f"this board requires signed models ({signers}), and a learned model is a new file",
            "give a key that is in that list: --key FILE",
        )
    return signers
