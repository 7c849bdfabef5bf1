"""The child process that tries a model."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from graft_device.errors import GraftError, ModelError
from graft_device.system.child import fail
from graft_device.system.confinement import ConfinedImportError, Confinement, confine


def main() -> None:
    """Tries a model; arguments are the confinement, the file and the runtime. Prints ``true`` if it runs."""
    limits, path, runtime = sys.argv[1:]
    with reporting():
        prepare(runtime)
        confine(Confinement.parse(limits))
        run_once(Path(path), runtime)
    sys.stdout.write("\ntrue\n")


@contextmanager
def reporting() -> Iterator[None]:
    """Ends this process with a line for the parent if the block raises an error that a model or the system causes."""
    try:
        yield
    except GraftError as error:
        fail(error)
    except ImportError as error:
        fail(ConfinedImportError(error))
    except MemoryError:
        fail(ModelError("it needs more memory than a model of its size may take"))


def prepare(runtime: str) -> None:
    """Imports what a trial needs, since the user that it becomes may not be allowed to read it."""
    import codecs
    import io

    import PIL.Image
    import PIL.MpoImagePlugin
    import PIL.TiffImagePlugin

    from graft_device import classifier, runtime_packages  # noqa: F401
    from graft_device.model import archive, samples  # noqa: F401
    from graft_device.preprocess import check_header, load
    from graft_device.runtime import load_runtime

    PIL.Image.preinit()
    codecs.lookup("cp437")  # of the names in a zip
    load_runtime(runtime)
    photo = io.BytesIO()
    PIL.Image.new("RGB", (8, 8)).save(photo, "JPEG")
    check_header(photo.getvalue())  # some modules are imported with the first photo
    load(photo.getvalue())


def run_once(path: Path, runtime: str) -> None:
    """Classifies a grey image; raises ModelError if that fails or the scores are no probabilities."""
    import numpy as np

    from graft_device.classifier import Classifier
    from graft_device.ranking import why_implausible

    classifier = Classifier(path, runtime)
    size = classifier.model.card.image_size
    reason = why_implausible(classifier.scores(np.full((size, size, 3), 127, np.uint8)))
    if reason is not None:
        raise ModelError(reason)
